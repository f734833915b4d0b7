import {
  apiVersionOf,
  CLUSTER_PROPAGATIONS,
  EVENTS,
  EXT_TOKENS,
  type Resource,
  TOKENS,
} from '../../api/names.ts';
import type { Token } from '../../api/types.ts';
import { isAlreadyExists } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import {
  EVENT_NAMESPACE,
  EVENT_SOURCE,
  type EventBody,
  EventRecorder,
  type Regarding,
} from '../../telemetry/events.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Notice } from '../decide/plan.ts';
import type { Management } from '../upstream/management.ts';

export interface NoticesDeps {
  readonly client: KubeClient;
  readonly management: Management;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Tells a person: as an Event at the object concerned, and a line in the log. */
export class Notices {
  readonly #deps: NoticesDeps;
  readonly #events: EventRecorder;

  constructor(deps: NoticesDeps) {
    this.#deps = deps;
    this.#events = new EventRecorder({ post: (event) => this.#post(event) }, (outcome) =>
      deps.metrics.events.inc({ outcome }),
    );
  }

  aboutToken({ api, name, shownUid }: Token, notice: Notice): void {
    this.#tell(api === 'ext' ? EXT_TOKENS : TOKENS, name, shownUid, notice);
  }

  /** At its ClusterPropagation, which outlives the cluster. */
  aboutCluster(name: string, notice: Notice): void {
    const propagation = this.#deps.management.propagations.get(name);
    if (propagation) this.#tell(CLUSTER_PROPAGATIONS, name, propagation.uid, notice);
    this.#deps.log.info('cluster notice', { cluster: name, reason: notice.reason, detail: notice.message });
  }

  /** What was said within the last hour or so is not said again by a restart, or by the next leader. */
  async rememberEarlier(): Promise<void> {
    try {
      const { items } = await this.#deps.client.list(EVENTS, {
        namespace: EVENT_NAMESPACE,
        fieldSelector: `source=${EVENT_SOURCE}`,
        limit: 5_000,
      });
      this.#events.remember(items.map((item) => (item as EventBody).metadata.name));
    } catch (error) {
      this.#deps.log.warn('earlier events not read', { error });
    }
  }

  #tell(resource: Resource, name: string, uid: string, notice: Notice): void {
    const regarding: Regarding = { apiVersion: apiVersionOf(resource), kind: resource.kind, name, uid };
    this.#events.record(regarding, notice);
    if (notice.warning)
      this.#deps.log.warn('notice', { source: `${resource.kind} ${name}`, reason: notice.reason });
  }

  async #post(event: EventBody): Promise<void> {
    try {
      await this.#deps.client.create(EVENTS, event);
    } catch (error) {
      if (!isAlreadyExists(error)) this.#deps.log.warn('event not written', { error });
    }
  }
}

import { ANNOTATION_CREDENTIAL_EXPIRES, SECRETS } from '../../api/names.ts';
import { requestToken } from '../../clusters/bound-token.ts';
import { type Renewable, successorOf } from '../../clusters/renewable.ts';
import { formatTime } from '../../derive/expiry.ts';
import { TerminalError } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';
import { downstreamAccess } from '../../kube/kubeconfig.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ClusterPropagator } from '../propagate/propagator.ts';
import type { Sessions } from '../propagate/propagator-deps.ts';
import { renewalPlan } from './renewal-plan.ts';

export interface RenewalsDeps {
  /** Of the management plane. */
  readonly client: Pick<Writer, 'patch'>;
  readonly ownNamespace: string;
  readonly sessions: Pick<Sessions, 'letsIn'>;
  readonly log: Log;
  readonly now: () => number;
}

type Renewed = Pick<ClusterPropagator, 'name' | 'settings' | 'connection' | 'isElsewhere'>;

/** Many may be due at once: after an outage, or where one script joined them all. */
const AT_ONCE = 4;

/** Renews the credentials that `join --renew` made, a few at a time: one cluster that does not answer holds up no other. */
export class Renewals {
  readonly #deps: RenewalsDeps;
  /** By cluster, when it was last tried, whatever came of it: who puts the old one back each time must not have us at it all the time. */
  readonly #triedAtMs = new Map<string, number>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(deps: RenewalsDeps) {
    this.#deps = deps;
  }

  /**
   * Begins what is due, and does not wait for it.
   *
   * @returns in how many milliseconds to look again; undefined: not before something changes
   */
  look(cluster: Renewed): number | undefined {
    const { ownNamespace, now } = this.#deps;
    const credentials = cluster.settings?.credentials;
    const renewable = credentials?.kind === 'found' ? credentials.renewable() : undefined;
    const facts = {
      ...{ renewable, ownNamespace, nowMs: now() },
      triedAtMs: this.#triedAtMs.get(cluster.name),
      isConnected: cluster.connection !== undefined && !cluster.isElsewhere,
    };
    const plan = renewalPlan(facts);
    if (plan.kind === 'never') return undefined;
    if (plan.kind === 'later') return plan.delayMs;
    this.#triedAtMs.set(cluster.name, facts.nowMs);
    void this.#renew(cluster, plan.renewable, plan.seconds);
    const next = renewalPlan({ ...facts, triedAtMs: facts.nowMs });
    return next.kind === 'later' ? next.delayMs : undefined;
  }

  forget(cluster: string): void {
    this.#triedAtMs.delete(cluster);
  }

  async #renew(cluster: Renewed, renewable: Renewable, seconds: number): Promise<void> {
    const { log } = this.#deps;
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      const until = await this.#replace(cluster, renewable, seconds);
      log.info('credential renewed', { cluster: cluster.name, detail: `until ${formatTime(until)}` });
    } catch (error) {
      log.warn('credential not renewed', { cluster: cluster.name, error });
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }

  /** @returns until when the new one is good @throws {ApiError | ConnectionError | FencedError | TerminalError | ConfigError} */
  async #replace(cluster: Renewed, renewable: Renewable, seconds: number): Promise<number> {
    const { client, sessions } = this.#deps;
    const { secret, account } = renewable;
    // It may have waited for its turn.
    const { name, connection, isElsewhere } = cluster;
    if (!connection || isElsewhere)
      throw new TerminalError('Unreachable', `cluster ${name} is not connected any more`);
    const key = { resource: SECRETS, namespace: secret.namespace, name: secret.name };
    // A Secret that somebody changed meanwhile is theirs: 409.
    const identity = { uid: secret.uid, resourceVersion: secret.resourceVersion };
    // A token that could not be kept would be good all the same: whether it can be is tried first.
    await client.patch(key, { metadata: identity }, { dryRun: true });
    const { token } = await requestToken(connection.client, account, seconds);
    const successor = successorOf(renewable, token);
    if (typeof successor === 'string')
      throw new TerminalError(
        'Rejected',
        `cluster ${name} gave ${successor}; the present one stays, and ends ${formatTime(renewable.lifetime.untilMs)}`,
      );
    const kubeconfig = renewable.kubeconfigWith(token);
    // It takes the place of one that works.
    await sessions.letsIn(name, () => downstreamAccess(kubeconfig));
    const annotations = { [ANNOTATION_CREDENTIAL_EXPIRES]: new Date(successor.untilMs).toISOString() };
    const data = { kubeconfig: Buffer.from(kubeconfig).toString('base64') };
    await client.patch(key, { metadata: { ...identity, annotations }, data });
    return successor.untilMs;
  }
}

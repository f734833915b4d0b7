import {
  CONFIG_MAPS,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_COMPONENT,
  LABEL_MANAGED_BY,
} from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { isAlreadyExists, isObjectMissing } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { pagesOf } from '../../kube/listing.ts';
import { Refusals } from '../../kube/refusals.ts';
import type { Log } from '../../telemetry/log.ts';
import { byOurClock, type DebtRecord, pack, unpack } from './debt-record.ts';

const COMPONENT = 'debts';
const ANSWER_LIMIT = 50;

/** A record as it was found. */
export interface FoundRecord {
  readonly record: DebtRecord;
  /** Of the ConfigMap. */
  readonly resourceVersion: string;
}

type RecordWriter = Pick<KubeClient, 'create' | 'patch' | 'delete'>;

/** Milliseconds since the epoch: by our clock, and by the management plane's. */
interface Clocks {
  now(): number;
  planeNow(): number;
}

/** The records of all clusters: a ConfigMap each, in the operator's own namespace, written by whoever works on the cluster. */
export class DebtRecords {
  readonly #client: Pick<KubeClient, 'list'>;
  readonly #writerFor: (cluster: string) => RecordWriter;
  readonly #namespace: string;
  readonly #log: Log;
  readonly #clocks: Clocks;
  #found = new Map<string, FoundRecord>();
  /** UIDs of the ConfigMaps that are there, by cluster. */
  readonly #uids = new Map<string, string>();
  /** Whose record was made or removed since the last reading began: of these it tells what was before. */
  readonly #changed = new Set<string>();
  readonly #refusals = new Refusals();

  /** @param access.writerFor - for the record of that cluster */
  constructor(
    access: { readonly client: Pick<KubeClient, 'list'>; writerFor(cluster: string): RecordWriter },
    namespace: string,
    log: Log,
    clocks: Clocks = { now: Date.now, planeNow: Date.now },
  ) {
    this.#client = access.client;
    this.#writerFor = access.writerFor;
    this.#namespace = namespace;
    this.#log = log;
    this.#clocks = clocks;
  }

  /** What earlier processes left; as of {@link load}. */
  get found(): readonly FoundRecord[] {
    return [...this.#found.values()];
  }

  /** What earlier processes left of one cluster. */
  foundOf(cluster: string): DebtRecord | undefined {
    return this.#found.get(cluster)?.record;
  }

  /** Whether anything is kept of the cluster. */
  has(cluster: string): boolean {
    return this.#uids.has(cluster);
  }

  /** Nobody here knows what is in them: reading was refused. What is not known must not be written over. */
  get isUnread(): boolean {
    return this.#refusals.isRefused;
  }

  /**
   * Reads the record of one cluster, where reading all was refused.
   *
   * @returns undefined when there is none, or none that can be read
   * @throws {ConnectionError | ApiError} also when it is refused
   */
  async read(cluster: string): Promise<FoundRecord | undefined> {
    const { resource, namespace, name } = this.#address(cluster);
    const only = { namespace, fieldSelector: `metadata.name=${name}`, limit: 1 };
    const { items } = await this.#client.list(resource, only);
    for (const item of items) await this.#take(item as KubeObject, this.#found);
    return this.#found.get(cluster);
  }

  /**
   * Reads all records. One that cannot be read costs only itself.
   *
   * @throws {ConnectionError | ApiError} when the plane does not answer, or refuses it and that may pass; else a refusal is logged only
   */
  async load(): Promise<void> {
    this.#changed.clear();
    const found = new Map<string, FoundRecord>();
    try {
      const labelSelector = `${LABEL_COMPONENT}=${COMPONENT}`;
      const records = {
        client: this.#client,
        resource: CONFIG_MAPS,
        namespace: this.#namespace,
        labelSelector,
      };
      for await (const page of pagesOf({ ...records, pageLimit: ANSWER_LIMIT }, undefined))
        for (const item of page.items) await this.#take(item as KubeObject, found);
      this.#found = found;
      this.#refusals.ended();
    } catch (error) {
      this.#refusals.bear(error);
      this.#log.warn('records of owed revocations not read', {
        error,
        detail: 'kubectl apply -k manifests/operator',
      });
    }
  }

  /** Writes one record, whatever was there; one with nothing in it is removed. @throws whatever the request throws */
  async save(record: DebtRecord): Promise<void> {
    const { cluster, owed, known } = record;
    if (owed.size + known.size === 0) return this.remove(cluster);
    const { bytes, dropped } = await pack({ ...record, planeAheadMs: this.#planeAheadMs() });
    await this.#write(cluster, {
      data: {
        cluster,
        summary: `${owed.size} revocations owed, ${known.size} objects known, ${dropped} without room`,
      },
      binaryData: { record: bytes.toString('base64') },
    });
    if (dropped > 0) {
      this.#log.warn('record of owed revocations is full', {
        cluster,
        count: dropped,
        detail: 'after a restart the brake decides about these',
      });
    }
  }

  /** Nothing is owed to the cluster any more, or it was given up. @throws whatever the deletion throws */
  async remove(cluster: string): Promise<void> {
    const uid = this.#uids.get(cluster);
    if (uid === undefined) return;
    await this.#writerFor(cluster).delete(this.#address(cluster), { uid });
    this.#uids.delete(cluster);
    this.#changed.add(cluster);
    // A cluster that comes again under this id must not take for written what is not.
    this.#found.delete(cluster);
  }

  async #write(cluster: string, content: object): Promise<void> {
    if (!this.#uids.has(cluster)) return this.#create(cluster, content);
    try {
      // It may have been put back meanwhile, as another object.
      this.#wrote(cluster, await this.#writerFor(cluster).patch(this.#address(cluster), content));
    } catch (error) {
      if (!isObjectMissing(error)) throw error;
      await this.#create(cluster, content);
    }
  }

  async #create(cluster: string, content: object): Promise<void> {
    const { name, namespace } = this.#address(cluster);
    const labels = {
      [LABEL_MANAGED_BY]: FIELD_MANAGER,
      [LABEL_COMPONENT]: COMPONENT,
      [LABEL_CLUSTER]: cluster,
    };
    const metadata = { name, namespace, labels };
    let answer: unknown;
    try {
      answer = await this.#writerFor(cluster).create(CONFIG_MAPS, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata,
        ...content,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      answer = await this.#writerFor(cluster).patch(this.#address(cluster), {
        metadata: { labels },
        ...content,
      });
    }
    this.#wrote(cluster, answer);
  }

  #wrote(cluster: string, answer: unknown): void {
    this.#uids.set(cluster, (answer as KubeObject).metadata.uid ?? '');
    this.#changed.add(cluster);
  }

  async #take(object: KubeObject, found: Map<string, FoundRecord>): Promise<void> {
    const { name, uid = '', resourceVersion = '', labels } = object.metadata;
    try {
      const packed = (object['binaryData'] as { record?: unknown } | undefined)?.record;
      const stored = await unpack(Buffer.from(String(packed), 'base64'));
      const record = byOurClock(stored, this.#planeAheadMs());
      if (this.#address(record.cluster).name !== name) throw new Error('it is of another cluster');
      found.set(record.cluster, { record, resourceVersion });
      this.#note(record.cluster, uid);
    } catch {
      const cluster = labels?.[LABEL_CLUSTER];
      if (typeof cluster === 'string') this.#note(cluster, uid);
      this.#log.warn('record of owed revocations not readable', {
        source: `ConfigMap ${this.#namespace}/${name}`,
        detail: 'it is written anew; what it held is judged as unseen',
      });
    }
  }

  #planeAheadMs(): number {
    const { now, planeNow } = this.#clocks;
    return Math.round(planeNow() - now());
  }

  #note(cluster: string, uid: string): void {
    if (!this.#changed.has(cluster)) this.#uids.set(cluster, uid);
  }

  #address(cluster: string): { resource: typeof CONFIG_MAPS; namespace: string; name: string } {
    return { resource: CONFIG_MAPS, namespace: this.#namespace, name: `ace-operator-debts-${cluster}` };
  }
}

import {
  CONFIG_MAPS,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_COMPONENT,
  LABEL_MANAGED_BY,
} from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { ApiError, isAlreadyExists, isGone, isObjectMissing } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { pagesOf } from '../../kube/listing.ts';
import type { Log } from '../../telemetry/log.ts';
import { type DebtRecord, pack, unpack } from './debt-record.ts';

const COMPONENT = 'debts';
const ANSWER_LIMIT = 50;
/** An API server that has just come up refuses everybody who has rights by a Role, for a moment. */
const REFUSAL_PATIENCE_MS = 30_000;

/** A record as it was found. */
export interface FoundRecord {
  readonly record: DebtRecord;
  /** Of the ConfigMap. */
  readonly resourceVersion: string;
}

type RecordWriter = Pick<KubeClient, 'create' | 'patch' | 'delete'>;

/** The records of all clusters: a ConfigMap each, in the operator's own namespace, written by whoever works on the cluster. */
export class DebtRecords {
  readonly #client: Pick<KubeClient, 'list'>;
  readonly #writerFor: (cluster: string) => RecordWriter;
  readonly #namespace: string;
  readonly #log: Log;
  #found = new Map<string, FoundRecord>();
  /** UIDs of the ConfigMaps that are there, by cluster. */
  readonly #uids = new Map<string, string>();
  /** Whose record was made or removed since the last reading began: of these it tells what was before. */
  readonly #changed = new Set<string>();
  /** Since when reading them is refused, by a clock that nobody sets. */
  #refusedSinceMs: number | undefined;

  /** @param access.writerFor - for the record of that cluster */
  constructor(
    access: { readonly client: Pick<KubeClient, 'list'>; writerFor(cluster: string): RecordWriter },
    namespace: string,
    log: Log,
  ) {
    this.#client = access.client;
    this.#writerFor = access.writerFor;
    this.#namespace = namespace;
    this.#log = log;
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
    return this.#refusedSinceMs !== undefined;
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
   * @throws {ConnectionError | ApiError} when the plane does not answer, or has refused it for less than {@link REFUSAL_PATIENCE_MS};
   *   after that a refusal is logged only
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
      this.#refusedSinceMs = undefined;
    } catch (error) {
      // A list whose pages expired half-way is no refusal: of the rest, what is owed would be written over.
      if (!(error instanceof ApiError && error.code < 429) || isGone(error)) throw error;
      this.#refusedSinceMs ??= performance.now();
      if (performance.now() - this.#refusedSinceMs < REFUSAL_PATIENCE_MS) throw error;
      this.#log.warn('records of owed revocations not read', {
        error,
        detail: 'kubectl apply -k manifests/operator',
      });
    }
  }

  /** Writes one record, whatever was there. @returns how many of its keys had no room @throws whatever the write throws */
  async save(record: DebtRecord): Promise<number> {
    const { cluster } = record;
    const { bytes, dropped } = await pack(record);
    const content = {
      data: {
        cluster,
        summary: `${record.owed.size} revocations owed, ${record.known.size} objects known, ${dropped} without room`,
      },
      binaryData: { record: bytes.toString('base64') },
    };
    if (this.#uids.has(cluster)) {
      try {
        await this.#writerFor(cluster).patch(this.#address(cluster), content);
        return dropped;
      } catch (error) {
        if (!isObjectMissing(error)) throw error;
      }
    }
    await this.#create(cluster, content);
    return dropped;
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
    this.#uids.set(cluster, (answer as KubeObject).metadata.uid ?? '');
    this.#changed.add(cluster);
  }

  async #take(object: KubeObject, found: Map<string, FoundRecord>): Promise<void> {
    const { name, uid = '', resourceVersion = '', labels } = object.metadata;
    try {
      const packed = (object['binaryData'] as { record?: unknown } | undefined)?.record;
      const record = await unpack(Buffer.from(String(packed), 'base64'));
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

  #note(cluster: string, uid: string): void {
    if (!this.#changed.has(cluster)) this.#uids.set(cluster, uid);
  }

  #address(cluster: string): { resource: typeof CONFIG_MAPS; namespace: string; name: string } {
    return { resource: CONFIG_MAPS, namespace: this.#namespace, name: `ace-operator-debts-${cluster}` };
  }
}

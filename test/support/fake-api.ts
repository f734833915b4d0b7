import type { Resource } from '../../src/api/names.ts';
import type { KubeObject } from '../../src/api/types.ts';
import { ApiError, ConnectionError } from '../../src/errors.ts';
import type { ListPage, Reader, Writer } from '../../src/kube/client.ts';
import type { ObjectKey } from '../../src/kube/paths.ts';
import { applyMergePatch } from './json-merge-patch.ts';

export interface FakeEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
}

export interface FakeRequest {
  readonly verb: 'get' | 'list' | 'create' | 'patch' | 'delete';
  readonly kind: string;
  readonly name: string;
  /** 1 for the first request to this server. */
  readonly number: number;
}

/** Not answered, having done nothing; done, but the answer lost; or refused with a status. */
export type Fault = 'unreachable' | 'answer-lost' | ApiError | undefined;

type Metadata = Record<string, unknown> & { finalizers?: string[] };

/**
 * An API server in memory, with the semantics that matter to a writer: UIDs, resourceVersions, 404, 409 of both
 * kinds, preconditions by UID (a delete answers 409, a patch 422), finalizers, no-op patches that write nothing.
 */
export class FakeApi implements Reader, Writer {
  /** Decides what becomes of a request. */
  fault: (request: FakeRequest) => Fault = () => undefined;
  /** Told after each write, before its answer. */
  onEvent: (event: FakeEvent) => void = () => {};
  readonly #objects = new Map<string, KubeObject>();
  #requests = 0;
  #writes = 0;
  #version = 100;
  #uids = 0;

  get requests(): number {
    return this.#requests;
  }

  /** Requests other than reads, whatever came of them. */
  get writes(): number {
    return this.#writes;
  }

  /** Everything there is, in the order of creation. */
  objects(): readonly KubeObject[] {
    return [...this.#objects.values()];
  }

  find(kind: string, name: string): KubeObject | undefined {
    return this.#objects.get(`${kind}/${name}`);
  }

  async get({ resource, name }: ObjectKey): Promise<unknown | undefined> {
    return this.#answer({ verb: 'get', kind: resource.kind, name }, () => this.find(resource.kind, name));
  }

  async list(resource: Resource): Promise<ListPage> {
    return this.#answer({ verb: 'list', kind: resource.kind, name: '' }, () => ({
      items: this.objects().filter(({ kind }) => kind === resource.kind),
      resourceVersion: String(this.#version),
      continue: '',
    }));
  }

  async create(resource: Resource, object: KubeObject): Promise<unknown> {
    const { name } = object.metadata;
    return this.#answer({ verb: 'create', kind: resource.kind, name }, () => {
      if (this.find(resource.kind, name)) throw status(409, 'AlreadyExists');
      this.#uids += 1;
      return this.#store('ADDED', object, { uid: `uid-down-${this.#uids}` });
    });
  }

  async patch(key: ObjectKey, patch: object): Promise<unknown> {
    return this.#answer({ verb: 'patch', kind: key.resource.kind, name: key.name }, () => {
      const current = this.find(key.resource.kind, key.name);
      if (!current) throw status(404, 'NotFound');
      const { uid } = (patch as KubeObject).metadata ?? {};
      if (uid !== undefined && uid !== current.metadata.uid) throw status(422, 'Invalid');
      const patched = applyMergePatch(current, patch) as KubeObject;
      if (JSON.stringify(sorted(patched)) === JSON.stringify(sorted(current))) return current;
      return this.#store('MODIFIED', patched, {});
    });
  }

  async delete(key: ObjectKey, options: { uid: string }): Promise<unknown | undefined> {
    return this.#answer({ verb: 'delete', kind: key.resource.kind, name: key.name }, () => {
      const current = this.find(key.resource.kind, key.name);
      if (!current) return undefined;
      if (options.uid !== current.metadata.uid) throw status(409, 'Conflict');
      this.#remove(current);
      return this.find(key.resource.kind, key.name);
    });
  }

  /** Someone else's write, past all faults and counters. */
  put(object: KubeObject): void {
    const current = this.find(object.kind, object.metadata.name);
    this.#uids += 1;
    const uid = object.metadata.uid ?? current?.metadata.uid ?? `uid-down-${this.#uids}`;
    this.#store(current ? 'MODIFIED' : 'ADDED', object, { uid });
  }

  /** Someone else's merge patch. */
  edit(kind: string, name: string, patch: object): void {
    const current = this.find(kind, name);
    if (!current) throw new Error(`no ${kind} ${name} to edit`);
    this.#store('MODIFIED', applyMergePatch(current, patch) as KubeObject, {});
  }

  /** Someone else's delete. */
  drop(kind: string, name: string): void {
    const current = this.find(kind, name);
    if (current) this.#remove(current);
  }

  #remove(current: KubeObject): void {
    const metadata = current.metadata as unknown as Metadata;
    if ((metadata.finalizers ?? []).length > 0) {
      if (!current.metadata.deletionTimestamp) {
        this.#store('MODIFIED', current, { deletionTimestamp: '2026-01-01T00:00:00Z' });
      }
      return;
    }
    this.#objects.delete(`${current.kind}/${current.metadata.name}`);
    this.#version += 1;
    this.onEvent({
      type: 'DELETED',
      object: withMetadata(current, { resourceVersion: String(this.#version) }),
    });
  }

  #store(type: 'ADDED' | 'MODIFIED', object: KubeObject, metadata: Metadata): KubeObject {
    this.#version += 1;
    const stored = withMetadata(object, { ...metadata, resourceVersion: String(this.#version) });
    const { finalizers, deletionTimestamp } = stored.metadata as unknown as Metadata;
    this.#objects.set(`${stored.kind}/${stored.metadata.name}`, stored);
    this.onEvent({ type, object: stored });
    if (deletionTimestamp && (finalizers ?? []).length === 0) this.#remove(stored);
    return stored;
  }

  async #answer<T>(request: Omit<FakeRequest, 'number'>, perform: () => T): Promise<T> {
    this.#requests += 1;
    if (request.verb !== 'get' && request.verb !== 'list') this.#writes += 1;
    const fault = this.fault({ ...request, number: this.#requests });
    await Promise.resolve();
    const unanswered = new ConnectionError(
      'Unreachable',
      `${request.verb} ${request.kind}: no answer (test)`,
    );
    if (fault === 'unreachable') throw unanswered;
    if (fault instanceof ApiError) throw fault;
    const answer = perform();
    if (fault === 'answer-lost') throw unanswered;
    return structuredClone(answer);
  }
}

/** An error as kube/classify.ts makes it. */
export function status(code: number, statusReason: string): ApiError {
  return new ApiError(`test: ${code} ${statusReason}`, { code, statusReason, objectMissing: code === 404 });
}

function withMetadata(object: KubeObject, metadata: Metadata): KubeObject {
  return structuredClone({ ...object, metadata: { ...object.metadata, ...metadata } }) as KubeObject;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, sorted(inner)]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

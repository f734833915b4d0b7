import { CUSTOM_RESOURCE_DEFINITIONS, NAMESPACES, type Resource } from '../../api/names.ts';
import { ApiError, UnseenError } from '../../errors.ts';
import type { KubeClient, ListOptions, ListPage, Reader } from '../../kube/client.ts';
import type { ObjectKey } from '../../kube/paths.ts';

export interface CertainReaderDeps {
  readonly client: Pick<KubeClient, 'get' | 'list'>;
  /** A definition is there since then (milliseconds since the epoch): what was told to be deleted before was of an earlier one. */
  onDefined(resource: Resource, sinceMs: number): void;
  /** A definition is missing, or on its way out, and with it all its objects. */
  onUndefined(resource: Resource, why: string): void;
}

/**
 * Live reads whose "does not exist" can be relied on. When a definition is deleted, the API server deletes all its objects, one by
 * one, and answers for each that it does not exist: nobody revoked anything then.
 */
export class CertainReader implements Reader {
  readonly #deps: CertainReaderDeps;
  readonly #running = new Map<string, Promise<void>>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(deps: CertainReaderDeps) {
    this.#deps = deps;
  }

  list(resource: Resource, options?: ListOptions): Promise<ListPage> {
    return this.#deps.client.list(resource, options);
  }

  /** @throws {UnseenError} when it does not exist, and neither does its definition; whatever the request throws */
  async get(key: ObjectKey): Promise<unknown | undefined> {
    const found = await this.#deps.client.get(key);
    if (found === undefined) await this.#verify(key);
    return found;
  }

  /** By a look that begins after this call: one that began before may not have seen the deletion. Many wait for one look. */
  #verify({ resource, namespace }: ObjectKey): Promise<void> {
    const home = homeOf(resource, namespace);
    const { name: place } = home;
    const waiting = this.#waiting.get(place);
    if (waiting) return waiting;
    const before = this.#running.get(place)?.catch(() => {}) ?? Promise.resolve();
    const look = before.then(() => {
      this.#waiting.delete(place);
      this.#running.set(place, look);
      return this.#look(resource, home);
    });
    this.#waiting.set(place, look);
    return look;
  }

  async #look(resource: Resource, home: ObjectKey): Promise<void> {
    const { onDefined, onUndefined } = this.#deps;
    const definition = await this.#definitionOf(resource, home);
    if (definition === 'hidden') return;
    const { creationTimestamp, deletionTimestamp } = definition?.metadata ?? {};
    if (definition && deletionTimestamp === undefined) {
      // The API server cuts the fraction off: of what was told in that second nobody knows to which of the two it belongs.
      return onDefined(resource, Date.parse(creationTimestamp ?? '') + 999 || 0);
    }
    const why = `${home.resource.kind} ${home.name} is ${definition ? 'being deleted' : 'missing'}`;
    onUndefined(resource, why);
    throw new UnseenError(
      `${why}: that one ${resource.kind} does not exist proves nothing; put it and what was in it back`,
    );
  }

  /** `hidden`: it may not be read. Then the kind is served, at least. */
  async #definitionOf(resource: Resource, home: ObjectKey): Promise<Definition | 'hidden' | undefined> {
    const { client } = this.#deps;
    try {
      return (await client.get(home)) as Definition | undefined;
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 403)) throw error;
      if (home.resource === NAMESPACES) return 'hidden';
      await client.list(resource, { limit: 1 });
      return 'hidden';
    }
  }
}

/** With what all objects of a kind go: its definition, or, of what the API server has by itself, their namespace. */
function homeOf({ group, plural }: Resource, namespace: string | undefined): ObjectKey {
  return group === '' && namespace !== undefined
    ? { resource: NAMESPACES, name: namespace }
    : { resource: CUSTOM_RESOURCE_DEFINITIONS, name: `${plural}.${group}` };
}

interface Definition {
  readonly metadata: { readonly creationTimestamp?: string; readonly deletionTimestamp?: string };
}

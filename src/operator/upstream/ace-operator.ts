import type { OperatorLogger, ResourceEvent, ResourceMeta } from '@dot-i/k8s-operator';
import {
  apiVersionOf,
  CLUSTER_PROPAGATIONS,
  CLUSTERS,
  EXT_KIND_TOKEN,
  EXT_TOKEN_SECRETS,
  EXT_TOKENS_NAMESPACE,
  LABEL_EXT_KIND,
  type Resource,
  SECRETS,
  SETTINGS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../../api/names.ts';
import { parseCluster, parsePropagation, parseSetting } from '../../api/parse-cluster.ts';
import { parseCredentialsSecret } from '../../api/parse-credentials.ts';
import { parseExtToken } from '../../api/parse-ext-token.ts';
import { parseToken } from '../../api/parse-token.ts';
import { parseUser, parseUserAttribute } from '../../api/parse-user.ts';
import type { Identified, Token } from '../../api/types.ts';
import { ApiError, describeError } from '../../errors.ts';
import type { KubeClient, Writer } from '../../kube/client.ts';
import { OperatorBase, ResourceEventType } from '../../kube/operator-base.ts';
import type { PlaneIdentity } from '../../kube/plane-identity.ts';
import { Reflector } from '../../kube/reflector.ts';
import type { ReflectorObserver, ReflectorTiming } from '../../kube/reflector-options.ts';
import { isSameVersion, type Store } from '../../kube/store.ts';
import { type Management, watchName } from './management.ts';
import type { TokenStore } from './token-sources.ts';
import { WatchGroup } from './watch-group.ts';
import type { Watches } from './watches.ts';

export interface OperatorOptions {
  readonly client: KubeClient;
  readonly management: Management;
  readonly watches: Watches;
  readonly logger: OperatorLogger;
  /** Which cluster the management plane is. */
  readonly plane?: PlaneIdentity;
  readonly timing?: Partial<ReflectorTiming>;
  /** How long is waited for a watch that work can begin without, in milliseconds. */
  readonly patienceMs?: number;
  observer(resource: string): Partial<ReflectorObserver>;
}

interface Source {
  /** Filled by the reflector. */
  readonly store: Store<Identified>;
  /** Whose changes are events, where that is another one; `none`: somebody else's are. */
  readonly events?: Store<Identified> | 'none';
  readonly parse: (raw: unknown) => Identified;
  readonly labelSelector?: string;
}

/**
 * The management side's life cycle, hosted by `@dot-i/k8s-operator`.
 *
 * Its own I/O is not usable: a watch error ends the process, deletions during a gap are lost, one queue serves
 * all kinds (docs/decisions/0004-k8s-operator.md). So every method that does I/O is overridden here, by our
 * reflector or by a refusal, and a test proves that none of the originals can be reached.
 */
export class AceOperator extends OperatorBase {
  readonly #options: OperatorOptions;
  readonly #watches: WatchGroup;

  constructor(options: OperatorOptions) {
    super(options.logger);
    this.#options = options;
    this.#watches = new WatchGroup(options.patienceMs);
  }

  /** True once all that decides about tokens was read. */
  get hasSynced(): boolean {
    return this.#watches.hasSynced;
  }

  /** Resolves when all that decides about tokens is in the stores; for anything else it waits some seconds. */
  synced(): Promise<void> {
    return this.#watches.synced();
  }

  /** Reads everything anew; resolves as {@link synced} does, with all that was there at the time of this call. */
  refresh(): Promise<void> {
    return this.#watches.refresh();
  }

  /** The same, and what changes meanwhile is told all the while. */
  catchUp(): Promise<void> {
    return this.#watches.catchUp();
  }

  /** Resolves when no further event can come. */
  override stop(): Promise<void> {
    return this.#watches.stop();
  }

  /** The watches of the management plane, and where their events go. */
  protected override async init(): Promise<void> {
    const { watches, management } = this.#options;
    const watch = (
      resource: Resource,
      onEvent: (event: ResourceEvent) => void,
      namespace?: string,
    ): Promise<void> =>
      this.watchResource(
        resource.group,
        resource.version,
        resource.plural,
        async (event) => onEvent(event),
        namespace,
      );
    await watch(USERS, ({ meta, type }) => watches.onUser(meta.name, type));
    await watch(USER_ATTRIBUTES, ({ meta }) => watches.onUserAttribute(meta.name));
    await watch(TOKENS, ({ meta, type, object }) => watches.onToken(meta.name, type, object as never));
    await watch(CLUSTERS, ({ meta }) => watches.onCluster(meta.name));
    await watch(CLUSTER_PROPAGATIONS, ({ meta }) => watches.onCluster(meta.name));
    await watch(SETTINGS, ({ meta }) => watches.onSetting(meta.name));
    // What they bring is told as tokens above: one store holds both kinds.
    if (management.tokenSources) await watch(EXT_TOKEN_SECRETS, () => {}, EXT_TOKENS_NAMESPACE);
    for (const namespace of management.credentials.keys()) {
      await watch(SECRETS, ({ object }) => watches.onCredentials(object as never), namespace);
    }
  }

  /** List + watch by our reflector, into the store of that kind; every change of the store is an event. */
  protected override async watchResource(
    group: string,
    version: string,
    plural: string,
    onEvent: (event: ResourceEvent) => Promise<void>,
    namespace?: string,
  ): Promise<void> {
    const { client, plane, timing } = this.#options;
    const resource = this.#watched(group, plural, namespace);
    if (!resource || resource.version !== version)
      throw new Error(`no parser is known for ${plural}.${group}/${version}`);
    const { store, parse, labelSelector, events = store } = this.#sourceOf(resource, namespace);
    if (events !== 'none') {
      events.onChange((event) => {
        const { type, object } = event;
        // Held otherwise than before, and the same.
        if (event.type === 'updated' && isSameVersion(event.old, object)) return;
        void onEvent({ meta: metaOf(resource, object), type: EVENT_TYPES[type], object: object as never });
      });
    }
    const name = watchName(resource, namespace);
    const reflector = new Reflector({
      client,
      plane,
      resource,
      namespace,
      labelSelector,
      parse,
      store,
      observer: this.#observer(resource, name),
      ...(OF_ANYBODY.includes(resource) ? ALL_THAT_FITS : {}),
      ...(timing ? { timing } : {}),
    });
    this.#watches.add(reflector, DECIDING.includes(resource));
    this.#options.management.unread.set(name, 'not read yet');
    void reflector.synced.then(() => this.#options.watches.onFirstRead(resource));
    reflector.start();
  }

  #watched(group: string, plural: string, namespace: string | undefined): Resource | undefined {
    const isOfExtTokens = this.#options.management.tokenSources && namespace === EXT_TOKENS_NAMESPACE;
    if (isOfExtTokens && plural === EXT_TOKEN_SECRETS.plural) return EXT_TOKEN_SECRETS;
    return WATCHED.find((known) => known.group === group && known.plural === plural);
  }

  #observer(resource: Resource, name: string): Partial<ReflectorObserver> {
    const { observer, management, watches } = this.#options;
    const told = observer(resource === EXT_TOKEN_SECRETS ? name : resource.plural);
    return {
      ...told,
      failed: (error, failures) => {
        if (!isNoSetting(resource, error)) management.unread.set(name, describeError(error));
        told.failed?.(error, failures);
      },
      succeeded: () => {
        management.unread.delete(name);
        watches.heard(resource);
        told.succeeded?.();
      },
      putBack: () => watches.onPutBack(),
    };
  }

  /** The status of our own kind, as a merge patch. @throws {ApiError | ConnectionError} as nothing in the base does */
  protected override async patchResourceStatus(
    meta: ResourceMeta,
    status: unknown,
  ): Promise<ResourceMeta | null> {
    await this.writeStatus(meta.name, status as object, this.#options.client);
    return meta;
  }

  /** Writes the status of one ClusterPropagation. @throws {ApiError | ConnectionError | FencedError} */
  async writeStatus(name: string, status: object, client: Writer): Promise<void> {
    await client.patch({ resource: CLUSTER_PROPAGATIONS, name }, { status }, { subresource: 'status' });
  }

  protected override setResourceStatus(): Promise<ResourceMeta | null> {
    return refuse('setResourceStatus', 'a PUT would overwrite what others wrote; use patchResourceStatus');
  }

  protected override setResourceFinalizers(): Promise<void> {
    return refuse('setResourceFinalizers', 'deleting upstream never waits for us');
  }

  protected override handleResourceFinalizer(): Promise<boolean> {
    return refuse('handleResourceFinalizer', 'deleting upstream never waits for us');
  }

  protected override registerCustomResourceDefinition(): Promise<never> {
    return refuse('registerCustomResourceDefinition', 'definitions are applied from crds/');
  }

  protected override getCustomResourceApiUri(): string {
    throw new Error('getCustomResourceApiUri is not used: paths are made in kube/client.ts');
  }

  protected override applyAxiosKubeConfigAuth(): Promise<void> {
    return refuse('applyAxiosKubeConfigAuth', 'requests go through kube/transport.ts');
  }

  protected override applyGaxiosKubeConfigAuth(): Promise<void> {
    return refuse('applyGaxiosKubeConfigAuth', 'requests go through kube/transport.ts');
  }

  #sourceOf(resource: Resource, namespace: string | undefined): Source {
    const { management } = this.#options;
    const { tokens, tokenSources } = management;
    if (resource === EXT_TOKEN_SECRETS) {
      const labelSelector = `${LABEL_EXT_KIND}=${EXT_KIND_TOKEN}`;
      return { store: tokenSources?.ext, events: 'none', parse: parseExtToken, labelSelector } as never;
    }
    const v3 = tokenSources?.v3 ?? tokens;
    const stores: Readonly<Record<string, unknown>> = {
      [TOKENS.plural]: { store: v3, events: tokens, parse: byNeed(v3, parseToken) },
      [USERS.plural]: { store: management.users, parse: parseUser },
      [USER_ATTRIBUTES.plural]: { store: management.attributes, parse: parseUserAttribute },
      [CLUSTERS.plural]: { store: management.clusters, parse: parseCluster },
      [CLUSTER_PROPAGATIONS.plural]: { store: management.propagations, parse: parsePropagation },
      [SETTINGS.plural]: { store: management.settings, parse: parseSetting },
      [SECRETS.plural]: { store: management.credentials.get(namespace ?? ''), parse: parseCredentialsSecret },
    };
    return stores[resource.plural] as Source;
  }
}

/** What users of a Rancher may create who are nobody special; Secrets in some of its namespaces. */
const OF_ANYBODY: readonly Resource[] = [TOKENS, EXT_TOKEN_SECRETS, CLUSTERS, SECRETS];
/**
 * The bytes that an etcd can hold, and more objects than memory has room for: whoever may create them can make as many as they like, each as
 * large as one may be, and must not be able to end our lists of them by it. What we hold of each is bounded by its parser.
 */
const ALL_THAT_FITS = { maxBytes: 8 * 1_024 ** 3, maxObjects: 5_000_000 };

/** What decides about tokens: nothing can be done before these were read. */
const DECIDING: readonly Resource[] = [TOKENS, USERS, USER_ATTRIBUTES, CLUSTERS];
const WATCHED = [...DECIDING, CLUSTER_PROPAGATIONS, SETTINGS, SECRETS];

/** A management plane of our own has no Settings, and that is as good as none that is set. */
function isNoSetting(resource: Resource, error: unknown): boolean {
  return resource === SETTINGS && error instanceof ApiError && error.code === 404;
}

/** Parses a token, and keeps what of it is needed. */
function byNeed(store: TokenStore, parse: (raw: unknown) => Token): (raw: unknown) => Token {
  return (raw) => store.asNeeded(parse(raw));
}

const EVENT_TYPES = {
  added: ResourceEventType.Added,
  updated: ResourceEventType.Modified,
  deleted: ResourceEventType.Deleted,
} as const;

function metaOf(resource: Resource, object: Identified): ResourceMeta {
  return {
    id: `${resource.plural}.${apiVersionOf(resource)}`,
    name: object.name,
    ...(object.namespace ? { namespace: object.namespace } : {}),
    resourceVersion: object.resourceVersion,
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
  };
}

function refuse(method: string, why: string): Promise<never> {
  return Promise.reject(new Error(`${method} is not available: ${why}`));
}

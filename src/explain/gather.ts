import { randomBytes } from 'node:crypto';
import { DEFAULT_DOWNSTREAM_NAMESPACE, isObjectName } from '../api/names.ts';
import type { Token } from '../api/types.ts';
import { createHasher } from '../hash/hasher.ts';
import { type DownstreamPlane, openDownstream } from '../plane/downstream.ts';
import { downstreamNamespaceOf } from '../plane/downstream-namespace.ts';
import type { ManagementPlane } from '../plane/management.ts';
import type { Plane, PlaneOptions } from '../plane/plane.ts';
import { known, type Reading } from '../plane/reading.ts';
import { mayI, mayThey, reviewToken, type Wish } from '../plane/reviews.ts';
import { confirmCluster } from '../plane/same-cluster.ts';
import { tokenOfBearer } from '../plane/token-of-bearer.ts';
import { whoAmI } from '../plane/who-am-i.ts';
import { authenticators } from '../plane/workloads.ts';
import { compareHashes } from './compare-hashes.ts';
import {
  type DownstreamEvidence,
  type Evidence,
  type Given,
  type HashEvidence,
  type ManagementEvidence,
  nameOf,
  proxiedBy,
  type RightEvidence,
  secretOf,
  type WebhookEvidence,
} from './evidence.ts';
import { lookUpIds } from './other-ids.ts';
import { clustersAt, findTarget } from './target.ts';
import { whoIsLetIn } from './who.ts';

export interface GatherOptions extends PlaneOptions {
  readonly given: Given;
  /** By flag; else it is found out. */
  readonly cluster: string | undefined;
  readonly management: Reading<ManagementPlane>;
  /** By an administrator's kubeconfig; else by the operator's credentials. */
  readonly downstream: DownstreamPlane | undefined;
  /** With the bearer itself, where there is one. */
  readonly bearer: Plane | undefined;
  readonly wish: { readonly question: string; readonly wish: Wish } | undefined;
  /** False: only what is stored is looked at, and no API server is asked about a bearer. */
  readonly asksWebhook: boolean;
  /** Of our objects downstream; undefined: as the operator reports it for the cluster. */
  readonly namespace: string | undefined;
  readonly now: () => number;
}

/**
 * Looks at everything that can be seen of a token, at either side. Never throws for what cannot be reached.
 *
 * @throws {ConfigError} when the downstream kubeconfig that was given is of another cluster
 */
export async function gather(options: GatherOptions): Promise<Evidence> {
  const { given, now } = options;
  const named = nameOf(given);
  const name = named !== undefined && isObjectName(named) ? named : undefined;
  const management = known(options.management);
  const bearer = await sendable(options, management);
  const ask = <T>(read: (plane: ManagementPlane) => Promise<Reading<T>>): Promise<Reading<T>> =>
    options.management.ok ? read(options.management.value) : Promise.resolve(options.management);
  const token = name === undefined ? undefined : await ask((plane) => tokenOf(given, name, options, plane));
  const target = await findTarget(options.cluster, given, known(token), management);
  const { cluster: id } = target;
  const [cluster, propagation] =
    id === undefined
      ? []
      : await Promise.all([ask((plane) => plane.cluster(id)), ask((plane) => plane.propagation(id))]);
  const place =
    options.namespace === undefined ? downstreamNamespaceOf(propagation) : typed(options.namespace);
  const namespace = known(place) ?? DEFAULT_DOWNSTREAM_NAMESPACE;
  const placed = { ...options, bearer, namespace };
  const opened = place.ok ? await open(placed, id, { cluster, propagation }) : place;
  try {
    const downstream = await lookDownstream(placed, opened, name, known(token));
    const userName = known(token)?.userName || known(downstream.clusterAuthToken)?.parsed.userName;
    const [user, attribute] = userName
      ? await Promise.all([
          ask((plane) => plane.user(userName)),
          ask((plane) => plane.userAttribute(userName)),
        ])
      : [];
    const found = { token: known(token), user: known(user) };
    const installation = await lookUpIds(management, id, downstream, found);
    const webhook = await askWebhook(placed, known(opened));
    const upstream: ManagementEvidence = { token, user, attribute, cluster, propagation, installation };
    return {
      nowMs: now(),
      given,
      target,
      management: upstream,
      downstream,
      hash: await hashes(given, upstream, downstream),
      webhook,
      right: await askRight(placed, known(opened), { downstream, webhook, userName }),
    };
  } finally {
    if (opened?.ok && opened.value !== options.downstream) await opened.value.close();
  }
}

/** A bearer says of which kind it is. Of a name alone it is the one that the cluster would get. */
function tokenOf(
  given: Given,
  name: string,
  { cluster }: Pick<GatherOptions, 'cluster'>,
  plane: ManagementPlane,
): Promise<Reading<Token | undefined>> {
  const isBearer = given.kind === 'kubeconfig' && given.credential.kind === 'ours';
  return isBearer ? tokenOfBearer(plane, given.credential, cluster) : plane.token(name, cluster);
}

const typed = (namespace: string): Reading<string> => ({ ok: true, value: namespace });

/** A bearer that the file only points to goes to nobody but a server that the management plane knows. */
async function sendable(
  { given, bearer }: GatherOptions,
  management: ManagementPlane | undefined,
): Promise<Plane | undefined> {
  if (given.kind !== 'kubeconfig' || given.isOwnBearer) return bearer;
  const isKnown = management && (await clustersAt(given.server, management)).length > 0;
  return isKnown && given.server.startsWith('https:') ? bearer : undefined;
}

/** Once it is known which cluster is meant. */
type Placed = GatherOptions & { readonly namespace: string };

async function open(
  options: Placed,
  id: string | undefined,
  { cluster, propagation }: Partial<Pick<ManagementEvidence, 'cluster' | 'propagation'>>,
): Promise<Reading<DownstreamPlane> | undefined> {
  const { downstream, given } = options;
  // What is in the cluster makes no difference to who goes by the management plane's proxy.
  if (proxiedBy(given) !== undefined) return undefined;
  if (downstream) {
    downstream.namespace = options.namespace;
    downstream.unproven = await confirmCluster(downstream, id, propagation);
    return { ok: true, value: downstream };
  }
  if (id === undefined) return undefined;
  if (!options.management.ok) return options.management;
  const management = options.management.value;
  const ways = await management.waysFor(id, known(cluster), await management.ways());
  if (!ways.ok) return ways;
  const opened = await openDownstream(id, known(cluster), ways.value, options);
  // The Cluster may name what no label does.
  const isUntold = !opened.ok && opened.failure.reason === 'NoCredentials' && cluster?.ok === false;
  return isUntold ? cluster : opened;
}

async function lookDownstream(
  options: Placed,
  opened: Reading<DownstreamPlane> | undefined,
  name: string | undefined,
  token: Token | undefined,
): Promise<DownstreamEvidence> {
  const nothing = {
    namespace: options.namespace,
    clusterAuthToken: undefined,
    hashSecret: undefined,
    userAttribute: undefined,
    daemonSets: undefined,
  };
  if (!opened?.ok) return { ...nothing, way: opened };
  const plane = opened.value;
  const way = {
    ok: true as const,
    value: {
      ...{ server: plane.server, source: plane.source, isOperators: plane !== options.downstream },
      unproven: plane.unproven,
    },
  };
  if (name === undefined)
    return { ...nothing, way, daemonSets: await authenticators(plane, plane.namespace) };
  const [clusterAuthToken, hashSecret, daemonSets] = await Promise.all([
    plane.clusterAuthToken(name),
    plane.hashSecret(name),
    authenticators(plane, plane.namespace),
  ]);
  const userName = known(clusterAuthToken)?.parsed.userName || token?.userName;
  const userAttribute = userName ? await plane.clusterUserAttribute(userName) : undefined;
  return { way, namespace: plane.namespace, clusterAuthToken, hashSecret, userAttribute, daemonSets };
}

async function hashes(
  given: Given,
  { token }: ManagementEvidence,
  downstream: DownstreamEvidence,
): Promise<HashEvidence> {
  const hasher = createHasher({ threads: 1 });
  try {
    const inline = known(downstream.clusterAuthToken)?.parsed.hash ?? '';
    const stored = inline === '' ? (known(downstream.hashSecret)?.parsed.hash ?? '') : inline;
    return await compareHashes({ stored, token: known(token)?.secret, bearer: secretOf(given) }, hasher);
  } finally {
    await hasher.close();
  }
}

/** A question and nothing more: no object is written, but an authenticator may note that the token was used. */
async function askWebhook(
  { given, bearer, asksWebhook }: GatherOptions,
  plane: DownstreamPlane | undefined,
): Promise<WebhookEvidence> {
  if (!asksWebhook) return { probe: undefined, review: undefined, live: undefined };
  const secret = secretOf(given);
  const nobody = `ace-explain-probe:${randomBytes(16).toString('hex')}`;
  const [probe, review, live] = await Promise.all([
    plane ? reviewToken(plane, nobody) : undefined,
    plane && secret !== undefined ? reviewToken(plane, `${nameOf(given)}:${secret}`) : undefined,
    askedLive(given, bearer),
  ]);
  return { probe, review, live };
}

/** Without TLS no client shows a bearer, so that there is nothing to ask: the answer is known. */
async function askedLive(given: Given, bearer: Plane | undefined): Promise<WebhookEvidence['live']> {
  if (given.kind === 'kubeconfig' && given.server.startsWith('http:')) {
    const message = `server ${given.server} is without TLS`;
    return { ok: false, failure: { reason: 'PlainHttp', message } };
  }
  return bearer ? whoAmI(bearer, proxiedBy(given) !== undefined) : undefined;
}

async function askRight(
  { wish, bearer }: GatherOptions,
  plane: DownstreamPlane | undefined,
  seen: {
    readonly downstream: DownstreamEvidence;
    readonly webhook: WebhookEvidence;
    readonly userName: string | undefined;
  },
): Promise<RightEvidence | undefined> {
  if (!wish) return undefined;
  const { downstream, webhook, userName } = seen;
  // What somebody else may do says nothing of this user.
  const isIts = bearer && whoIsLetIn(webhook.live, userName) === 'itsUser';
  const own = isIts ? await mayI(bearer, wish.wish) : undefined;
  if (own?.ok || !plane || !userName) return { question: wish.question, answer: own };
  const groups = known(downstream.userAttribute)?.parsed.groups ?? [];
  return { question: wish.question, answer: await mayThey(plane, userName, groups, wish.wish) };
}

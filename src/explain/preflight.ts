import { CLUSTER_TEXTS } from '../api/cluster-reason-texts.ts';
import { HOP_TEXTS, READ_TEXTS } from '../api/hop-reason-texts.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import type { Propagation } from '../api/types.ts';
import { CLOCKS_AGREE_MS } from '../kube/plane-clock.ts';
import { goDurationMs } from '../plane/api-servers.ts';
import type { ReadFailure } from '../plane/reading.ts';
import { humanDuration } from '../print/duration.ts';
import { broken, flawed, type Hop, type HopId, ok, skipped, unseen } from './hop.ts';
import { describe, isAnswered, isStockAlone, probedHop } from './judge-webhook.ts';
import type { ClusterEvidence, DefinitionEvidence, PlaneEvidence } from './preflight-evidence.ts';
import { rightsText } from './rights.ts';

/** What has to be so before tokens can work: judged from what was seen. Pure. */

/** A longer memory of the API server makes a revocation late. */
const CACHE_LIMIT_MS = 30_000;
const CACHE_DEFAULT_MS = 120_000;

export function judgeManagement(evidence: PlaneEvidence): readonly Hop[] {
  const { skewMs, server } = evidence;
  const reached = skewMs.ok
    ? ok('management', `answers at ${server}`)
    : flawed('management', 'unknown', skewMs.failure.reason, READ_TEXTS, skewMs.failure.message);
  return [reached, definitions(evidence.definitions), clock(evidence)];
}

/**
 * @param options.strict - more rights than needed are a fault, not a warning
 * @param options.propagation - for the hash algorithm that is asked for
 */
export function judgeCluster(
  evidence: ClusterEvidence,
  options: { readonly strict: boolean; readonly propagation: Propagation | undefined },
): readonly Hop[] {
  const { reached } = evidence;
  if (!reached.ok && reached.failure.reason !== 'KindMissing' && reached.failure.reason !== 'Forbidden') {
    return [unreached(reached.failure)];
  }
  return [
    ok('connection', `answers at ${evidence.server}, by ${evidence.source}`),
    definitions(evidence.definitions),
    rights(evidence),
    excess(evidence, options.strict),
    clock(evidence),
    authenticator(evidence),
    rivals(evidence),
    formats(evidence, options.propagation),
    webhook(evidence),
    cache(evidence),
  ];
}

/** There is no way to the cluster, or nobody at the end of it. */
export function unreached(failure: ReadFailure): Hop {
  const { reason, message } = failure;
  const isUnknown =
    reason === 'Unreachable' || reason === 'Failing' || reason === 'Forbidden' || reason === 'KindMissing';
  if (isUnknown) return flawed('connection', 'unknown', reason, READ_TEXTS, message);
  return reason === 'NoApiServer' || reason === 'PlainHttp'
    ? broken('connection', reason, READ_TEXTS, message)
    : broken('connection', reason, CLUSTER_TEXTS, message);
}

function unread(id: HopId, { reason, message }: ReadFailure): Hop {
  return reason === 'Forbidden'
    ? flawed(id, 'unknown', reason, READ_TEXTS, message)
    : unseen(id, `not seen: ${message}`);
}

function definitions(found: readonly DefinitionEvidence[]): Hop {
  const id = 'definitions';
  const missing = found.filter(({ found: read }) => read.ok && !read.value);
  const file = ({ resource }: DefinitionEvidence): string => `crds/${resource.group}_${resource.plural}.yaml`;
  if (missing.length > 0) {
    return broken(
      id,
      'DefinitionMissing',
      HOP_TEXTS,
      missing.map((one) => `${one.name} (${file(one)})`).join(', '),
    );
  }
  const failure = found.map(({ found: read }) => read).find((read) => !read.ok);
  if (failure && !failure.ok) return unread(id, failure.failure);
  const outdated = found.flatMap((one) => faults(one).map((fault) => `${one.name} ${fault} (${file(one)})`));
  return outdated.length > 0
    ? broken(id, 'DefinitionOutdated', HOP_TEXTS, outdated.join('; '))
    : ok(id, found.map(({ name }) => name.split('.')[0]).join(', '));
}

function faults({ found, resource }: DefinitionEvidence): readonly string[] {
  const definition = found.ok ? found.value : undefined;
  if (!definition) return [];
  if (!definition.isServed) return [`does not serve ${resource.version}`];
  if (definition.isNamespaced !== resource.namespaced) return ['has the wrong scope'];
  return definition.dropped.length > 0 ? [`drops ${definition.dropped.join(', ')}`] : [];
}

function clock({ skewMs }: PlaneEvidence): Hop {
  const id = 'clock';
  if (!skewMs.ok) return unread(id, skewMs.failure);
  const { value } = skewMs;
  if (value === undefined) return unseen(id, 'its answers bear no date');
  if (Math.abs(value) < CLOCKS_AGREE_MS) return ok(id, 'agrees with the one here');
  const detail = `${humanDuration(Math.abs(value))} ${value > 0 ? 'ahead of' : 'behind'} the one here`;
  return flawed(id, 'warning', 'ClockSkew', HOP_TEXTS, detail);
}

function rights({ needed, held }: ClusterEvidence): Hop {
  const id = 'rights';
  if (!held.ok) return unread(id, held.failure);
  const missing = needed.filter((right) => !held.value.includes(right));
  return missing.length === 0
    ? ok(id, `all ${needed.length} of manifests/downstream-rbac`)
    : broken(id, 'RightsMissing', HOP_TEXTS, rightsText(missing));
}

function excess({ excessive }: ClusterEvidence, strict: boolean): Hop {
  const id = 'excess';
  if (!excessive.ok) return unread(id, excessive.failure);
  if (excessive.value.length === 0) return ok(id, 'none of those that matter');
  const detail = rightsText(excessive.value);
  return flawed(id, strict ? 'broken' : 'warning', 'RightsExcessive', HOP_TEXTS, detail);
}

function authenticator({ daemonSets, probe }: ClusterEvidence): Hop {
  const id = 'authenticator';
  if (!daemonSets.ok)
    return isAnswered(probe) ? ok(id, 'ace-authenticator answers') : unread(id, daemonSets.failure);
  const text = daemonSets.value.map(describe).join('; ');
  if (daemonSets.value.some(({ wanted, ready }) => wanted > 0 && wanted === ready)) return ok(id, text);
  if (isAnswered(probe)) return ok(id, `ace-authenticator answers${text ? `; ${text}` : ''}`);
  return daemonSets.value.length === 0
    ? broken(
        id,
        'AuthenticatorMissing',
        HOP_TEXTS,
        'no DaemonSet ace-authenticator or kube-api-auth is there',
      )
    : broken(id, 'AuthenticatorNotReady', HOP_TEXTS, text);
}

function rivals({ daemonSets }: ClusterEvidence): Hop {
  const id = 'rivals';
  if (!daemonSets.ok) return unseen(id, 'the DaemonSets were not read');
  const text = daemonSets.value.map(({ name }) => name).join(' and ');
  const isStock = daemonSets.value.map(({ name }) => name === 'kube-api-auth');
  if (isStock.includes(true) && isStock.includes(false))
    return flawed(id, 'warning', 'TwoAuthenticators', HOP_TEXTS, `${text} are both there`);
  return text === '' ? skipped(id, 'there is no DaemonSet of either') : ok(id, `${text} alone`);
}

/** What is stored, and what is asked for, against what can be verified there. */
function formats(
  { formats: stored, daemonSets, probe }: ClusterEvidence,
  propagation: Propagation | undefined,
): Hop {
  const id = 'formats';
  const asked = propagation?.spec.algorithm;
  if (!stored.ok) return unread(id, stored.failure);
  const counted = Object.entries(stored.value).map(([format, count]) => `${count} ${format}`);
  const text = counted.length === 0 ? 'none stored yet' : counted.join(', ');
  const isBcrypt = asked === 'bcrypt' || stored.value['bcrypt'] !== undefined;
  if (isBcrypt && isStockAlone(daemonSets, probe))
    return broken(id, 'CannotVerify', HOP_TEXTS, `${text}; only kube-api-auth is there`);
  if (stored.value['unknown'] !== undefined) return broken(id, 'UnsupportedHash', TOKEN_TEXTS, text);
  return ok(id, asked ? `${text}; ${asked} is asked for` : text);
}

function webhook({ probe }: ClusterEvidence): Hop {
  return probe.ok ? probedHop(probe.value) : unread('webhook', probe.failure);
}

function cache({ apiServers }: ClusterEvidence): Hop {
  const id = 'cache';
  if (!apiServers.ok) return unread(id, apiServers.failure);
  if (apiServers.value.length === 0)
    return unseen(id, 'the API server is no Pod, so its flags cannot be seen; 2m unless set');
  const ttls = apiServers.value.map(({ cacheTtl }) => cacheTtl);
  const longestMs = Math.max(
    ...ttls.map((ttl) => (ttl === undefined ? CACHE_DEFAULT_MS : (goDurationMs(ttl) ?? CACHE_DEFAULT_MS))),
  );
  const text = [...new Set(ttls.map((ttl) => ttl ?? '2m, by default'))].join('; ');
  return longestMs > CACHE_LIMIT_MS ? flawed(id, 'warning', 'CacheTooLong', HOP_TEXTS, text) : ok(id, text);
}

const DECIDING: readonly string[] = ['connection', 'management', 'definitions', 'rights'];
/** One of them is enough: each tells of the other. */
const AUTHENTICATION: readonly string[] = ['authenticator', 'webhook'];

/**
 * Exit code and headline follow from this. What the least credential may not see, and never may, does not make a cluster
 * unknown, as long as its rights were seen and are right; {@link unseenAuthentication} says so then.
 *
 * @param strict - what was not seen is not known, whoever asks
 */
export function worst(hops: readonly Hop[], strict = false): 'ok' | 'broken' | 'unknown' {
  if (hops.some(({ state }) => state === 'broken')) return 'broken';
  const unknown = hops.filter(({ state }) => state === 'unknown');
  if (unknown.some(({ id }) => DECIDING.includes(id))) return 'unknown';
  // It was looked at, and a DaemonSet that is ready does not tell that it is the one that is asked.
  if (unknown.some(({ reason }) => reason === 'WebhookUnclear')) return 'unknown';
  const unseen = unknown.filter(({ id }) => AUTHENTICATION.includes(id));
  if (unseen.length < AUTHENTICATION.length) return 'ok';
  return strict || unseen.some(({ reason }) => reason !== 'Forbidden') ? 'unknown' : 'ok';
}

/** Whether nothing was seen of who authenticates there. */
export function unseenAuthentication(hops: readonly Hop[]): boolean {
  return AUTHENTICATION.every((id) => hops.some((hop) => hop.id === id && hop.state === 'unknown'));
}

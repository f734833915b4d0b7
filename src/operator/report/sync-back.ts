import { LRUCache } from 'lru-cache';
import { EXT_TOKEN_SECRETS, EXT_TOKENS_NAMESPACE, TOKENS, USER_ATTRIBUTES } from '../../api/names.ts';
import { parseClusterAuthToken, parseClusterUserAttribute } from '../../api/parse-downstream.ts';
import type { Token } from '../../api/types.ts';
import type { ObservedState } from '../../clusters/observed.ts';
import { formatTime } from '../../derive/expiry.ts';
import { isConflict, isHeldBack, isObjectMissing, isReplaced } from '../../errors.ts';
import { upTo } from '../../growing-cache.ts';
import type { Writer } from '../../kube/client.ts';
import type { ObjectKey } from '../../kube/paths.ts';
import type { Log } from '../../telemetry/log.ts';
import { done, type Result, requeueAfter } from '../decide/plan.ts';
import { type Lane, parseKey, tokenKey } from '../keys.ts';
import type { Management } from '../upstream/management.ts';
import type { Outcomes } from './outcomes.ts';

/** A token in constant use costs the management plane one write in this time. */
const PER_TOKEN_MS = 5 * 60_000;
const RETRY_MS = 60_000;
const REMEMBERED = 50_000;

/** One cluster, as far as something is carried back from it. */
export interface CarriedCluster {
  readonly name: string;
  readonly management: Management;
  readonly observed: ObservedState;
  readonly queue: { addAfter(key: string, delayMs: number, lane: Lane): void };
  readonly outcomes: Pick<Outcomes, 'get'>;
  readonly now: () => number;
}

/**
 * What authenticators report in the clusters, carried back: when a token was last used, and whose groups they would
 * like refreshed. Never a ground to fail or delay propagation: its own failures are logged and tried again later.
 */
export class SyncBack {
  readonly #writerFor: (cluster: string) => Writer;
  readonly #log: Log;
  readonly #waiting = new Set<string>();
  #tail: Promise<void> = Promise.resolve();
  /** By token UID: when it was written, and what the cluster had told then. */
  readonly #written = new LRUCache<string, { atMs: number; toldMs: number }>(upTo(REMEMBERED));

  /** @param writerFor - of the management plane, for what concerns that cluster */
  constructor(writerFor: (cluster: string) => Writer, log: Log) {
    this.#writerFor = writerFor;
    this.#log = log;
  }

  /** Looks at a key when those before it are done, outside of its reconcile: nobody waits for this. */
  later(key: string, cluster: CarriedCluster): void {
    const { kind, name } = parseKey(key);
    if (kind === 'setting' || !isToldOf(kind, name, cluster)) return;
    const id = `${cluster.name}/${key}`;
    if (this.#waiting.has(id)) return;
    this.#waiting.add(id);
    const turn = this.#tail.then(async () => {
      this.#waiting.delete(id);
      const result =
        kind === 'token' ? await this.lastUsed(name, cluster) : await this.needsRefresh(name, cluster);
      if (result.kind === 'requeueAfter') cluster.queue.addAfter(key, result.delayMs, 'background');
    });
    // One that fails must not end the line behind it, let alone the process.
    this.#tail = turn.catch((error: unknown) =>
      this.#log.warn('not carried back', { cluster: cluster.name, error }),
    );
  }

  /**
   * Brings a Token's `lastUsedAt` forward to its ClusterAuthToken's. Only for a token that is in sync here: one that
   * expired, was disabled or moved to another cluster is no longer in use, whatever lies there.
   */
  async lastUsed(name: string, cluster: CarriedCluster): Promise<Result> {
    const token = cluster.management.token(name, cluster.name, cluster.now());
    const observed = cluster.observed.tokens.get(name);
    if (!token || !observed || cluster.outcomes.get(tokenKey(name))?.state !== 'synced') return done;
    const { lastUsedAtMs } = parseClusterAuthToken(observed.object);
    if (lastUsedAtMs === undefined) return done;
    // A clock that is ahead must not pin the time for good, there or here.
    const usedAtMs = Math.min(lastUsedAtMs, cluster.now());
    const knownAtMs = token.lastUsedAtMs ?? 0;
    if (lastUsedAtMs <= knownAtMs && knownAtMs <= cluster.now() + PER_TOKEN_MS) return done;
    const written = this.#written.get(token.uid);
    if (written?.toldMs === lastUsedAtMs) return done;
    // What was written at a time that is still to come was so by a clock that was ahead, and is not waited for.
    const sinceMs = cluster.now() - (written?.atMs ?? 0);
    if (sinceMs >= 0 && sinceMs < PER_TOKEN_MS) return requeueAfter(PER_TOKEN_MS - sinceMs);
    const { key, patch } = lastUseOf(token, formatTime(usedAtMs));
    const result = await this.#write(key, patch, cluster);
    if (result === done) this.#written.set(token.uid, { atMs: cluster.now(), toldMs: lastUsedAtMs });
    return result;
  }

  /**
   * Asks management, once, to refresh a user's groups: when the cluster asks, management does not do so yet, and both
   * speak of the same refresh. What management then finds flows down and clears the request (rancher.md 4.6).
   */
  async needsRefresh(name: string, cluster: CarriedCluster): Promise<Result> {
    const attribute = cluster.management.attributes.get(name);
    const observed = cluster.observed.users.get(name);
    if (!attribute || attribute.problem !== undefined || attribute.needsRefresh || !observed) return done;
    if (!cluster.observed.isOurs(observed.object)) return done;
    const { needsRefresh, lastRefresh } = parseClusterUserAttribute(observed.object);
    if (!needsRefresh || lastRefresh !== attribute.lastRefresh) return done;
    const patch = { NeedsRefresh: true, metadata: { uid: attribute.uid } };
    return this.#write({ resource: USER_ATTRIBUTES, name }, patch, cluster);
  }

  async #write(key: ObjectKey, patch: object, cluster: CarriedCluster): Promise<Result> {
    try {
      await this.#writerFor(cluster.name).patch(key, patch);
      return done;
    } catch (error) {
      // Held back: another replica carries it.
      if (isObjectMissing(error) || isConflict(error) || isReplaced(error) || isHeldBack(error)) return done;
      this.#log.warn('not carried back', { cluster: cluster.name, error });
      return requeueAfter(RETRY_MS);
    }
  }
}

/** Whether the cluster says anything of it at all: most say nothing, and thousands are looked at in one go. */
function isToldOf(kind: 'token' | 'user', name: string, { observed }: CarriedCluster): boolean {
  return kind === 'token'
    ? Boolean(observed.tokens.get(name)?.object['lastUsedAt'])
    : Boolean(observed.users.get(name)?.object['needsRefresh']);
}

/** The write that notes a token's last use, on that very token and no other of its name. */
function lastUseOf({ api, name, uid }: Token, time: string): { key: ObjectKey; patch: object } {
  const metadata = { uid };
  if (api === 'v3') return { key: { resource: TOKENS, name }, patch: { lastUsedAt: time, metadata } };
  return {
    key: { resource: EXT_TOKEN_SECRETS, namespace: EXT_TOKENS_NAMESPACE, name },
    patch: { data: { 'last-used-at': Buffer.from(time).toString('base64') }, metadata },
  };
}

import { SECRETS } from '../api/names.ts';
import { parseMetadata, parseTime } from '../api/parse-fields.ts';
import { parseSecret } from '../clusters/observed.ts';
import { hashIn } from '../derive/diff.ts';
import { detectFormat } from '../hash/detect.ts';
import type { HashFormat } from '../hash/formats.ts';
import { installationOf } from '../operator/installation/installation.ts';
import { EXT_TOKENS_WATCH, type Management } from '../operator/upstream/management.ts';
import { needed } from '../plane/needed.ts';
import { type Adoption, type ForeignSecret, planAdoption } from './adoption.ts';
import type { PlanSources } from './read-plan.ts';
import { readDownstream } from './snapshot.ts';

/** Clusters that the management plane has, by name: Rancher may have left something in any. */
export function clustersOf(management: Management): readonly string[] {
  return [...management.clusters.list()].map(({ name }) => name).sort();
}

/**
 * Reads a cluster, and says what adoption makes of it. No hash is kept.
 *
 * @throws {ConnectionError} when either side cannot be read
 */
export async function readAdoption(
  cluster: string,
  { management, plane, downstream, nowMs }: PlanSources,
): Promise<Adoption> {
  const installation = installationOf(management, await plane.remembered.installationId());
  const snapshot = await readDownstream(cluster, downstream, installation);
  const { namespace } = downstream;
  const listed = await downstream.list(SECRETS, foreignSecret, { namespace });
  const secrets = needed(listed).filter(({ object }) => !snapshot.observed.isOurs(object));
  const unread = management.unread.get(EXT_TOKENS_WATCH);
  return planAdoption({ cluster, management, snapshot, secrets, nowMs, unread });
}

/** What anybody may have put there: web servers, too, keep passwords in bcrypt. */
const NEVER_RANCHERS: ReadonlySet<HashFormat> = new Set(['bcrypt']);

/** A Secret as it came from the API server. Nothing of its data is kept. */
export function foreignSecret(raw: unknown): ForeignSecret {
  const { data, ...object } = parseSecret(raw).object;
  const { labels, annotations, ownerReferences, creationTimestamp } = parseMetadata(raw) as ReturnType<
    typeof parseMetadata
  > & { ownerReferences?: readonly unknown[] };
  const hash = hashIn({ ...object, data });
  const isAlone = Object.keys((data as object | null | undefined) ?? {}).join() === 'hash';
  const format = isAlone && hash !== undefined ? detectFormat(hash) : undefined;
  const isHash = format !== undefined;
  const isEmpty = (some: object | null | undefined): boolean => Object.keys(some ?? {}).length === 0;
  return {
    object,
    isHash,
    isRanchers:
      isHash &&
      !NEVER_RANCHERS.has(format) &&
      isEmpty(labels) &&
      isEmpty(annotations) &&
      (ownerReferences ?? []).length === 0,
    createdAtMs: parseTime(creationTimestamp ?? ''),
  };
}

import { formatTime } from '../../derive/expiry.ts';
import { age } from '../../print/duration.ts';
import type { Answer } from '../../print/output.ts';
import type { Adoption, AdoptionItem } from '../../removal/adoption.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** One object of another writer, and where it is. */
export type AdoptionRow = AdoptionItem & { readonly cluster: string };

export function rowsOf({ cluster, items }: Adoption): readonly AdoptionRow[] {
  return items.map((item) => ({ ...item, cluster }));
}

export function adoptionAnswer(nowMs: number): Omit<Answer<AdoptionRow>, 'rows'> {
  return {
    columns: [
      { title: 'CLUSTER', cell: ({ cluster }) => cluster },
      { title: 'KIND', cell: ({ object }) => object.kind },
      { title: 'NAME', cell: ({ object }) => object.metadata.name },
      { title: 'PLAN', cell: ({ step }) => ({ text: step, tone: step === 'conflict' ? 'doubt' : 'dim' }) },
      { title: 'REASON', cell: ({ reason }) => reason ?? '-' },
      { title: 'REMOVABLE', cell: ({ isRemovable }) => (isRemovable ? 'yes' : 'no') },
      { title: 'WRITER', cell: ({ isByRancher }) => (isByRancher ? 'rancher' : 'other'), wide: true },
      { title: 'AGE', cell: ({ createdAtMs }) => age(createdAtMs, nowMs, 'unknown') },
      { title: 'LAST USED', cell: ({ lastUsedAtMs }) => age(lastUsedAtMs, nowMs, 'never'), wide: true },
    ],
    object: shown,
    name: ({ object }) => `${object.kind.toLowerCase()}/${object.metadata.name}`,
    empty: 'Nothing of another writer is there.',
  };
}

function shown(row: AdoptionRow): object {
  const { cluster, object, step, reason, isRemovable, isByRancher, createdAtMs, lastUsedAtMs } = row;
  const time = (ms: number | undefined): string | null => (ms === undefined ? null : formatTime(ms));
  return {
    kind: 'AdoptionItem',
    cluster,
    object: {
      kind: object.kind,
      namespace: object.metadata.namespace,
      name: object.metadata.name,
      uid: object.metadata.uid,
    },
    plan: step,
    reason: reason ?? null,
    writer: isByRancher ? 'rancher' : 'other',
    removable: isRemovable,
    createdAt: time(createdAtMs),
    lastUsedAt: time(lastUsedAtMs),
  };
}

/** What the rows alone do not say of a cluster. */
export function tellCluster({ cluster, endpoint, isOn, items, unread }: Adoption, runtime: Runtime): void {
  if (items.length === 0) return;
  if (endpoint === 'off')
    note(`cluster ${cluster}: its authorized endpoint is off, so that nothing is wanted there`, runtime);
  else if (endpoint === 'unknown')
    note(
      `cluster ${cluster}: its Cluster does not say whether its authorized endpoint is on, so that nothing is removable`,
      runtime,
    );
  else if (isOn) note(`cluster ${cluster}: spec.adopt is set: this is what the operator does`, runtime);
  if (unread !== undefined)
    note(
      `cluster ${cluster}: tokens of ext.cattle.io are not read, so that nothing is known to be without its token, or without a use: ${unread}`,
      runtime,
    );
}

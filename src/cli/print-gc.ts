import type { GcConfig } from '../config/gc.ts';
import { formatTime } from '../derive/expiry.ts';
import { age } from '../print/duration.ts';
import { type Answer, printAnswer } from '../print/output.ts';
import { countRemovals, type RemovalCount } from '../removal/count.ts';
import type { Removal, RemovalPlan } from '../removal/plan.ts';
import { printerOf } from './printer.ts';
import type { Runtime } from './runtime.ts';
import { note } from './say.ts';

const EMPTY = 'Nothing is to be taken away.';

/** Prints plans: counted for a table, object by object for everything else. */
export async function printGc(
  plans: readonly RemovalPlan[],
  config: GcConfig,
  runtime: Runtime,
): Promise<void> {
  const printer = printerOf(config, runtime);
  const nowMs = runtime.now();
  if (config.output === 'table') await printAnswer(counted(plans, nowMs), printer);
  else await printAnswer(listed(plans, nowMs), printer);
  tellHeld(plans, runtime);
}

/** What the operator will not do by itself, and how to let it. */
export function tellHeld(plans: readonly RemovalPlan[], runtime: Runtime): void {
  for (const { cluster, blocked, allowed, held } of plans) {
    if (held !== undefined) note(`cluster ${cluster}: on hold, nothing is taken away: ${held}`, runtime);
    if (!blocked || allowed) continue;
    note(
      `cluster ${cluster}: the brake holds ${blocked.objects} objects without a source (limit ${blocked.limit}); if they are meant to go: ${runtime.program} gc --allow ${cluster}`,
      runtime,
    );
  }
}

function counted(plans: readonly RemovalPlan[], nowMs: number): Answer<RemovalCount> {
  const number =
    (pick: (row: RemovalCount) => number) =>
    (row: RemovalCount): string =>
      String(pick(row));
  return {
    rows: plans.flatMap((plan) => countRemovals(plan, nowMs)),
    columns: [
      { title: 'CLUSTER', cell: ({ cluster }) => cluster },
      { title: 'REASON', cell: ({ reason }) => reason },
      { title: 'TOKENS', cell: number(({ tokens }) => tokens) },
      { title: 'OBJECTS', cell: number(({ objects }) => objects) },
      { title: '<1D OLD', cell: number(({ underDay }) => underDay) },
      { title: '<7D', cell: number(({ underWeek }) => underWeek) },
      { title: '<30D', cell: number(({ underMonth }) => underMonth) },
      { title: 'OLDER', cell: number(({ older }) => older) },
      { title: 'LAST USED', cell: ({ lastUsedAtMs }) => age(lastUsedAtMs, nowMs, 'never') },
      {
        title: 'HELD BACK',
        cell: ({ heldBack }) => ({ text: String(heldBack), tone: heldBack > 0 ? 'doubt' : 'dim' }),
      },
    ],
    object: (row) => row,
    name: ({ cluster, reason }) => `${cluster}/${reason}`,
    empty: EMPTY,
  };
}

type Row = Removal & { readonly cluster: string };

function listed(plans: readonly RemovalPlan[], nowMs: number): Answer<Row> {
  return {
    rows: plans.flatMap(({ cluster, removals }) => removals.map((removal) => ({ ...removal, cluster }))),
    columns: [
      { title: 'CLUSTER', cell: ({ cluster }) => cluster },
      { title: 'KIND', cell: ({ object }) => object.kind },
      { title: 'NAME', cell: ({ object }) => object.metadata.name },
      { title: 'REASON', cell: ({ reason }) => reason },
      { title: 'AGE', cell: ({ createdAtMs }) => age(createdAtMs, nowMs, 'unknown') },
      { title: 'LAST USED', cell: ({ lastUsedAtMs }) => age(lastUsedAtMs, nowMs, 'never') },
      {
        title: 'HELD BACK',
        cell: ({ heldBack }) => ({ text: heldBack ? 'yes' : 'no', tone: heldBack ? 'doubt' : 'dim' }),
      },
    ],
    object: shown,
    name: ({ object }) => `${object.kind.toLowerCase()}/${object.metadata.name}`,
    empty: EMPTY,
  };
}

/** Fields by name: the object itself holds a hash. */
function shown({ cluster, object, reason, heldBack, createdAtMs, lastUsedAtMs }: Row): object {
  const time = (ms: number | undefined): string | null => (ms === undefined ? null : formatTime(ms));
  return {
    kind: 'Removal',
    cluster,
    object: {
      kind: object.kind,
      namespace: object.metadata.namespace,
      name: object.metadata.name,
      uid: object.metadata.uid,
    },
    reason,
    heldBack,
    createdAt: time(createdAtMs),
    lastUsedAt: time(lastUsedAtMs),
  };
}

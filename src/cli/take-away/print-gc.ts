import type { GcConfig } from '../../config/gc.ts';
import { formatTime } from '../../derive/expiry.ts';
import { age } from '../../print/duration.ts';
import { type Answer, AnswerInParts } from '../../print/output.ts';
import { countRemovals, type RemovalCount } from '../../removal/count.ts';
import type { Removal, RemovalPlan } from '../../removal/plan.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

const EMPTY = 'Nothing is to be taken away.';

/** Prints plans as they come: counted for a table, object by object for everything else. */
export interface PlanPrinter {
  add(plan: RemovalPlan): void;
  end(): Promise<void>;
}

/** @param nowMs - by which ages are told; milliseconds since the epoch */
export function planPrinter(config: GcConfig, runtime: Runtime, nowMs: number): PlanPrinter {
  const printer = printerOf(config, runtime);
  const counts = new AnswerInParts(counted(nowMs), printer);
  const objects = new AnswerInParts(listed(nowMs), printer);
  const isTable = config.output === 'table';
  return {
    add(plan) {
      if (isTable) counts.add(countRemovals(plan, nowMs));
      else objects.add(plan.removals.map((removal) => ({ ...removal, cluster: plan.cluster })));
      tellHeld(plan, runtime);
    },
    end: () => (isTable ? counts : objects).end(),
  };
}

/** What is about to be carried out. */
export function tellPlan(plan: RemovalPlan, runtime: Runtime): void {
  const counts = countRemovals(plan, runtime.now()).map(({ reason, objects }) => `${reason} ${objects}`);
  if (counts.length > 0)
    note(`cluster ${plan.cluster}: ${plan.removals.length} objects: ${counts.join(', ')}`, runtime);
  tellHeld(plan, runtime);
}

/** What the operator will not do by itself, and how to let it. */
function tellHeld({ cluster, blocked, allowed, held }: RemovalPlan, runtime: Runtime): void {
  if (held !== undefined) note(`cluster ${cluster}: on hold, nothing is taken away: ${held}`, runtime);
  if (!blocked || allowed) return;
  note(
    `cluster ${cluster}: the brake holds ${blocked.objects} objects without a source (limit ${blocked.limit}); if they are meant to go: ${runtime.program} gc --allow ${cluster} --objects ${blocked.objects}`,
    runtime,
  );
}

function counted(nowMs: number): Omit<Answer<RemovalCount>, 'rows'> {
  const number =
    (pick: (row: RemovalCount) => number) =>
    (row: RemovalCount): string =>
      String(pick(row));
  return {
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

function listed(nowMs: number): Omit<Answer<Row>, 'rows'> {
  return {
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

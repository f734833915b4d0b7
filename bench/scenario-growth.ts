import { CHANGES, measurePoint, type Point } from './growth-point.ts';
import { GROWTH } from './growth-sizes.ts';
import { type Plot, writePlots } from './plot.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';

/** What two runs of the same differ by. */
const TOLERANCE = 1.15;
const NOTHING = { clusters: 1, tokens: 0, users: 1, groups: 1 };

interface Curve {
  /** What grows. */
  readonly name: string;
  readonly points: readonly { readonly factor: number; readonly point: Point }[];
}

/** How cost grows when one thing grows: tokens, clusters, users, groups. */
export async function growth(options: Options): Promise<ScenarioResult> {
  options.say('nothing: what a start costs');
  const nothing = await measurePoint(NOTHING);
  const curves: Curve[] = [];
  for (const name of options.growth) {
    const sizeFor = GROWTH[name];
    if (!sizeFor) throw new Error(`nothing is known of the growth of ${name}`);
    const points: { factor: number; point: Point }[] = [];
    for (const factor of options.growthFactors) {
      const size = sizeFor(factor);
      options.say(`${name} × ${factor}: ${JSON.stringify(size)}`);
      points.push({ factor, point: await measurePoint(size) });
    }
    curves.push({ name, points });
  }
  const costs = costsOver(nothing);
  plotAll(curves, costs);
  return {
    how: [
      'A small world, of which one thing grows while the rest stays; clusters are namespaces of one API server behind a proxy. Tokens of a cluster are as many when clusters grow, so that there are more tokens, too.',
      'Backfill: CPU of the operator from its spawn until all is synced with nothing there before, less that of a start with nothing to do. RSS: 4 s later. A change: one more token, when the one before has arrived; CPU of ' +
        `${CHANGES} of them, less what is spent at rest.`,
      'Last step: cost by cost, divided by size by size; above 1 it grows faster than what grows. A change is to cost the same at every size: there it is cost by cost alone.',
    ],
    rows: curves.flatMap((curve) => rowsOf(curve, costs)),
    details: { nothing, curves },
  };
}

interface Cost {
  readonly what: string;
  readonly unit: string;
  readonly title: string;
  readonly of: (point: Point) => number;
  /** What is judged; else what is shown. */
  readonly total?: (point: Point) => number;
  readonly grows: 'not' | 'linearly';
}

type Costs = Readonly<Record<'cpu' | 'memory' | 'change', Cost>>;

function costsOver(nothing: Point): Costs {
  const backfill = (point: Point): number => point.backfillCpuMs - nothing.backfillCpuMs;
  return {
    cpu: {
      ...{ what: 'backfill', unit: 'ms of CPU a token', title: 'CPU of a backfill, by token' },
      ...{ of: (point) => backfill(point) / point.tokens, total: backfill, grows: 'linearly' },
    },
    memory: {
      ...{ what: 'RSS', unit: 'MB', title: 'Memory at rest' },
      ...{ of: (point) => point.rssMb, grows: 'linearly' },
    },
    change: {
      ...{ what: 'a change', unit: 'ms of CPU', title: 'CPU of one more token' },
      ...{ of: (point) => point.changeCpuMs, grows: 'not' },
    },
  };
}

function rowsOf({ name, points }: Curve, costs: Costs): readonly Row[] {
  const [before, last] = [points.at(-2), points.at(-1)];
  return Object.values(costs).flatMap((cost): Row[] => {
    const { what, unit, of, total = of, grows } = cost;
    const rows = points.map(({ factor, point }) => ({
      what: `${name} × ${factor}: ${what}`,
      value: of(point),
      unit,
    }));
    if (!before || !last) return rows;
    const byCost = total(last.point) / total(before.point);
    const value = grows === 'linearly' ? byCost / (last.factor / before.factor) : byCost;
    const verdict = grows === 'linearly' ? 'not worse than linear' : 'as much at every size';
    const bar = { text: `≤ ${TOLERANCE}: ${verdict}`, met: value <= TOLERANCE };
    const step = `${name} × ${before.factor} to × ${last.factor}: ${what}, last step`;
    return [
      ...rows,
      { what: step, value, unit: grows === 'linearly' ? 'cost by size' : 'cost by cost', bar },
    ];
  });
}

function plotAll(curves: readonly Curve[], costs: Costs): void {
  const plot = ({ title, unit, of }: Cost): Plot => ({
    ...{ title, x: 'times the smallest size', y: unit },
    series: curves.map(({ name, points }) => ({
      name,
      points: points.map(({ factor, point }) => [factor, of(point)] as const),
    })),
  });
  writePlots(Object.fromEntries(Object.entries(costs).map(([name, cost]) => [`growth-${name}`, plot(cost)])));
}

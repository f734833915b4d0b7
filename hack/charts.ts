/**
 * Writes what the charts have from elsewhere: files that exist once more in crds/ and manifests/, and the tables of charts/README.md.
 *
 * usage: node hack/charts.ts          a unit test fails while a committed file is another
 *
 * A chart has to hold all that it installs, and a link out of its directory is refused by Argo CD and lost on Windows.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isMap, isNode, isScalar, type Pair, parseDocument, type YAMLMap } from 'yaml';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const CHARTS = ['ace-operator', 'ace-authenticator'] as const;
export type Chart = (typeof CHARTS)[number];

const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

const crdsOf = (prefix: RegExp): readonly string[] =>
  readdirSync(`${ROOT}crds`).filter((name) => prefix.test(name) && name.endsWith('.yaml'));

/** Files of a chart that are copies, by their path below the chart: the path that each is a copy of. */
export function copiesOf(chart: Chart): Readonly<Record<string, string>> {
  const component = chart.replace('ace-', '');
  const crds = crdsOf(chart === 'ace-operator' ? /^(ace-operator|management)/ : /^cluster\./);
  return {
    ...Object.fromEntries(crds.map((name) => [`files/crds/${name}`, `crds/${name}`])),
    'files/dashboard.json': `manifests/monitoring/${component}/dashboard.json`,
    'files/prometheusrule.yaml': `manifests/monitoring/${component}/prometheusrule.yaml`,
    ...(chart === 'ace-operator'
      ? {}
      : { 'files/webhook-kubeconfig.yaml': 'manifests/authenticator/webhook-kubeconfig.yaml' }),
  };
}

/** One value of a chart, as its table has it. */
export interface Value {
  /** `image.tag` */
  readonly path: string;
  readonly byDefault: unknown;
  readonly meaning: string;
}

/**
 * The values of a chart in the order of their file. A map whose keys have comments is a group; anything else is one value.
 *
 * @throws {Error} naming a value without a comment
 */
export function valuesOf(chart: Chart): readonly Value[] {
  const document = parseDocument(read(`charts/${chart}/values.yaml`));
  if (!isMap(document.contents)) throw new Error(`charts/${chart}/values.yaml is no map`);
  return valuesIn(document.contents, '');
}

function valuesIn(map: YAMLMap, prefix: string): readonly Value[] {
  return map.items.flatMap((pair, index) => {
    const path = prefix + keyOf(pair);
    if (isMap(pair.value) && isGroup(pair.value)) return valuesIn(pair.value, `${path}.`);
    const meaning = commentOf(map, pair, index);
    if (meaning === undefined) throw new Error(`the value ${path} has no comment`);
    return [{ path, byDefault: isNode(pair.value) ? pair.value.toJSON() : pair.value, meaning }];
  });
}

const isGroup = (map: YAMLMap): boolean =>
  map.items.some(
    (pair, index) => commentOf(map, pair, index) !== undefined || (isMap(pair.value) && isGroup(pair.value)),
  );

const keyOf = ({ key }: Pair): string => (isScalar(key) ? String(key.value) : String(key));

/** The comment before a first key belongs to its map. */
function commentOf(map: YAMLMap, { key }: Pair, index: number): string | undefined {
  const before =
    (index === 0 ? map.commentBefore : undefined) ?? (isNode(key) ? key.commentBefore : undefined);
  return before?.trim().replaceAll(/\n\s*/g, ' ') || undefined;
}

/** charts/README.md, whose tables are made of the values. */
export function chartsPage(): string {
  return CHARTS.reduce((page, chart) => withTable(page, chart), read('charts/README.md'));
}

function withTable(page: string, chart: Chart): string {
  const rows = valuesOf(chart).map(
    ({ path, byDefault, meaning }) => `| \`${path}\` | \`${JSON.stringify(byDefault)}\` | ${meaning} |`,
  );
  const table = ['| value | default | meaning |', '|---|---|---|', ...rows].join('\n');
  const [begin, end] = [`<!-- values of ${chart} -->\n`, `\n<!-- end of values of ${chart} -->`];
  const [head, rest] = page.split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`charts/README.md has no place for ${chart}`);
  return head + begin + table + end + tail;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const chart of CHARTS) {
    const directory = `${ROOT}charts/${chart}/`;
    rmSync(`${directory}files`, { recursive: true, force: true });
    mkdirSync(`${directory}files/crds`, { recursive: true });
    for (const [to, from] of Object.entries(copiesOf(chart))) writeFileSync(directory + to, read(from));
  }
  writeFileSync(`${ROOT}charts/README.md`, chartsPage());
}

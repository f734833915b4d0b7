import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { isExecutable } from './binaries.ts';
import type { Any } from './plane-client.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export type Chart = 'ace-operator' | 'ace-authenticator';

/** Where a release of a chart belongs, as the docs have it. */
export const CHART_NAMESPACE: Readonly<Record<Chart, string>> = {
  'ace-operator': 'ace-operator',
  'ace-authenticator': 'cattle-system',
};

/** Path of a chart. */
export function chartDirectory(chart: Chart): string {
  return join(ROOT, 'charts', chart);
}

/** One of the two versions of Helm, as a program. */
export interface Helm {
  readonly major: number;
  /** Where it is. */
  readonly program: string;
  /** Its stdout. @throws {Error} with what it says on stderr */
  run(args: readonly string[], kubeconfig?: string): Promise<string>;
}

/**
 * Those that hack/helm/provide.sh has built, for `describe.skipIf`. Why one is missing is printed.
 */
export function findHelms(): readonly Helm[] {
  return [3, 4].flatMap((major) => {
    const program = join(cache(), versionOf(major), 'bin', 'helm');
    if (isExecutable(program))
      return [{ major, program, run: (args, kubeconfig) => run(program, args, kubeconfig) }];
    console.warn(`skipped with Helm ${major}: there is no ${program}; hack/helm/provide.sh says why`);
    return [];
  });
}

const cache = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'ace-operator', 'helm');

function versionOf(major: number): string {
  const module = readFileSync(join(ROOT, `hack/helm/modules/${major}/go.mod`), 'utf8');
  const version = new RegExp(`^\thelm\\.sh/helm/v${major} v(\\S+)`, 'm').exec(module)?.[1];
  if (version === undefined) throw new Error(`hack/helm/modules/${major}/go.mod names no version of Helm`);
  return version;
}

function run(program: string, args: readonly string[], kubeconfig?: string): Promise<string> {
  const { KUBECONFIG: _, ...own } = process.env;
  // Discovery answers are cached by host and port, and a plane of before may have had the same.
  const home = kubeconfig === undefined ? join(tmpdir(), 'ace-helm') : `${kubeconfig}-helm`;
  const env = {
    ...own,
    HOME: home,
    KUBECACHEDIR: join(home, 'kube'),
    ...(kubeconfig ? { KUBECONFIG: kubeconfig } : {}),
  };
  return new Promise((resolve, reject) => {
    execFile(program, [...args], { env, maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`helm ${args[0]}: ${stderr.trim() || stdout.trim() || error.message}`));
      else resolve(stdout);
    });
  });
}

/** `--set` for each pair. */
export function settings(values: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(values).flatMap(([path, value]) => ['--set', `${path}=${value}`]);
}

/** What a chart renders, without any API server. @param version of Kubernetes */
export async function rendered(
  helm: Helm,
  chart: Chart,
  values: Readonly<Record<string, string>> = {},
  { version = '1.37.0', namespace = CHART_NAMESPACE[chart] } = {},
): Promise<readonly Any[]> {
  const text = await helm.run([
    ...['template', chart, chartDirectory(chart), '--namespace', namespace],
    ...['--kube-version', version, ...settings(values)],
  ]);
  return objectsIn(text);
}

/** The objects of YAML documents. */
export function objectsIn(text: string): readonly Any[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Any)
    .filter((object) => object !== null);
}

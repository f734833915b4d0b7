// ask/: says why a token is refused, and what a cluster lacks.

import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { DEFAULT_DOWNSTREAM_NAMESPACE } from '../../api/names.ts';
import { type ExplainConfig, explainConfig } from '../../config/explain.ts';
import { ConfigError, describeFileError } from '../../errors.ts';
import { conclude, type Explanation } from '../../explain/conclusion.ts';
import { gather } from '../../explain/gather.ts';
import { type KubeconfigFile, readKubeconfig } from '../../explain/kubeconfig-file.ts';
import { parseWish } from '../../explain/wish.ts';
import { downstreamAccess } from '../../kube/kubeconfig.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { Plane } from '../../plane/plane.ts';
import { known, type Reading, reading } from '../../plane/reading.ts';
import { checklist, mark } from '../../print/checklist.ts';
import { hanging } from '../../print/lines.ts';
import { type Printer, printObject } from '../../print/output.ts';
import { printable } from '../../print/printable.ts';
import { type Paint, paint } from '../../print/style.ts';
import { toldNow } from '../reach/clocks.ts';
import { givenDownstream, managementPlane } from '../reach/connect.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_NOT_ASKED, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** `ace-operator explain`. @returns the exit code @throws {ConfigError} for a flag or file that cannot be used */
export async function runExplain({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = explainConfig(args, given, runtime.env, runtime.home);
  const wish = config.canI === '' ? undefined : parseWish(config.canI, config.canINamespace);
  const file = await kubeconfigFile(config, runtime);
  for (const path of file?.unread ?? [])
    note(`not read: ${path}, which the kubeconfig names; --follow-files reads it`, runtime);
  const options = { timeoutMs: config.requestTimeoutMs, userAgent: config.userAgent };
  const bearer = file?.asBearer ? new Plane(await downstreamAccess(file.asBearer), options) : undefined;
  const downstream = await givenDownstream(config.downstreamKubeconfig, config, DEFAULT_DOWNSTREAM_NAMESPACE);
  const management = await givenManagement(config);
  try {
    const evidence = await gather({
      ...options,
      given: file?.given ?? { kind: 'name', name: config.tokenName ?? '' },
      cluster: config.cluster,
      management,
      downstream,
      bearer,
      wish,
      asksWebhook: true,
      namespace: config.downstreamNamespace,
      now: () => toldNow(known(management), { now: () => toldNow(downstream, runtime) }),
    });
    const explanation = conclude(evidence);
    await print(explanation, config, printerOf(config, runtime));
    return EXIT_CODES[explanation.verdict];
  } finally {
    const planes = [bearer, downstream, management.ok ? management.value : undefined];
    await Promise.all(planes.map((plane) => plane?.close()));
  }
}

const EXIT_CODES = {
  accepted: EXIT_OK,
  expected: EXIT_NOT_ASKED,
  stillAccepted: EXIT_NO,
  refused: EXIT_NO,
  unknown: EXIT_UNREACHABLE,
} as const;

async function kubeconfigFile(config: ExplainConfig, runtime: Runtime): Promise<KubeconfigFile | undefined> {
  const { kubeconfigFile: file, givenContext, followFiles } = config;
  if (file === undefined) return undefined;
  if (file === '-')
    return readKubeconfig(await text(runtime.stdin), 'standard input', givenContext, followFiles);
  const content = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new ConfigError(`--kubeconfig-file ${file}: ${describeFileError(error)}`);
  });
  return readKubeconfig(content, file, givenContext, followFiles);
}

/** One that was asked for has to be usable; without any, the cluster alone may still tell enough. */
async function givenManagement(config: ExplainConfig): Promise<Reading<ManagementPlane>> {
  return config.kubeconfig.required
    ? { ok: true, value: await managementPlane(config) }
    : reading(() => managementPlane(config));
}

async function print(explanation: Explanation, config: ExplainConfig, printer: Printer): Promise<void> {
  const { output } = config;
  if (output === 'json' || output === 'yaml') return printObject(asObject(explanation), output, printer);
  if (output === 'name')
    return printer.write(`${explanation.verdict}${explanation.reason ? `/${explanation.reason}` : ''}\n`);
  const colour = paint(printer.isTerminal, printer.env);
  const { columns } = printer;
  printer.write(headline(explanation, colour, columns));
  if (output === 'wide' && explanation.runbook) printer.write(`  more: ${explanation.runbook}\n`);
  printer.write(`\n${checklist(explanation.hops, { paint: colour, remedies: output === 'wide', columns })}`);
}

const STATES = {
  accepted: 'ok',
  expected: 'ok',
  stillAccepted: 'broken',
  refused: 'broken',
  unknown: 'unknown',
} as const;
const WORDS = {
  accepted: 'accepted',
  expected: 'in order',
  stillAccepted: 'still let in',
  refused: 'refused',
  unknown: 'cannot be told',
} as const;

/** What is broken upstream is known for certain, and whether the cluster knows of it is not. */
const UPSTREAM: readonly string[] = ['token', 'expiry', 'enabled', 'user', 'scope', 'cluster'];

function wordFor({ verdict, hops }: Explanation): string {
  const isKnown = hops.some(({ id, state }) => state === 'broken' && UPSTREAM.includes(id));
  return verdict === 'unknown' && isKnown
    ? 'should be refused, and nobody can see here whether it is'
    : WORDS[verdict];
}

function headline(explanation: Explanation, colour: Paint, columns: number | undefined): string {
  const { token, cluster, verdict, reason, message, remedy } = explanation;
  const what = [token ? `token ${token}` : 'the kubeconfig', ...(cluster ? [`in ${cluster}`] : [])].join(' ');
  const why = reason ? `${reason}: ${message}` : message;
  const word = colour('strong', printable(`${what}: ${wordFor(explanation)}`));
  const first = hanging(`${mark(STATES[verdict], colour)} `, `${word} - ${printable(why)}`, columns);
  const lines =
    remedy === undefined ? [first] : [first, hanging('  ', `what to do: ${printable(remedy)}`, columns)];
  return lines.map((line) => `${line}\n`).join('');
}

function asObject(explanation: Explanation): object {
  const { token, cluster, user, verdict, reason, message, remedy, runbook, hops } = explanation;
  return { kind: 'Explanation', token, cluster, user, verdict, reason, message, remedy, runbook, hops };
}

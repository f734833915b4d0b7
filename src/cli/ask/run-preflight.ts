import { type PreflightConfig, preflightConfig } from '../../config/preflight.ts';
import type { Hop } from '../../explain/hop.ts';
import { unseenAuthentication, worst } from '../../explain/preflight.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { known, type Reading, required } from '../../plane/reading.ts';
import { checklist, mark } from '../../print/checklist.ts';
import { type Printer, printObject } from '../../print/output.ts';
import { printable } from '../../print/printable.ts';
import { paint } from '../../print/style.ts';
import { managementPlane } from '../reach/connect.ts';
import { type Inspection, inspectCluster, inspectManagement } from '../reach/inspect.ts';
import { tellNotLookedAt } from '../reach/not-looked-at.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { printerOf } from '../terminal/printer.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';

/** `ace-operator preflight`. @returns the exit code @throws {ConfigError | UnseenError} */
export async function runPreflight({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const config = preflightConfig(args, given, runtime.env, runtime.home);
  const management = await managementPlane(config);
  try {
    const hops = await inspectManagement(management, runtime.now);
    const inspections: Inspection[] = [{ name: 'management', hops }];
    const names = await clusterNames(config, management, hops);
    if (!names) {
      complain(runtime, await missingCluster(config.cluster ?? '', management));
      return EXIT_NO;
    }
    for (const name of known(names) ?? []) {
      const inspection = await inspectCluster(name, config, management, runtime);
      if (inspection.unproven) note(inspection.unproven, runtime);
      inspections.push(inspection);
    }
    await print(inspections, config, printerOf(config, runtime));
    tellUnseen(inspections, config, runtime);
    const code = codeOf(inspections, config);
    if (names.ok) return code;
    const { reason, message } = names.failure;
    complain(runtime, `no cluster was looked at: ${reason}: ${message}`);
    return code === EXIT_OK ? EXIT_UNREACHABLE : code;
  } finally {
    await management.close();
  }
}

/** One cluster at a time: what was seen of one says nothing about another. */
function codeOf(inspections: readonly Inspection[], { strict }: PreflightConfig): number {
  const verdicts = inspections.map(({ hops }) => worst(hops, strict));
  if (verdicts.includes('broken')) return EXIT_NO;
  return verdicts.includes('unknown') ? EXIT_UNREACHABLE : EXIT_OK;
}

/** The least credential sees neither DaemonSets nor reviews: all that it may see is fine, and that is not all. */
function tellUnseen(inspections: readonly Inspection[], { strict }: PreflightConfig, runtime: Runtime): void {
  const names = inspections
    .filter(({ hops }) => worst(hops, strict) === 'ok' && unseenAuthentication(hops))
    .map(({ name }) => name);
  tellNotLookedAt('authenticator and webhook', names, runtime);
}

/** @returns undefined when there is no cluster of the name that was asked for */
async function clusterNames(
  config: PreflightConfig,
  management: ManagementPlane,
  hops: readonly Hop[],
): Promise<Reading<readonly string[]> | undefined> {
  if (hops.some(({ id, state }) => id === 'management' && state === 'unknown'))
    return { ok: true, value: [] };
  const clusters = await management.clusters();
  management.remembered.learn({ clusters });
  if (config.cluster === undefined) {
    if (!clusters.ok) return clusters;
    const withAce = clusters.value.filter(({ aceEnabled }) => aceEnabled);
    return { ok: true, value: withAce.map(({ name }) => name) };
  }
  const isKnown = required(clusters).some(({ name }) => name === config.cluster);
  return isKnown ? { ok: true, value: [config.cluster] } : undefined;
}

async function print(
  inspections: readonly Inspection[],
  { output, strict }: PreflightConfig,
  printer: Printer,
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    const items = inspections.map(({ name, hops }) => ({ name, verdict: worst(hops, strict), checks: hops }));
    return printObject({ kind: 'Preflight', items }, output, printer);
  }
  if (output === 'name')
    return printer.write(
      inspections.map(({ name, hops }) => `${worst(hops, strict)}/${printable(name)}\n`).join(''),
    );
  const colour = paint(printer.isTerminal, printer.env);
  const parts = inspections.map(
    ({ name, hops }) =>
      `${mark(worst(hops, strict), colour)} ${colour('strong', printable(name))}\n${checklist(hops, { paint: colour, remedies: output === 'wide', columns: printer.columns })}`,
  );
  printer.write(parts.join('\n'));
}

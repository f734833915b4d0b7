import type { TokenChangeConfig } from '../../config/token.ts';
import { describeError } from '../../errors.ts';
import { type Changed, type ChangeTarget, changeToken, type TokenAction } from '../../issue/change/change.ts';
import { untilRefused } from '../../issue/change/refused.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { humanDuration } from '../../print/duration.ts';
import { printAnswer } from '../../print/output.ts';
import { downstreamPlane } from '../reach/connect.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { InterruptedError } from '../terminal/interruption.ts';
import { printerOf } from '../terminal/printer.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note, say } from '../terminal/say.ts';
import { tokenReference } from './run-token-list.ts';

/** As many as the connection pool takes. */
const AT_ONCE = 8;

/** What came of one token: printed as it happens, or at the end for programs. */
export interface TokenResult {
  readonly name: string;
  readonly result: Changed | 'failed';
  readonly message?: string;
}

const DRY = { none: '', client: ' (dry run)', server: ' (server dry run)' } as const;
const VERBS: Readonly<Record<TokenAction, string>> = {
  disable: 'disabling tokens',
  enable: 'enabling tokens',
  delete: 'deleting tokens',
};

/**
 * Changes tokens, many at a time; one that fails stops none of the others.
 *
 * @param missing - results of those that were named and do not exist
 * @returns the exit code
 */
export async function changeTokens(
  action: TokenAction,
  targets: readonly ChangeTarget[],
  missing: readonly TokenResult[],
  { config, management, runtime }: Work,
): Promise<number> {
  const isText = ['table', 'wide', 'name'].includes(config.output);
  const results: TokenResult[] = [];
  const progress = progressOf(VERBS[action], runtime);
  const tell = (result: TokenResult): void => {
    results.push(result);
    progress.clear();
    const { name, message } = result;
    if (result.result === 'failed') complain(runtime, `token ${name}: ${message}`);
    else if (config.output === 'name') say(tokenReference(result), runtime);
    else if (isText) say(`token/${name} ${result.result}${DRY[config.dryRun]}`, runtime);
    progress.update(results.length, targets.length + missing.length);
  };
  for (const result of missing) tell(result);
  const interruption = runtime.interruption();
  const change = async (target: ChangeTarget): Promise<void> =>
    tell(await changeOne(action, target, { config, management, runtime }));
  await eachBounded(targets, AT_ONCE, change, interruption);
  progress.clear();
  if (!isText) await printResults(results, config, runtime);
  const failed = results.filter(({ result }) => result === 'failed').length;
  const isLost = (await runtime.flushed()) !== undefined;
  if (results.length > 1 || isLost) note(summary(action, results, config), runtime);
  const left = targets.length + missing.length - results.length;
  if (left > 0) throw new InterruptedError(interruption, `${left} tokens were left as they are`);
  const waited = await waitRefused(targets, results, { config, management, runtime });
  return failed > 0 ? EXIT_NO : waited;
}

export interface Work {
  readonly config: TokenChangeConfig;
  readonly management: ManagementPlane;
  readonly runtime: Runtime;
}

async function changeOne(
  action: TokenAction,
  target: ChangeTarget,
  { config, management }: Work,
): Promise<TokenResult> {
  const { name } = target;
  try {
    const result = await changeToken(action, target, management.client, config.dryRun);
    if (result === 'gone' && action === 'enable')
      return { name, result: 'failed', message: 'it was deleted meanwhile' };
    return { name, result };
  } catch (error) {
    return { name, result: 'failed', message: describeError(error) };
  }
}

function summary(action: TokenAction, results: readonly TokenResult[], config: TokenChangeConfig): string {
  const count = (...wanted: readonly TokenResult['result'][]): number =>
    results.filter(({ result }) => wanted.includes(result)).length;
  const parts = [
    `${count('disabled', 'enabled', 'deleted')} of ${results.length} tokens ${action}d${DRY[config.dryRun]}`,
    count('unchanged') > 0 ? `${count('unchanged')} so already` : '',
    count('gone') > 0 ? `${count('gone')} gone already` : '',
    count('deleting') > 0 ? `${count('deleting')} held by a finalizer of somebody` : '',
    count('failed') > 0 ? `${count('failed')} failed` : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

async function printResults(
  results: readonly TokenResult[],
  config: TokenChangeConfig,
  runtime: Runtime,
): Promise<void> {
  await printAnswer(
    {
      columns: [],
      rows: results,
      object: (result) => ({ kind: 'TokenResult', ...result, dryRun: config.dryRun }),
      name: tokenReference,
      empty: '',
    },
    printerOf(config, runtime),
  );
}

/** Until the clusters refuse what was taken away, also what had been before: a repetition waits as the first time did. */
async function waitRefused(
  targets: readonly ChangeTarget[],
  results: readonly TokenResult[],
  { config, management, runtime }: Work,
): Promise<number> {
  if (config.timeoutMs === undefined) return EXIT_OK;
  const failed = new Set(results.filter(({ result }) => result === 'failed').map(({ name }) => name));
  const byCluster = new Map<string, string[]>();
  for (const { name, clusterName } of targets) {
    if (clusterName === '' || failed.has(name)) continue;
    byCluster.set(clusterName, [...(byCluster.get(clusterName) ?? []), name]);
  }
  const progress = progressOf('waiting, still accepted downstream', runtime);
  const left = await untilRefused(byCluster, {
    deadlineMs: runtime.now() + config.timeoutMs,
    now: runtime.now,
    interruption: runtime.interruption(),
    open: (cluster) => downstreamPlane(cluster, management, config),
    tell: (count) => progress.update(count),
  });
  progress.clear();
  const codes = [...left].map(([cluster, accepted]) => {
    if (!accepted.ok) {
      complain(
        runtime,
        `cluster ${cluster}: ${accepted.failure.message}: cannot see whether it refuses them`,
      );
      return EXIT_UNREACHABLE;
    }
    if (accepted.value.length === 0) return EXIT_OK;
    const after = humanDuration(config.timeoutMs ?? 0);
    complain(
      runtime,
      `cluster ${cluster}: still accepts ${listed(accepted.value)} after ${after}; does the operator run?`,
    );
    return EXIT_NO;
  });
  const worst = codes.find((code) => code === EXIT_NO) ?? codes.find((code) => code !== EXIT_OK) ?? EXIT_OK;
  if (worst === EXIT_OK) {
    tellRefused([...left.keys()], runtime);
  }
  return worst;
}

/** Of whom it is said: a token without a cluster opens the management plane alone. */
function tellRefused(clusters: readonly string[], runtime: Runtime): void {
  note(
    clusters.length === 0
      ? 'no cluster was asked: none of them is scoped to one'
      : `refused downstream in ${listed(clusters)}; an API server may remember an earlier yes for its webhook cache TTL`,
    runtime,
  );
}

const SHOWN = 3;

function listed(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  return rest > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${rest} more` : names.slice(0, SHOWN).join(', ');
}

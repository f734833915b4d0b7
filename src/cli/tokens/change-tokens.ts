import type { DryRun } from '../../config/act.ts';
import type { TokenChangeConfig } from '../../config/token.ts';
import { describeError } from '../../errors.ts';
import {
  type Changed,
  type ChangeMeans,
  type ChangeTarget,
  changeToken,
  type TokenAction,
} from '../../issue/change/change.ts';
import type { GoneTokens } from '../../issue/change/gone.ts';
import type { ListedToken } from '../../issue/change/listed-token.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { printAnswer } from '../../print/output.ts';
import { givenUp, patienceWith } from '../reach/patience.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE, worstOf } from '../terminal/exit.ts';
import { InterruptedError } from '../terminal/interruption.ts';
import { printerOf } from '../terminal/printer.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, DRY_RUN_SUFFIX, note, say } from '../terminal/say.ts';
import { tokenReference } from './run-token-list.ts';
import { requireItsCluster, waitRefused } from './wait-refused.ts';

/** As many as the connection pool takes. */
const AT_ONCE = 8;

/** What came of one token: printed as it happens, or at the end for programs. */
export interface TokenResult {
  readonly name: string;
  readonly result: Changed | 'failed';
  readonly message?: string;
}

/** What a command is to change, and what keeps it from all that was meant. */
export interface Meant {
  readonly found: readonly ListedToken[];
  /** Of those that cannot be changed here: there is no such token, or it is of the other kind. */
  readonly failed: readonly TokenResult[];
  /** Why there may be more that are meant, in words; undefined: there are not. */
  readonly unseen: string | undefined;
  /** Those that were meant and no longer exist: their clusters may go on accepting them. Undefined: there are none. */
  readonly gone: GoneTokens | undefined;
}

const VERBS: Readonly<Record<TokenAction, string>> = {
  disable: 'disabling tokens',
  enable: 'enabling tokens',
  delete: 'deleting tokens',
};

/**
 * Changes tokens, many at a time; one that fails stops none of the others.
 *
 * @returns the exit code
 * @throws {ConfigError} when a kubeconfig of one cluster was given for tokens of several, or of another; then nothing is changed
 */
export async function changeTokens(
  action: TokenAction,
  { found: targets, failed, unseen, gone }: Meant,
  { config, management, runtime }: Work,
): Promise<number> {
  await requireItsCluster(targets, config, management);
  const isText = ['table', 'wide', 'name'].includes(config.output);
  const results: TokenResult[] = [];
  const progress = progressOf(VERBS[action], runtime);
  const tell = (result: TokenResult): void => {
    results.push(result);
    progress.clear();
    const { name, message } = result;
    if (result.result === 'failed') complain(runtime, `token ${name}: ${message}`);
    else if (config.output === 'name') say(tokenReference(result), runtime);
    else if (isText) say(`token/${name} ${result.result}${DRY_RUN_SUFFIX[config.dryRun]}`, runtime);
    progress.update(results.length, targets.length + failed.length);
  };
  for (const result of failed) tell(result);
  const interruption = runtime.interruption();
  const patience = patienceWith({
    ...{ whom: 'the management plane', limitMs: config.timeLimitMs },
    ...{ runtime, clear: () => progress.clear() },
  });
  const change = async (target: ChangeTarget): Promise<void> =>
    tell(await changeOne(action, target, { client: management.client, patience }, config.dryRun));
  await eachBounded(targets, AT_ONCE, change, AbortSignal.any([interruption, patience.limit]));
  progress.clear();
  if (!isText) await printResults(results, config, runtime);
  const isLost = (await runtime.flushed()) !== undefined;
  if (results.length > 1 || isLost) note(summary(action, results, config), runtime);
  const left = targets.length + failed.length - results.length;
  if (left > 0 && interruption.aborted)
    throw new InterruptedError(interruption, `${left} tokens were left as they are`);
  if (left > 0) {
    complain(runtime, givenUp(config.timeLimitMs, left, left + results.length, 'tokens'));
    return EXIT_UNREACHABLE;
  }
  const isFailed = new Set(results.filter(({ result }) => result === 'failed').map(({ name }) => name));
  const waited = await waitRefused(
    targets.filter(({ name }) => !isFailed.has(name)),
    gone,
    { config, runtime },
  );
  return worstOf([isFailed.size > 0 ? EXIT_NO : EXIT_OK, codeOfUnseen(unseen, runtime), waited]);
}

/** Says so where there may be more. @returns the exit code */
export function codeOfUnseen(unseen: string | undefined, runtime: Runtime): number {
  if (unseen === undefined) return EXIT_OK;
  complain(runtime, unseen);
  return EXIT_UNREACHABLE;
}

export interface Work {
  readonly config: TokenChangeConfig;
  readonly management: ManagementPlane;
  readonly runtime: Runtime;
}

async function changeOne(
  action: TokenAction,
  target: ChangeTarget,
  means: ChangeMeans,
  dryRun: DryRun,
): Promise<TokenResult> {
  const { name } = target;
  try {
    const result = await changeToken(action, target, means, dryRun);
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
    `${count('disabled', 'enabled', 'deleted')} of ${results.length} tokens ${action}d${DRY_RUN_SUFFIX[config.dryRun]}`,
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

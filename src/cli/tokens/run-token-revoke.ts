import { namesOf } from '../../config/act.ts';
import { type TokenRevokeConfig, tokenRevokeConfig } from '../../config/token.ts';
import type { ListedToken } from '../../issue/change/listed-token.ts';
import { isByTime, isSystemToken } from '../../issue/change/select.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { agreedNow, tellClocks } from '../reach/clocks.ts';
import { managementPlane } from '../reach/connect.ts';
import { askPerson } from '../terminal/ask-person.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK } from '../terminal/exit.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';
import { changeTokens, type TokenResult } from './change-tokens.ts';
import { requireNamed } from './named-in-filter.ts';
import { tokensNamed } from './run-token-change.ts';
import { selectTokens } from './run-token-list.ts';
import { outOfUseInClusters } from './uses-in-clusters.ts';

/** `token revoke`. @returns the exit code @throws {ConfigError | ConnectionError} */
export async function runTokenRevoke({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const names = namesOf('token', args);
  const config = tokenRevokeConfig(given, runtime.env, runtime.home, names);
  const management = await managementPlane(config);
  try {
    const { found, missing } = await meant(names, config, management, runtime);
    await tellOtherKind(config, management, runtime);
    if (found.length + missing.length === 0) {
      await requireNamed(config.selection, management);
      note('No tokens found.', runtime);
      return EXIT_OK;
    }
    if (!(await isAgreed(found, { names, config, server: management.server, runtime }))) {
      note('Nothing was changed.', runtime);
      return EXIT_NO;
    }
    const action = config.keep ? 'disable' : 'delete';
    return await changeTokens(action, found, missing, { config, management, runtime });
  } finally {
    await management.close();
  }
}

const NAMED_EXT = 5;

/** A leaver may hold tokens of Rancher's newer kind: they are no Tokens, and stay good for the management plane. */
async function tellOtherKind(
  { selection: { user } }: TokenRevokeConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<void> {
  if (user === undefined) return;
  const read = await management.extTokensOf(user);
  if (!read.ok) {
    note(`not looked at: tokens of ext.cattle.io of ${user}: ${read.failure.message}`, runtime);
    return;
  }
  if (read.value.length === 0) return;
  const names = read.value.slice(0, NAMED_EXT).join(' ');
  const more = read.value.length > NAMED_EXT ? ' …' : '';
  note(
    `not taken away: ${read.value.length} tokens of ext.cattle.io of ${user} (${names}${more}); they go on opening the management plane, and each cluster that they were carried to: kubectl delete tokens.ext.cattle.io ${names}${more}, or disable the User`,
    runtime,
  );
}

/** Without the token by which all this is done: after it nothing else would be, nor be waited for. */
async function withoutOwn(
  tokens: readonly ListedToken[],
  management: ManagementPlane,
  runtime: Runtime,
): Promise<readonly ListedToken[]> {
  const own = await management.ownToken();
  if (!tokens.some(({ name }) => name === own)) return tokens;
  note(
    `left out: ${own}, the token that you are logged in with; ${runtime.program} token delete ${own} takes it`,
    runtime,
  );
  return tokens.filter(({ name }) => name !== own);
}

async function meant(
  names: readonly string[],
  config: TokenRevokeConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<{ found: readonly ListedToken[]; missing: readonly TokenResult[] }> {
  if (names.length > 0) return tokensNamed(names, management, config.ignoreNotFound);
  const progress = progressOf('reading tokens', runtime);
  const now = (): number => agreedNow(management, runtime);
  const listed = await selectTokens(config.selection, management, { now, progress });
  if (isByTime(config.selection)) tellClocks(management, runtime);
  const outOfUse = await outOfUseInClusters(listed, config.selection, { config, management, runtime, now });
  const selected = await withoutOwn(outOfUse, management, runtime);
  if (config.includeSystem) return { found: selected, missing: [] };
  const found = selected.filter((token) => !isSystemToken(token));
  const spared = selected.length - found.length;
  if (spared > 0) {
    note(
      `left out: ${spared} tokens of Rancher's own agents and provisioning; --include-system takes them, too`,
      runtime,
    );
  }
  return { found, missing: [] };
}

/** More than that nobody has in mind who names one person. */
const UNASKED = 20;
/** Users that the question names. */
const SHOWN = 5;

interface Question {
  readonly names: readonly string[];
  readonly config: TokenRevokeConfig;
  /** The management plane, for people. */
  readonly server: string;
  readonly runtime: Runtime;
}

/** What was named was meant; a filter may hit more than somebody thought. */
async function isAgreed(
  found: readonly ListedToken[],
  { names, config, server, runtime }: Question,
): Promise<boolean> {
  if (names.length > 0 || config.yes || config.dryRun !== 'none') return true;
  const byUser = Map.groupBy(found, ({ userName }) => userName);
  if (!config.all && byUser.size <= 1 && found.length <= UNASKED) return true;
  const counts = [...byUser].map(([user, tokens]) => `${user || 'nobody'} ${tokens.length}`);
  const shown = counts.length > SHOWN ? [...counts.slice(0, SHOWN), '…'] : counts;
  const verb = config.keep ? 'Disable' : 'Delete';
  const what = `${found.length} tokens of ${byUser.size} users (${shown.join(', ')})`;
  return askPerson(`${verb} ${what} in ${server}?`, runtime);
}

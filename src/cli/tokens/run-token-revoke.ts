import { namesOf } from '../../config/act.ts';
import { type TokenRevokeConfig, tokenRevokeConfig } from '../../config/token.ts';
import type { ListedToken } from '../../issue/change/listed-token.ts';
import { isByTime, isSystemToken } from '../../issue/change/select.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { known } from '../../plane/reading.ts';
import { agreedNow, tellClocks } from '../reach/clocks.ts';
import { managementPlane } from '../reach/connect.ts';
import { askPerson } from '../terminal/ask-person.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_NO, worstOf } from '../terminal/exit.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';
import { changeTokens, codeOfUnseen, type Meant } from './change-tokens.ts';
import { missingNamed } from './named-in-filter.ts';
import { mayOpen, ofOtherKind, otherKindUnseen } from './other-kind.ts';
import { tokensNamed } from './run-token-change.ts';
import { selectExtTokens, selectTokens } from './run-token-list.ts';
import { outOfUseInClusters } from './uses-in-clusters.ts';
import { waitRefused } from './wait-refused.ts';

/** `token revoke`. @returns the exit code @throws {ConfigError | ConnectionError} */
export async function runTokenRevoke({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const names = namesOf('token', args);
  const config = tokenRevokeConfig(given, runtime.env, runtime.home, names);
  const management = await managementPlane(config);
  try {
    const meant = await tokensMeant(names, config, management, runtime);
    if (meant.found.length + meant.failed.length === 0) {
      const missing = await missingNamed(config.selection, management);
      // Who was deleted, with all tokens, is let in for as long as a cluster does not know of it.
      if (missing && config.timeoutMs === undefined) throw missing;
      note('No tokens found.', runtime);
      const code = codeOfUnseen(meant.unseen, runtime);
      return worstOf([code, await waitRefused([], meant.gone, { config, runtime, missing })]);
    }
    if (!(await isAgreed(meant.found, { names, config, server: management.server, runtime }))) {
      note('Nothing was changed.', runtime);
      return EXIT_NO;
    }
    const action = config.keep ? 'disable' : 'delete';
    return await changeTokens(action, meant, { config, management, runtime });
  } finally {
    await management.close();
  }
}

/** Without the token by which all this is done: after it nothing else would be, nor be waited for. */
async function withoutOwn(
  tokens: readonly ListedToken[],
  management: ManagementPlane,
  runtime: Runtime,
): Promise<readonly ListedToken[]> {
  const own = await management.ownToken();
  const isOwn = ({ api, name }: ListedToken): boolean => api === 'v3' && name === own;
  if (!tokens.some(isOwn)) return tokens;
  note(
    `left out: ${own}, the token that you are logged in with; ${runtime.program} token delete ${own} takes it`,
    runtime,
  );
  return tokens.filter((token) => !isOwn(token));
}

async function tokensMeant(
  names: readonly string[],
  config: TokenRevokeConfig,
  management: ManagementPlane,
  runtime: Runtime,
): Promise<Meant> {
  if (names.length > 0) return tokensNamed(names, management, config.ignoreNotFound);
  const { selection } = config;
  const progress = progressOf('reading tokens', runtime);
  const now = (): number => agreedNow(management, runtime);
  const listed = await selectTokens(selection, management, { now, progress });
  const ext = await selectExtTokens(selection, management, now);
  if (isByTime(selection)) tellClocks(management, runtime);
  const both = [...listed, ...(known(ext) ?? [])];
  const outOfUse = await outOfUseInClusters(both, selection, { config, management, runtime, now });
  const selected = await withoutOwn(outOfUse, management, runtime);
  const meant = config.includeSystem ? selected : withoutSystem(selected, runtime);
  return {
    found: meant.filter(({ api }) => api === 'v3'),
    failed: meant
      .filter((token) => token.api === 'ext' && mayOpen(token))
      .map(({ name }) => ofOtherKind(name)),
    unseen: ext.ok ? undefined : otherKindUnseen(ext.failure),
    gone: { names: undefined, user: selection.user, cluster: selection.cluster },
  };
}

function withoutSystem(tokens: readonly ListedToken[], runtime: Runtime): readonly ListedToken[] {
  const left = tokens.filter((token) => !isSystemToken(token));
  const spared = tokens.length - left.length;
  if (spared > 0) {
    note(
      `left out: ${spared} tokens of Rancher's own agents and provisioning; --include-system takes them, too`,
      runtime,
    );
  }
  return left;
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
  if (found.length === 0 || names.length > 0 || config.yes || config.dryRun !== 'none') return true;
  const byUser = Map.groupBy(found, ({ userName }) => userName);
  if (!config.all && byUser.size <= 1 && found.length <= UNASKED) return true;
  const counts = [...byUser].map(([user, tokens]) => `${user || 'nobody'} ${tokens.length}`);
  const shown = counts.length > SHOWN ? [...counts.slice(0, SHOWN), '…'] : counts;
  const verb = config.keep ? 'Disable' : 'Delete';
  const what = `${found.length} tokens of ${byUser.size} users (${shown.join(', ')})`;
  return askPerson(`${verb} ${what} in ${server}?`, runtime);
}

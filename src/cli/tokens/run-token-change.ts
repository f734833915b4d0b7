import { TOKENS } from '../../api/names.ts';
import type { Token } from '../../api/types.ts';
import { namesOf } from '../../config/act.ts';
import { tokenChangeConfig } from '../../config/token.ts';
import { ConfigError } from '../../errors.ts';
import type { TokenAction } from '../../issue/change/change.ts';
import { type ListedToken, parseListedToken } from '../../issue/change/listed-token.ts';
import { eachBounded } from '../../plane/bounded.ts';
import { readExtToken } from '../../plane/ext-tokens.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { known, type Reading } from '../../plane/reading.ts';
import { managementPlane } from '../reach/connect.ts';
import type { Invocation } from '../terminal/command.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { changeTokens, type Meant } from './change-tokens.ts';
import { ofOtherKind, otherKindUnseen } from './other-kind.ts';

const AT_ONCE = 8;

/** `token disable|enable|delete`. @returns the exit code @throws {ConfigError | ConnectionError} */
export async function runTokenChange(
  action: TokenAction,
  { args, given }: Invocation,
  runtime: Runtime,
): Promise<number> {
  const config = tokenChangeConfig(given, runtime.env, runtime.home);
  const names = namesOf('token', args);
  if (action === 'enable' && config.timeoutMs !== undefined)
    throw new ConfigError('--wait: waits for a refusal; see `wait TOKEN --for=propagated` for the opposite');
  const management = await managementPlane(config);
  try {
    const meant = await tokensNamed(names, management, config.ignoreNotFound);
    return await changeTokens(action, meant, { config, management, runtime });
  } finally {
    await management.close();
  }
}

/**
 * Tokens by name, in that order, and a result for each that is no Token.
 *
 * @param ignoreMissing - those of either kind that do not exist are no fault, and have no result
 * @throws {ConnectionError} when a Token cannot be read: then nothing is changed
 */
export async function tokensNamed(
  names: readonly string[],
  management: ManagementPlane,
  ignoreMissing: boolean,
): Promise<Meant> {
  const tokens = new Map<string, ListedToken | undefined>();
  await eachBounded(names, AT_ONCE, async (name) => {
    tokens.set(name, needed(await management.get(TOKENS, name, parseListedToken)));
  });
  const absent = names.filter((name) => tokens.get(name) === undefined);
  const others = new Map<string, Reading<Token | undefined>>();
  await eachBounded(absent, AT_ONCE, async (name) => {
    others.set(name, await readExtToken(management, name));
  });
  const isOther = (name: string): boolean => known(others.get(name)) !== undefined;
  const gone = ignoreMissing ? absent.filter((name) => !isOther(name)) : [];
  const failure = [...others.values()].find((read) => !read.ok)?.failure;
  return {
    found: names.flatMap((name) => tokens.get(name) ?? []),
    failed: absent.flatMap((name) => {
      if (isOther(name)) return ofOtherKind(name);
      return ignoreMissing ? [] : { name, result: 'failed', message: 'there is no token of that name' };
    }),
    unseen: failure && otherKindUnseen(failure),
    gone: gone.length === 0 ? undefined : { names: new Set(gone), user: undefined, cluster: undefined },
  };
}

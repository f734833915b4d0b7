import { TOKENS } from '../../api/names.ts';
import { namesOf } from '../../config/act.ts';
import { tokenChangeConfig } from '../../config/token.ts';
import { ConfigError } from '../../errors.ts';
import type { TokenAction } from '../../issue/change/change.ts';
import { type ListedToken, parseListedToken } from '../../issue/change/listed-token.ts';
import { eachBounded } from '../../plane/bounded.ts';
import { readExtToken } from '../../plane/ext-tokens.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { known } from '../../plane/reading.ts';
import { managementPlane } from '../reach/connect.ts';
import type { Invocation } from '../terminal/command.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { changeTokens, type TokenResult } from './change-tokens.ts';

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
    const { found, missing } = await tokensNamed(names, management, config.ignoreNotFound);
    return await changeTokens(action, found, missing, { config, management, runtime });
  } finally {
    await management.close();
  }
}

/**
 * Tokens by name, in that order, and a result for each that does not exist.
 *
 * @param ignoreMissing - those are no fault, and have no result
 * @throws {ConnectionError} when one cannot be read: then nothing is changed
 */
export async function tokensNamed(
  names: readonly string[],
  management: ManagementPlane,
  ignoreMissing: boolean,
): Promise<{ found: readonly ListedToken[]; missing: readonly TokenResult[] }> {
  const tokens = new Map<string, ListedToken | undefined>();
  await eachBounded(names, AT_ONCE, async (name) => {
    tokens.set(name, needed(await management.get(TOKENS, name, parseListedToken)));
  });
  const absent = names.filter((name) => tokens.get(name) === undefined);
  return {
    found: names.flatMap((name) => tokens.get(name) ?? []),
    missing: ignoreMissing ? [] : await Promise.all(absent.map((name) => missing(name, management))),
  };
}

/** One of the other kind is changed through its own API, whose server looks after it. */
async function missing(name: string, management: ManagementPlane): Promise<TokenResult> {
  const isExt = known(await readExtToken(management, name)) !== undefined;
  const message = isExt
    ? `it is a token of ext.cattle.io: kubectl delete tokens.ext.cattle.io ${name}, or patch its spec.enabled there`
    : 'there is no token of that name';
  return { name, result: 'failed', message };
}

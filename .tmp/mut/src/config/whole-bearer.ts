import { ConfigError } from '../errors.ts';

/** A name, alone or behind its kind, and a secret as they are issued: long, and of few characters. No path, URL or address is like it. */
const WHOLE_BEARER = /^(?:[\w.]+\/){0,2}[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?:[\w.~+=-]{16,}$/;
/** Names of users and groups have colons, too (`system:kube-controller-manager`, `oidc:platform-administrators`), and words behind them. */
const UNBROKEN = /[A-Za-z0-9]{16}[^:]*$/;

/** Whether somebody pasted a whole token where its name, or anything else, belongs. */
export function isWholeBearer(text: string): boolean {
  return WHOLE_BEARER.test(text.trim()) && UNBROKEN.test(text.trim());
}

/**
 * What was typed in place of a name. It is in the shell's history already; at least it goes no further.
 *
 * @param where - `--user`, or the argument
 */
export function wholeBearerError(where: string): ConfigError {
  return new ConfigError(
    `${where}: that is a whole bearer, which does not belong on a command line: give only the name, before the colon; what was typed may be in the history of the shell`,
  );
}

/** No name has a colon: in its place that can only be the secret that follows. @throws {ConfigError} */
export function requireName(where: string, text: string): void {
  if (text.includes(':')) throw wholeBearerError(where);
}

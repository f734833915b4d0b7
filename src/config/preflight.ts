import { ASK_FLAGS, type AskConfig, askConfig } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';

export interface PreflightConfig extends AskConfig {
  /** All clusters with ACE without it. */
  readonly cluster: string | undefined;
  readonly strict: boolean;
}

export const PREFLIGHT_FLAGS: readonly Flag[] = [
  {
    flag: 'strict',
    help: 'a credential that may do more than the operator needs is a fault, not a warning',
    fallback: 'false',
  },
  ...ASK_FLAGS,
];

/** @throws {ConfigError} */
export function preflightConfig(
  args: readonly string[],
  given: Given,
  env: Environment,
  home: string,
): PreflightConfig {
  const text = flagReader(PREFLIGHT_FLAGS, given, env);
  return Object.freeze({
    ...askConfig(given, env, home),
    cluster: args[0],
    strict: switchValue('strict', text('strict')),
  });
}

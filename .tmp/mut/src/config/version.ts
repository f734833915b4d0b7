import { ASK_FLAGS, type AskConfig, askConfig } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';

export interface VersionConfig extends AskConfig {
  /** Nothing is asked of anybody. */
  readonly clientOnly: boolean;
}

export const VERSION_FLAGS: readonly Flag[] = [
  { flag: 'client', help: 'only this program; asks no cluster', fallback: 'false' },
  ...ASK_FLAGS,
];

/** @throws {ConfigError} */
export function versionConfig(given: Given, env: Environment, home: string): VersionConfig {
  const text = flagReader(VERSION_FLAGS, given, env);
  return Object.freeze({
    ...askConfig(given, env, home, VERSION_FLAGS),
    clientOnly: switchValue('client', text('client')),
  });
}

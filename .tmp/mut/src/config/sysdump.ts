import { ConfigError } from '../errors.ts';
import { namesOf, TIME_LIMIT_FLAG, type TimeLimitConfig, timeLimitOf } from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, DOWNSTREAM_KUBECONFIG_FLAG } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given } from './flags.ts';

export interface SysdumpConfig extends AskConfig, TimeLimitConfig {
  /** All clusters with ACE without any. */
  readonly clusters: readonly string[];
  /** `-` is stdout; undefined: a name with the time in it, in the current directory. */
  readonly outputFile: string | undefined;
  readonly sizeLimitBytes: number;
}

const MIB = 1024 * 1024;
const MAX_SIZE_MIB = 1_024;

export const SYSDUMP_FLAGS: readonly Flag[] = [
  {
    flag: 'output-file',
    placeholder: 'FILE',
    help: 'where to write the archive, which may not be there yet; - for stdout; without it ace-sysdump-TIME.tar.gz here',
    fallback: '',
  },
  {
    ...TIME_LIMIT_FLAG,
    help: 'how long all of it may take; what is left then is left out, and said',
    fallback: '3m',
  },
  {
    flag: 'size-limit',
    placeholder: 'MIB',
    help: 'how large all files may be together before they are compressed',
    fallback: '64',
  },
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...ASK_FLAGS,
];

/** @throws {ConfigError} */
export function sysdumpConfig(
  args: readonly string[],
  given: Given,
  env: Environment,
  home: string,
): SysdumpConfig {
  const text = flagReader(SYSDUMP_FLAGS, given, env);
  const ask = askConfig(given, env, home, SYSDUMP_FLAGS);
  const clusters = namesOf('cluster', args);
  if (ask.downstreamKubeconfig !== undefined && clusters.length !== 1)
    throw new ConfigError('--downstream-kubeconfig: wanted the one cluster that it belongs to, too');
  const size = Number(text('size-limit'));
  if (!Number.isInteger(size) || size < 1 || size > MAX_SIZE_MIB)
    throw new ConfigError(`--size-limit: wanted 1 to ${MAX_SIZE_MIB} MiB; got '${text('size-limit')}'`);
  return Object.freeze({
    ...ask,
    ...timeLimitOf(text),
    clusters,
    outputFile: text('output-file') || undefined,
    sizeLimitBytes: size * MIB,
  });
}

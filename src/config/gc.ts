import { ConfigError } from '../errors.ts';
import { namesOf, TIME_LIMIT_FLAG, type TimeLimitConfig, timeLimitOf } from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, DOWNSTREAM_KUBECONFIG_FLAG, requireCluster } from './ask.ts';
import { type Environment, type Flag, flagReader, flagsOfRemoval, type Given, switchValue } from './flags.ts';

export interface GcConfig extends AskConfig, TimeLimitConfig {
  readonly what: 'plan' | 'apply' | 'allow';
  /** All that the operator looks after when undefined. */
  readonly cluster: string | undefined;
}

const WAYS = ['plan', 'apply', 'allow'] as const;

export const GC_FLAGS: readonly Flag[] = flagsOfRemoval([
  { flag: 'plan', help: 'show what would be taken away, and why; the default', fallback: 'false' },
  {
    flag: 'apply',
    help: 'take it away, but for what the brake holds back',
    fallback: 'false',
    typedOnly: true,
  },
  {
    flag: 'allow',
    help: "let the operator's next sweep of a blocked cluster pass, once",
    fallback: 'false',
    typedOnly: true,
  },
  TIME_LIMIT_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...ASK_FLAGS,
]);

/** @throws {ConfigError} */
export function gcConfig(given: Given, env: Environment, home: string, args: readonly string[]): GcConfig {
  const text = flagReader(GC_FLAGS, given, env);
  const ways = WAYS.filter((way) => switchValue(way, text(way)));
  if (ways.length > 1)
    throw new ConfigError(`${ways.map((way) => `--${way}`).join(' and ')} exclude each other`);
  const what = ways[0] ?? 'plan';
  const [cluster] = namesOf('cluster', args);
  if (what === 'allow' && cluster === undefined) throw new ConfigError('--allow: which cluster? name it');
  const ask = askConfig(given, env, home, GC_FLAGS);
  requireCluster(ask.downstreamKubeconfig, cluster);
  return Object.freeze({ ...ask, ...timeLimitOf(text), what, cluster });
}

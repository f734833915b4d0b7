import { ConfigError } from '../errors.ts';
import { namesOf, TIME_LIMIT_FLAG, type TimeLimitConfig, timeLimitOf } from './act.ts';
import { ASK_FLAGS, type AskConfig, askConfig, DOWNSTREAM_KUBECONFIG_FLAG, requireCluster } from './ask.ts';
import { type Environment, type Flag, flagReader, flagsOfRemoval, type Given, switchValue } from './flags.ts';

export interface GcConfig extends AskConfig, TimeLimitConfig {
  readonly what: 'plan' | 'apply' | 'allow';
  /** All that the operator looks after when undefined. */
  readonly cluster: string | undefined;
  /** How many objects a person looked at; undefined: as many as the operator says that it holds. */
  readonly objects: number | undefined;
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
  {
    flag: 'objects',
    placeholder: 'NUMBER',
    help: 'with --allow: how many objects you looked at; refused when the operator holds more by now. Without it, as many as it says that it holds',
    fallback: '',
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
  const objects = objectsOf(text('objects'), what);
  const ask = askConfig(given, env, home, GC_FLAGS);
  requireCluster(ask.downstreamKubeconfig, cluster);
  return Object.freeze({ ...ask, ...timeLimitOf(text), what, cluster, objects });
}

/** @throws {ConfigError} */
function objectsOf(text: string, what: GcConfig['what']): number | undefined {
  if (text === '') return undefined;
  if (what !== 'allow') throw new ConfigError('--objects belongs to --allow');
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new ConfigError(`--objects ${text}: not a number of objects`);
  return Number(text);
}

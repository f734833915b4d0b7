import { ConfigError } from '../errors.ts';
import {
  DRY_RUN_FLAG,
  type DryRun,
  dryRunOf,
  durationOf,
  nameOf,
  TIME_LIMIT_FLAG,
  type TimeLimitConfig,
  timeLimitOf,
  WAIT_FLAGS,
  type WaitConfig,
  waitOf,
  YES_FLAG,
} from './act.ts';
import {
  ASK_FLAGS,
  type AskConfig,
  askConfig,
  CLUSTER_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  requireCluster,
} from './ask.ts';
import { type Environment, type Flag, flagReader, flagsOfRemoval, type Given, switchValue } from './flags.ts';
import {
  type Destination,
  destinationOf,
  HASH_FLAGS,
  type NewTokenConfig,
  newTokenOf,
  OUTPUT_FILE_FLAGS,
  TTL_FLAG,
} from './issue.ts';

const USER_FLAG: Flag = { flag: 'user', placeholder: 'NAME', help: 'of this user', fallback: '' };
const SELECTOR_FLAG: Flag = {
  flag: 'selector',
  short: 'l',
  placeholder: 'SELECTOR',
  help: 'with these labels, as kubectl has them',
  fallback: '',
};
const AGE_FLAGS: readonly Flag[] = [
  {
    flag: 'expiring-within',
    placeholder: 'DURATION',
    help: 'that end within this time, such as 7d, or have ended',
    fallback: '',
  },
  {
    flag: 'unused-since',
    placeholder: 'DURATION',
    help: 'whose last use, as noted by the management plane or their cluster, is so long ago, such as 30d',
    fallback: '',
  },
  {
    flag: 'never-used',
    placeholder: 'DURATION',
    help: 'that are older than this, and of which no use was ever noted; where nobody notes uses, that is all of them',
    fallback: '',
  },
];

const SELECTION_FLAGS: readonly Flag[] = [USER_FLAG, CLUSTER_FLAG, SELECTOR_FLAG, ...AGE_FLAGS];

/** Which tokens are meant. */
export interface Selection {
  readonly user: string | undefined;
  readonly cluster: string | undefined;
  readonly selector: string;
  readonly expiringWithinMs: number | undefined;
  readonly unusedForMs: number | undefined;
  /** Milliseconds. */
  readonly neverUsedForMs: number | undefined;
}

type Text = (flag: string) => string;

function selectionOf(text: Text): Selection {
  return {
    user: nameOf('user', text),
    cluster: nameOf('cluster', text),
    selector: text('selector'),
    expiringWithinMs: durationOf('expiring-within', text),
    unusedForMs: durationOf('unused-since', text),
    neverUsedForMs: durationOf('never-used', text),
  };
}

export const TOKEN_LIST_FLAGS: readonly Flag[] = [...SELECTION_FLAGS, ...ASK_FLAGS];

/** @throws {ConfigError} */
export function tokenListConfig(
  given: Given,
  env: Environment,
  home: string,
): AskConfig & { readonly selection: Selection } {
  const text = flagReader(TOKEN_LIST_FLAGS, given, env);
  return Object.freeze({ ...askConfig(given, env, home), selection: selectionOf(text) });
}

/** What is common to commands that change tokens. */
export interface TokenChangeConfig extends AskConfig, WaitConfig, TimeLimitConfig {
  readonly dryRun: DryRun;
  readonly ignoreNotFound: boolean;
}

export const TOKEN_CHANGE_FLAGS: readonly Flag[] = flagsOfRemoval([
  DRY_RUN_FLAG,
  ...WAIT_FLAGS,
  { flag: 'ignore-not-found', help: 'a token that does not exist is no fault', fallback: 'false' },
  TIME_LIMIT_FLAG,
  DOWNSTREAM_KUBECONFIG_FLAG,
  ...ASK_FLAGS,
]);

/**
 * @param looks - it looks into clusters also without `--wait`
 * @throws {ConfigError}
 */
export function tokenChangeConfig(
  given: Given,
  env: Environment,
  home: string,
  looks = false,
): TokenChangeConfig {
  const text = flagReader(TOKEN_CHANGE_FLAGS, given, env);
  const dryRun = dryRunOf(text);
  const wait = waitOf(text, dryRun);
  const ask = askConfig(given, env, home, TOKEN_CHANGE_FLAGS);
  if (ask.downstreamKubeconfig !== undefined && !looks && wait.timeoutMs === undefined)
    throw new ConfigError('--downstream-kubeconfig: no cluster is looked into without --wait');
  return Object.freeze({
    ...ask,
    ...wait,
    ...timeLimitOf(text),
    dryRun,
    ignoreNotFound: switchValue('ignore-not-found', text('ignore-not-found')),
  });
}

export interface TokenRevokeConfig extends TokenChangeConfig {
  readonly selection: Selection;
  readonly all: boolean;
  readonly includeSystem: boolean;
  /** Disable, so that it can be undone, instead of deleting. */
  readonly keep: boolean;
  readonly yes: boolean;
}

export const TOKEN_REVOKE_FLAGS: readonly Flag[] = flagsOfRemoval([
  // A variable that somebody exported long ago must not choose what is revoked.
  ...SELECTION_FLAGS.map((flag): Flag => ({ ...flag, typedOnly: true })),
  { flag: 'all', help: 'all tokens there are; asks first', fallback: 'false', typedOnly: true },
  {
    flag: 'include-system',
    help: "also those that Rancher's own agents and provisioning use",
    fallback: 'false',
    typedOnly: true,
  },
  { flag: 'keep', help: 'disable them instead of deleting, so that it can be undone', fallback: 'false' },
  YES_FLAG,
  ...TOKEN_CHANGE_FLAGS,
]);

/**
 * @param names - tokens that were named
 * @throws {ConfigError} also when nothing says which tokens are meant, or two things contradict each other
 */
export function tokenRevokeConfig(
  given: Given,
  env: Environment,
  home: string,
  names: readonly string[],
): TokenRevokeConfig {
  const text = flagReader(TOKEN_REVOKE_FLAGS, given, env);
  const selection = selectionOf(text);
  const all = switchValue('all', text('all'));
  const isFiltered = Object.values(selection).some((value) => value !== undefined && value !== '');
  const ways = [names.length > 0, isFiltered, all].filter(Boolean).length;
  if (ways === 0) throw new ConfigError('which tokens? name them, or give --user, --cluster, -l or --all');
  if (ways > 1)
    throw new ConfigError('names, filters (--user, --cluster, -l, …) and --all exclude each other');
  const looks = selection.unusedForMs !== undefined || selection.neverUsedForMs !== undefined;
  const change = tokenChangeConfig(given, env, home, looks);
  if (looks) requireCluster(change.downstreamKubeconfig, selection.cluster);
  return Object.freeze({
    ...change,
    selection,
    all,
    includeSystem: switchValue('include-system', text('include-system')),
    keep: switchValue('keep', text('keep')),
    yes: switchValue('yes', text('yes')),
  });
}

export interface TokenCreateConfig extends AskConfig, NewTokenConfig {
  readonly user: string;
  readonly cluster: string;
  readonly name: string | undefined;
  readonly description: string;
  readonly dryRun: DryRun;
  readonly destination: Destination | undefined;
}

export const TOKEN_CREATE_FLAGS: readonly Flag[] = [
  { ...USER_FLAG, help: 'whose token it is; required' },
  { ...CLUSTER_FLAG, help: 'scope: without one it is good for the management plane and for no ACE endpoint' },
  { flag: 'name', placeholder: 'NAME', help: 'name of the token; one is made up without it', fallback: '' },
  TTL_FLAG,
  { flag: 'description', placeholder: 'TEXT', help: 'what it is for', fallback: '', mayBeEmpty: true },
  ...HASH_FLAGS,
  ...OUTPUT_FILE_FLAGS,
  DRY_RUN_FLAG,
  ...ASK_FLAGS,
];

/** @throws {ConfigError} also when nobody said where the secret is to go */
export function tokenCreateConfig(given: Given, env: Environment, home: string): TokenCreateConfig {
  const text = flagReader(TOKEN_CREATE_FLAGS, given, env);
  const user = nameOf('user', text);
  if (user === undefined) throw new ConfigError('--user: whose token is it to be?');
  const ask = askConfig(given, env, home);
  const dryRun = dryRunOf(text);
  const destination = destinationOf(text);
  if (destination === undefined && dryRun === 'none') {
    throw new ConfigError("--output-file: the new token is a secret; name a file for it, or '-' for stdout");
  }
  if (destination?.kind === 'stdout' && ask.output !== 'table') {
    throw new ConfigError(`--output ${ask.output}: stdout is where the token goes (--output-file -)`);
  }
  return Object.freeze({
    ...ask,
    ...newTokenOf(text),
    user,
    cluster: nameOf('cluster', text) ?? '',
    name: nameOf('name', text),
    description: text('description'),
    dryRun,
    destination,
  });
}

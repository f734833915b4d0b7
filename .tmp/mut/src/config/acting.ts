import { ConfigError } from '../errors.ts';
import { type Environment, type Flag, flagReader, type Given } from './flags.ts';

/** Whom the person acts as, and how much is told of what is asked. */

/** Somebody else, as an API server's impersonation has it. */
export interface ActingAs {
  readonly user: string;
  readonly groups: readonly string[];
}

/** A name may hold a comma, and never a line break. */
const GROUP_SEPARATOR = '\n';

export const ACTING_FLAGS: readonly Flag[] = [
  {
    flag: 'as',
    placeholder: 'USER',
    help: 'act as somebody else, as kubectl does, wherever a kubeconfig of yours is used: in the management plane and with --downstream-kubeconfig',
    fallback: '',
  },
  {
    flag: 'as-group',
    placeholder: 'GROUP',
    help: 'and as a member of this group; repeatable, needs --as',
    fallback: '',
    repeatable: true,
    separator: GROUP_SEPARATOR,
  },
];

const MAX_VERBOSITY = 10;

export const VERBOSITY_FLAG: Flag = {
  flag: 'verbosity',
  short: 'v',
  placeholder: 'N',
  help: 'tell each request on stderr: 1 method, address, status and time, 2 its query as well; never a header, a body or a secret',
  fallback: '0',
};

type Text = (flag: string) => string;

/** @throws {ConfigError} for groups without a user, and for names that no header can hold */
export function actingAs(text: Text): ActingAs | undefined {
  const user = text('as');
  const groups = text('as-group')
    .split(GROUP_SEPARATOR)
    .filter((group) => group !== '');
  if (user === '') {
    if (groups.length > 0) throw new ConfigError('--as-group: wanted --as, too: a group alone is nobody');
    return undefined;
  }
  for (const [flag, name] of [['as', user], ...groups.map((group) => ['as-group', group])])
    if (/\p{Cc}/u.test(name ?? '')) throw new ConfigError(`--${flag}: a name has no control characters`);
  return { user, groups };
}

/**
 * How much is told, of a command that has the flag.
 *
 * @throws {ConfigError} for anything but a whole number from 0 to 10
 */
export function verbosity(flags: readonly Flag[], given: Given, env: Environment): number {
  if (!flags.some(({ flag }) => flag === VERBOSITY_FLAG.flag)) return 0;
  // commander takes `-v=6`, as people type it for kubectl, for a value of `=6`.
  const value = flagReader(flags, given, env)('verbosity').replace(/^=/, '');
  if (!/^\d{1,2}$/.test(value) || Number(value) > MAX_VERBOSITY)
    throw new ConfigError(`--verbosity: wanted a number from 0 to ${MAX_VERBOSITY}; got '${value}'`);
  return Number(value);
}

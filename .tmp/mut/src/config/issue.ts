import { ConfigError } from '../errors.ts';
import { durationOf } from './act.ts';
import { type Flag, switchValue } from './flags.ts';

/** Flags and rules of commands that make a token, or write a file with one. */

type Text = (flag: string) => string;

export const TTL_FLAG: Flag = {
  flag: 'ttl',
  placeholder: 'DURATION',
  help: "how long a new token lives, such as 12h or 30d; 0s is for ever; without it, the management plane's default",
  fallback: '',
};

export const HASH_FLAGS: readonly Flag[] = [
  {
    flag: 'hash',
    help: 'store the new token hashed, whatever the feature token-hashing says',
    fallback: 'false',
  },
  { flag: 'plain', help: 'store it plain, whatever that feature says', fallback: 'false' },
];

export const OUTPUT_FILE_FLAGS: readonly Flag[] = [
  {
    flag: 'output-file',
    placeholder: 'FILE',
    help: "where to write it, readable by nobody else; '-' is stdout",
    fallback: '',
  },
  { flag: 'force', help: 'replace the file if there is one', fallback: 'false', typedOnly: true },
];

/** Where something secret goes. */
export type Destination =
  | { readonly kind: 'file'; readonly path: string; readonly force: boolean }
  | { readonly kind: 'stdout' };

/** What a new token is to be like. */
export interface NewTokenConfig {
  /** Milliseconds; 0 is for ever; undefined when nobody said. */
  readonly ttlMs: number | undefined;
  /** Undefined: as the management plane does it. */
  readonly hashed: boolean | undefined;
}

/** @throws {ConfigError} */
export function newTokenOf(text: Text): NewTokenConfig {
  const [hash, plain] = [switchValue('hash', text('hash')), switchValue('plain', text('plain'))];
  if (hash && plain) throw new ConfigError('--hash and --plain exclude each other');
  return { ttlMs: durationOf('ttl', text), hashed: hash || plain ? hash : undefined };
}

/** @returns undefined when none was given @throws {ConfigError} */
export function destinationOf(text: Text): Destination | undefined {
  const path = text('output-file');
  const force = switchValue('force', text('force'));
  if (path === '') return undefined;
  return path === '-' ? { kind: 'stdout' } : { kind: 'file', path, force };
}

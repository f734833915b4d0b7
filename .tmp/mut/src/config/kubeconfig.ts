import { ConfigError } from '../errors.ts';
import { nameOf } from './act.ts';
import { type AskConfig, askConfig, CONNECTION_FLAGS } from './ask.ts';
import { type Environment, type Flag, flagReader, type Given, switchValue } from './flags.ts';
import {
  type Destination,
  destinationOf,
  HASH_FLAGS,
  type NewTokenConfig,
  newTokenOf,
  OUTPUT_FILE_FLAGS,
  TTL_FLAG,
} from './issue.ts';

/** Where the bearer in the file comes from. */
export type BearerSource =
  | ({ readonly kind: 'create'; readonly user: string; readonly name: string | undefined } & NewTokenConfig)
  /** A token that the management plane stores plain. */
  | { readonly kind: 'stored'; readonly name: string }
  /** A file with the bearer; `-` is stdin. */
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'none' };

export interface KubeconfigConfig extends AskConfig {
  readonly cluster: string;
  readonly user: string | undefined;
  readonly source: BearerSource;
  readonly minify: boolean;
  readonly destination: Destination;
}

export const KUBECONFIG_FLAGS: readonly Flag[] = [
  { flag: 'user', placeholder: 'NAME', help: 'whose kubeconfig it is', fallback: '' },
  { flag: 'create-token', help: 'issue a token for it', fallback: 'false', typedOnly: true },
  {
    flag: 'token-name',
    placeholder: 'NAME',
    help: 'with --create-token: its name; else the token to put in, if it is stored plain',
    fallback: '',
  },
  {
    flag: 'token-file',
    placeholder: 'FILE',
    help: "put in the bearer (name:secret) that this file holds; '-' is stdin",
    fallback: '',
  },
  TTL_FLAG,
  ...HASH_FLAGS,
  {
    flag: 'minify',
    help: "only the cluster's own endpoints, which work without the management plane",
    fallback: 'false',
  },
  ...OUTPUT_FILE_FLAGS,
  ...CONNECTION_FLAGS,
];

const STDOUT: Destination = { kind: 'stdout' };

type Text = (flag: string) => string;

/** @throws {ConfigError} also when a secret would go to stdout without having been asked to */
export function kubeconfigConfig(
  given: Given,
  env: Environment,
  home: string,
  cluster: string,
): KubeconfigConfig {
  const text = flagReader(KUBECONFIG_FLAGS, given, env);
  const user = nameOf('user', text);
  const source = sourceOf(text, user);
  const destination = destinationOf(text);
  if (destination === undefined && source.kind !== 'none') {
    throw new ConfigError("--output-file: the file will hold a token; name one, or '-' for stdout");
  }
  return Object.freeze({
    ...askConfig(given, env, home),
    cluster,
    user,
    source,
    minify: switchValue('minify', text('minify')),
    destination: destination ?? STDOUT,
  });
}

function sourceOf(text: Text, user: string | undefined): BearerSource {
  const name = nameOf('token-name', text);
  const path = text('token-file');
  const wish = newTokenOf(text);
  if (switchValue('create-token', text('create-token'))) {
    if (path !== '') throw new ConfigError('--create-token and --token-file exclude each other');
    if (user === undefined) throw new ConfigError('--create-token: whose token is it to be? give --user');
    return { kind: 'create', user, name, ...wish };
  }
  if (wish.ttlMs !== undefined || wish.hashed !== undefined) {
    throw new ConfigError('--ttl, --hash and --plain are for a new token: --create-token');
  }
  if (name !== undefined && path !== '')
    throw new ConfigError('--token-name and --token-file exclude each other');
  if (name !== undefined) return { kind: 'stored', name };
  return path === '' ? { kind: 'none' } : { kind: 'file', path };
}

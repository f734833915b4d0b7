import { SECRETS } from '../../api/names.ts';
import type { HashStorage } from '../../api/types.ts';
import type { Rules, Seen } from './facts.ts';

/** Someone else's object under one of the names that a token needs, as `Kind name`; adoption takes it over instead. */
export function inTheWay(
  { adopts, storage }: Pick<Rules, 'adopts' | 'storage'>,
  pair: readonly Seen[],
  attribute: Seen | undefined,
): string | undefined {
  if (adopts) return undefined;
  const needed = pair.filter(({ object }) => object.kind !== SECRETS.kind || needsSecret(storage));
  const found = [...needed, ...(attribute ? [attribute] : [])].find(({ isOurs }) => !isOurs);
  return found && `${found.object.kind} ${found.object.metadata.name}`;
}

/** Whether the hash is kept in a Secret of the token's name. */
export function needsSecret(storage: HashStorage): boolean {
  return storage === 'secret';
}

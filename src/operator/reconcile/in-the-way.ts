import { SECRETS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { tokenKey } from '../keys.ts';
import type { ConnectedContext } from './cluster-context.ts';

/** Someone else's object under one of the names that a token needs; adoption takes it over instead. */
export function strangersObject(
  token: Token,
  present: readonly KubeObject[],
  cluster: ConnectedContext,
): KubeObject | undefined {
  const { observed } = cluster.connection;
  if (cluster.spec.adopt) return undefined;
  const attribute = observed.forUser(token.userName);
  return [...present, ...(attribute ? [attribute] : [])].find((object) => !observed.isOurs(object));
}

/** After a conflict: whether the stranger's Secret is still there. It is not watched, and trying would cost writes. */
export async function isStillTaken(token: Token, cluster: ConnectedContext): Promise<boolean> {
  const before = cluster.outcomes.get(tokenKey(token.name));
  if (before?.state !== 'refused' || before.reason !== 'Conflict' || cluster.spec.adopt) return false;
  const { client, observed } = cluster.connection;
  const address = { resource: SECRETS, namespace: cluster.downstreamNamespace, name: token.name };
  const live = (await client.get(address)) as KubeObject | undefined;
  return live !== undefined && !observed.isOurs(live);
}

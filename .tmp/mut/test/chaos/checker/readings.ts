import type { Upstream } from './derive.ts';
import type { PlainApi } from './plain-api.ts';
import type { Downstream } from './settled.ts';

const MANAGEMENT = '/apis/management.cattle.io/v3';
const DOWNSTREAM = '/apis/cluster.cattle.io/v3/namespaces/cattle-system';
const SECRETS_THERE = '/api/v1/namespaces/cattle-system/secrets';

/** All of a management plane that decides what should be. */
export async function readUpstream(api: PlainApi): Promise<Upstream> {
  const [tokens = [], users = [], attributes = [], clusters = []] = await Promise.all(
    ['tokens', 'users', 'userattributes', 'clusters'].map((plural) => api.list(`${MANAGEMENT}/${plural}`)),
  );
  return { tokens, users, attributes, clusters };
}

/** All that could be of us in a cluster. */
export async function readDownstream(api: PlainApi): Promise<Downstream> {
  const [tokens, secrets, users] = await Promise.all([
    api.list(`${DOWNSTREAM}/clusterauthtokens`),
    api.list(SECRETS_THERE),
    api.list(`${DOWNSTREAM}/clusteruserattributes`),
  ]);
  return { tokens, secrets, users };
}

import {
  ANNOTATION_TOKEN_HASHED,
  CLUSTERS,
  LEASE,
  LEASES,
  SECRETS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../../../src/api/names.ts';
import { hash as sha3 } from '../../../src/hash/sha3-512.ts';
import type { Any, PlaneClient } from '../../support/plane-client.ts';
import { OWN_NAMESPACE } from '../../support/world.ts';

/** The secret of a test's token, and the bearer that its user has in the kubeconfig. */
export const secretOf = (token: string): string => `not-a-real-secret-of-${token}`;
export const bearerOf = (token: string): string => `${token}:${secretOf(token)}`;

/** What a management plane does by itself: users come, tokens are issued and revoked. */
export interface Management extends PlaneClient {
  /** A Cluster with ACE switched on, unless it is there, and the operator's way to it, if one is given. */
  register(id: string, kubeconfig?: string): Promise<void>;
  createUser(name: string, groups: readonly string[]): Promise<void>;
  /** Stored in plain text, as management planes do by default, so that the operator has to hash it. */
  issue(token: string, cluster: string, user: string, fields?: object): Promise<void>;
  /** Stored as a hash, which is copied: many of them cost little. */
  issueHashed(token: string, cluster: string, user: string): Promise<void>;
  revoke(token: string): Promise<void>;
  /** Name of the pod whose operator leads, and its identity in the Lease. */
  leader(): Promise<{ readonly pod: string; readonly identity: string }>;
}

export function managementOf(client: PlaneClient): Management {
  const create = async (token: string, cluster: string, userId: string, fields: object, hashed: boolean) => {
    const annotations = hashed ? { [ANNOTATION_TOKEN_HASHED]: 'true' } : {};
    const metadata = { name: token, annotations };
    await client.create(TOKENS, {
      ...kind('Token', metadata),
      userId,
      clusterName: cluster,
      ttl: 0,
      ...fields,
    });
  };
  return {
    ...client,
    async register(id, kubeconfig) {
      const spec = { displayName: id, localClusterAuthEndpoint: { enabled: true } };
      if (!(await client.get(CLUSTERS, id)))
        await client.create(CLUSTERS, { ...kind('Cluster', { name: id }), spec });
      if (kubeconfig === undefined) return;
      await client.create(SECRETS, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: `credentials-${id}`,
          namespace: OWN_NAMESPACE,
          labels: { 'ace-operator.io/cluster': id },
        },
        data: { kubeconfig: Buffer.from(kubeconfig).toString('base64') },
      });
    },
    async createUser(name, groups) {
      await client.create(USERS, kind('User', { name }));
      const items = groups.map((group) => ({ metadata: { name: group } }));
      await client.create(USER_ATTRIBUTES, {
        ...kind('UserAttribute', { name }),
        GroupPrincipals: { local: { Items: items } },
      });
    },
    issue: (token, cluster, user, fields = {}) =>
      create(token, cluster, user, { token: secretOf(token), ...fields }, false),
    issueHashed: (token, cluster, user) =>
      create(token, cluster, user, { token: sha3(secretOf(token)) }, true),
    revoke: (token) => client.remove(TOKENS, token),
    async leader() {
      const lease: Any = await client.get(LEASES, LEASE, OWN_NAMESPACE);
      const identity = String(lease?.spec?.holderIdentity ?? '');
      return { identity, pod: identity.split('_')[0] ?? '' };
    },
  };
}

function kind(name: string, metadata: object): object {
  return { apiVersion: 'management.cattle.io/v3', kind: name, metadata };
}

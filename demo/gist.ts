/**
 * The objects of the public gist that this project started from (a Rancher 2.4 installation, June 2020): a user
 * from GitHub, a login session, and the kubeconfig token that is scoped to one cluster. Their secrets were
 * published with it and expired long ago; they are replaced here all the same.
 *
 * @param cluster - id of the cluster that the kubeconfig token is scoped to
 */
export function gistObjects(cluster: string): {
  user: object;
  attribute: object;
  session: object;
  kubeconfig: object;
} {
  const apiVersion = 'management.cattle.io/v3';
  const labels = { 'authn.management.cattle.io/token-userId': 'u-smckoeh6vq', 'cattle.io/creator': 'norman' };
  return {
    user: {
      apiVersion,
      kind: 'User',
      metadata: {
        name: 'u-smckoeh6vq',
        labels: {
          CTKN8Q3LC9FNASR5E8T2UBPM6SP3ECPN6GOG: 'hashed-principal-name',
          'cattle.io/creator': 'norman',
        },
        annotations: { 'lifecycle.cattle.io/create.mgmt-auth-users-controller': 'true' },
      },
      displayName: 'crimeyank',
      principalIds: ['github_user://67273741', 'local://u-smckoeh6vq'],
    },
    attribute: {
      apiVersion,
      kind: 'UserAttribute',
      metadata: { name: 'u-smckoeh6vq' },
      GroupPrincipals: {
        github: {
          Items: [
            { metadata: { name: 'github_org://8765432' } },
            { metadata: { name: 'github_org://1234567' } },
          ],
        },
        local: { Items: null },
      },
      LastRefresh: '2020-06-23T09:51:32Z',
      NeedsRefresh: false,
      ExtraByProvider: { github: { principalid: ['github_user://67273741'], username: ['crimeyank'] } },
    },
    session: {
      apiVersion,
      kind: 'Token',
      metadata: {
        name: 'token-2p56w',
        generateName: 'token-',
        labels: { ...labels, 'authn.management.cattle.io/kind': 'session' },
      },
      authProvider: 'github',
      current: false,
      description: 'UI Session',
      expired: false,
      expiresAt: '2020-06-23T06:40:09Z',
      groupPrincipals: null,
      isDerived: false,
      lastUpdateTime: '',
      token: 'not-a-real-secret-login-session',
      ttl: 57_600_000,
      userId: 'u-smckoeh6vq',
      userPrincipal: {
        metadata: { name: 'github_user://67273741', creationTimestamp: null },
        displayName: 'crimeyank',
        loginName: 'crimeyank',
        me: true,
        principalType: 'user',
        provider: 'github',
      },
    },
    kubeconfig: {
      apiVersion,
      kind: 'Token',
      metadata: {
        name: 'kubeconfig-u-smckoeh6vq.c-s8d2f',
        labels: { ...labels, 'authn.management.cattle.io/kind': 'kubeconfig' },
      },
      authProvider: 'local',
      clusterName: cluster,
      current: false,
      description: 'Kubeconfig token',
      expired: false,
      expiresAt: '',
      groupPrincipals: null,
      isDerived: true,
      lastUpdateTime: '',
      token: 'not-a-real-secret-kubeconfig-token',
      ttl: 0,
      userId: 'u-smckoeh6vq',
      userPrincipal: { metadata: { creationTimestamp: null } },
    },
  };
}

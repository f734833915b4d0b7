import { fileURLToPath } from 'node:url';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, SECRETS } from '../../src/api/names.ts';
import { hash as sha3 } from '../../src/hash/sha3-512.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { kubectl } from './kubectl.ts';
import { type Any, type PlaneClient, planeClient } from './plane-client.ts';
import { RIG_NAMESPACE, rawCat, rawCua, rawHashSecret } from './webhook-rig.ts';

const CRDS = fileURLToPath(new URL('../../crds/', import.meta.url));

/** A downstream cluster without an operator: the test writes its objects. */
export interface AuthPlane extends PlaneClient {
  readonly plane: ControlPlane;
  /** A token of user `u-1` with {@link authSecret} as its secret, as the operator would write it. */
  addToken(name: string, fields?: Readonly<Record<string, unknown>>): Promise<void>;
  token(name: string): Promise<Any | undefined>;
  patchToken(name: string, patch: object): Promise<void>;
  stop(): Promise<void>;
}

export const authSecret = (name: string): string => `not-a-real-secret-of-${name}`;
export const authBearer = (name: string): string => `${name}:${authSecret(name)}`;

export async function startAuthPlane(options: ControlPlaneOptions = {}): Promise<AuthPlane> {
  const plane = await startControlPlane({ name: 'downstream', ...options });
  const files = ['clusterauthtokens', 'clusteruserattributes'].map(
    (plural) => `--filename=${CRDS}cluster.cattle.io_${plural}.yaml`,
  );
  await kubectl(plane.adminKubeconfig, 'apply', ...files);
  await kubectl(
    plane.adminKubeconfig,
    'wait',
    '--for=condition=Established',
    'crd',
    '--all',
    '--timeout=30s',
  );
  await kubectl(plane.adminKubeconfig, 'create', 'namespace', RIG_NAMESPACE);
  const client = await planeClient(plane);
  await client.create(CLUSTER_USER_ATTRIBUTES, rawCua('u-1'));
  return {
    ...client,
    plane,
    async addToken(name, fields = {}) {
      await client.create(SECRETS, rawHashSecret(name, sha3(authSecret(name))));
      await client.create(CLUSTER_AUTH_TOKENS, rawCat(name, fields));
    },
    token: (name) => client.get(CLUSTER_AUTH_TOKENS, name, RIG_NAMESPACE),
    async patchToken(name, patch) {
      await client.patch(CLUSTER_AUTH_TOKENS, name, patch, RIG_NAMESPACE);
    },
    async stop() {
      await client.close();
      await plane.stop();
    },
  };
}

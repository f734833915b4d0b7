import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { NAMESPACES } from '../../../src/api/names.ts';
import { type ControlPlane, startControlPlane } from '../../support/control-plane.ts';
import { apply, kubectl } from '../../support/kubectl.ts';
import { type Any, planeClient } from '../../support/plane-client.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../../support/world.ts';
import type { BuiltImage } from './build-images.ts';
import { explain } from './diagnostics.ts';
import { type Management, managementOf } from './management.ts';
import type { TestClusterOptions } from './provider.ts';
import { deployAuthenticator, grantDownstreamAccess, openSite, type Site } from './site.ts';

const CRDS = fileURLToPath(new URL('../../../crds/', import.meta.url));
const MOUNT = '/etc/ace/management';
const ACCOUNT = `system:serviceaccount:${OWN_NAMESPACE}:ace-operator`;
/** Kinds that give rights; in this layout they count in the management plane. */
const RIGHTS = /^(Cluster)?Role(Binding)?$/;

/** A management plane that can be stopped, and one downstream cluster, in whose pods the operator runs, too. */
export interface TwoPlanes {
  readonly id: string;
  readonly site: Site;
  readonly plane: ControlPlane;
  readonly management: Management;
  synced(): Promise<void>;
  close(): Promise<void>;
}

/** Brings up everything, deployed from the manifests, and waits until the cluster is synced. */
export async function openTwoPlanes(
  id: string,
  options: TestClusterOptions,
  image: BuiltImage,
): Promise<TwoPlanes> {
  const site = await openSite(options, [image]);
  try {
    const plane = await startControlPlane({ name: 'management', address: site.cluster.hostAddress });
    const management = managementOf(await planeClient(plane));
    const planes: TwoPlanes = {
      id,
      site,
      plane,
      management,
      async synced() {
        const args = ['--for=condition=Synced', '--timeout=60s'];
        await kubectl(plane.adminKubeconfig, 'wait', 'clusterpropagation', id, ...args);
      },
      async close() {
        await management.close();
        await site.close();
        await plane.stop();
      },
    };
    await install(planes, image);
    return planes;
  } catch (error) {
    await explain({ site }, 'bringing up two planes');
    await site.close();
    throw error;
  }
}

async function install({ id, site, plane, management, synced }: TwoPlanes, image: BuiltImage): Promise<void> {
  const objects = await site.shipped('operator', image);
  const definitions = readdirSync(CRDS).filter((file) => /^(management|ace-operator).*\.yaml$/.test(file));
  const files = definitions.map((file) => `--filename=${CRDS}${file}`);
  await kubectl(plane.adminKubeconfig, 'apply', ...files);
  await management.create(NAMESPACES, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: OWN_NAMESPACE },
  });
  await apply(
    plane.adminKubeconfig,
    objects.filter(({ kind }) => RIGHTS.test(kind)),
  );
  const [namespace, ...others] = objects.filter(({ kind }) => !RIGHTS.test(kind));
  await site.apply([namespace, await accessToManagement(plane), ...others.map(withAccessToManagement)]);
  await management.register(id, await grantDownstreamAccess(site, image));
  await deployAuthenticator(site, image);
  await site.rolledOut('deployment/ace-operator', OWN_NAMESPACE);
  await site.rolledOut('daemonset/ace-authenticator', NAMESPACE);
  await synced();
}

/** As the shipped ServiceAccount: with the rights of the shipped roles, and no other. */
async function accessToManagement(plane: ControlPlane): Promise<object> {
  const groups = ['system:serviceaccounts', `system:serviceaccounts:${OWN_NAMESPACE}`];
  const kubeconfig = await readFile(await plane.kubeconfigFor(ACCOUNT, groups));
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'management', namespace: OWN_NAMESPACE },
    data: { kubeconfig: kubeconfig.toString('base64') },
  };
}

/** The shipped Deployment with one flag and one volume more. */
function withAccessToManagement(object: Any): Any {
  if (object.kind !== 'Deployment') return object;
  const { spec } = object.spec.template;
  const [container] = spec.containers;
  container.args.push(`--kubeconfig=${MOUNT}/kubeconfig`);
  container.volumeMounts = [{ name: 'management', mountPath: MOUNT, readOnly: true }];
  spec.volumes = [{ name: 'management', secret: { secretName: 'management' } }];
  return object;
}

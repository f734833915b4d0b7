import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLUSTERS } from '../../../src/api/names.ts';
import { freePort, webhookKubeconfig } from '../../support/authenticator-process.ts';
import { type FaultProxy, type SeenWrite, startFaultProxy } from '../../support/fault-proxy.ts';
import { startWorld, type World } from '../../support/world.ts';
import type { ProgramChange, ProgramWrite, SceneForChecker } from '../messages.ts';
import { randomOf } from '../schedule/random.ts';
import { type Disk, mountDisk } from './disk.ts';
import { Program } from './programs.ts';
import { ownerOfPort } from './whose-port.ts';

/** As it is unless a flag says otherwise. */
const LEASE_MS = 15_000;
// bcrypt would spend the machine on hashes, and proves nothing more here.
const OPERATOR_FLAGS = ['--hash-algorithm=sha3-512', '--log-format=json'];
const REPLICAS = 2;
/** Registered, and never to be reached: its address leads nowhere. */
const AWAY = 'c-away';

/** Everything that runs, and what is between. */
export interface Scene {
  readonly world: World;
  readonly clusters: readonly string[];
  readonly operators: readonly Program[];
  /** Of all clusters, by `<cluster>/<replica>`. */
  readonly authenticators: ReadonlyMap<string, Program>;
  /** By name: `operator-0/management`, `operators/c-1`, `authenticators/c-1`. */
  readonly links: ReadonlyMap<string, FaultProxy>;
  /** Where authenticators save what they know, by the same names; none where nothing can be mounted. */
  readonly disks: ReadonlyMap<string, Disk>;
  readonly forChecker: SceneForChecker;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly seed: number;
  /** Logs and snapshots go there. */
  readonly dir: string;
  /** Each cluster with its number of authenticators. */
  readonly clusters: Readonly<Record<string, number>>;
  readonly onProgram: (change: ProgramChange) => void;
  readonly onWrite: (write: ProgramWrite) => void;
  /** For stand-ins: further flags of operators, and what runs instead of the second authenticator of a cluster. */
  readonly operatorFlags?: readonly string[] | undefined;
  readonly authenticatorCommand?: ((planeUrl: string) => readonly string[]) | undefined;
}

/** Starts planes, proxies and registers the clusters. No program runs yet. */
export async function makeScene(options: SceneOptions): Promise<Scene> {
  const { seed, dir } = options;
  const clusters = Object.keys(options.clusters);
  const webhooks = new Map<string, { path: string; port: number }>();
  for (const id of clusters) webhooks.set(id, await webhookKubeconfig());
  const world = await startWorld({
    clusters,
    downstream: (id) => ({ tokenWebhook: { kubeconfig: webhooks.get(id)?.path ?? '', cacheTtl: '1s' } }),
  });
  const random = randomOf(seed ^ 0x11);
  const owners = new Map<number, string>();
  const operators: Program[] = [];
  const links = new Map<string, FaultProxy>();
  const link = async (
    name: string,
    plane: World['management']['plane'],
    program?: string,
  ): Promise<FaultProxy> => {
    const whose = (port: number): void => {
      const pid = ownerOfPort(
        port,
        operators.map((one) => one.pid),
      );
      const owner = operators.find((one) => one.pid === pid)?.name;
      if (owner === undefined) owners.delete(port);
      else owners.set(port, owner);
    };
    const onWrite = ({ clientPort, ...write }: SeenWrite): void =>
      options.onWrite({ ...write, plane: plane.name, program: program ?? owners.get(clientPort) });
    const proxy = await startFaultProxy(plane, {
      random,
      onWrite,
      ...(program ? {} : { onConnection: whose }),
    });
    links.set(name, proxy);
    return proxy;
  };

  for (let index = 0; index < REPLICAS; index += 1) {
    const name = `operator-${index}`;
    const proxy = await link(`${name}/management`, world.management.plane, name);
    const kubeconfig = join(dir, `${name}.kubeconfig`);
    await writeFile(kubeconfig, proxy.kubeconfig(), { mode: 0o600 });
    const probePort = await freePort();
    const args = ['operator', '--kubeconfig', kubeconfig, '--listen', `127.0.0.1:${probePort}`];
    const flags = [...OPERATOR_FLAGS, ...(options.operatorFlags ?? [])];
    operators.push(
      new Program({
        name,
        role: 'operator',
        args: [...args, ...flags],
        probePort,
        dir,
        tell: options.onProgram,
      }),
    );
  }

  const authenticators = new Map<string, Program>();
  const disks = new Map<string, Disk>();
  const forChecker: SceneForChecker['clusters'][number][] = [];
  for (const [id, count] of Object.entries(options.clusters)) {
    const { plane } = world.cluster(id);
    const toCluster = await link(`operators/${id}`, plane);
    await world.register(id, { credentials: false });
    await world.setCredentials(id, { kubeconfig: toCluster.kubeconfig() });
    const proxy = await link(`authenticators/${id}`, plane, `${id}/`);
    const kubeconfig = join(dir, `authenticator-${id}.kubeconfig`);
    const keyFile = join(dir, `authenticator-${id}.key`);
    await writeFile(kubeconfig, proxy.kubeconfig(), { mode: 0o600 });
    await writeFile(keyFile, `a key of sixteen bytes or more ${id}`, { mode: 0o600 });
    const replicas: { name: string; port: number }[] = [];
    for (let index = 0; index < count; index += 1) {
      const name = `${id}/${index}`;
      const port = await freePort();
      const listen = [`127.0.0.1:${webhooks.get(id)?.port}`, `127.0.0.1:${port}`];
      const probePort = await freePort();
      const disk = await mountDisk(join(dir, `disk-of-${id}-${index}`));
      if (disk) disks.set(name, disk);
      const snapshot = join(disk?.dir ?? dir, `${id}-${index}.snapshot`);
      const args = [
        ...['authenticator', '--kubeconfig', kubeconfig, '--log-format=json'],
        ...listen.flatMap((address) => ['--listen', address]),
        ...['--metrics-listen', `127.0.0.1:${probePort}`],
        ...['--snapshot-file', snapshot, '--snapshot-key-file', keyFile],
      ];
      const command = index === 1 ? options.authenticatorCommand?.(plane.url) : undefined;
      authenticators.set(
        name,
        new Program({
          ...{ name, role: 'authenticator', args, probePort, dir, tell: options.onProgram },
          ...(command ? { command } : {}),
        }),
      );
      replicas.push({ name, port });
    }
    const checkerConfig = await plane.kubeconfigFor('checker', ['system:masters']);
    forChecker.push({ id, kubeconfig: checkerConfig, replicas });
  }
  await registerAway(world, links.get(`operators/${clusters[0]}`) as FaultProxy);
  const management = await world.management.plane.kubeconfigFor('checker', ['system:masters']);
  return {
    ...{ world, clusters, operators, authenticators, links, disks },
    forChecker: { seed, dir, management, clusters: forChecker, away: [AWAY], leaseMs: LEASE_MS },
    async close() {
      for (const program of [...operators, ...authenticators.values()]) {
        program.pause(false);
        await program.kill();
      }
      await Promise.all([...disks.values()].map((disk) => disk.close()));
      await Promise.all([...links.values()].map((proxy) => proxy.close()));
      await world.close();
    },
  };
}

/** A cluster whose address nobody answers: the others must not notice. */
async function registerAway(world: World, like: FaultProxy): Promise<void> {
  await world.management.create(CLUSTERS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Cluster',
    metadata: { name: AWAY },
    spec: { displayName: AWAY, localClusterAuthEndpoint: { enabled: true } },
  });
  // 192.0.2.0/24 is for documentation: no route leads there.
  const text = like.kubeconfig().replaceAll(/https:\/\/127\.0\.0\.1:\d+/g, 'https://192.0.2.1:6443');
  await world.setCredentials(AWAY, { kubeconfig: text });
}

/** A directory for the run. */
export async function makeRunDirectory(root: string, seed: number): Promise<string> {
  const dir = join(root, `seed-${seed}`);
  await mkdir(dir, { recursive: true });
  return dir;
}

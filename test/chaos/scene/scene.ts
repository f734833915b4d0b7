import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLUSTERS } from '../../../src/api/names.ts';
import { freePort, webhookKubeconfig } from '../../support/authenticator-process.ts';
import { type FaultProxy, type SeenWrite, startFaultProxy } from '../../support/fault-proxy.ts';
import { startWorld, type World } from '../../support/world.ts';
import type { ProgramChange, ProgramWrite, SceneForChecker } from '../messages.ts';
import { randomOf } from '../schedule/random.ts';
import { type Disk, mountDisk } from './disk.ts';
import { Program } from './programs.ts';
import { Registrations } from './registrations.ts';
import { ownerOfConnection } from './whose-port.ts';

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
  readonly registrations: Registrations;
  /** What every secret of this run begins with: it is to be found nowhere. */
  readonly mark: string;
  /** Tells the program on a link what bearer and authority are right there at present: in its files, or in the Secret of a cluster. */
  tellAccess(link: string): Promise<void>;
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
  /** Into so many shards the operators divide the clusters; 0, or left out: one of them leads. */
  readonly shards?: number;
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
  const operators: Program[] = [];
  const links = new Map<string, FaultProxy>();
  const mark = `CANARY-${seed}-`;
  const access = new Map<string, () => Promise<void>>();
  const registrations = new Registrations(
    world,
    (place) => links.get(`operators/${place}`)?.kubeconfig() ?? '',
  );
  const link = async (
    name: string,
    plane: World['management']['plane'],
    program?: string,
  ): Promise<FaultProxy> => {
    // Of this link alone: elsewhere the same port may be another's.
    const owners = new Map<number, string>();
    const whose = (port: number, serverPort: number): void => {
      const pids = operators.map((one) => one.pid);
      const pid = ownerOfConnection({ port, serverPort }, pids);
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
    proxy.setBearer(`${mark}bearer-of-the-first-day-${name.replace('/', '-')}`);
    links.set(name, proxy);
    return proxy;
  };

  for (let index = 0; index < REPLICAS; index += 1) {
    const name = `operator-${index}`;
    const proxy = await link(`${name}/management`, world.management.plane, name);
    const kubeconfig = await byFiles(dir, name, proxy, access);
    const probePort = await freePort();
    const args = ['operator', '--kubeconfig', kubeconfig, '--listen', `127.0.0.1:${probePort}`];
    const flags = [...OPERATOR_FLAGS, `--shards=${options.shards ?? 0}`, ...(options.operatorFlags ?? [])];
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
    await link(`operators/${id}`, plane);
    access.set(`operators/${id}`, () => registrations.tellCredentials(id));
    await registrations.ensure(id);
    const proxy = await link(`authenticators/${id}`, plane, `${id}/`);
    const kubeconfig = await byFiles(dir, `authenticators/${id}`, proxy, access);
    const keyFile = join(dir, `authenticator-${id}.key`);
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
    ...{ world, clusters, operators, authenticators, links, disks, registrations, mark },
    async tellAccess(name) {
      await access.get(name)?.();
    },
    forChecker: {
      ...{ seed, dir, management, clusters: forChecker, away: [AWAY] },
      ...{ leaseMs: LEASE_MS, shards: options.shards ?? 0 },
    },
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

/**
 * A kubeconfig that names files for bearer and authority, as that of a ServiceAccount does; told anew, both appear whole, as by the kubelet.
 *
 * @returns its path
 */
async function byFiles(
  dir: string,
  name: string,
  proxy: FaultProxy,
  access: Map<string, () => Promise<void>>,
): Promise<string> {
  const path = (what: string): string => join(dir, `${name.replace('/', '-')}.${what}`);
  const files = { token: path('bearer'), authority: path('authority.pem') };
  const replace = async (file: string, text: string): Promise<void> => {
    await writeFile(`${file}.next`, text, { mode: 0o600 });
    await rename(`${file}.next`, file);
  };
  const tell = async (): Promise<void> => {
    await replace(files.token, proxy.bearer);
    await replace(files.authority, proxy.authority);
  };
  const link = name.startsWith('operator-') ? `${name}/management` : name;
  access.set(link, tell);
  await tell();
  await replace(path('kubeconfig'), proxy.kubeconfig(files));
  return path('kubeconfig');
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

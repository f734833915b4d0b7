import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  ANNOTATION_TOKEN_HASHED,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  SECRETS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../../src/api/names.ts';
import { hash as sha3 } from '../../src/hash/sha3-512.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { kubectl } from './kubectl.ts';
import { type OperatorProcess, startOperator } from './operator-process.ts';
import { type Any, type PlaneClient, planeClient } from './plane-client.ts';
import type { TcpProxy } from './tcp-proxy.ts';

const CRDS = fileURLToPath(new URL('../../crds/', import.meta.url));
/** Where our objects are downstream. */
export const NAMESPACE = 'cattle-system';
/** Where credentials, Events and the installation key are in the management plane. */
export const OWN_NAMESPACE = 'ace-operator';

/** One downstream cluster of a world, and what is seen in it. */
export interface Downstream extends PlaneClient {
  readonly id: string;
  readonly plane: ControlPlane;
  clusterAuthToken(name: string): Promise<Any | undefined>;
  hashSecret(name: string): Promise<Any | undefined>;
  clusterUserAttribute(name: string): Promise<Any | undefined>;
  /** Names of everything of ours, as `cat/<name>`, `secret/<name>`, `cua/<name>`, sorted. */
  ours(): Promise<readonly string[]>;
  /** Names of all ClusterAuthTokens, sorted; throws when the cluster does not answer. */
  tokenNames(): Promise<readonly string[]>;
}

/** A management plane, downstream planes, and the operator between them; everything real. */
export interface World {
  readonly management: PlaneClient & { readonly plane: ControlPlane };
  readonly operator: OperatorProcess | undefined;
  cluster(id: string): Downstream;
  startOperator(flags?: readonly string[], env?: Readonly<Record<string, string>>): Promise<OperatorProcess>;
  stopOperator(): Promise<void>;
  /** SIGKILL: it gets no chance to finish anything. */
  killOperator(): Promise<void>;
  /** Registers a cluster: Cluster object with ACE on, and the credentials Secret. `server` may be a proxy's address. */
  register(id: string, options?: { ace?: boolean; server?: string; credentials?: boolean }): Promise<void>;
  setCredentials(id: string, options: { server?: string; kubeconfig?: string }): Promise<void>;
  setAce(id: string, enabled: boolean): Promise<void>;
  createUser(name: string, fields?: object, groups?: readonly string[]): Promise<Any>;
  setGroups(user: string, groups: readonly string[]): Promise<void>;
  /** A plain token unless `fields` say otherwise; `annotations` go to metadata. */
  createToken(
    name: string,
    cluster: string,
    user: string,
    fields?: object,
    annotations?: object,
  ): Promise<Any>;
  /** Tokens `<prefix>-0` and so on, hashed upstream as Rancher does unless `fields.token` is given. @returns their names */
  createTokens(
    prefix: string,
    count: number,
    cluster: string,
    user: string,
    fields?: object,
  ): Promise<readonly string[]>;
  patchToken(name: string, patch: object): Promise<Any>;
  deleteToken(name: string): Promise<void>;
  propagation(id: string): Promise<Any | undefined>;
  /** `status` of a condition of the ClusterPropagation, or undefined. */
  condition(id: string, type: string): Promise<Any | undefined>;
  waitSynced(id: string, tokens?: string): Promise<void>;
  /** Until the condition of that type has these fields, such as `{ status: 'True', reason: 'Drained' }`. */
  waitCondition(id: string, type: string, fields: Readonly<Record<string, string>>): Promise<void>;
  events(reason?: string): Promise<readonly Any[]>;
  close(options?: { keepLogs?: boolean }): Promise<void>;
}

export interface WorldOptions {
  readonly clusters: readonly string[];
  readonly management?: ControlPlaneOptions;
  /** For all downstream planes, or for each by its id. */
  readonly downstream?: ControlPlaneOptions | ((id: string) => ControlPlaneOptions);
  /** Leave the management plane empty: what is tested brings definitions and namespace. */
  readonly empty?: boolean;
}

/** Starts the planes and, unless it is to be empty, prepares the management plane. No cluster is registered, no operator runs. */
export async function startWorld(options: WorldOptions): Promise<World> {
  const [managementPlane, ...planes] = await Promise.all([
    startControlPlane({ name: 'management', ...options.management }),
    ...options.clusters.map((id) => {
      const { downstream } = options;
      return startControlPlane({
        name: id,
        ...(typeof downstream === 'function' ? downstream(id) : downstream),
      });
    }),
  ]);
  if (!managementPlane) throw new Error('no management plane');
  const management = await planeClient(managementPlane);
  if (options.empty !== true) await install(management, managementPlane);
  const downstream = new Map<string, Downstream>();
  for (const plane of planes) downstream.set(plane.name, await aDownstream(plane));
  return aWorld({ ...management, plane: managementPlane }, downstream);
}

/** The definitions and the operator's namespace. */
async function install(management: PlaneClient, { adminKubeconfig }: ControlPlane): Promise<void> {
  await kubectl(adminKubeconfig, 'apply', ...definitionFiles());
  await eventually(() => management.list(CLUSTER_PROPAGATIONS), { what: 'the definitions to be served' });
  await management.create(
    { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
    {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: OWN_NAMESPACE },
    },
  );
}

/** Path of an administrator's kubeconfig that reaches the plane by way of the proxy. */
export async function proxiedKubeconfig(plane: ControlPlane, proxy: TcpProxy): Promise<string> {
  const path = join(plane.dir, `proxied-${proxy.port}.kubeconfig`);
  await writeFile(path, plane.kubeconfigYaml({ server: proxy.url(plane.url) }), { mode: 0o600 });
  return path;
}

/** Management definitions only: the downstream two are the operator's to install. */
function definitionFiles(): readonly string[] {
  const files = readdirSync(CRDS).filter((file) => /^(management|ace-operator).*\.yaml$/.test(file));
  return files.flatMap((file) => ['-f', `${CRDS}${file}`]);
}

async function aDownstream(plane: ControlPlane): Promise<Downstream> {
  const client = await planeClient(plane);
  const named = (prefix: string, objects: readonly Any[]): string[] =>
    objects
      .filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/managed-by'] === 'ace-operator')
      .filter(({ metadata }) => metadata.labels['ace-operator.io/cluster'] === plane.name)
      .map(({ metadata }) => `${prefix}/${metadata.name}`);
  const listed = async (resource: typeof SECRETS): Promise<readonly Any[]> => {
    try {
      return await client.list(resource, NAMESPACE);
    } catch {
      return []; // the definitions are not there yet
    }
  };
  return {
    ...client,
    id: plane.name,
    plane,
    clusterAuthToken: (name) => client.get(CLUSTER_AUTH_TOKENS, name, NAMESPACE),
    hashSecret: (name) => client.get(SECRETS, name, NAMESPACE),
    clusterUserAttribute: (name) => client.get(CLUSTER_USER_ATTRIBUTES, name, NAMESPACE),
    async ours() {
      return [
        ...named('cat', await listed(CLUSTER_AUTH_TOKENS)),
        ...named('secret', await listed(SECRETS)),
        ...named('cua', await listed(CLUSTER_USER_ATTRIBUTES)),
      ].sort();
    },
    async tokenNames() {
      return (await client.list(CLUSTER_AUTH_TOKENS, NAMESPACE)).map(({ metadata }) => metadata.name).sort();
    },
  };
}

function aWorld(management: World['management'], downstream: ReadonlyMap<string, Downstream>): World {
  let operator: OperatorProcess | undefined;
  const cluster = (id: string): Downstream => {
    const found = downstream.get(id);
    if (!found) throw new Error(`this world has no cluster ${id}`);
    return found;
  };
  const world: World = {
    management,
    get operator() {
      return operator;
    },
    cluster,
    async startOperator(flags = [], env = {}) {
      operator = await startOperator(management.plane.adminKubeconfig, flags, { env });
      return operator;
    },
    async stopOperator() {
      await operator?.stop();
      operator = undefined;
    },
    async killOperator() {
      operator?.kill('SIGKILL');
      await operator?.exited;
      operator = undefined;
    },
    async register(id, { ace = true, server, credentials = true } = {}) {
      await management.create(CLUSTERS, {
        apiVersion: 'management.cattle.io/v3',
        kind: 'Cluster',
        metadata: { name: id },
        spec: { displayName: id, localClusterAuthEndpoint: { enabled: ace } },
      });
      if (credentials) await world.setCredentials(id, server ? { server } : {});
    },
    async setCredentials(id, { server, kubeconfig }) {
      const text = kubeconfig ?? cluster(id).plane.kubeconfigYaml(server ? { server } : {});
      const data = { kubeconfig: Buffer.from(text).toString('base64') };
      const name = `credentials-${id}`;
      if (await management.get(SECRETS, name, OWN_NAMESPACE)) {
        await management.patch(SECRETS, name, { data }, OWN_NAMESPACE);
        return;
      }
      await management.create(SECRETS, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: OWN_NAMESPACE, labels: { 'ace-operator.io/cluster': id } },
        data,
      });
    },
    async setAce(id, enabled) {
      await management.patch(CLUSTERS, id, { spec: { localClusterAuthEndpoint: { enabled } } });
    },
    async createUser(name, fields = {}, groups) {
      const user = await management.create(USERS, {
        apiVersion: 'management.cattle.io/v3',
        kind: 'User',
        metadata: { name },
        ...fields,
      });
      if (groups) await world.setGroups(name, groups);
      return user;
    },
    async setGroups(user, groups) {
      const items = groups.map((name) => ({ metadata: { name } }));
      const fields = { GroupPrincipals: { local: { Items: items } } };
      if (await management.get(USER_ATTRIBUTES, user)) {
        await management.patch(USER_ATTRIBUTES, user, fields);
        return;
      }
      await management.create(USER_ATTRIBUTES, {
        apiVersion: 'management.cattle.io/v3',
        kind: 'UserAttribute',
        metadata: { name: user },
        ...fields,
      });
    },
    createToken: (name, clusterName, userId, fields = {}, annotations = {}) =>
      management.create(TOKENS, {
        apiVersion: 'management.cattle.io/v3',
        kind: 'Token',
        metadata: { name, annotations },
        token: `not-a-real-secret-of-${name}`,
        userId,
        clusterName,
        ttl: 0,
        ...fields,
      }),
    async createTokens(prefix, count, clusterName, userId, fields = {}) {
      const names = Array.from({ length: count }, (_, index) => `${prefix}-${index}`);
      const annotations = 'token' in fields ? {} : { [ANNOTATION_TOKEN_HASHED]: 'true' };
      await Promise.all(
        names.map((name) =>
          world.createToken(
            name,
            clusterName,
            userId,
            { token: sha3(`not-a-real-secret-of-${name}`), ...fields },
            annotations,
          ),
        ),
      );
      return names;
    },
    patchToken: (name, patch) => management.patch(TOKENS, name, patch),
    deleteToken: (name) => management.remove(TOKENS, name),
    propagation: (id) => management.get(CLUSTER_PROPAGATIONS, id),
    async condition(id, type) {
      const propagation = await world.propagation(id);
      return propagation?.status?.conditions?.find((condition: Any) => condition.type === type);
    },
    async waitSynced(id, tokens) {
      await eventually(
        async () => {
          const { status } = (await world.propagation(id)) ?? {};
          const synced = status?.conditions?.find((condition: Any) => condition.type === 'Synced');
          if (synced?.status !== 'True') throw new Error(`Synced is ${JSON.stringify(synced)}`);
          if (tokens !== undefined && status.tokens !== tokens)
            throw new Error(`tokens are ${status.tokens}`);
        },
        { timeoutMs: 60_000, what: `cluster ${id} to be synced` },
      );
    },
    async waitCondition(id, type, fields) {
      await eventually(
        async () => {
          const condition = await world.condition(id, type);
          const differs = Object.entries(fields).some(([name, value]) => condition?.[name] !== value);
          if (differs) throw new Error(`${type} is ${JSON.stringify(condition)}`);
        },
        { timeoutMs: 60_000, what: `${type} of cluster ${id} to be ${JSON.stringify(fields)}` },
      );
    },
    async events(reason) {
      const events = await management.list(EVENT_RESOURCE);
      return reason === undefined ? events : events.filter((event) => event.reason === reason);
    },
    async close(options) {
      await world.stopOperator();
      await management.close();
      await Promise.all([...downstream.values()].map((client) => client.close()));
      const planes = [management.plane, ...[...downstream.values()].map(({ plane }) => plane)];
      await Promise.all(planes.map((plane) => plane.stop(options)));
    },
  };
  return world;
}

const EVENT_RESOURCE = { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true };

import { Agent, request } from 'node:http';
import { PassThrough } from 'node:stream';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  REFRESH_DEBOUNCE,
  SECRETS,
} from '../../src/api/names.ts';
import type { KubeObject } from '../../src/api/types.ts';
import { AuditLog } from '../../src/authenticator/audit-log.ts';
import type { AuthenticatorDeps } from '../../src/authenticator/authenticator.ts';
import { ClusterState } from '../../src/authenticator/cluster-state.ts';
import type { Candidate } from '../../src/authenticator/judge.ts';
import { routes } from '../../src/authenticator/routes.ts';
import { WebhookServer } from '../../src/authenticator/server.ts';
import { isSlowHash, TimeSpender } from '../../src/authenticator/slow-hash.ts';
import { VerifiedSecrets } from '../../src/authenticator/verified.ts';
import { createHasher } from '../../src/hash/hasher.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { Transport } from '../../src/kube/transport.ts';
import { AuthenticatorMetrics } from '../../src/telemetry/authenticator-metrics.ts';
import type { AuditMode } from '../../src/telemetry/log-level.ts';
import { NOW } from './builders.ts';
import { ClusterServer } from './cluster-server.ts';
import { eventually } from './eventually.ts';
import type { Any } from './plane-client.ts';

export const RIG_NAMESPACE = 'cattle-system';
const THREADS = 2;

type Fields = Readonly<Record<string, unknown>>;

/** A ClusterAuthToken as an API server sends it: enabled, of user `u-1`, without end. */
export function rawCat(name: string, fields: Fields = {}, metadata: Fields = {}): KubeObject {
  return {
    apiVersion: 'cluster.cattle.io/v3',
    kind: 'ClusterAuthToken',
    metadata: { name, namespace: RIG_NAMESPACE, ...metadata },
    userName: 'u-1',
    enabled: true,
    ...fields,
  } as KubeObject;
}

export function rawCua(name: string, fields: Fields = {}, metadata: Fields = {}): KubeObject {
  return {
    apiVersion: 'cluster.cattle.io/v3',
    kind: 'ClusterUserAttribute',
    metadata: { name, namespace: RIG_NAMESPACE, ...metadata },
    enabled: true,
    groups: ['group://devs', 'group://ops'],
    needsRefresh: false,
    ...fields,
  } as KubeObject;
}

export function rawHashSecret(name: string, hash: string, metadata: Fields = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name, namespace: RIG_NAMESPACE, ...metadata },
    data: { hash: Buffer.from(hash).toString('base64') },
  } as KubeObject;
}

/** What the operator copies from the Setting of that name. */
export function rawDebounce(value: string): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: REFRESH_DEBOUNCE, namespace: RIG_NAMESPACE },
    data: { value },
  } as KubeObject;
}

const PLURALS: Readonly<Record<string, string>> = {
  ClusterAuthToken: CLUSTER_AUTH_TOKENS.plural,
  ClusterUserAttribute: CLUSTER_USER_ATTRIBUTES.plural,
  Secret: SECRETS.plural,
  ConfigMap: CONFIG_MAPS.plural,
};

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly retryAfter: string | undefined;
  readonly text: string;
  /** The body, parsed; undefined when there is none. */
  readonly json: Any;
}

/** A ClusterState on a small real API server. */
export interface StateRig {
  readonly server: ClusterServer;
  readonly state: ClusterState;
  /** What the test says the time is, and by how much of that somebody set the clock; milliseconds. */
  readonly clock: { nowMs: number; setByMs: number };
  readonly failures: string[];
  put(...objects: readonly KubeObject[]): void;
  remove(kind: string, name: string): void;
  /** Until the state holds what the server has of these. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export async function startStateRig(): Promise<StateRig> {
  const server = new ClusterServer();
  const transport = new Transport(
    { server: await server.listen(), tls: {}, headers: async () => ({}) },
    { connections: 4, timeoutMs: 5_000, userAgent: 'test' },
  );
  const clock = { nowMs: NOW, setByMs: 0 };
  const failures: string[] = [];
  const state = new ClusterState({
    client: new KubeClient(transport),
    namespace: RIG_NAMESPACE,
    now: () => clock.nowMs,
    monotonic: () => clock.nowMs - clock.setByMs,
    onFailure: (resource) => failures.push(resource),
  });
  const latest = new Map<string, { kind: string; version: string | undefined }>();
  const stores: Readonly<Record<string, { get(name: string): { resourceVersion: string } | undefined }>> = {
    ClusterAuthToken: state.tokens,
    ClusterUserAttribute: state.users,
    Secret: state.secrets,
  };
  return {
    ...{ server, state, clock, failures },
    put(...objects) {
      for (const object of objects) {
        const stored = server.put(PLURALS[object.kind] ?? '', object);
        latest.set(`${object.kind}/${object.metadata.name}`, {
          kind: object.kind,
          version: stored.metadata.resourceVersion,
        });
      }
    },
    remove(kind, name) {
      server.remove(PLURALS[kind] ?? '', name);
      latest.set(`${kind}/${name}`, { kind, version: undefined });
    },
    settled: () =>
      eventually(() => {
        for (const [key, { kind, version }] of latest) {
          const name = key.slice(kind.length + 1);
          const held = stores[kind]?.get(name)?.resourceVersion;
          if (stores[kind] && held !== version) throw new Error(`${key} is held at ${held}, not ${version}`);
        }
      }),
    async close() {
      await state.stop();
      await transport.close();
      await server.close();
    },
  };
}

export interface WebhookRigOptions {
  readonly legacy401?: boolean;
  readonly withExtra?: boolean;
  readonly auditLog?: AuditMode;
  readonly maxStalenessMs?: number;
  readonly maxVerified?: number;
  /** How long the answer to a guess is held back; 100 ms. */
  readonly holdMs?: number;
  /** False: the API server is there, but the state has not asked it yet. */
  readonly synced?: boolean;
}

/** The webhook, over real HTTP, with everything behind it real but the API server. */
export interface WebhookRig extends StateRig {
  readonly address: string;
  readonly metrics: AuthenticatorMetrics;
  readonly verified: VerifiedSecrets;
  /** Faults of our own: what answers 500. */
  readonly faults: unknown[];
  /** What the audit log was told. */
  readonly audited: PassThrough;
  /** Reasons of refusals, in order. */
  readonly refused: string[];
  readonly accepted: Candidate[];
  /** Checks of a secret against a hash that were really made. */
  readonly checks: { count: number };
  post(body: string | Buffer, path?: string): Promise<Reply>;
  send(method: string, path: string, body?: string | Buffer): Promise<Reply>;
  review(token: string, version?: 'v1' | 'v1beta1'): Promise<Reply>;
}

export async function startWebhookRig(options: WebhookRigOptions = {}): Promise<WebhookRig> {
  const rig = await startStateRig();
  const hasher = createHasher({ threads: THREADS });
  const checks = { count: 0 };
  const verified = new VerifiedSecrets({
    maxEntries: options.maxVerified ?? 1_000,
    concurrency: THREADS,
    holdMs: options.holdMs ?? 100,
    verify: (secret, hash) => {
      checks.count += 1;
      return hasher.verify(secret, hash);
    },
    isSlow: isSlowHash,
  });
  const spender = new TimeSpender(rig.state, hasher);
  const metrics = new AuthenticatorMetrics();
  const faults: unknown[] = [];
  const refused: string[] = [];
  const audited = new PassThrough();
  const accepted: Candidate[] = [];
  const authenticator: AuthenticatorDeps = {
    state: rig.state,
    verified,
    spendTime: (secret) => spender.spend(secret),
    withExtra: options.withExtra ?? true,
    maxStalenessMs: options.maxStalenessMs,
    accepted: (candidate) => void accepted.push(candidate),
  };
  const webhook = new WebhookServer({
    handler: routes({
      authenticator,
      metrics,
      now: () => rig.clock.nowMs,
      legacy401: options.legacy401 ?? false,
      audit: new AuditLog({ mode: options.auditLog ?? 'none', stream: audited, now: () => rig.clock.nowMs }),
      onRefused: (reason) => void refused.push(reason),
    }),
    onReload: () => {},
    onFault: (error) => void faults.push(error),
  });
  if (options.synced !== false) {
    rig.state.start();
    await rig.state.synced();
  }
  const address = await webhook.listen('127.0.0.1', 0);
  const agent = new Agent({ keepAlive: true, maxSockets: 512 });
  const send = (method: string, path: string, body?: string | Buffer): Promise<Reply> =>
    ask(agent, address, method, path, body);
  return {
    ...rig,
    ...{ address, metrics, verified, faults, audited, refused, accepted, checks, send },
    post: (body, path = '/v1/authenticate') => send('POST', path, body),
    review: (token, version = 'v1') => send('POST', '/v1/authenticate', reviewBody(token, version)),
    async close() {
      agent.destroy();
      verified.release();
      await webhook.drain();
      await hasher.close();
      await rig.close();
    },
  };
}

/** A TokenReview as a kube-apiserver sends it. */
export function reviewBody(token: string, version: 'v1' | 'v1beta1' = 'v1'): string {
  return JSON.stringify({
    kind: 'TokenReview',
    apiVersion: `authentication.k8s.io/${version}`,
    metadata: { creationTimestamp: null },
    spec: { token, audiences: ['https://kubernetes.default.svc'] },
    status: { user: {} },
  });
}

function ask(
  agent: Agent,
  address: string,
  method: string,
  path: string,
  body: string | Buffer = '',
): Promise<Reply> {
  const [host = '', port = ''] = address.split(':');
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const sent = request({ agent, host, port, method, path, headers, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const type = response.headers['content-type'] ?? '';
        const json = type === 'application/json' && text !== '' ? JSON.parse(text) : undefined;
        resolve({
          status: response.statusCode ?? 0,
          retryAfter: response.headers['retry-after'],
          ...{ type, text, json },
        });
      });
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer')));
    sent.on('error', reject);
    sent.end(body);
  });
}

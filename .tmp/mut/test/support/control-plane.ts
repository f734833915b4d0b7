import { execFile } from 'node:child_process';
import { cp, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { get as getTls } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AUDIT_POLICY, type AuditLine, readAuditLog } from './audit.ts';
import { type Binaries, findControlPlane } from './binaries.ts';
import type { Child } from './child.ts';
import { kubeconfig } from './kubeconfig.ts';
import { type CertificateAuthority, createAuthority, createSigningKey, type KeyPair } from './pki.ts';
import { createPlaneDirectory, keepLogs, sweepPlaneDirectories } from './plane-directory.ts';
import { type ServerCommand, startOnFreePort, startOnSamePort } from './server-process.ts';

export type { AuditLine } from './audit.ts';

/**
 * etcd and kube-apiserver, nothing else. No controllers run: no garbage collection, no namespace finalization, and the
 * aggregated cluster roles (view, edit, admin) are empty.
 */
export interface ControlPlane {
  readonly name: string;
  readonly url: string;
  readonly etcdUrl: string;
  /** Holds data and logs. */
  readonly dir: string;
  /** Path of a kubeconfig of group system:masters. */
  readonly adminKubeconfig: string;
  /** Path of a kubeconfig for a user who may do only what RBAC grants. */
  kubeconfigFor(user: string, groups?: readonly string[]): Promise<string>;
  /** Text of a self-contained kubeconfig; `server` replaces the address, e.g. by that of a proxy. */
  kubeconfigYaml(options?: { server?: string; user?: 'admin' }): string;
  restartApiServer(): Promise<void>;
  stopApiServer(): Promise<void>;
  startApiServer(): Promise<void>;
  /** Stops everything, keeps a copy of etcd's data, starts everything again. */
  backUp(): Promise<void>;
  /** Puts etcd's data back as they were at the last {@link backUp}; the API server begins anew with them. */
  restore(): Promise<void>;
  /** Another cluster, empty, behind the same address and with the same authority. */
  replace(): Promise<void>;
  /** Finished requests since the start; empty unless `audit` is on. Lines come shortly after the answers. */
  auditLines(): Promise<readonly AuditLine[]>;
  stop(options?: { keepLogs?: boolean }): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly name?: string;
  readonly audit?: boolean;
  /** Where the API server listens: 127.0.0.1, unless pods of a node are to reach it. */
  readonly address?: string;
  /** `kubeconfig` is a path; the version defaults to v1. */
  readonly tokenWebhook?: { kubeconfig: string; version?: 'v1' | 'v1beta1'; cacheTtl?: string };
  /** Further flags of kube-apiserver; they win over ours. */
  readonly extraArgs?: readonly string[];
}

/** Starts a control plane on ports of its own and waits until it is ready. It ends when this process ends. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const binaries = findControlPlane();
  await sweepPlaneDirectories();
  const name = options.name ?? 'plane';
  const plane = new Plane(name, await createPlaneDirectory(name), binaries, options);
  try {
    await plane.start();
    return plane;
  } catch (error) {
    await plane.stop({ keepLogs: true });
    throw error;
  }
}

const ADMIN = { user: 'admin', groups: ['system:masters'] };

class Plane implements ControlPlane {
  readonly name: string;
  readonly dir: string;
  readonly adminKubeconfig: string;
  url = '';
  etcdUrl = '';
  readonly #binaries: Binaries;
  readonly #options: ControlPlaneOptions;
  readonly #authority: CertificateAuthority;
  readonly #admin: KeyPair;
  readonly #address: string;
  #etcd: Child | undefined;
  #speedUps: readonly string[] = [];
  #apiServer: Child | undefined;

  constructor(name: string, dir: string, binaries: Binaries, options: ControlPlaneOptions) {
    this.name = name;
    this.dir = dir;
    this.adminKubeconfig = join(dir, 'admin.kubeconfig');
    this.#binaries = binaries;
    this.#options = options;
    this.#address = options.address ?? '127.0.0.1';
    this.#authority = createAuthority(`ace-operator test ${name}`);
    this.#admin = this.#authority.issueClient(ADMIN.user, ADMIN.groups);
  }

  async start(): Promise<void> {
    [this.#speedUps] = await Promise.all([etcdSpeedUps(this.#binaries.etcd), this.#writeFiles()]);
    const etcd = await startOnFreePort((port) => this.#etcdCommand(port, this.#speedUps));
    this.#etcd = etcd.child;
    this.etcdUrl = `http://127.0.0.1:${etcd.port}`;
    const apiServer = await startOnFreePort((port) => this.#apiServerCommand(port));
    this.#apiServer = apiServer.child;
    this.url = `https://${this.#address}:${apiServer.port}`;
    await writeFile(this.adminKubeconfig, this.kubeconfigYaml(), { mode: 0o600 });
  }

  async kubeconfigFor(user: string, groups: readonly string[] = []): Promise<string> {
    const credentials = this.#authority.issueClient(user, groups);
    const path = join(this.dir, `${encodeURIComponent([user, ...groups].join(','))}.kubeconfig`);
    const text = kubeconfig({ server: this.url, ca: this.#authority.cert, user, credentials });
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }

  kubeconfigYaml({ server = this.url }: { server?: string; user?: 'admin' } = {}): string {
    return kubeconfig({ server, ca: this.#authority.cert, user: ADMIN.user, credentials: this.#admin });
  }

  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /** SIGKILL: on SIGTERM it waits a minute for open watches, and etcd keeps the data either way. */
  async stopApiServer(): Promise<void> {
    await this.#apiServer?.kill();
  }

  async startApiServer(): Promise<void> {
    if (this.#apiServer?.running === true) return;
    this.#apiServer = await startOnSamePort(this.#apiServerCommand(Number(new URL(this.url).port)));
  }

  async backUp(): Promise<void> {
    await this.#whileStopped(() => cp(this.#path('etcd'), this.#path('backup'), { recursive: true }));
  }

  async restore(): Promise<void> {
    await this.#whileStopped(async () => {
      await rm(this.#path('etcd'), { recursive: true });
      await cp(this.#path('backup'), this.#path('etcd'), { recursive: true });
    });
  }

  async replace(): Promise<void> {
    await this.#whileStopped(() => rm(this.#path('etcd'), { recursive: true }));
  }

  async #whileStopped(work: () => Promise<void>): Promise<void> {
    await Promise.all([this.#apiServer?.kill(), this.#etcd?.kill()]);
    await work();
    this.#etcd = await startOnSamePort(this.#etcdCommand(Number(new URL(this.etcdUrl).port), this.#speedUps));
    await this.startApiServer();
  }

  async auditLines(): Promise<readonly AuditLine[]> {
    return readAuditLog(this.#path('audit.log'));
  }

  async stop(options: { keepLogs?: boolean } = {}): Promise<void> {
    await Promise.all([this.#apiServer?.kill(), this.#etcd?.kill()]);
    if (options.keepLogs !== true) {
      await rm(this.dir, { recursive: true, force: true });
      return;
    }
    await keepLogs(this.dir);
    console.error(`control plane ${this.name}: logs kept in ${this.dir}`);
  }

  #path(file: string): string {
    return join(this.dir, file);
  }

  async #writeFiles(): Promise<void> {
    const hosts = [this.#address, '10.0.0.1', 'localhost', 'kubernetes', 'kubernetes.default.svc'];
    const server = this.#authority.issueServer('kube-apiserver', hosts);
    const files = {
      'ca.crt': this.#authority.cert,
      'server.crt': server.cert,
      'server.key': server.key,
      'service-account.key': createSigningKey(),
      'audit-policy.json': JSON.stringify(AUDIT_POLICY),
    };
    await Promise.all(
      Object.entries(files).map(([file, text]) => writeFile(this.#path(file), text, { mode: 0o600 })),
    );
  }

  #etcdCommand(port: number, extra: readonly string[]): ServerCommand {
    const url = `http://127.0.0.1:${port}`;
    return {
      program: this.#binaries.etcd,
      // Nobody joins this member, so its peer port may be any.
      args: [
        `--data-dir=${this.#path('etcd')}`,
        `--listen-client-urls=${url}`,
        `--advertise-client-urls=${url}`,
        '--listen-peer-urls=http://127.0.0.1:0',
        ...extra,
      ],
      log: this.#path('etcd.log'),
      ready: () => answersOk(get, `${url}/health`),
    };
  }

  #apiServerCommand(port: number): ServerCommand {
    const tls = { ca: this.#authority.cert, cert: this.#admin.cert, key: this.#admin.key, agent: false };
    const ask = (path: string) => answersOk(getTls, `https://${this.#address}:${port}${path}`, tls);
    return {
      program: this.#binaries.apiServer,
      args: [...this.#baseArgs(port), ...this.#optionalArgs(), ...(this.#options.extraArgs ?? [])],
      log: this.#path('kube-apiserver.log'),
      // The namespace `default` is made after the server calls itself ready.
      ready: async () => (await ask('/readyz')) && (await ask('/api/v1/namespaces/default')),
    };
  }

  #baseArgs(port: number): readonly string[] {
    return [
      `--etcd-servers=${this.etcdUrl}`,
      `--bind-address=${this.#address}`,
      // Needed where there is no other network; no Service ever points there.
      `--advertise-address=${this.#address}`,
      '--endpoint-reconciler-type=none',
      `--secure-port=${port}`,
      `--cert-dir=${this.#path('certs')}`,
      `--tls-cert-file=${this.#path('server.crt')}`,
      `--tls-private-key-file=${this.#path('server.key')}`,
      `--client-ca-file=${this.#path('ca.crt')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${this.#path('service-account.key')}`,
      `--service-account-signing-key-file=${this.#path('service-account.key')}`,
      '--service-cluster-ip-range=10.0.0.0/24',
      '--authorization-mode=RBAC',
    ];
  }

  #optionalArgs(): readonly string[] {
    const { audit = false, tokenWebhook } = this.#options;
    const args: string[] = [];
    if (audit) {
      // A rotated file would hide what was counted before.
      args.push('--audit-log-maxsize=4096', `--audit-log-path=${this.#path('audit.log')}`);
      args.push(`--audit-policy-file=${this.#path('audit-policy.json')}`);
    }
    if (tokenWebhook !== undefined) {
      args.push(`--authentication-token-webhook-config-file=${tokenWebhook.kubeconfig}`);
      args.push(`--authentication-token-webhook-version=${tokenWebhook.version ?? 'v1'}`);
      if (tokenWebhook.cacheTtl !== undefined) {
        args.push(`--authentication-token-webhook-cache-ttl=${tokenWebhook.cacheTtl}`);
      }
    }
    return args;
  }
}

/** The data is thrown away: it need not survive a power cut. 3.4 knows the flag without telling so in its help. */
async function etcdSpeedUps(etcd: string): Promise<readonly string[]> {
  const flag = '--unsafe-no-fsync';
  const known = await promisify(execFile)(etcd, [flag, '--version']).then(
    () => true,
    () => false,
  );
  return known ? [flag] : [];
}

function answersOk(getter: typeof get | typeof getTls, url: string, options: object = {}): Promise<boolean> {
  return new Promise((resolve) => {
    const request = getter(url, { ...options, timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

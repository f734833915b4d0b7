import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { createPlaneDirectory, sweepPlaneDirectories } from '../../support/plane-directory.ts';
import type { TestCluster, TestClusterOptions } from './provider.ts';

/** Makes a kind cluster by hack/kind. It ends when this process ends. */
export async function startKindCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  await sweepPlaneDirectories();
  const dir = await createPlaneDirectory('kind');
  const up = spawn(script('up.sh'), [dir, '--until-eof', ...webhookArgs(options)], { detached: true });
  let said = '';
  up.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    process.stderr.write(text); // the first time an image is pulled
  });
  const path = await firstLine(up);
  if (path === undefined) throw new Error(said.trim());
  const { stdout } = await promisify(execFile)(script('host-address.sh'));
  return new KindCluster(dir, path, await readFile(path, 'utf8'), stdout.trim(), up);
}

class KindCluster implements TestCluster {
  readonly provider = 'kind';
  readonly dir: string;
  readonly kubeconfig: string;
  readonly url: string;
  readonly hostAddress: string;
  readonly #admin: string;
  readonly #up: ChildProcessWithoutNullStreams;

  constructor(
    dir: string,
    path: string,
    admin: string,
    hostAddress: string,
    up: ChildProcessWithoutNullStreams,
  ) {
    this.dir = dir;
    this.kubeconfig = path;
    this.hostAddress = hostAddress;
    this.#admin = admin;
    this.#up = up;
    this.url = parse(admin).clusters[0].cluster.server;
  }

  kubeconfigYaml(): string {
    return this.#admin;
  }

  /** The administrator, in the name of the other: the API server judges by the rights of the latter alone. */
  async kubeconfigFor(user: string, groups: readonly string[] = []): Promise<string> {
    const config = parse(this.#admin);
    Object.assign(config.users[0].user, { as: user, 'as-groups': groups });
    const path = join(this.dir, `${encodeURIComponent([user, ...groups].join(','))}.kubeconfig`);
    await writeFile(path, stringify(config), { mode: 0o600 });
    return path;
  }

  async loadImage(archive: string): Promise<void> {
    await promisify(execFile)(script('load-image.sh'), [archive]);
  }

  nodeCommand(...command: readonly string[]): readonly [string, ...string[]] {
    return [script('enter.sh'), ...command];
  }

  /** The logs go with the node's container; the suite's diagnostics have shown their ends. */
  async stop(): Promise<void> {
    this.#up.stdin.end();
    if (this.#up.exitCode === null && this.#up.signalCode === null) await once(this.#up, 'exit');
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** The script's answer, or nothing when it ended without one. */
async function firstLine({ stdout }: ChildProcessWithoutNullStreams): Promise<string | undefined> {
  for await (const line of createInterface(stdout)) return line;
  return undefined;
}

function script(name: string): string {
  return fileURLToPath(new URL(`../../../hack/kind/${name}`, import.meta.url));
}

function webhookArgs({ tokenWebhook }: TestClusterOptions): readonly string[] {
  if (tokenWebhook === undefined) return [];
  const { kubeconfig: path, cacheTtl } = tokenWebhook;
  const ttl = cacheTtl === undefined ? [] : ['--token-webhook-cache-ttl', cacheTtl];
  return ['--token-webhook', path, ...ttl];
}

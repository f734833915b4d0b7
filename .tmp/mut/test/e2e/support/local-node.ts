import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { kubeconfig } from '../../support/kubeconfig.ts';
import { type CertificateAuthority, loadAuthority } from '../../support/pki.ts';
import { createPlaneDirectory, keepForADay, sweepPlaneDirectories } from '../../support/plane-directory.ts';
import type { TestCluster, TestClusterOptions } from './provider.ts';

/** The cluster that hack/local-node makes: Debian 12, root, no Docker. One at a time on a machine. */
export interface LocalNode extends TestCluster {
  readonly provider: 'local-node';
  /** The node's own address. */
  readonly address: string;
}

/** Also in hack/local-node/settings.sh and credentials.ts. */
const HOST_ADDRESS = '10.98.0.1';
const NODE_ADDRESS = '10.98.0.2';
const AUTHORITY_NAME = 'ace-operator local-node';

/** Brings the node up, which builds Kubernetes when that was not done before. It ends when this process ends. */
export async function startLocalNode(options: TestClusterOptions = {}): Promise<LocalNode> {
  await sweepPlaneDirectories();
  const dir = await createPlaneDirectory('local-node');
  // A session of its own: Ctrl-C in the terminal reaches us only, and the end of our pipe tells the script.
  const up = spawn(script('up.sh'), [dir, '--until-eof', ...webhookArgs(options)], { detached: true });
  let said = '';
  up.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
    process.stderr.write(text); // a build takes minutes
  });
  const path = await firstLine(up);
  if (path === undefined) throw new Error(said.trim());
  return new RunningNode(dir, path, await readCredentials(dir, path), up);
}

interface Credentials {
  readonly admin: string;
  readonly authority: CertificateAuthority;
}

async function readCredentials(dir: string, adminPath: string): Promise<Credentials> {
  const paths = [adminPath, join(dir, 'pki', 'ca.crt'), join(dir, 'pki', 'ca.key')];
  const [admin = '', cert = '', key = ''] = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return { admin, authority: loadAuthority(AUTHORITY_NAME, { cert, key }) };
}

class RunningNode implements LocalNode {
  readonly provider = 'local-node';
  readonly url = `https://${NODE_ADDRESS}:6443`;
  readonly address = NODE_ADDRESS;
  readonly hostAddress = HOST_ADDRESS;
  readonly dir: string;
  readonly kubeconfig: string;
  readonly #credentials: Credentials;
  readonly #up: ChildProcessWithoutNullStreams;

  constructor(dir: string, path: string, credentials: Credentials, up: ChildProcessWithoutNullStreams) {
    this.dir = dir;
    this.kubeconfig = path;
    this.#credentials = credentials;
    this.#up = up;
  }

  kubeconfigYaml(): string {
    return this.#credentials.admin;
  }

  async kubeconfigFor(user: string, groups: readonly string[] = []): Promise<string> {
    const { authority } = this.#credentials;
    const credentials = authority.issueClient(user, groups);
    const path = join(this.dir, `${encodeURIComponent([user, ...groups].join(','))}.kubeconfig`);
    const content = kubeconfig({ server: this.url, ca: authority.cert, user, credentials });
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  async loadImage(archive: string): Promise<void> {
    await promisify(execFile)(script('load-image.sh'), [archive]);
  }

  nodeCommand(...command: readonly string[]): readonly [string, ...string[]] {
    return [script('enter.sh'), ...command];
  }

  async stop({ keepLogs = false }: { keepLogs?: boolean } = {}): Promise<void> {
    const kept = join(this.dir, 'kept-logs');
    if (keepLogs) await cp(join(this.dir, 'log'), kept, { recursive: true });
    this.#up.stdin.end();
    if (this.#up.exitCode === null && this.#up.signalCode === null) await once(this.#up, 'exit');
    if (!keepLogs) return rm(this.dir, { recursive: true, force: true });
    await keepForADay(this.dir);
    console.error(`local node: logs kept in ${kept}`);
  }
}

/** The script's answer, or nothing when it ended without one. */
async function firstLine({ stdout }: ChildProcessWithoutNullStreams): Promise<string | undefined> {
  for await (const line of createInterface(stdout)) return line;
  return undefined;
}

function script(name: string): string {
  return fileURLToPath(new URL(`../../../hack/local-node/${name}`, import.meta.url));
}

function webhookArgs({ tokenWebhook }: TestClusterOptions): readonly string[] {
  if (tokenWebhook === undefined) return [];
  const { kubeconfig: path, cacheTtl } = tokenWebhook;
  const ttl = cacheTtl === undefined ? [] : ['--token-webhook-cache-ttl', cacheTtl];
  return ['--token-webhook', path, ...ttl];
}

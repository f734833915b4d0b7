import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority } from './pki.ts';

export interface PaperRequest {
  readonly method: string;
  /** Undefined: of the management plane. */
  readonly cluster: string | undefined;
  readonly url: URL;
  /** Last segment of a list's path, or the kind of an object: `clusters`, `clusterauthtokens`. */
  readonly plural: string;
  /** Of one object; undefined for a list. */
  readonly name: string | undefined;
  /** What was sent; undefined where that is nothing. */
  readonly body: unknown;
  /** By which it was asked; empty without one. */
  readonly bearer: string;
}

/** A body alone is a success; undefined is an object that is not there, or an empty list. */
export type PaperAnswer = object | { readonly code: number; readonly headers?: object } | undefined;

/**
 * One HTTP server that stands for a management plane and for any number of clusters, each under a path of its own, and
 * answers what it is told to.
 */
export class PaperPlanes {
  answer: (request: PaperRequest) => PaperAnswer | Promise<PaperAnswer> = () => undefined;
  /** `GET management secrets`, in the order in which they came. */
  readonly requests: string[] = [];
  readonly #clusters = new Map<string, string>();
  readonly #server: Server;
  readonly #bearer: string;
  /** Of its certificate; undefined: it speaks no TLS. */
  readonly #caPem: string | undefined;
  #dir = '';

  /** @param options.isTls - for commands that give no secret to who cannot say who it is */
  constructor(bearer = 'not-a-real-bearer', { isTls = false } = {}) {
    this.#bearer = bearer;
    const take = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#take(request, response);
    const authority = isTls ? createAuthority('paper-authority') : undefined;
    this.#caPem = authority?.cert;
    const pair = authority?.issueServer('paper', ['127.0.0.1']);
    this.#server = pair ? createTlsServer({ ...pair }, take) : createServer(take);
  }

  async listen(): Promise<void> {
    this.#dir = await mkdtemp(join(tmpdir(), 'ace-paper-'));
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    await writeFile(this.kubeconfig, this.#kubeconfigText('/management'));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** File for the management plane. */
  get kubeconfig(): string {
    return join(this.#dir, 'kubeconfig');
  }

  /** From here on these are the clusters, with ACE, credentials for each. */
  setClusters(...ids: readonly string[]): void {
    this.#clusters.clear();
    for (const id of ids) this.#clusters.set(id, this.#kubeconfigText(`/clusters/${id}`));
  }

  #kubeconfigText(path: string): string {
    const { port } = this.#server.address() as AddressInfo;
    const ca = this.#caPem;
    const trust =
      ca === undefined
        ? { 'insecure-skip-tls-verify': true }
        : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
    const server = `http${ca === undefined ? '' : 's'}://127.0.0.1:${port}${path}`;
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'x',
      clusters: [{ name: 'x', cluster: { server, ...trust } }],
      contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
      users: [{ name: 'x', user: { token: this.#bearer } }],
    });
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parsed = parse(request, await textOf(request));
    this.requests.push(`${parsed.method} ${parsed.cluster ?? 'management'} ${parsed.plural}`);
    const [, root = ''] = /\/(api|version)$/.exec(request.url ?? '') ?? [];
    const told = (await this.answer(parsed)) ?? ROOTS[root] ?? this.#usual(parsed);
    const { code = 200, headers = {} } = told as { code?: number; headers?: object };
    const body = code === 200 ? told : refusal(code, parsed);
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  }

  #usual({ cluster, url, plural, name }: PaperRequest): object {
    if (url.pathname.endsWith('/api')) return { kind: 'APIVersions', versions: ['v1'] };
    // In Rancher's namespace for them Secrets are tokens.
    const isOurs = cluster === undefined && !url.pathname.includes('/namespaces/cattle-tokens/');
    const objects = isOurs ? this.#management(plural) : [];
    if (name === undefined) return listOf(objects);
    const found = objects.find(({ metadata }) => metadata.name === name);
    return found ?? { code: 404 };
  }

  #management(plural: string): readonly { metadata: { name: string } }[] {
    const ids = [...this.#clusters];
    if (plural === 'clusters')
      return ids.map(([name]) => ({
        metadata: { name, uid: name, resourceVersion: '1' },
        spec: { displayName: name, localClusterAuthEndpoint: { enabled: true } },
      }));
    if (plural !== 'secrets') return [];
    return ids.map(([name, text]) => ({
      metadata: {
        ...{ name: `credentials-${name}`, namespace: 'ace-operator', uid: name, resourceVersion: '1' },
        labels: { 'ace-operator.io/cluster': name },
      },
      data: { kubeconfig: Buffer.from(text).toString('base64') },
    }));
  }
}

/** By what an API server is known. */
const ROOTS: Readonly<Record<string, object>> = {
  api: { kind: 'APIVersions', versions: ['v1'] },
  version: { gitVersion: 'v1.37.2' },
};

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'AlreadyExists',
  429: 'TooManyRequests',
};

/** As an API server refuses: it names the object that it does not have. */
function refusal(code: number, { plural, name = '' }: PaperRequest): object {
  return { kind: 'Status', status: 'Failure', code, reason: REASONS[code], details: { kind: plural, name } };
}

export function listOf(items: readonly object[], next = ''): object {
  return { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '1', continue: next }, items };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) text += chunk;
  return text;
}

function parse(request: IncomingMessage, text: string): PaperRequest {
  const url = new URL(request.url ?? '/', 'http://paper');
  const [, cluster, path = ''] = /^\/(?:management|clusters\/([^/]+))(\/.*)$/.exec(url.pathname) ?? [];
  const [, rest = ''] =
    /^\/(?:api\/[^/]+|apis\/[^/]+\/[^/]+)\/(?:namespaces\/[^/]+\/)?(.*)$/.exec(path) ?? [];
  const [plural = '', name] = rest.split('/');
  const body: unknown = text === '' ? undefined : JSON.parse(text);
  const bearer = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  return { method: request.method ?? '', cluster, url, plural, name, body, bearer };
}

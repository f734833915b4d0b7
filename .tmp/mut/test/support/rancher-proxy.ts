import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ControlPlane } from './control-plane.ts';
import { createAuthority } from './pki.ts';

/** How Rancher answers while the agent of a cluster is away, or when it does not know the cluster. */
export type Absence = 'unavailable' | 'not found' | 'not found, as a Status' | 'not found, as a page';

/**
 * What Rancher is to a client of one of its clusters: `<address>/k8s/clusters/<id>/…`, with an authority of its own, to which
 * the client shows a bearer. Made after its documents and sources; watches end when it likes.
 */
export interface RancherProxy {
  /** As Settings `server-url` and `internal-server-url` have it. */
  readonly address: string;
  /** Watches that it ended. */
  readonly endedWatches: number;
  /** Requests that it passed on, watches included. */
  readonly passedOn: number;
  /** Requests that it answered itself, because the agent is away. */
  readonly refused: number;
  /** Text of the kubeconfig that Rancher's provisioning writes for a cluster. */
  kubeconfig(id: string): string;
  /** The agent is gone: connections through it break. undefined: it is back. */
  setAway(absence: Absence | undefined): void;
  /** Watches are ended after so many milliseconds: in order, or torn. undefined: not at all. */
  endWatches(after: { ms: number; torn: boolean } | undefined): void;
  /** What watches of that kind tell arrives so much later, as over a slow connection; 0: no more. Open watches end. */
  delayWatches(plural: string, ms: number): void;
  /** From now on only this bearer is taken, and open connections end. */
  setBearer(bearer: string): void;
  close(): Promise<void>;
}

/** Starts one on a free loopback port, before these planes. */
export async function startRancherProxy(planes: ReadonlyMap<string, ControlPlane>): Promise<RancherProxy> {
  const proxy = new LoopbackRancher(planes);
  await proxy.listen();
  return proxy;
}

const PATH = /^\/k8s\/clusters\/([^/?]+)(\/.*)$/;

class LoopbackRancher implements RancherProxy {
  readonly #planes: ReadonlyMap<string, ControlPlane>;
  readonly #authority = createAuthority('a Rancher');
  readonly #agents = new Map<string, Agent>();
  readonly #open = new Set<ServerResponse>();
  #server: Server | undefined;
  #away: Absence | undefined;
  #watches: { ms: number; torn: boolean } | undefined;
  #delay = { plural: '', ms: 0 };
  #bearer = 'u-provisioning:not-a-real-secret';
  address = '';
  endedWatches = 0;
  passedOn = 0;
  refused = 0;

  constructor(planes: ReadonlyMap<string, ControlPlane>) {
    this.#planes = planes;
  }

  async listen(): Promise<void> {
    const server = createServer(this.#authority.issueServer('rancher', ['127.0.0.1']), (incoming, response) =>
      this.#answer(incoming, response),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  kubeconfig(id: string): string {
    const ca = Buffer.from(this.#authority.cert).toString('base64');
    const cluster = { server: `${this.address}/k8s/clusters/${id}`, 'certificate-authority-data': ca };
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'cluster', cluster }],
      users: [{ name: 'user', user: { token: this.#bearer } }],
      contexts: [{ name: 'default', context: { cluster: 'cluster', user: 'user' } }],
      'current-context': 'default',
    });
  }

  setAway(absence: Absence | undefined): void {
    this.#away = absence;
    if (absence !== undefined) this.#tear();
  }

  endWatches(after: { ms: number; torn: boolean } | undefined): void {
    this.#watches = after;
    this.#tear();
  }

  delayWatches(plural: string, ms: number): void {
    this.#delay = { plural, ms };
    this.#tear();
  }

  setBearer(bearer: string): void {
    this.#bearer = bearer;
    this.#tear();
  }

  async close(): Promise<void> {
    this.#server?.closeAllConnections();
    this.#server?.close();
    for (const agent of this.#agents.values()) agent.destroy();
  }

  #tear(): void {
    for (const response of this.#open) response.destroy();
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const [, id = '', path = ''] = PATH.exec(incoming.url ?? '') ?? [];
    const plane = this.#planes.get(id);
    if (incoming.headers.authorization !== `Bearer ${this.#bearer}`) refuse(response, 401, unauthorized());
    else if (!plane) refuse(response, 404, notFound(id));
    else if (this.#away) {
      this.refused += 1;
      answerAway(response, this.#away, id);
    } else this.#passOn(plane, path, incoming, response);
  }

  #passOn(plane: ControlPlane, path: string, incoming: IncomingMessage, response: ServerResponse): void {
    this.passedOn += 1;
    const { authorization: _, host: __, ...headers } = incoming.headers;
    const outgoing = request(
      plane.url + path,
      { method: incoming.method, headers, agent: this.#agentOf(plane) },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.flushHeaders();
        const isDelayed = this.#delay.ms > 0 && path.includes(`/${this.#delay.plural}?`);
        if (isDelayed && path.includes('watch=')) this.#later(answer, response);
        else answer.pipe(response);
        if (/[?&]watch=(1|true)/.test(path)) this.#limit(response);
      },
    );
    this.#open.add(response);
    outgoing.on('error', () => response.destroy());
    response.on('close', () => {
      this.#open.delete(response);
      outgoing.destroy();
    });
    incoming.pipe(outgoing);
  }

  #later(answer: IncomingMessage, response: ServerResponse): void {
    const { ms } = this.#delay;
    answer.on('data', (chunk) => setTimeout(() => response.writable && response.write(chunk), ms));
    answer.on('end', () => setTimeout(() => response.end(), ms));
  }

  #limit(response: ServerResponse): void {
    const limit = this.#watches;
    if (!limit) return;
    const timer = setTimeout(() => {
      this.endedWatches += 1;
      if (limit.torn) response.destroy();
      else response.end();
    }, limit.ms);
    response.on('close', () => clearTimeout(timer));
  }

  /** The agent of a cluster has its own way in: an administrator's. */
  #agentOf(plane: ControlPlane): Agent {
    const known = this.#agents.get(plane.url);
    if (known) return known;
    const config = JSON.parse(plane.kubeconfigYaml());
    const pem = (base64: string): Buffer => Buffer.from(base64, 'base64');
    const agent = new Agent({
      keepAlive: true,
      ca: pem(config.clusters[0].cluster['certificate-authority-data']),
      cert: pem(config.users[0].user['client-certificate-data']),
      key: pem(config.users[0].user['client-key-data']),
    });
    this.#agents.set(plane.url, agent);
    return agent;
  }
}

function answerAway(response: ServerResponse, absence: Absence, id: string): void {
  const error = (code: number, word: string): object => ({
    type: 'error',
    status: String(code),
    code: word,
    message: id,
  });
  if (absence === 'unavailable') refuse(response, 503, error(503, 'ClusterUnavailable'));
  else if (absence === 'not found') refuse(response, 404, error(404, 'NotFound'));
  else if (absence === 'not found, as a Status') refuse(response, 404, notFound(id));
  else response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found\n');
}

function refuse(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const status = (code: number, reason: string, message: string, details: object): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  code,
  reason,
  message,
  details,
});

const unauthorized = (): object => status(401, 'Unauthorized', 'Unauthorized', {});

/** As Rancher's own look-up of the Cluster fails: in the form of an object that does not exist. */
const notFound = (id: string): object =>
  status(404, 'NotFound', `clusters.management.cattle.io "${id}" not found`, {
    name: id,
    group: 'management.cattle.io',
    kind: 'clusters',
  });

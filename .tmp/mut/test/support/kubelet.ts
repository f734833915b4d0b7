import { createServer as createPlain } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Resource } from '../../src/api/names.ts';
import { createAuthority } from './pki.ts';
import type { PlaneClient } from './plane-client.ts';

/** As much of a kubelet as an API server asks for logs: the server itself is real, and so is the way through it. */
export interface Kubelet {
  readonly node: string;
  /** Paths that were asked for, with their queries. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

const NODES: Resource = { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false };

/**
 * Registers a node whose logs are these.
 *
 * @param logs - text by `namespace/pod/container`
 */
export async function startKubelet(
  plane: PlaneClient,
  node: string,
  logs: Readonly<Record<string, string>>,
): Promise<Kubelet> {
  const asked: string[] = [];
  const server = createServer(
    createAuthority('kubelet-ca').issueServer(node, ['127.0.0.1']),
    (request, answer) => {
      asked.push(request.url ?? '');
      const [path = ''] = (request.url ?? '').split('?');
      const text = logs[path.replace('/containerLogs/', '')];
      answer.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' }).end(text ?? '');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  await plane.create(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: node } });
  const status = {
    addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
    daemonEndpoints: { kubeletEndpoint: { Port: (server.address() as AddressInfo).port } },
  };
  await plane.client.patch({ resource: NODES, name: node }, { status }, { subresource: 'status' });
  return {
    node,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** An address of this machine that an API server connects to for a pod, which loopback is not; undefined: it has none. */
export function podAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flat()
    .find((one) => one && !one.internal && one.family === 'IPv4' && !one.address.startsWith('169.254.'))
    ?.address;
}

/** Serves one text on a pod's address. @returns undefined where somebody else is there already */
export async function servePod(
  address: string,
  port: number,
  text: string,
): Promise<{ close(): Promise<void> } | undefined> {
  const server = createPlain((_request, answer) => answer.end(text));
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, address, () => resolve(true));
  });
  if (!listens) return undefined;
  return { close: () => new Promise((resolve) => server.close(() => resolve())) };
}

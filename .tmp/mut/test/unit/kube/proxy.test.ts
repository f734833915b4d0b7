import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { downstreamAccess } from '../../../src/kube/kubeconfig.ts';
import { environmentProxy, proxyEnvironment } from '../../../src/kube/proxy-environment.ts';
import { Transport } from '../../../src/kube/transport.ts';

describe('which proxy the environment names', () => {
  const proxy = (server: string, noProxy = ''): string | undefined =>
    environmentProxy(
      new URL(server),
      proxyEnvironment({ HTTPS_PROXY: 'http://secure:3128', http_proxy: 'plain:3128', NO_PROXY: noProxy }),
    );

  test('by the scheme of the server; a bare name is an http proxy', () => {
    expect(proxy('https://api.example:6443')).toBe('http://secure:3128');
    expect(proxy('http://api.example')).toBe('http://plain:3128');
    expect(environmentProxy(new URL('https://api.example'), {})).toBeUndefined();
  });

  test('capitals count before the other spelling', () => {
    expect(proxyEnvironment({ HTTPS_PROXY: 'a', https_proxy: 'b', no_proxy: 'c' })).toEqual({
      httpProxy: undefined,
      httpsProxy: 'a',
      noProxy: 'c',
    });
  });

  test('never for this machine itself', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.8.8', '[::1]'])
      expect(proxy(`https://${host}:6443`)).toBeUndefined();
  });

  const exceptions: readonly (readonly [server: string, noProxy: string, excepted: boolean])[] = [
    ['https://api.example', '*', true],
    ['https://api.example', 'api.example', true],
    ['https://API.example', 'Api.Example', true],
    ['https://api.example', 'example', true],
    ['https://api.example', '.example', true],
    ['https://api.example', '*.example', true],
    ['https://example', '.example', false],
    ['https://apiexample', 'example', false],
    ['https://api.example', 'other, api.example ,x', true],
    ['https://api.example:6443', 'api.example:6443', true],
    ['https://api.example:6443', 'api.example:443', false],
    ['https://api.example', 'api.example:443', true],
    ['https://10.43.0.1', '10.43.0.0/16', true],
    ['https://10.44.0.1', '10.43.0.0/16', false],
    ['https://10.43.0.1', '10.43.0.1', true],
    ['https://10.43.0.1', '43.0.1', false],
    ['https://[fd00::1]', 'fd00::/8', true],
    ['https://[fd00::1]', '10.0.0.0/8', false],
    ['https://10.43.0.1', '10.43.0.0/99', false],
  ];
  for (const [server, noProxy, excepted] of exceptions) {
    test(`${server} with NO_PROXY=${noProxy}: ${excepted ? 'direct' : 'through the proxy'}`, () => {
      expect(proxy(server, noProxy) === undefined).toBe(excepted);
    });
  }
});

describe('proxy-url of a kubeconfig', () => {
  let server: Server;
  let proxy: Server;
  const tunnels: string[] = [];
  let isOpen = true;

  beforeEach(async () => {
    tunnels.length = 0;
    isOpen = true;
    server = createServer((_, response) => response.end('{"from":"server"}'));
    proxy = createServer();
    proxy.on('connect', (request, socket, head) => {
      tunnels.push(`${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim());
      if (!isOpen) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const [host = '', port] = (request.url ?? '').split(':');
      const upstream = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    for (const one of [server, proxy]) {
      one.listen(0, '127.0.0.1');
      await once(one, 'listening');
    }
  });
  afterEach(async () => {
    for (const one of [server, proxy]) {
      one.closeAllConnections();
      one.close();
    }
  });
  const portOf = (one: Server): number => (one.address() as AddressInfo).port;
  const transport = async (proxyUrl: string): Promise<Transport> => {
    const access = await downstreamAccess(
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
        clusters: [
          {
            name: 'c',
            cluster: {
              server: `http://127.0.0.1:${portOf(server)}`,
              'insecure-skip-tls-verify': true,
              'proxy-url': proxyUrl,
            },
          },
        ],
        users: [{ name: 'u', user: { token: 'x' } }],
      }),
    );
    return new Transport(access, { connections: 2, timeoutMs: 5_000, userAgent: 'test' });
  };

  test('every request and watch goes through its tunnel', async () => {
    const through = await transport(`http://user:p%40ss@127.0.0.1:${portOf(proxy)}`);
    expect((await through.request('GET', '/a')).text).toBe('{"from":"server"}');
    expect((await through.stream('/b', new AbortController().signal)).status).toBe(200);
    await through.close();
    const authorization = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
    expect(new Set(tunnels)).toEqual(new Set([`127.0.0.1:${portOf(server)} ${authorization}`]));
  });

  test('a proxy that refuses is named by its answer', async () => {
    isOpen = false;
    const refused = await transport(`http://127.0.0.1:${portOf(proxy)}`);
    await expect(refused.request('GET', '/a')).rejects.toThrow('PROXY_407');
    await refused.close();
  });

  test('one that is no http or https URL is refused', async () => {
    await expect(transport('ftp://proxy')).rejects.toThrow('proxy-url');
  });
});

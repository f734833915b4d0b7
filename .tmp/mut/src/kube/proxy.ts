import { type buildConnector, Client } from 'undici';

export type Connector = buildConnector.connector;

/** Reaches the server through a tunnel (`CONNECT`) that the proxy opens. TLS is spoken with the server itself. */
export function throughProxy(proxy: URL, connect: Connector, timeoutMs: number): Connector {
  return (options, callback) => {
    openTunnel(
      proxy,
      `${options.hostname}:${options.port || (options.protocol === 'https:' ? 443 : 80)}`,
      timeoutMs,
    ).then(
      (httpSocket) => {
        if (options.protocol === 'https:') connect({ ...options, httpSocket } as typeof options, callback);
        else callback(null, httpSocket as never);
      },
      (error: Error) => callback(error, null),
    );
  };
}

async function openTunnel(proxy: URL, target: string, timeoutMs: number): Promise<unknown> {
  const client = new Client(proxy.origin, { connect: { timeout: timeoutMs } });
  const { username, password } = proxy;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const { statusCode, socket } = await client.connect({
      path: target,
      signal,
      headers: { host: target, ...(username ? { 'proxy-authorization': authorization } : {}) },
    });
    if (statusCode === 200) return socket;
    socket.destroy();
    throw Object.assign(new Error('the proxy refuses'), { code: `PROXY_${statusCode}` });
  } finally {
    // The tunnel's socket has left the client.
    void client.close();
  }
}

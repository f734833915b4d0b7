import { BlockList, isIP } from 'node:net';

/** The variables that say whether a proxy is in the way; capitals or not, as everywhere. */
export interface ProxyEnvironment {
  readonly httpProxy?: string | undefined;
  readonly httpsProxy?: string | undefined;
  readonly noProxy?: string | undefined;
}

/** `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`; where both spellings are set the capital one counts. */
export function proxyEnvironment(env: Readonly<Record<string, string | undefined>>): ProxyEnvironment {
  const either = (name: string): string | undefined => env[name] || env[name.toLowerCase()] || undefined;
  return {
    httpProxy: either('HTTP_PROXY'),
    httpsProxy: either('HTTPS_PROXY'),
    noProxy: either('NO_PROXY'),
  };
}

let ours: ProxyEnvironment = {};

/** Said once, at the start: what the environment of this process names, for everyone who does not say otherwise. */
export function useProxies(environment: ProxyEnvironment): void {
  ours = environment;
}

/**
 * The proxy that the environment names for a server; undefined when it is to be reached directly.
 *
 * Source: golang.org/x/net/http/httpproxy, which client-go follows.
 */
export function environmentProxy(server: URL, environment = ours): string | undefined {
  const { httpProxy, httpsProxy, noProxy = '' } = environment;
  const proxy = server.protocol === 'https:' ? httpsProxy : httpProxy;
  if (!proxy || isExcepted(server, noProxy)) return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isExcepted(server: URL, noProxy: string): boolean {
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = server.port || (server.protocol === 'https:' ? '443' : '80');
  if (host === 'localhost' || isWithin(host, '127.0.0.0/8') || host === '::1') return true;
  return noProxy
    .split(',')
    .map((entry) => entry.trim().toLowerCase())
    .some((entry) => entry !== '' && matches(entry, host, port));
}

function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (isIP(host) !== 0 && entry.includes('/')) return isWithin(host, entry);
  const [, name = entry, wantedPort] = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  const bare = name.replace(/^\[|\]$/g, '');
  if (isIP(bare) !== 0 || isIP(host) !== 0) return bare === host;
  const suffix = bare.replace(/^\*/, '');
  if (suffix.startsWith('.')) return host.endsWith(suffix);
  return host === suffix || host.endsWith(`.${suffix}`);
}

function isWithin(address: string, range: string): boolean {
  const [network = '', prefix] = range.split('/');
  const family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
  if (isIP(network) === 0 || isIP(network) !== isIP(address) || !/^\d{1,3}$/.test(prefix ?? '')) return false;
  const list = new BlockList();
  try {
    list.addSubnet(network, Number(prefix), family);
  } catch {
    return false;
  }
  return list.check(address, family);
}

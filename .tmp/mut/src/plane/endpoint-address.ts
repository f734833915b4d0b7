import { isIPv6 } from 'node:net';

/** The address of an authorized endpoint (`spec.localClusterAuthEndpoint.fqdn`), from what a person typed. */
export type EndpointAddress =
  /** Host, and a port where one was given: what stands between `https://` and the path of a URL. */
  | { readonly kind: 'address'; readonly host: string; readonly hasPort: boolean }
  /** Nothing can be reached there; why not, in words. */
  | { readonly kind: 'unusable'; readonly problem: string };

/** What can be meant in one way only is taken; what cannot work is refused. */
export function endpointAddress(typed: string): EndpointAddress {
  const text = typed.trim();
  const [, scheme, rest = ''] = /^(?:([a-z][a-z0-9+.-]*):\/\/)?(.*)$/is.exec(text) ?? [];
  if (scheme !== undefined && scheme.toLowerCase() !== 'https')
    return unusable(`begins with ${scheme}://, and API servers speak https only`);
  const host = rest.replace(/\/$/, '');
  // In a URL the colons of an address would be those of a port.
  if (isIPv6(host) && !host.includes('%'))
    return { kind: 'address', host: new URL(`https://[${host}]`).hostname, hasPort: false };
  if (isServerAddress(host)) return { kind: 'address', host, hasPort: /:\d+$/.test(host) };
  return unusable(
    /^[^/\s]+\/\S/.test(host)
      ? 'has a path, and an endpoint is a host with a port at most'
      : 'is no host name or address, with a port at most',
  );
}

const unusable = (problem: string): EndpointAddress => ({ kind: 'unusable', problem });

/** Whether a URL made of it goes to exactly that host, and says nothing else. */
export function isServerAddress(host: string): boolean {
  if (!URL.canParse(`https://${host}`)) return false;
  const url = new URL(`https://${host}`);
  const [hostname = '', port] = splitPort(host.toLowerCase());
  const isPort = port === undefined || url.port === port || (url.port === '' && port === '443');
  // An IPv6 address has many ways to be written.
  const isSame =
    isIPv6(hostname.slice(1, -1)) || (url.hostname === hostname && /^[a-z0-9.-]+$/.test(hostname));
  return isSame && isPort && url.href === `https://${url.host}/`;
}

function splitPort(host: string): readonly [string, string | undefined] {
  const match = /^(\[.*\]|[^:]*)(?::(\d+))?$/.exec(host);
  return [match?.[1] ?? '', match?.[2]];
}

/**
 * Host and port to listen on. The host is empty where none is given: all addresses of both families, and of IPv4 alone where a
 * machine has no IPv6. Node does so when it is told no host; `::` in its place would fail there.
 *
 * @param address - `host:port`, `[host]:port` with either family between the brackets, or `:port`
 * @throws {RangeError} when it is none of these
 */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new RangeError(`'${address}' is no host:port`);
  return { host: match[1] ?? match[2] ?? '', port };
}

/** @throws {RangeError} when it is no `host:port` */
export function splitAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]*)):(\d{1,5})$/.exec(address);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) throw new RangeError(`'${address}' is no host:port`);
  return { host: match[1] ?? (match[2] || '0.0.0.0'), port };
}

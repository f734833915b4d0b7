import { FIELD_MANAGER } from '../src/api/names.ts';
import type { AuditLine } from '../test/support/audit.ts';
import type { BenchWorld } from './bench-world.ts';

const READS: ReadonlySet<string> = new Set(['get', 'list', 'watch']);

/** Whether a request stores something: a question that is asked by POST (…reviews) does not. */
export const isWrite = ({ verb, resource }: AuditLine): boolean =>
  !READS.has(verb) && !resource.endsWith('reviews');

/** The operator's requests so far, by plane: new lines come at the end of each. The planes need `audit`. */
export async function operatorRequests({
  world,
  ids,
}: BenchWorld): Promise<readonly (readonly AuditLine[])[]> {
  const planes = [world.management.plane, ...ids.map((id) => world.cluster(id).plane)];
  const logs = await Promise.all(planes.map((plane) => plane.auditLines()));
  return logs.map((lines) => lines.filter(({ userAgent }) => userAgent.startsWith(FIELD_MANAGER)));
}

/** Those that came after `before`. */
export async function requestsSince(
  bench: BenchWorld,
  before: readonly (readonly AuditLine[])[],
): Promise<readonly AuditLine[]> {
  return (await operatorRequests(bench)).flatMap((log, plane) => log.slice(before[plane]?.length));
}

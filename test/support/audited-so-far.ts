import { NAMESPACES } from '../../src/api/names.ts';
import type { AuditLine } from './audit.ts';
import type { ControlPlane } from './control-plane.ts';
import { eventually } from './eventually.ts';
import type { PlaneClient } from './plane-client.ts';

/** All that an API server was asked until now. Its log comes later than its answers; what was asked before the marker is in there when the marker is. */
export async function auditedSoFar(client: PlaneClient, plane: ControlPlane): Promise<readonly AuditLine[]> {
  const marker = `marker-${process.hrtime.bigint()}`;
  await client.get(NAMESPACES, marker).catch(() => undefined);
  return eventually(async () => {
    const all = await plane.auditLines();
    if (!all.some(({ name }) => name === marker)) throw new Error('the marker is not in the audit log yet');
    return all;
  });
}

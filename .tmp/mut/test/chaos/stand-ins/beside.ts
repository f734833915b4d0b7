import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_USER_ATTRIBUTES } from '../../../src/api/names.ts';
import { planeClient } from '../../support/plane-client.ts';
import { NAMESPACE } from '../../support/world.ts';
import type { Scene } from '../scene/scene.ts';

/** Begins to change, again and again, an object of somebody else. @returns what ends it */
export function changeWhatIsNotOurs({ world, clusters }: Scene): () => void {
  const [first = ''] = clusters;
  return again((count) =>
    world
      .cluster(first)
      .patch(CLUSTER_USER_ATTRIBUTES, 'u-somebody', { groups: [`theirs-${count}`] }, NAMESPACE),
  );
}

/** Begins to write, again and again, what changes nothing, by the way of the operators. @returns what ends it */
export function writeForEver({ links, clusters, forChecker }: Scene): () => void {
  const [first = ''] = clusters;
  const path = join(forChecker.dir, 'beside.kubeconfig');
  writeFileSync(path, links.get(`operators/${first}`)?.kubeconfig() ?? '', { mode: 0o600 });
  const client = planeClient({ adminKubeconfig: path });
  return again(async (count) => {
    const { patch, list } = await client;
    const [one] = await list(CLUSTER_USER_ATTRIBUTES, NAMESPACE);
    const annotations = { 'chaos/count': String(count) };
    await patch(CLUSTER_USER_ATTRIBUTES, one.metadata.name, { metadata: { annotations } }, NAMESPACE);
  });
}

function again(work: (count: number) => Promise<unknown>): () => void {
  let ended = false;
  void (async () => {
    for (let count = 0; !ended; count += 1) {
      await work(count).catch(() => undefined);
      await delay(1_000);
    }
  })();
  return () => {
    ended = true;
  };
}

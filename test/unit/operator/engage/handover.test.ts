import { beforeEach, describe, expect, test } from 'vitest';
import { parsePropagation } from '../../../../src/api/parse-cluster.ts';
import { parseToken } from '../../../../src/api/parse-token.ts';
import type { Token } from '../../../../src/api/types.ts';
import { elsewhere, Handover } from '../../../../src/operator/engage/handover.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import { rawToken } from '../../../support/builders.ts';

let management: Management;
beforeEach(() => {
  management = new Management(['ace-operator']);
});

function tell(name: string, clusterUID: string | undefined, connected: 'True' | 'False' = 'True'): void {
  const metadata = { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 };
  const status = { clusterUID, conditions: [{ type: 'Connected', status: connected }] };
  management.propagations.put(parsePropagation({ metadata, spec: {}, status }));
}

const moved = (): Token => parseToken(rawToken({ clusterName: 'c-2' }));

describe('a token that was moved to a cluster that another replica works on is awaited there', () => {
  const awaitedSince = (): number | undefined =>
    new Handover(
      (to, from) => elsewhere(management, to, from),
      () => 7,
    ).awaitedElsewhereSinceMs(moved(), 'c-1');

  test('where both lead to the same API server', () => {
    tell('c-1', 'uid');
    tell('c-2', 'uid');
    expect(awaitedSince()).toBe(7);
  });

  const not: Record<string, () => void> = {
    'that cluster leads to another one': () => {
      tell('c-1', 'uid');
      tell('c-2', 'other');
    },
    'nobody knows where they lead': () => {
      tell('c-1', undefined);
      tell('c-2', undefined);
    },
    'that cluster is not reached': () => {
      tell('c-1', 'uid');
      tell('c-2', 'uid', 'False');
    },
    'nothing is known of that cluster': () => tell('c-1', 'uid'),
  };
  test.each(Object.entries(not))('but not where %s', (_title, world) => {
    world();
    expect(awaitedSince()).toBeUndefined();
  });
});

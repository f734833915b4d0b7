import { beforeEach, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, SECRETS } from '../../../src/api/names.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { KubeObject, Token } from '../../../src/api/types.ts';
import type { Reading } from '../../../src/plane/reading.ts';
import { applyPlan } from '../../../src/removal/apply-plan.ts';
import type { Removal, RemovalPlan } from '../../../src/removal/plan.ts';
import type { PlanSources } from '../../../src/removal/read-plan.ts';
import type { Removed } from '../../../src/removal/remove.ts';
import { aToken, aUser, NOW, rawExtToken } from '../../support/builders.ts';
import { FakeApi } from '../../support/fake-api.ts';
import { endlessPatience } from '../../support/patience.ts';

let api: FakeApi;
let told: string[];
let live: () => Reading<Token | undefined>;
beforeEach(() => {
  api = new FakeApi();
  told = [];
  live = () => ({ ok: true, value: undefined });
});

const tell = ({ object, result, message }: Removed): void => {
  told.push([object.kind, object.metadata.name, result, message ?? ''].join(' ').trim());
};

/** The applier asks the management plane for no more than this, and of the cluster for its client. */
function sources(): PlanSources {
  const plane = { token: async () => live(), user: async () => ({ ok: true, value: aUser() }) };
  return { plane, downstream: { client: api }, nowMs: NOW } as unknown as PlanSources;
}

async function aRemoval(
  kind: 'ClusterAuthToken' | 'Secret',
  name: string,
  heldBack = false,
): Promise<Removal> {
  const resource = kind === 'Secret' ? SECRETS : CLUSTER_AUTH_TOKENS;
  const apiVersion = kind === 'Secret' ? 'v1' : 'cluster.cattle.io/v3';
  await api.create(resource, { apiVersion, kind, metadata: { name, namespace: 'cattle-system' } });
  const object = api.find(kind, name) as KubeObject;
  const source = {
    token: name,
    api: 'v3' as const,
    user: undefined,
    createdAtMs: undefined,
    lastUsedAtMs: undefined,
  };
  return { object, reason: 'TokenNotFound', heldBack, ...source };
}

async function apply(...removals: readonly Removal[]): Promise<void> {
  const plan: RemovalPlan = { cluster: 'c-1', removals, blocked: undefined, allowed: false, held: undefined };
  const ends = { interruption: new AbortController().signal, patience: endlessPatience() };
  await applyPlan(plan, { ...sources(), ...ends }, tell);
}

describe('applying a plan', () => {
  test('takes ClusterAuthTokens before Secrets, whatever their order in it', async () => {
    await apply(
      await aRemoval('Secret', 't-1'),
      await aRemoval('Secret', 't-2'),
      await aRemoval('ClusterAuthToken', 't-1'),
      await aRemoval('ClusterAuthToken', 't-2'),
    );
    expect(told).toEqual([
      'ClusterAuthToken t-1 deleted',
      'ClusterAuthToken t-2 deleted',
      'Secret t-1 deleted',
      'Secret t-2 deleted',
    ]);
    expect(api.objects()).toEqual([]);
  });

  test('leaves what the brake holds', async () => {
    await apply(await aRemoval('ClusterAuthToken', 't-1', true));
    expect(told).toEqual([]);
    expect(api.objects()).toHaveLength(1);
  });

  test('leaves a token that exists after all', async () => {
    live = () => ({ ok: true, value: aToken() });
    await apply(await aRemoval('ClusterAuthToken', 't-1'));
    expect(told).toEqual(['ClusterAuthToken t-1 kept token t-1 is wanted']);
    expect(api.objects()).toHaveLength(1);
  });

  test('leaves one of ext.cattle.io whose hash was lost meanwhile, which is let in by what is there', async () => {
    live = () => ({ ok: true, value: parseExtToken(rawExtToken({ ttl: '-1', hash: null })) });
    await apply(await aRemoval('ClusterAuthToken', 't-1'), await aRemoval('Secret', 't-1'));
    expect(told).toEqual([
      'ClusterAuthToken t-1 kept token t-1 is wanted',
      'Secret t-1 kept token t-1 is wanted',
    ]);
  });

  test('takes one that exists and is of no use there', async () => {
    live = () => ({ ok: true, value: aToken({ enabled: false }) });
    await apply(await aRemoval('ClusterAuthToken', 't-1'));
    expect(told).toEqual(['ClusterAuthToken t-1 deleted']);
  });

  test('takes nothing when the live read fails', async () => {
    live = () => ({ ok: false, failure: { reason: 'Unreachable', message: 'GET it: no answer' } });
    await apply(await aRemoval('ClusterAuthToken', 't-1'));
    expect(told).toEqual(['ClusterAuthToken t-1 failed Unreachable: GET it: no answer']);
    expect(api.objects()).toHaveLength(1);
  });

  test('leaves an object that has come in the place of the one that was seen', async () => {
    const removal = await aRemoval('ClusterAuthToken', 't-1');
    const { uid = '' } = removal.object.metadata;
    await api.delete({ resource: CLUSTER_AUTH_TOKENS, name: 't-1' }, { uid });
    await aRemoval('ClusterAuthToken', 't-1');
    await apply(removal);
    expect(told).toEqual(['ClusterAuthToken t-1 kept another has taken its name since it was read']);
    expect(api.objects()).toHaveLength(1);
  });
});

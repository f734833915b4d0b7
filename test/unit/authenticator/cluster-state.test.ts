import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS } from '../../../src/api/names.ts';
import { parseClusterAuthToken, parseHashSecret } from '../../../src/api/parse-downstream.ts';
import { NOW, SECOND } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import {
  rawCat,
  rawCua,
  rawDebounce,
  rawHashSecret,
  type StateRig,
  startStateRig,
} from '../../support/webhook-rig.ts';

let rig: StateRig;
beforeEach(async () => {
  rig = await startStateRig();
});
afterEach(() => rig.close());

const version = (uid: string): object => ({ uid, resourceVersion: '1' });
const CONTENT = {
  tokens: [parseClusterAuthToken(rawCat('token-old', {}, { ...version('uid-old') }))],
  secrets: [parseHashSecret(rawHashSecret('token-old', 'h', { ...version('uid-secret') }))],
  users: [],
};

describe('ClusterState', () => {
  test('has synced when tokens, users and Secrets have been told, whatever becomes of the refresh setting', async () => {
    rig.put(rawCat('token-1'), rawCua('u-1'), rawHashSecret('token-1', 'h'));
    rig.server.faults.set('configmaps', 403).set('clusteruserattributes', 500);
    rig.state.start();
    await eventually(() => expect(rig.state.secrets.size).toBe(1));
    expect(rig.state).toMatchObject({ hasSynced: false, isFilled: false, confirmedAtMs: 0 });
    expect(rig.failures).toContain('clusteruserattributes');
    rig.server.faults.delete('clusteruserattributes');
    await rig.state.synced();
    expect(rig.state).toMatchObject({ hasSynced: true, isFilled: true, confirmedAtMs: NOW });
  });

  test.each([401, 403])('is refused while %s is the last word on what decides', async (code) => {
    rig.server.faults.set('configmaps', code);
    rig.state.start();
    await eventually(() => expect(rig.failures).toContain('configmaps'));
    await rig.state.synced();
    expect(rig.state.isRefused).toBe(false);
    await rig.state.stop();
    const later = await startStateRig();
    later.server.faults.set('secrets', code).set('clusteruserattributes', code);
    later.state.start();
    await eventually(() => expect(later.state.isRefused).toBe(true));
    later.server.faults.set('secrets', 500).delete('clusteruserattributes');
    await eventually(() => expect(later.state.isRefused).toBe(false));
    expect(later.state.hasSynced).toBe(false);
    expect(later.state.hasFailed).toBe(true);
    await later.close();
  });

  test('was last confirmed when the kind that was heard longest ago was', async () => {
    rig.server.faults.set('secrets', 500);
    rig.state.start();
    // The others have been listed, and their watches opened: each confirms.
    await eventually(() => {
      expect(rig.failures).toContain('secrets');
      for (const plural of ['clusterauthtokens', 'clusteruserattributes']) {
        expect(rig.server.requests.filter((line) => line.endsWith(plural)).length).toBeGreaterThanOrEqual(2);
      }
    });
    await delay(100);
    rig.clock.nowMs = NOW + 10 * SECOND;
    rig.server.faults.delete('secrets');
    await rig.state.synced();
    expect(rig.state.confirmedAtMs).toBe(NOW);
  });

  test.each([
    ['300', 300],
    ['0', 0],
    ['-1', undefined],
    ['', undefined],
    ['5m', undefined],
    ['1e3', undefined],
    [' 300', undefined],
    ['9'.repeat(30), undefined],
  ])('a refresh setting of %o is %o seconds', async (value, seconds) => {
    rig.put(rawDebounce('999'), rawDebounce(value));
    rig.state.start();
    await rig.state.synced();
    if (seconds !== undefined) await eventually(() => expect(rig.state.refreshAfterSeconds).toBe(seconds));
    else expect(rig.state.refreshAfterSeconds).toBeUndefined();
  });

  test('without the ConfigMap there is no refreshing', async () => {
    rig.state.start();
    await rig.state.synced();
    expect(rig.state.refreshAfterSeconds).toBeUndefined();
  });

  test('makes no request but to list and watch its four kinds in its namespace', async () => {
    rig.state.start();
    await rig.state.synced();
    await eventually(() => expect(rig.server.requests.length).toBeGreaterThanOrEqual(8));
    const base = '/apis/cluster.cattle.io/v3/namespaces/cattle-system';
    expect([...new Set(rig.server.requests)].sort()).toEqual([
      'GET /api/v1/namespaces/cattle-system/configmaps',
      'GET /api/v1/namespaces/cattle-system/secrets',
      `GET ${base}/clusterauthtokens`,
      `GET ${base}/clusteruserattributes`,
    ]);
  });
});

describe('when another cluster answers at the same address', () => {
  test('whose versions are ahead, what is held of the one before is gone with the next watch', async () => {
    rig.put(rawCat('token-a'), rawHashSecret('token-a', 'h'), rawCua('u-1'));
    rig.state.start();
    await rig.state.synced();
    rig.server.becomeAnother();
    rig.put(rawCat('token-b'));
    await eventually(() => expect(rig.state.held('token-b').token).toBeDefined());
    // No watch tells of what another cluster never had, and the next list is ten minutes away.
    await eventually(() => expect(rig.state.held('token-a').token).toBeUndefined());
    await eventually(() => expect(rig.state.users.size + rig.state.secrets.size).toBe(0));
  });

  test('what was deleted while no watch was open costs a list, and the watch goes on', async () => {
    rig.put(rawCat('token-a'), rawCat('token-b'));
    rig.state.start();
    await rig.state.synced();
    rig.server.cutWatches(() => rig.server.remove(CLUSTER_AUTH_TOKENS.plural, 'token-a'));
    await eventually(() => expect(rig.state.held('token-a').token).toBeUndefined());
    rig.put(rawCat('token-c'));
    await eventually(() => expect(rig.state.held('token-c').token).toBeDefined());
    expect(rig.state.held('token-b').token).toBeDefined();
  });
});

describe('what was restored from a snapshot', () => {
  test('counts until the API server tells better, and is as old as it is', async () => {
    rig.state.restore(CONTENT, NOW - 60 * SECOND);
    expect(rig.state).toMatchObject({ isFilled: true, hasSynced: false, confirmedAtMs: NOW - 60 * SECOND });
    expect(rig.state.held('token-old').token).toBeDefined();
    rig.put(rawCat('token-new'));
    rig.state.start();
    await rig.state.synced();
    expect(rig.state.confirmedAtMs).toBe(NOW);
    expect(rig.state.held('token-old').token).toBeUndefined();
    expect(rig.state.held('token-new').token).toBeDefined();
  });

  test('never replaces what the API server told: a token revoked since the snapshot stays revoked', async () => {
    rig.server.faults.set('secrets', 500);
    rig.state.start();
    await eventually(() => expect(rig.failures).toContain('secrets'));
    await eventually(() =>
      expect(rig.server.requests.filter((line) => line.includes('clusterauthtokens')).length).toBeGreaterThan(
        1,
      ),
    );
    // Tokens were told: there are none. Secrets were not.
    rig.state.restore(CONTENT, NOW);
    expect(rig.state.held('token-old')).toMatchObject({ token: undefined, secret: { hash: 'h' } });
    rig.server.faults.delete('secrets');
    await rig.state.synced();
    expect(rig.state.held('token-old').token).toBeUndefined();
  });

  test('is left alone by a snapshot that comes after the API server', async () => {
    rig.state.start();
    await rig.state.synced();
    rig.state.restore(CONTENT, NOW);
    expect(rig.state.held('token-old').token).toBeUndefined();
  });
});

import { describe, expect, test } from 'vitest';
import { parseCluster, parsePropagation } from '../../../src/api/parse-cluster.ts';
import { parseClusterAuthToken } from '../../../src/api/parse-downstream.ts';
import type { KubeObject } from '../../../src/api/types.ts';
import { conclude } from '../../../src/explain/conclusion.ts';
import type { Evidence, Given } from '../../../src/explain/evidence.ts';
import { aToken, rawCluster } from '../../support/builders.ts';
import { rawCat } from '../../support/webhook-rig.ts';
import { accepted, bearer, evidence, failed, found, letIn, nothingThere } from './evidence-builder.ts';

const base = evidence();
const { downstream, management, webhook } = base;
const aPropagation = (spec: object, status: object = {}) =>
  parsePropagation({ metadata: { name: 'c-1', uid: 'p', resourceVersion: '1' }, spec, status });

describe('who is let in by the server in the kubeconfig', () => {
  const asked = (live: Evidence['webhook']['live'], review: Evidence['webhook']['review'] = accepted) => ({
    ...base,
    given: bearer(),
    webhook: { ...webhook, review, live },
  });

  test.each([
    ['nobody, as a balancer dropped the bearer', 'system:anonymous', 'refused', 'BearerDropped'],
    ['another, as a proxy shows a credential of its own', 'system:node:n-1', 'refused', 'LetInAsAnother'],
    ['somebody of whom nothing is said', undefined, 'unknown', 'WhoUnknown'],
    ["the token's user", 'u-1', 'accepted', undefined],
  ])('%s', (_title, username, verdict, reason) => {
    expect(conclude(asked(letIn(username)))).toMatchObject({ verdict, reason });
    expect(conclude(asked(letIn(username), undefined))).toMatchObject({ verdict, reason });
  });

  test('who it is, is said where nobody else knows whose the token is', () => {
    const away = failed('Unreachable');
    const unseen = {
      management: { token: away, user: undefined, attribute: undefined, cluster: away, propagation: away },
      downstream: { ...nothingThere, way: undefined },
      webhook: { probe: undefined, review: undefined, live: letIn('u-7') },
    };
    expect(conclude({ ...base, given: bearer(), ...unseen })).toMatchObject({
      ...{ verdict: 'accepted', user: 'u-7', message: 'it is let in as u-7' },
    });
    const dropped = { ...unseen, webhook: { ...unseen.webhook, live: letIn('system:anonymous') } };
    expect(conclude({ ...base, given: bearer(), ...dropped }).verdict).toBe('refused');
  });

  test('what somebody else may not do is not held against the bearer', () => {
    const right = { question: 'get pods', answer: found({ allowed: false, reason: '' }) };
    expect(conclude({ ...asked(letIn(undefined)), right })).toMatchObject({ verdict: 'unknown' });
  });
});

describe("a kubeconfig that goes through the management plane's proxy", () => {
  const given = {
    ...(bearer() as Extract<Given, { kind: 'kubeconfig' }>),
    server: 'https://rancher.example/k8s/clusters/c-1',
  };
  const seen = {
    ...base,
    given,
    downstream: { ...nothingThere, way: undefined },
    hash: { format: undefined, isOfToken: undefined, isOfBearer: undefined, isBearerOfToken: true },
  };
  const live = (answer: Evidence['webhook']['live']) => ({
    probe: undefined,
    review: undefined,
    live: answer,
  });
  const unscoped = { ...management, token: found(aToken({ clusterName: '' })) };

  test('lets in a token that is scoped to no cluster, and asks no ACE', () => {
    const explained = conclude({ ...seen, management: unscoped, webhook: live(letIn('u-1')) });
    expect(explained).toMatchObject({
      verdict: 'accepted',
      message: expect.stringContaining('no ACE is asked'),
    });
    expect(explained.hops.filter(({ state }) => state === 'broken')).toEqual([]);
    expect(explained.hops.find(({ id }) => id === 'endpoint')).toMatchObject({ reason: 'NotAnAce' });
  });

  test('also where the cluster has no ACE, or is drained', () => {
    const off = parseCluster(rawCluster({ spec: {} }));
    const changes = { ...unscoped, cluster: found(off), propagation: found(aPropagation({ drain: true })) };
    const { verdict, hops } = conclude({ ...seen, management: changes, webhook: live(letIn('u-1')) });
    expect({ verdict, broken: hops.filter(({ state }) => state === 'broken') }).toEqual({
      ...{ verdict: 'accepted', broken: [] },
    });
  });

  test('is refused by the management plane, or not asked, and no hop of the cluster is blamed', () => {
    const refused = conclude({ ...seen, management: unscoped, webhook: live(found({ kind: 'refused' })) });
    expect(refused).toMatchObject({ verdict: 'refused', reason: 'RefusedByProxy' });
    expect(conclude({ ...seen, webhook: live(undefined) })).toMatchObject({
      ...{ verdict: 'unknown', reason: 'NotAnAce' },
    });
    const silent = conclude({ ...seen, webhook: live(failed('Unreachable')) });
    expect(silent).toMatchObject({ verdict: 'unknown', reason: 'Unreachable' });
    expect(silent.remedy).toContain('kubectl ace kubeconfig c-1');
  });
});

describe('a cluster that was handed over to the controller of Rancher', () => {
  const byRancher = (fields: object = {}) => {
    const object = rawCat(
      't-1',
      { userName: 'u-1', ...fields },
      { labels: { 'cattle.io/creator': 'norman' } },
    );
    return found({ parsed: parseClusterAuthToken(object), object: object as KubeObject });
  };
  const propagation = found(aPropagation({ drain: true }));
  const handedOver = { ...base, management: { ...management, propagation } };

  test('lets in what that wrote, and says who wrote it', () => {
    const there = { ...handedOver, downstream: { ...downstream, clusterAuthToken: byRancher() } };
    const { verdict, hops } = conclude(there);
    expect({ verdict, broken: hops.filter(({ state }) => state === 'broken') }).toEqual({
      ...{ verdict: 'expected', broken: [] },
    });
    expect(hops.find(({ id }) => id === 'cluster')?.detail).toContain(
      "Rancher's own controller writes this cluster",
    );
    expect(hops.find(({ id }) => id === 'clusterAuthToken')?.detail).toContain("by Rancher's own controller");
  });

  test('and what is revoked is to be taken away by that', () => {
    const token = found(aToken({ enabled: false }));
    const { hops } = conclude({
      ...handedOver,
      management: { ...handedOver.management, token },
      downstream: { ...downstream, clusterAuthToken: byRancher() },
    });
    const hop = hops.find(({ id }) => id === 'clusterAuthToken');
    expect(hop).toMatchObject({
      reason: 'NotRevoked',
      detail: expect.stringContaining('operator leaves it alone'),
    });
    expect(hop?.remedy).toContain("log of Rancher's own controller");
  });

  test('as the operator said last: what is not there yet is on its way', () => {
    const conditions = [
      {
        ...{ type: 'OtherWriter', status: 'True', reason: 'RancherWrites', message: '' },
        ...{ lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 1 },
      },
    ];
    const reported = found(aPropagation({ drain: true }, { conditions }));
    const absent = { ...downstream, clusterAuthToken: found(undefined), hashSecret: found(undefined) };
    const explained = conclude({
      ...handedOver,
      management: { ...management, propagation: reported },
      downstream: absent,
    });
    expect(explained).toMatchObject({ verdict: 'refused', reason: 'NotPropagated' });
    // Where nobody else writes, that is the end of it.
    expect(conclude({ ...handedOver, downstream: absent }).reason).toBe('DrainRequested');
  });
});

describe('a kubeconfig of the cluster that was given', () => {
  const unproven = 'it is not proven that admin.yaml is of c-1: no operator reports on it';
  const way = found({ server: 'https://x.example', source: 'admin.yaml', isOperators: false, unproven });

  test('and of which nobody knows whose it is: the verdict says so', () => {
    const { verdict, message, hops } = conclude({ ...base, downstream: { ...downstream, way } });
    expect({ verdict, said: message.endsWith(`; ${unproven}`) }).toEqual({ verdict: 'expected', said: true });
    expect(hops.find(({ id }) => id === 'connection')).toMatchObject({
      ...{ state: 'warning', reason: 'ClusterUnproven' },
    });
  });

  test('makes no difference to what the server of the bearer said itself', () => {
    const asked = { given: bearer(), webhook: { ...webhook, live: letIn('u-1') } };
    expect(conclude({ ...base, ...asked, downstream: { ...downstream, way } }).message).toBe(
      'it is let in as u-1',
    );
  });
});

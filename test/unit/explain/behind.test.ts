import { describe, expect, test } from 'vitest';
import { parsePropagation } from '../../../src/api/parse-cluster.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { KubeObject, Token } from '../../../src/api/types.ts';
import { conclude, type Explanation } from '../../../src/explain/conclusion.ts';
import type { Evidence } from '../../../src/explain/evidence.ts';
import type { Seen } from '../../../src/plane/downstream.ts';
import type { Reading } from '../../../src/plane/reading.ts';
import { aToken, aUser, NOW, rawExtToken, SECOND } from '../../support/builders.ts';
import { byRancher } from '../../support/decision-facts.ts';
import { bearer, evidence, failed, found } from './evidence-builder.ts';

/** What the cluster says no by, though the management plane no longer does: what is to be done there is done already. */

const base = evidence();
const { downstream, management, webhook } = base;
const propagation = (suspend: boolean) =>
  found(parsePropagation({ metadata: { name: 'c-1', uid: 'p', resourceVersion: '1' }, spec: { suspend } }));

/** The object as it is there, with these fields. */
function changed<T>(
  read: Reading<Seen<T> | undefined> | undefined,
  fields: object,
  as = (object: KubeObject): KubeObject => object,
) {
  if (!read?.ok || !read.value) throw new Error('it is not there');
  const { parsed, object } = read.value;
  return found({ parsed: { ...parsed, ...fields }, object: as({ ...object, ...fields }) } as Seen<T>);
}
const attribute = (fields: object) => ({
  ...downstream,
  userAttribute: changed(downstream.userAttribute, fields),
});
const authToken = (fields: object, as?: typeof byRancher) => ({
  ...downstream,
  clusterAuthToken: changed(downstream.clusterAuthToken, fields, as),
});

const explained = (there: Partial<Evidence>, upstream: Partial<Evidence['management']> = {}): Explanation =>
  conclude({ ...base, ...there, management: { ...management, ...upstream } });
const hopOf = ({ hops }: Explanation, id: string) => hops.find((hop) => hop.id === id);

const AT_THE_OPERATOR = 'look at kubectl ace status c-1 and kubectl describe cprop c-1';
const RESUME = `kubectl patch cprop c-1 --type merge -p '{"spec":{"suspend":false}}'`;
const SUSPENDED = 'spec.suspend of ClusterPropagation c-1 is set: nothing is added or repaired there';

const denials: Record<string, [there: Partial<Evidence>, reason: string, said: RegExp]> = {
  'a user who is enabled again': [{ downstream: attribute({ enabled: false }) }, 'Outdated', /: enabled$/],
  'a token that was switched off there': [
    { downstream: authToken({ enabled: false }) },
    'Outdated',
    /: enabled$/,
  ],
  'a token that was prolonged': [
    { downstream: authToken({ expiresAt: NOW - SECOND }) },
    'Outdated',
    /: expiresAt$/,
  ],
  'an end that cannot be read': [
    { downstream: authToken({ expiresAt: 'malformed' }) },
    'Outdated',
    /: expiresAt$/,
  ],
  'a hash of an earlier secret': [
    { hash: { ...base.hash, isOfToken: false } },
    'Outdated',
    /not of the Token's secret$/,
  ],
  'a hash that is not there': [
    { downstream: { ...downstream, hashSecret: found(undefined) } },
    'HashMissing',
    /no hash of this token/,
  ],
  'a ClusterUserAttribute that is not there': [
    { downstream: { ...downstream, userAttribute: found(undefined) } },
    'UnknownUser',
    /no ClusterUserAttribute of the user/,
  ],
};

describe('what the management plane says otherwise by now is not told as its word', () => {
  test.each(Object.entries(denials))('%s', (_title, [there, reason, said]) => {
    const { remedy, ...told } = explained(there, { propagation: propagation(false) });
    expect(told).toMatchObject({ verdict: 'refused', reason, message: expect.stringMatching(said) });
    expect(remedy).toMatch(/kubectl (ace status|describe|get) cprop c-1|kubectl ace status c-1/);
    expect(remedy).not.toMatch(/enabled|new token/);
  });

  test.each(Object.entries(denials))('%s, and the cluster is suspended', (_title, [there, reason]) => {
    const told = explained(there, { propagation: propagation(true) });
    expect(told).toMatchObject({ reason, remedy: RESUME, message: expect.stringContaining(SUSPENDED) });
  });

  test('a user whose groups cannot be read', () => {
    const told = explained({ downstream: attribute({ enabled: false }) }, { attribute: failed('Forbidden') });
    expect(told).toMatchObject({ reason: 'Outdated', remedy: AT_THE_OPERATOR });
  });

  test('a token whose user cannot be read', () => {
    const there = { downstream: authToken({ expiresAt: NOW - SECOND }) };
    expect(explained(there, { user: failed('Forbidden') })).toMatchObject({ reason: 'Outdated' });
  });

  test('the word of the authenticator, where its objects may not be read', () => {
    const hidden = { clusterAuthToken: failed('Forbidden'), userAttribute: failed('Forbidden') };
    const review = found({ kind: 'refused', reason: 'UserDisabled', mayChange: false } as const);
    const there = {
      given: bearer(),
      downstream: { ...downstream, ...hidden, hashSecret: failed('Forbidden') },
      webhook: { ...webhook, review },
    };
    const told = (upstream: Partial<Evidence['management']>) => hopOf(explained(there, upstream), 'webhook');
    expect(told({})).toMatchObject({
      reason: 'UserDisabled',
      remedy: AT_THE_OPERATOR,
      detail: expect.stringMatching(/the User is enabled, which the cluster does not know yet$/),
    });
    expect(told({ propagation: propagation(true) })?.remedy).toBe(RESUME);
    expect(told({ user: failed('Forbidden') })?.remedy).toMatch(/"enabled":true/);
  });
});

describe('nor is a suspended cluster told as the ground of', () => {
  const suspended = { propagation: propagation(true) };

  test('what is in order', () => {
    expect(explained({}, suspended)).toMatchObject({ verdict: 'expected' });
    expect(JSON.stringify(explained({}, suspended).hops)).not.toContain('spec.suspend');
  });

  test('a user who is disabled, on both sides or not', () => {
    const upstream = { ...suspended, user: found(aUser({ enabled: false })) };
    const both = explained({ downstream: attribute({ enabled: false }) }, upstream);
    expect(hopOf(both, 'userAttribute')).toMatchObject({ reason: 'UserDisabled' });
    expect(JSON.stringify([both, explained({}, upstream)])).not.toContain('spec.suspend');
  });

  test('a token that is revoked and still there', () => {
    const told = explained({}, { ...suspended, token: found(aToken({ enabled: false })) });
    expect(hopOf(told, 'clusterAuthToken')).toMatchObject({ reason: 'NotRevoked' });
    expect(JSON.stringify(told)).not.toContain('spec.suspend');
  });

  test('what another wrote', () => {
    const told = explained({ downstream: authToken({ enabled: false }, byRancher) }, suspended);
    expect(told).toMatchObject({ reason: 'Outdated', remedy: expect.stringMatching(/log of Rancher's own/) });
    expect(told.message).not.toContain('spec.suspend');
  });
});

test('what goes there is told as that: it cannot be brought up to date', () => {
  const going = { deleting: true, enabled: false };
  expect(explained({ downstream: authToken(going) })).toMatchObject({ reason: 'TokenDeleting' });
  expect(explained({ downstream: attribute(going) })).toMatchObject({ reason: 'UserDeleting' });
});

test('what stays of a token of ext.cattle.io whose hash is lost upstream is told as that: nobody revoked it', () => {
  const ext = (fields: Readonly<Record<string, string | null>> = {}, metadata = {}) =>
    parseExtToken(rawExtToken({ ttl: '-1', ...fields }, metadata));
  const there = evidence({ token: ext() });
  const told = (token: Token) =>
    conclude({ ...there, management: { ...there.management, token: found(token) } });
  const kept = told(ext({ hash: null }));
  expect(kept).toMatchObject({ verdict: 'stillAccepted', reason: 'HashPending' });
  expect(hopOf(kept, 'clusterAuthToken')).toMatchObject({ state: 'ok' });
  const another = told(ext({ hash: null }, { uid: 'uid-secret-2' }));
  expect(hopOf(another, 'clusterAuthToken')).toMatchObject({ reason: 'NotRevoked' });
});

test('without the management plane the cluster is believed', () => {
  const unread = failed('Unreachable');
  const upstream = { token: unread, user: undefined, attribute: undefined, propagation: unread };
  const told = explained({ downstream: attribute({ enabled: false }) }, upstream);
  expect(told).toMatchObject({ reason: 'UserDisabled' });
  expect(explained({ downstream: authToken({ expiresAt: NOW - SECOND }) }, upstream)).toMatchObject({
    reason: 'Expired',
  });
});

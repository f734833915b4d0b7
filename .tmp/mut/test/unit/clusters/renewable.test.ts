import { expect, test } from 'vitest';
import { parseCredentialsSecret } from '../../../src/api/parse-credentials.ts';
import { type Renewable, renewableOf, successorOf } from '../../../src/clusters/renewable.ts';
import { aJwt } from '../../support/jwt.ts';

const OURS = { sub: 'system:serviceaccount:cattle-system:ace-operator', iat: 1, exp: 2 };

interface Changes {
  readonly metadata?: object;
  readonly labels?: object;
  readonly annotations?: object;
  readonly claims?: object;
  readonly user?: object;
  readonly users?: readonly object[];
  readonly text?: string;
}

function renewable(changes: Changes = {}): Renewable | undefined {
  const user = changes.user ?? { token: aJwt({ ...OURS, ...changes.claims }) };
  const text = JSON.stringify({ users: changes.users ?? [{ name: 'downstream', user }] });
  return renewableOf(
    parseCredentialsSecret({
      metadata: {
        ...{ name: 'ace-cluster-c-1', namespace: 'ace-operator', uid: 'uid-s', resourceVersion: '7' },
        labels: changes.labels ?? { 'ace-operator.io/cluster': 'c-1' },
        annotations: changes.annotations ?? { 'ace-operator.io/credential-renew': 'true' },
        ...changes.metadata,
      },
      data: { kubeconfig: Buffer.from(changes.text ?? text).toString('base64') },
    }),
  );
}

test('a marked Secret of join with a token of its account may be renewed', () => {
  expect(renewable()).toMatchObject({
    secret: { name: 'ace-cluster-c-1', namespace: 'ace-operator', uid: 'uid-s', resourceVersion: '7' },
    account: { namespace: 'cattle-system', name: 'ace-operator' },
    lifetime: { fromMs: 1_000, untilMs: 2_000 },
  });
});

const other: Record<string, Changes> = {
  'without the mark': { annotations: {} },
  'whose mark says no': { annotations: { 'ace-operator.io/credential-renew': 'false' } },
  'of another name': { metadata: { name: 'mine' } },
  'with the label of another cluster': { labels: { 'ace-operator.io/cluster': 'c-2' } },
  'without a label': { labels: {} },
  'with a token of another account': { claims: { sub: 'system:serviceaccount:kube-system:admin' } },
  'with a token of a person': { claims: { sub: 'ada' } },
  'with a token of an account in no namespace that can be': {
    claims: { sub: 'system:serviceaccount:../x:ace-operator' },
  },
  'with a token that has no end': { claims: { exp: undefined } },
  'with a token that does not say when it was made': { claims: { iat: undefined } },
  'with a token of a management plane': { user: { token: 'kubeconfig-u-a:secret' } },
  'with a certificate beside the token': { user: { token: aJwt(OURS), 'client-key-data': 'eA==' } },
  'with a second user': {
    users: ['a', 'b'].map((name) => ({ name, user: { token: aJwt(OURS) } })),
  },
  'with what is no JSON': { text: 'users: []' },
};

test.each(Object.entries(other))('one %s may not', (_, changes) => {
  expect(renewable(changes)).toBeUndefined();
});

const DAY_S = 86_400;
const present = (): Renewable => {
  const found = renewable({ claims: { iat: DAY_S, exp: 2 * DAY_S } });
  if (!found) throw new Error('the present one is renewable');
  return found;
};

test('a token of the same account that is good for longer may take its place', () => {
  const later = aJwt({ ...OURS, iat: 1.7 * DAY_S, exp: 2.7 * DAY_S });
  expect(successorOf(present(), later)).toEqual({
    fromMs: 1.7 * DAY_S * 1_000,
    untilMs: 2.7 * DAY_S * 1_000,
  });
});

test.each<[string, string]>([
  ['one that does not say when it is good', 'opaque'],
  ['one that does not say when it was made', aJwt({ ...OURS, iat: undefined, exp: 3 * DAY_S })],
  [
    'one of another account',
    aJwt({ ...OURS, sub: 'system:serviceaccount:kube-system:x', iat: 1, exp: 3 * DAY_S }),
  ],
  ['one that ends sooner', aJwt({ ...OURS, iat: DAY_S, exp: DAY_S + 60 })],
  ['one that ends a moment later', aJwt({ ...OURS, iat: DAY_S + 60, exp: 2 * DAY_S + 60 })],
])('%s may not', (_, token) => {
  expect(successorOf(present(), token)).toMatch(/^a token/);
});

import { describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../src/api/names.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { KubeObject, Token } from '../../../src/api/types.ts';
import { hashIn } from '../../../src/derive/diff.ts';
import { Marks } from '../../../src/hash/marks.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import { ResourceEventType } from '../../../src/kube/operator-base.ts';
import type { DebtRecord } from '../../../src/operator/debts/debt-record.ts';
import { deletedBefore } from '../../../src/operator/debts/plane.ts';
import { decideToken } from '../../../src/operator/decide/decide-token.ts';
import { Lag } from '../../../src/operator/report/lag.ts';
import { DeletionEvidence } from '../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../src/operator/upstream/management.ts';
import type { TokenSources } from '../../../src/operator/upstream/token-sources.ts';
import { Watches } from '../../../src/operator/upstream/watches.ts';
import { aToken, aUser, HOUR, NOW, rawExtToken } from '../../support/builders.ts';
import {
  attributeOf,
  carriedOut,
  foreign,
  pairOf,
  rulesWith,
  see,
  tokenFacts,
} from '../../support/decision-facts.ts';
import { sentence } from '../../support/plan-sentence.ts';
import { ReconcileWorld } from '../../support/reconcile-world.ts';

const PLANE = { identity: 'kube-system/tokens/users', resourceVersion: '500' };
const record = (known: readonly string[], apis: DebtRecord['apis'] = new Map()) => ({
  record: {
    cluster: 'c-1',
    plane: PLANE.identity,
    owed: new Map(),
    known: new Set(known),
    apis,
    lately: 0,
    atMs: NOW,
  },
  resourceVersion: '400',
});
const ext = (name: string, fields = {}, metadata = {}): Token =>
  parseExtToken(rawExtToken({ ttl: '-1', ...fields }, { name, uid: `uid-${name}`, ...metadata }));

describe('deletedBefore', () => {
  test('an ext token that is there was not deleted', () => {
    const management = new Management(['ace-operator'], { extTokens: true });
    for (let i = 0; i < 10; i += 1) management.tokens.put(aToken({}, { name: `v-${i}`, uid: `uid-v-${i}` }));
    management.tokens.put(ext('e-0'));
    const known = [...Array.from({ length: 10 }, (_, i) => `token/v-${i}`), 'token/e-0'];
    expect([...deletedBefore([record(known)], PLANE, management, NOW).keys()]).toEqual([]);
  });
  test('one of mostly ext tokens that went while nobody looked is remembered', () => {
    const management = new Management(['ace-operator'], { extTokens: true });
    for (let i = 0; i < 40; i += 1) management.tokens.put(ext(`e-${i}`));
    const known = [...Array.from({ length: 40 }, (_, i) => `token/e-${i}`), 'token/gone'];
    expect([...deletedBefore([record(known)], PLANE, management, NOW).keys()]).toEqual([
      'token/gone',
      'token/ext/gone',
    ]);
  });
  test('one of the two kinds that have a name was deleted, and the other is good', () => {
    const management = new Management(['ace-operator'], { extTokens: true });
    management.tokens.put(aToken({ clusterName: 'c-2' }));
    const apis = new Map([['token/t-1', 'ext' as const]]);
    const found = record(['token/t-1'], apis);
    expect([...deletedBefore([found], PLANE, management, NOW).keys()]).toEqual(['token/ext/t-1']);
    const owed = new Map([['token/t-1', { sinceMs: 7, cause: 'token' as const }]]);
    const inDebt = { ...found, record: { ...found.record, known: new Set<string>(), owed } };
    expect([...deletedBefore([inDebt], PLANE, management, NOW)]).toEqual([['token/ext/t-1', 7]]);
    // Of a record that does not say which, nothing is concluded while one of them is there.
    expect([...deletedBefore([record(['token/t-1'])], PLANE, management, NOW)]).toEqual([]);
  });
});

describe('adoption', () => {
  const [, cat] = pairOf(aToken()) as [KubeObject, KubeObject];
  const strangers = (more: object, annotations = {}): KubeObject => {
    const object = foreign(cat);
    return { ...object, ...more, metadata: { ...object.metadata, annotations } } as KubeObject;
  };

  test('a hash of a revoked token that stood in a closed ClusterAuthToken lets nobody in again', () => {
    const old = strangers(
      { enabled: false, hash: sha3.hash('revoked') },
      { 'ace-operator.io/closed-for': 'uid-old' },
    );
    const token = aToken(
      { token: sha3.hash('secret-new') },
      { uid: 'uid-new', annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } },
    );
    const plan = decideToken(
      tokenFacts({
        token,
        rules: { adopts: true },
        seen: {
          pair: [{ object: old, isOurs: false, isOfEarlierSecret: false, isOfPresentSecret: false }],
          before: undefined,
        },
      }),
    );
    const after = carriedOut([old], plan.changes).find(({ kind }) => kind === 'ClusterAuthToken');
    // Inline hashes win over the Secret.
    expect(after?.['enabled'] === true && after?.['hash'] === old['hash']).toBe(false);
  });

  test('a stranger’s ClusterAuthToken is not opened for a user who is disabled and whom the stranger’s attribute lets in', () => {
    const closed = strangers({ enabled: false }, { 'ace-operator.io/closed-for': 'uid-t-1' });
    const plan = decideToken(
      tokenFacts({
        user: aUser({ enabled: false }),
        seen: { pair: [see(closed)], attribute: see(foreign(attributeOf())), before: undefined },
      }),
    );
    const after = carriedOut([closed], plan.changes)[0];
    expect(after?.['enabled']).toBe(false);
  });

  test('our hash goes from beside a stranger’s ClusterAuthToken when the user is disabled and the stranger’s attribute lets him in', () => {
    const [secret] = pairOf(aToken()) as [KubeObject];
    const plan = decideToken(
      tokenFacts({
        user: aUser({ enabled: false }),
        seen: { pair: [see(secret, aToken()), see(foreign(cat))], attribute: see(foreign(attributeOf())) },
      }),
    );
    const after = carriedOut([secret, foreign(cat)], plan.changes).find(({ kind }) => kind === 'Secret');
    expect(after && hashIn(after)).toBe(undefined);
  });
});

test('a moved hash of the same secret is known when the token was made again', async () => {
  const world = new ReconcileWorld();
  const marks = new Marks(world.key);
  const hash = sha3.hash('secret-1');
  const [inline] = pairOf(aToken(), rulesWith({ storage: 'inline' })) as [KubeObject];
  const { hash: _hash, ...rest } = inline;
  const emptied = {
    ...rest,
    metadata: {
      ...inline.metadata,
      annotations: {
        ...inline.metadata.annotations,
        'ace-operator.io/fingerprint': marks.sign({
          tokenUid: 'uid-t-1',
          algorithm: 'sha3-512',
          value: 'secret-1',
          hash,
        }),
      },
    },
  } as KubeObject;
  expect(world.tokenHashes.whoseBeside(aToken(), emptied, hash)).toBe('present');
  expect(world.tokenHashes.whoseBeside(aToken({}, { uid: 'uid-other' }), emptied, hash)).toBe('present');
  await world.close();
});

test('a deletion of a token is a debt of its own although the other kind has one of that name elsewhere that expired', () => {
  const management = new Management(['ace-operator'], { extTokens: true });
  management.tokens.put(ext('t-1', { cluster: 'c-2', ttl: '1000' }));
  const debts: string[] = [];
  const lag = new Lag({
    management,
    evidence: new DeletionEvidence(),
    now: () => NOW + HOUR,
    series: { changed: () => {}, propagated: () => {}, revoked: () => {} } as never,
    onDebt: (key, debt) => void debts.push(`${key} ${debt?.cause}`),
  });
  const writes = lag.writesOf({
    key: 'token/t-1',
    mode: 'propagate',
    observed: { forUser: () => undefined, apiOf: () => 'v3' } as never,
    queuedAtMs: NOW,
  });
  writes.begun('delete', 'ClusterAuthToken');
  expect(debts).toEqual(['token/t-1 token']);
});

test('that a v3 Token was deleted is not forgotten because the ext token of that name elsewhere is edited', () => {
  const management = new Management(['ace-operator'], { extTokens: true });
  const evidence = new DeletionEvidence();
  const watches = new Watches(management, evidence, {
    propagators: () => [],
    concerned: () => [],
    enqueueCluster: () => {},
    installationKeyChanged: () => {},
    readAtLast: () => {},
    putBack: () => {},
  });
  const sources = management.tokenSources as TokenSources;
  const v3 = aToken();
  const other = ext('t-1', { cluster: 'c-2' });
  sources.v3.put(v3);
  sources.ext.put(other);
  sources.v3.remove(v3);
  watches.onToken('t-1', ResourceEventType.Deleted, v3);
  expect(evidence.has('token/t-1')).toBe(true);
  const edited = { ...other, resourceVersion: '2' };
  sources.ext.put(edited);
  watches.onToken('t-1', ResourceEventType.Modified, edited);
  expect(evidence.has('token/t-1')).toBe(true);
  // Nor because it was made: the one is gone, and the other is good.
  sources.ext.remove(edited);
  sources.ext.put(edited);
  watches.onToken('t-1', ResourceEventType.Added, edited);
  expect([evidence.has('token/t-1'), evidence.has('token/ext/t-1')]).toEqual([true, false]);
});

test('a revoked ext token goes, by its own evidence, while the v3 Token of that name for another cluster is good', async () => {
  const token = ext('t-1');
  const pair = pairOf(token).map((object) => see(object, token));
  const evidence = new DeletionEvidence();
  evidence.add('token/ext/t-1');
  evidence.remove('token/t-1');
  const decide = (isTokenGone: boolean): string =>
    sentence(
      decideToken(
        tokenFacts({
          token: undefined,
          user: undefined,
          seen: { pair },
          known: { isTokenGone },
          answers: new Map([['source/Secret/t-1', false]]),
        }),
      ),
    );
  expect(decide(evidence.has('token/ext/t-1'))).toContain('deletes ClusterAuthToken t-1');
  expect(decide(evidence.has('token/t-1'))).toContain('GCBlocked');
});

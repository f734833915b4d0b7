import { describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_UID } from '../../../src/api/names.ts';
import {
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseHashSecret,
} from '../../../src/api/parse-downstream.ts';
import { type Judgement, judgeHeld } from '../../../src/authenticator/judge.ts';
import { NOW } from '../../support/builders.ts';
import { rawCat, rawCua, rawHashSecret } from '../../support/webhook-rig.ts';

const written = (name: string, tokenUid: string | undefined, more: object = {}): object => ({
  ...{ uid: `uid-of-${name}`, resourceVersion: '1', ...more },
  ...(tokenUid === undefined ? {} : { annotations: { [ANNOTATION_TOKEN_UID]: tokenUid } }),
});

/** The judgement on a pair of which each half says which token it is of, or does not. */
const judge = (tokenUid: string | undefined, secretUid: string | undefined, inline = ''): Judgement =>
  judgeHeld(
    {
      token: parseClusterAuthToken(
        rawCat('t-1', { hash: inline }, { ...written('token', tokenUid) } as Record<string, unknown>),
      ),
      secret: parseHashSecret(
        rawHashSecret('t-1', 'h', { ...written('secret', secretUid) } as Record<string, unknown>),
      ),
      user: parseClusterUserAttribute(
        rawCua('u-1', {}, written('user', undefined) as Record<string, unknown>),
      ),
    },
    NOW,
  );

describe('judgeHeld', () => {
  test('a Secret of another token than the ClusterAuthToken is no hash at all', () => {
    expect(judge('uid-new', 'uid-old')).toEqual({ kind: 'refused', reason: 'HashMissing' });
    expect(judge('uid-old', 'uid-new')).toEqual({ kind: 'refused', reason: 'HashMissing' });
  });

  test('a Secret of the same token made again with the same secret is its hash, before the ClusterAuthToken says so, too', () => {
    const annotations = {
      [ANNOTATION_TOKEN_UID]: 'uid-new',
      'ace-operator.io/earlier-token-uid': 'uid-old',
    };
    const secret = parseHashSecret(
      rawHashSecret('t-1', 'h', { uid: 's', resourceVersion: '2', annotations }),
    );
    const user = parseClusterUserAttribute(
      rawCua('u-1', {}, written('user', undefined) as Record<string, unknown>),
    );
    for (const [uid, kind] of [
      ['uid-old', 'candidate'],
      ['uid-new', 'candidate'],
      ['uid-other', 'refused'],
    ]) {
      const token = parseClusterAuthToken(
        rawCat('t-1', {}, written('token', uid) as Record<string, unknown>),
      );
      expect(judgeHeld({ token, secret, user }, NOW).kind).toBe(kind);
    }
  });

  test('a Secret of the same token is its hash', () => {
    expect(judge('uid-1', 'uid-1')).toMatchObject({ kind: 'candidate', candidate: { hash: 'h' } });
  });

  // Rancher itself notes no UIDs, and an object of ours may be beside one of Rancher's.
  test.each([
    ['the ClusterAuthToken', undefined, 'uid-1'],
    ['the Secret', 'uid-1', undefined],
    ['either', undefined, undefined],
    ['either but an empty one', '', ''],
  ])('where %s does not say which token it is of, the pair is taken as one', (_, tokenUid, secretUid) => {
    expect(judge(tokenUid, secretUid)).toMatchObject({ kind: 'candidate', candidate: { hash: 'h' } });
  });

  test('a hash of the ClusterAuthToken’s own counts, whatever Secret lies beside it', () => {
    expect(judge('uid-new', 'uid-old', 'inline')).toMatchObject({
      kind: 'candidate',
      candidate: { hash: 'inline' },
    });
  });
});

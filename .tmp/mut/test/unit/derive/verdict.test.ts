import { describe, expect, test } from 'vitest';
import type { Token, User } from '../../../src/api/types.ts';
import { judgeToken, type TokenVerdict } from '../../../src/derive/verdict.ts';
import { aToken, aUser, HOUR, type Json, NOW, NOW_TEXT, timeText } from '../../support/builders.ts';

const CONTEXT = { cluster: 'c-1', aceEnabled: true, nowMs: NOW };
const refused = (reason: string): object => ({ wanted: false, reason });

interface Case {
  token?: Token;
  user?: User | undefined;
  context?: Partial<typeof CONTEXT>;
  want: object;
}

const judge = ({ token = aToken(), context, ...rest }: Omit<Case, 'want'>): TokenVerdict =>
  judgeToken(token, 'user' in rest ? rest.user : aUser(), { ...CONTEXT, ...context });

describe('judgeToken', () => {
  const cases: Record<string, Case> = {
    'a token without end is wanted': { want: { wanted: true, expiresAtMs: undefined, userDisabled: false } },
    'a token with an end is wanted until then': {
      token: aToken({ ttl: HOUR }),
      want: { wanted: true, expiresAtMs: NOW + HOUR, userDisabled: false },
    },
    'a token of a disabled user is wanted: the user is refused in one place': {
      user: aUser({ enabled: false }),
      want: { wanted: true, expiresAtMs: undefined, userDisabled: true },
    },
    'no cluster': { token: aToken({ clusterName: '' }), want: refused('NotScoped') },
    'another cluster': { token: aToken({ clusterName: 'c-2' }), want: refused('OtherCluster') },
    'a cluster whose name only begins alike': {
      token: aToken({ clusterName: 'c-11' }),
      want: refused('OtherCluster'),
    },
    'ACE is off': { context: { aceEnabled: false }, want: refused('AceDisabled') },
    'being deleted': { token: aToken({}, { deletionTimestamp: NOW_TEXT }), want: refused('Deleting') },
    malformed: { token: aToken({ ttl: 'x' }), want: refused('Malformed') },
    disabled: { token: aToken({ enabled: false }), want: refused('Disabled') },
    'no user': { user: undefined, want: refused('UserNotFound') },
    'expired by expiresAt': { token: aToken({ expiresAt: timeText(NOW - 1000) }), want: refused('Expired') },
    'expired by ttl although expiresAt is not filled in': {
      token: aToken({ ttl: HOUR }),
      context: { nowMs: NOW + HOUR },
      want: refused('Expired'),
    },
    'expired at the very second': { token: aToken({ expiresAt: NOW_TEXT }), want: refused('Expired') },
    'not expired a millisecond before': {
      token: aToken({ expiresAt: NOW_TEXT }),
      context: { nowMs: NOW - 1 },
      want: { wanted: true },
    },
    'a negative ttl has always expired': { token: aToken({ ttl: -1 }), want: refused('Expired') },
    'no secret yet': { token: aToken({ token: '' }), want: refused('HashPending') },
  };
  for (const [title, { want, ...given }] of Object.entries(cases)) {
    test(title, () => {
      expect(judge(given)).toMatchObject(want);
    });
  }

  // What is wrong with a token, the first reason first; each token has all the wrongs from its own on.
  const wrongs: readonly {
    reason: string;
    fields?: Json;
    metadata?: Json;
    aceEnabled?: boolean;
    noUser?: boolean;
  }[] = [
    { reason: 'OtherCluster', fields: { clusterName: 'c-2' } },
    { reason: 'AceDisabled', aceEnabled: false },
    { reason: 'Deleting', metadata: { deletionTimestamp: NOW_TEXT } },
    { reason: 'Malformed', metadata: { name: 'Not_A_Name' } },
    { reason: 'Disabled', fields: { enabled: false } },
    { reason: 'Expired', fields: { expiresAt: timeText(NOW - HOUR) } },
    { reason: 'UserNotFound', noUser: true },
    { reason: 'HashPending', fields: { token: '' } },
  ];
  for (const [index, { reason }] of wrongs.entries()) {
    test(`of several reasons the first is shown: ${reason}`, () => {
      const all = wrongs.slice(index);
      const verdict = judgeToken(
        aToken(
          Object.assign({}, ...all.map(({ fields }) => fields)),
          Object.assign({}, ...all.map(({ metadata }) => metadata)),
        ),
        all.some(({ noUser }) => noUser) ? undefined : aUser(),
        { ...CONTEXT, aceEnabled: !all.some(({ aceEnabled }) => aceEnabled === false) },
      );
      expect(verdict).toEqual(refused(reason));
    });
  }

  // Expiry is positive evidence and must not wait until the absence of a user is confirmed or allowed.
  test('an expired token is Expired, whether or not its user is known', () => {
    expect(judge({ token: aToken({ expiresAt: timeText(NOW - HOUR) }), user: undefined })).toEqual(
      refused('Expired'),
    );
  });
});

import { describe, expect, test } from 'vitest';
import { readReview } from '../../../src/plane/reviews.ts';

describe('what an API server says of a bearer', () => {
  // The texts are those of kube-apiserver 1.20 with and without a webhook.
  const refusals: Record<string, [error: string, want: object]> = {
    'no webhook': ['invalid bearer token', { kind: 'notAsked' }],
    'no error at all': ['', { kind: 'notAsked' }],
    'nobody listens': [
      '[invalid bearer token, Post "http://127.0.0.1:6440/v1/authenticate": dial tcp 127.0.0.1:6440: connect: connection refused]',
      { kind: 'webhookFailed', cause: 'no answer' },
    ],
    'no answer in time': [
      '[invalid bearer token, Post "https://127.0.0.1:6440/v1/authenticate?timeout=30s": context deadline exceeded]',
      { kind: 'webhookFailed', cause: 'no answer' },
    ],
    'a certificate that is not trusted': [
      '[invalid bearer token, Post "https://127.0.0.1:6440/v1/authenticate": x509: certificate signed by unknown authority]',
      { kind: 'webhookFailed', cause: 'no answer' },
    ],
    'it is not ready': [
      '[invalid bearer token, the server is currently unable to handle the request]',
      { kind: 'webhookFailed', cause: 'not ready' },
    ],
    'our authenticator': [
      '[invalid bearer token, UnknownToken]',
      { kind: 'refused', reason: 'UnknownToken', mayChange: false },
    ],
    'our authenticator, which may be told more': [
      '[invalid bearer token, UnknownToken: may be on its way]',
      { kind: 'refused', reason: 'UnknownToken', mayChange: true },
    ],
    'our authenticator alone': ['WrongSecret', { kind: 'refused', reason: 'WrongSecret', mayChange: false }],
    'kube-api-auth': [
      '[invalid bearer token, the server has asked for the client to provide credentials]',
      { kind: 'refusedByOther' },
    ],
    'a word that contains one of our reasons': [
      '[invalid bearer token, NotExpiredYet]',
      { kind: 'refusedByOther' },
    ],
  };
  test.each(Object.entries(refusals))('%s', (_title, [error, want]) => {
    expect(readReview({ error, user: {} })).toEqual(want);
  });

  test('who was let in, by which token', () => {
    const user = { username: 'u-1', groups: ['g'], extra: { 'ace-operator.io/token-id': ['t-1'] } };
    expect(readReview({ authenticated: true, user })).toEqual({
      kind: 'accepted',
      username: 'u-1',
      groups: ['g'],
      tokenId: 't-1',
    });
    expect(readReview({ authenticated: true })).toMatchObject({ kind: 'accepted', tokenId: '' });
  });
});

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
    'an authenticator newer than we': [
      '[invalid bearer token, NotYetThought: may be on its way]',
      { kind: 'refusedByOther' },
    ],
    'another’s webhook, in words of its own': [
      '[invalid bearer token, no such session]',
      { kind: 'unclear' },
    ],
    'a word that contains one of our reasons': [
      '[invalid bearer token, NotExpiredYet]',
      { kind: 'refusedByOther' },
    ],
  };
  test.each(Object.entries(refusals))('%s', (_title, [error, want]) => {
    expect(readReview({ error, user: {} })).toEqual(want);
  });

  // As apimachinery words what came instead of a TokenReview, and Go's HTTP client why nothing came.
  const misdirected: Record<string, string> = {
    'a wrong path (404)': 'the server could not find the requested resource',
    'a path for GET alone (405)': 'the server does not allow this method on the requested resource',
    'http to a port of https (400)': 'the server rejected our request for an unknown reason',
    'https to a port of http':
      'Post "https://127.0.0.1:6440/v1/authenticate?timeout=30s": http: server gave HTTP response to HTTPS client',
    'https to what is no HTTP at all':
      'Post "https://127.0.0.1:6440/": tls: first record does not look like a TLS handshake',
    'http to what is no HTTP at all':
      'Post "http://127.0.0.1:6440/": net/http: HTTP/1.x transport connection broken: malformed HTTP response "SSH-2.0"',
    'another API server (403)': 'forbidden: User "system:anonymous" cannot post path "/v1/authenticate"',
    'another API server (401)': 'Unauthorized',
    'a redirection': 'the server responded with the status code 301 but did not return more information',
    'another content type (415)':
      'the server was unable to respond with a content type that the client supports',
    'a page for people':
      "couldn't get version/kind; json parse error: invalid character '<' looking for beginning of value",
    'no body': '0-length response with status code: 200 and content type: application/json',
    'another version of TokenReview':
      'no kind "TokenReview" is registered for version "authentication.k8s.io/v1beta1"',
  };
  test.each(Object.entries(misdirected))('that asks %s', (_title, said) => {
    const want = { kind: 'webhookFailed', cause: 'wrong path or protocol' };
    expect(readReview({ error: `[invalid bearer token, ${said}]`, user: {} })).toEqual(want);
    expect(readReview({ error: said, user: {} })).toEqual(want);
  });

  const failing: Record<string, [said: string, cause: string]> = {
    'with an error (500)': [
      'an error on the server ("") has prevented the request from succeeding',
      'an error of its own',
    ],
    'too much (429)': [
      'the server has received too many requests and has asked us to try again later',
      'not ready',
    ],
    'by its balancer alone (504)': [
      'the server was unable to return a response in the time allotted, but may still be processing the request',
      'not ready',
    ],
    'nobody: no route': [
      'Post "http://10.0.0.9:6440/": dial tcp 10.0.0.9:6440: connect: no route to host',
      'no answer',
    ],
    'nobody: half an answer': [
      'unexpected error when reading response body. Please retry. Original error: unexpected EOF',
      'no answer',
    ],
    'nobody: its client gave up': ['Post "http://127.0.0.1:6440/": something not thought of', 'no answer'],
  };
  test.each(Object.entries(failing))('whose webhook answers %s', (_title, [said, cause]) => {
    expect(readReview({ error: `[invalid bearer token, ${said}]` })).toEqual({
      kind: 'webhookFailed',
      cause,
    });
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

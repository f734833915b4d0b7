import { describe, expect, test } from 'vitest';
import { readAnswer } from '../../../src/plane/who-am-i.ts';

const status = (message: string): string => JSON.stringify({ kind: 'Status', code: 403, message });
const refusal = (quoted: string): string =>
  status(`selfsubjectreviews.authentication.k8s.io is forbidden: User ${quoted} cannot create resource "x"`);

describe('as whom an API server took a request', () => {
  test.each<[title: string, text: string, username: string | undefined]>([
    ['a review', '{"kind":"SelfSubjectReview","status":{"userInfo":{"username":"u-ada"}}}', 'u-ada'],
    ['a review that names nobody', '{"kind":"SelfSubjectReview","status":{"userInfo":{}}}', undefined],
    ['a request that was tried', '{"kind":"CertificateSigningRequest","spec":{"username":"u-ada"}}', 'u-ada'],
    ['a refusal', refusal('"u-ada"'), 'u-ada'],
    ['a refusal of the anonymous user', refusal('"system:anonymous"'), 'system:anonymous'],
    ['a name with a quotation mark', refusal('"u \\"a\\" b"'), 'u "a" b'],
    ['a name that quotes a refusal', refusal('"x\\" cannot y: User \\"u-ada"'), 'x" cannot y: User "u-ada'],
    ['a refusal of nobody', status('forbidden: User cannot create resource "x"'), undefined],
    ['a refusal in other words', status('go away'), undefined],
  ])('%s', (_title, text, username) => {
    expect(readAnswer(text)).toMatchObject({ kind: expect.any(String), username });
  });

  test.each(['', '<html>', 'null', '7', '{}', '{"kind":"APIVersions"}', '{"kind":"Pod"}'])(
    'what is no answer of one: %s',
    (text) => expect(readAnswer(text)).toBeUndefined(),
  );
});

import { describe, expect, test } from 'vitest';
import {
  ApiError,
  ConfigError,
  ConnectionError,
  describeError,
  describeFileError,
  isAlreadyExists,
  isConflict,
  isGone,
  isObjectMissing,
  TerminalError,
} from '../../src/errors.ts';

const api = (code: number, statusReason = '', objectMissing = false): ApiError =>
  new ApiError('GET /x: failed', { code, statusReason, objectMissing });

describe('what an error says of the world', () => {
  const cases = {
    'a missing object': { error: api(404, 'NotFound', true), want: ['missing'] },
    'a kind that is not served is not a missing object': { error: api(404, 'NotFound', false), want: [] },
    'someone wrote first': { error: api(409, 'Conflict'), want: ['conflict'] },
    'a 409 of an unknown word is a conflict': { error: api(409), want: ['conflict'] },
    'the name is taken': { error: api(409, 'AlreadyExists'), want: ['exists'] },
    'the version is too old': { error: api(410, 'Expired'), want: ['gone'] },
    'a 500 says nothing': { error: api(500), want: [] },
    'no answer says nothing': { error: new ConnectionError('Unreachable', 'x'), want: [] },
    'something that only looks alike says nothing': { error: { code: 404, objectMissing: true }, want: [] },
  };
  for (const [title, { error, want }] of Object.entries(cases)) {
    test(title, () => {
      const said = { missing: isObjectMissing, conflict: isConflict, exists: isAlreadyExists, gone: isGone };
      expect(Object.entries(said).flatMap(([word, is]) => (is(error) ? [word] : []))).toEqual(want);
    });
  }
});

describe('describeError', () => {
  const cases = {
    'ours are shown as they are': { error: new TerminalError('Rejected', 'no\nway'), want: 'no\nway' },
    'a connection error is ours': {
      error: new ConnectionError('Unreachable', 'GET /x: no answer'),
      want: 'GET /x: no answer',
    },
    'a configuration error is ours': { error: new ConfigError('bad'), want: 'bad' },
    'an API error is ours': { error: api(500), want: 'GET /x: failed' },
    'of a foreign one only the first line, with its name': {
      error: new TypeError('first\nsecond'),
      want: 'TypeError: first',
    },
    'a foreign one is cut': { error: new Error('x'.repeat(400)), want: `Error: ${'x'.repeat(300)}` },
    'what is no error has no text': { error: { body: 'secret' }, want: 'unknown failure' },
    'a thrown string has no text': { error: 'secret', want: 'unknown failure' },
  };
  for (const [title, { error, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(describeError(error)).toBe(want);
    });
  }
});

test('a file that cannot be used is told of in words, without the name of a draft', () => {
  const missing = Object.assign(new Error("ENOENT: no such file or directory, open '/x.draft'"), {
    code: 'ENOENT',
  });
  expect(describeFileError(missing)).toBe('no such file or directory');
  expect(describeFileError(new ConfigError('it is no kubeconfig'))).toBe('it is no kubeconfig');
});

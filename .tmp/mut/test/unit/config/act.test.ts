import { describe, expect, test } from 'vitest';
import { namesOf, typedName } from '../../../src/config/act.ts';
import { ConfigError } from '../../../src/errors.ts';

describe('names that were typed, or piped from -o name', () => {
  test.each([
    ['token', 'token-abcde', 'token-abcde'],
    ['token', 'token/token-abcde', 'token-abcde'],
    ['token', 'tokens/token-abcde', 'token-abcde'],
    ['token', 'token.management.cattle.io/token-abcde', 'token-abcde'],
    ['cluster', 'cluster.management.cattle.io/c-1', 'c-1'],
    ['cluster', 'clusterpropagation.ace-operator.io/c-1', 'c-1'],
    ['cluster', 'cprop/c-1', 'c-1'],
  ] as const)('%s %s is %s', (what, typed, name) => {
    expect(typedName(what, typed)).toBe(name);
    expect(namesOf(what, [typed, typed])).toEqual([name]);
  });

  test.each([
    ['token', 'secret/x'],
    ['token', 'token/'],
    ['token', 'token/a/b'],
    ['cluster', 'token/x'],
  ] as const)('as a %s, %s is refused', (what, typed) => {
    expect(() => namesOf(what, [typed])).toThrow(ConfigError);
  });
});

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { TROUBLESHOOTING, troubleshooting } from '../../../hack/troubleshooting.ts';
import { CLUSTER_TEXTS } from '../../../src/api/cluster-reason-texts.ts';
import { HOP_TEXTS, READ_TEXTS } from '../../../src/api/hop-reason-texts.ts';
import { DENIAL_TEXTS, TOKEN_TEXTS, USER_TEXTS } from '../../../src/api/reason-texts.ts';
import {
  CLUSTER_REASONS,
  DENIAL_REASONS,
  HOP_REASONS,
  READ_FAILURE_REASONS,
  TOKEN_REASONS,
} from '../../../src/api/reasons.ts';

const ENUMS = {
  token: [TOKEN_REASONS, TOKEN_TEXTS],
  user: [['GroupsUnknown'], USER_TEXTS],
  cluster: [CLUSTER_REASONS, CLUSTER_TEXTS],
  denial: [DENIAL_REASONS, DENIAL_TEXTS],
  read: [READ_FAILURE_REASONS, READ_TEXTS],
  hop: [HOP_REASONS, HOP_TEXTS],
} as const;

describe.each(Object.entries(ENUMS))('the texts of %s reasons', (_name, [reasons, texts]) => {
  test('are those of the closed enum, none more and none less', () => {
    expect(Object.keys(texts).sort()).toEqual([...reasons].sort());
  });

  test.each(Object.entries(texts))(
    '%s says what it means, how it happens, and what to do, in one line each',
    (_reason, text) => {
      for (const part of [text.meaning, text.cause, text.remedy]) {
        expect(part.length).toBeGreaterThan(3);
        expect(part).not.toMatch(/\n|\.$/);
      }
    },
  );
});

test('docs/troubleshooting.md is what these texts make: run `make docs`', () => {
  expect(readFileSync(TROUBLESHOOTING, 'utf8')).toBe(troubleshooting());
});

test('every reason has its row there', () => {
  const page = troubleshooting();
  for (const [reasons] of Object.values(ENUMS)) {
    for (const reason of reasons)
      expect(page).toMatch(
        new RegExp(`^\\| (?:<a id="\\w+"></a>)?\`${reason}\` \\| .+ \\| .+ \\| .+ \\|$`, 'm'),
      );
  }
});

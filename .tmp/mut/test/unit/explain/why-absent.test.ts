import { expect, test } from 'vitest';
import { parseClusterUserAttribute } from '../../../src/api/parse-downstream.ts';
import type { Evidence } from '../../../src/explain/evidence.ts';
import { whyAbsent } from '../../../src/explain/why-absent.ts';
import { aToken, HOUR, NOW } from '../../support/builders.ts';
import { attributeOf, byRancher } from '../../support/decision-facts.ts';
import { evidence, failed, found } from './evidence-builder.ts';

/** Of a token of which nothing is there but what Rancher's own controller keeps of its user, with a group. */
function told(attribute: Evidence['management']['attribute']): string | undefined {
  const { management, downstream, ...rest } = evidence();
  const object = byRancher(attributeOf());
  const seen = found({ parsed: parseClusterUserAttribute(object), object });
  return whyAbsent('clusterAuthToken', aToken(), {
    ...{ ...rest, nowMs: NOW + HOUR },
    management: { ...management, attribute },
    downstream: {
      ...{ ...downstream, clusterAuthToken: found(undefined), hashSecret: found(undefined) },
      userAttribute: seen,
    },
  })?.detail;
}

test('groups that could not be read are not told as groups that the user does not have', () => {
  expect(told(found(undefined))).toContain('it gives groups that the user does not have');
  const unread = told(failed('Forbidden'));
  expect(unread).toContain('the groups of the user cannot be read upstream');
  expect(unread).not.toContain('does not have');
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { VERSION } from '../../../src/version.ts';
import { listOf, type PaperAnswer, PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';

/** What `version` says, and with which exit code, of clusters that were not seen. */

const planes = new PaperPlanes();
beforeAll(async () => {
  await planes.listen();
  planes.setClusters('c-away', 'c-one');
});
afterAll(() => planes.close());

let lease: PaperAnswer;
let sets: Readonly<Record<string, PaperAnswer>>;
beforeEach(() => {
  lease = { metadata: { name: 'ace-operator', annotations: { 'ace-operator.io/version': VERSION } } };
  sets = { 'c-one': authenticator(VERSION) };
  planes.answer = ({ cluster, plural }) => {
    if (plural === 'leases') return lease;
    return cluster !== undefined && plural === 'daemonsets' ? sets[cluster] : undefined;
  };
});

const authenticator = (version: string): object => {
  const containers = [{ image: `ace-operator:v${version}` }];
  return listOf([{ metadata: { name: 'ace-authenticator' }, spec: { template: { spec: { containers } } } }]);
};

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram(['version', ...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

describe('the exit code of version', () => {
  test.each<[title: string, away: PaperAnswer, code: number, told: RegExp]>([
    ['a cluster without an authenticator', listOf([]), 0, /^$/],
    ['a cluster in trouble', { code: 500 }, 3, /^not known: authenticator, c-away: Failing: /],
    [
      'credentials that are refused',
      { code: 401 },
      3,
      /^not known: authenticator, c-away: CredentialsRejected: /,
    ],
    [
      'credentials that may not look',
      { code: 403 },
      0,
      /^not looked at, for the operator's credential may not and need not: authenticator of c-away; ace-operator preflight CLUSTER --downstream-kubeconfig FILE of an administrator looks\n$/,
    ],
  ])('%s', async (_title, away, code, told) => {
    sets = { ...sets, 'c-away': away };
    const result = await run();
    expect(result.err).toMatch(told);
    expect(result.code).toBe(code);
    expect(result.out).toMatch(new RegExp(`ace-authenticator +c-one +v${VERSION} +same`));
    expect((await run('-o', 'json')).code).toBe(code);
  });

  test('whoever may not read the operator’s credentials has asked no cluster', async () => {
    const { answer } = planes;
    planes.answer = (asked) => (asked.plural === 'secrets' ? { code: 403 } : answer(asked));
    const { code, err } = await run();
    expect(err).toMatch(/^not known: authenticator, c-away: Forbidden: /);
    expect(code).toBe(3);
  });

  test('what the operator’s credential may not see is no word of trouble in the table', async () => {
    sets = { ...sets, 'c-away': { code: 403 } };
    expect((await run()).out).toMatch(/^authenticator +c-away +<not looked at> +unknown /m);
    const { parts } = JSON.parse((await run('-o', 'json')).out);
    expect(parts).toContainEqual(
      expect.objectContaining({ where: 'c-away', failure: expect.objectContaining({ reason: 'Forbidden' }) }),
    );
  });

  test('what does not go together counts more than what was not seen', async () => {
    sets = { 'c-away': { code: 500 }, 'c-one': authenticator('9.0.0') };
    expect((await run()).code).toBe(1);
  });

  test('without the release of the operator nothing can be compared', async () => {
    lease = { code: 403 };
    const { code, err } = await run();
    expect(err).toMatch(/^not known: operator, management plane: Forbidden: /);
    expect(code).toBe(3);
  });
});

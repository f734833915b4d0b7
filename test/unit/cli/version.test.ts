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

describe.each([403, 500])('where Clusters cannot be listed (%i)', (code) => {
  const reason = code === 403 ? 'Forbidden' : 'Failing';
  beforeEach(() => {
    const { answer } = planes;
    planes.answer = (asked) =>
      asked.plural === 'clusters' && asked.name === undefined ? { code } : answer(asked);
  });

  test('version says what it knows, and what not', async () => {
    const result = await run();
    expect(result.out).toMatch(new RegExp(`^client +here +${VERSION} +same`, 'm'));
    expect(result.out).toMatch(new RegExp(`^operator +management plane +${VERSION} +same`, 'm'));
    expect(result.err).toMatch(new RegExp(`^not known: authenticator, all clusters: ${reason}: `));
    expect(result.code).toBe(3);
  });

  test('-o json says it, too', async () => {
    const result = await run('-o', 'json');
    const { client, parts } = JSON.parse(result.out);
    expect(client).toEqual({ version: VERSION, skew: 'same' });
    expect(parts).toMatchObject([
      { part: 'operator', version: VERSION },
      { part: 'authenticator', where: 'all clusters', failure: { reason } },
    ]);
    expect(result.code).toBe(3);
  });
});

test('without a management plane version says that of this program', async () => {
  planes.answer = () => ({ code: 503 });
  const { code, out, err } = await run();
  expect(out).toMatch(new RegExp(`^client +here +${VERSION} +unknown`, 'm'));
  expect(err).toMatch(/^not known: operator, management plane: /);
  expect(code).toBe(3);
});

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { shardOf } from '../../../src/kube/sharding/layout.ts';
import { memberLeaseName } from '../../../src/kube/sharding/records.ts';
import { VERSION } from '../../../src/version.ts';
import { listOf, type PaperAnswer, PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';

/** What `status` and `version` say of replicas that divide the clusters by shards. */

const SHARDS = 4;
const planes = new PaperPlanes();
beforeAll(async () => {
  await planes.listen();
  planes.setClusters('c-one', 'c-two');
});
afterAll(() => planes.close());

const lease = (name: string, holderIdentity: string, version = VERSION) => ({
  metadata: {
    name,
    annotations: { 'ace-operator.io/version': version, 'ace-operator.io/shards': String(SHARDS) },
  },
  spec: { holderIdentity, leaseDurationSeconds: 15, renewTime: new Date().toISOString() },
});
const member = (pod: string, version?: string) =>
  lease(memberLeaseName('ace-operator', `${pod}_uid`), `${pod}_uid#1`, version);
const shards = (...owners: readonly string[]) =>
  owners.map((pod, shard) => lease(`ace-operator-shard-${shard}`, pod === '' ? '' : `${pod}_uid#1`));

let holder: string;
let leases: readonly object[] | { readonly code: number };
beforeEach(() => {
  holder = `shards/${SHARDS}`;
  leases = [member('pod-a'), member('pod-b'), ...shards('pod-a', 'pod-b', 'pod-a', 'pod-b')];
  planes.requests.length = 0;
  planes.answer = ({ cluster, plural, name }): PaperAnswer => {
    if (plural === 'daemonsets') return listOf([]);
    if (cluster !== undefined || plural !== 'leases') return undefined;
    if (name !== undefined) return lease(name, holder);
    return Array.isArray(leases) ? listOf(leases) : (leases as { code: number });
  };
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}
const status = () => run('status', '--management-only');
/** Beside what is said of clusters that no operator reports. */
const aboutShards = (err: string) => err.split('\n').filter((line) => /shard/.test(line));

describe('status', () => {
  test('says over how many replicas the clusters are divided', async () => {
    const { code, err } = await status();
    expect(aboutShards(err)).toEqual(['clusters are divided into 4 shards over 2 replicas']);
    expect(code).toBe(0);
  });

  test('names the clusters of shards that nobody has', async () => {
    const owners = ['pod-a', 'pod-a', 'pod-a', 'pod-a'];
    owners[shardOf('c-one', SHARDS)] = '';
    leases = [member('pod-a'), ...shards(...owners)];
    const orphans = ['c-one', 'c-two'].filter((one) => shardOf(one, SHARDS) === shardOf('c-one', SHARDS));
    expect(aboutShards((await status()).err)).toEqual([
      `clusters are divided into 4 shards over 1 replica; nobody has 1 of the shards (${shardOf('c-one', SHARDS)}): until a replica takes it, nothing is propagated or revoked in ${orphans.join(', ')}`,
    ]);
  });

  test('of one cluster says who has it', async () => {
    const shard = shardOf('c-one', SHARDS);
    const owner = shard % 2 === 0 ? 'pod-a' : 'pod-b';
    const { err } = await run('status', 'c-one', '--management-only');
    expect(aboutShards(err)).toEqual([
      `cluster c-one is in shard ${shard} of 4, which the replica ${owner} has`,
    ]);
  });

  test('to whoever may not list Leases says how many shards there are, and that it cannot say more', async () => {
    leases = { code: 403 };
    const { code, out, err } = await status();
    expect(aboutShards(err)).toEqual([
      expect.stringMatching(
        /^clusters are divided into 4 shards; which replica has which cannot be seen: .*403/,
      ),
    ]);
    expect(out).toContain('c-one');
    expect(code).toBe(0);
  });

  test('where one leads for all, says nothing and lists no Leases, whatever is left of shards', async () => {
    holder = 'pod-a_uid';
    expect(aboutShards((await status()).err)).toEqual([]);
    expect(planes.requests.filter((request) => request.endsWith('leases'))).toHaveLength(1);
  });
});

describe('version', () => {
  const operators = (out: string) =>
    out
      .split('\n')
      .filter((line) => line.startsWith('operator '))
      .map((line) => line.trim().split(/ {2,}/).slice(2, 4));

  test('has one row where all replicas are of one release', async () => {
    const { code, out, err } = await run('version');
    expect(operators(out)).toEqual([[VERSION, 'same']]);
    expect(err).not.toContain('replicas');
    expect(code).toBe(0);
  });

  test('has a row for each release where they differ, and says which replica runs which', async () => {
    leases = [member('pod-a'), member('pod-b', '0.0.9'), ...shards('pod-a')];
    const { out, err, code } = await run('version');
    expect(operators(out)).toEqual([
      [VERSION, 'same'],
      ['0.0.9', 'supported'],
    ]);
    expect(err).toContain(
      `replicas of the operator run different releases: ${VERSION} (pod-a), 0.0.9 (pod-b);`,
    );
    expect(code).toBe(0);
  });

  test('ends with 1 where two of them do not go together', async () => {
    leases = [member('pod-a', '9.0.0'), member('pod-b'), ...shards('pod-a')];
    expect((await run('version')).code).toBe(1);
  });

  test('to whoever may not list Leases has the one release that the Lease tells, and says so', async () => {
    leases = { code: 403 };
    const { code, out, err } = await run('version');
    expect(operators(out)).toEqual([[VERSION, 'same']]);
    expect(err).toMatch(/those of the others cannot be seen: Forbidden/);
    expect(code).toBe(0);
  });
});

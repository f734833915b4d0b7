import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { rawCluster } from '../../../support/builders.ts';
import { listOf, type PaperAnswer, PaperPlanes, type PaperRequest } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

// The management plane is the cluster, too, or its kubeconfig is given in place of the cluster's: what the operator keeps there for
// itself is no object of ours in a cluster.

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());

const labels = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-tokyo' };
const object = (name: string, namespace: string, marks: object): object => ({
  metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: '1', labels: { ...labels, ...marks } },
});
const COMPONENT = 'app.kubernetes.io/component';
const OWN = {
  configmaps: [
    object('ace-operator-debts-c-tokyo', 'ace-operator', { [COMPONENT]: 'debts' }),
    // As a release may write it that we do not know.
    object('of-another-release', 'ace-operator', {}),
  ],
  secrets: [object('ace-operator-way-c-tokyo', 'ace-operator', { [COMPONENT]: 'way' })],
};
const SETTING = object('auth-provider-refresh-debounce-seconds', 'cattle-system', {});

let deleted: string[];
let tokens: readonly object[];
let attributes: readonly object[];
let configMaps: readonly object[];
let secrets: readonly object[];
beforeEach(() => {
  deleted = [];
  [configMaps, secrets] = [OWN.configmaps, OWN.secrets];
  [tokens, attributes] = [[], []];
  planes.answer = answer;
});

const NAMED: Readonly<Record<string, object>> = {
  clusters: rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } }, { name: 'c-tokyo' }),
  clusterpropagations: {
    metadata: { name: 'c-tokyo', uid: 'p', resourceVersion: '1', generation: 2 },
    spec: { drain: true },
    status: { conditions: [{ type: 'Drained', status: 'True', observedGeneration: 2 }] },
  },
};

function answer({ method, plural, name, url }: PaperRequest): PaperAnswer {
  if (method === 'DELETE') {
    deleted.push(`${plural}/${name}`);
    return { kind: 'Status', status: 'Success' };
  }
  if (name !== undefined) return NAMED[plural];
  if (plural === 'clusterauthtokens') return listOf(tokens);
  if (plural === 'clusteruserattributes') return listOf(attributes);
  if (plural === 'configmaps') return listOf(configMaps);
  // The credentials are asked for by namespace.
  return plural === 'secrets' && !url.pathname.includes('/namespaces/') ? listOf(secrets) : undefined;
}

async function run(...args: readonly string[]): Promise<{ code: number; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, err: told.err };
}

test('cleanup leaves the records of what is owed to clusters', async () => {
  const { code, err } = await run('cleanup', '--yes');
  expect({ code, deleted }).toEqual({ code: 0, deleted: [] });
  expect(err).toMatch(/Nothing of ours is in .*Left as they are: the definitions, the namespace\.$/m);
});

test('cleanup takes the Setting that was written for clusters', async () => {
  configMaps = [...OWN.configmaps, SETTING];
  await run('cleanup', '--yes');
  expect(deleted).toEqual(['configmaps/auth-provider-refresh-debounce-seconds']);
});

test('leave is not refused for them', async () => {
  const { code, err } = await run(
    ...['leave', 'c-tokyo', '--yes', '--dry-run=client', '--downstream-kubeconfig', planes.kubeconfig],
  );
  expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('objects of ours are there') });
});

test('drain --wait does not take them for what is left in the cluster', async () => {
  const { code, err } = await run(
    ...['drain', 'c-tokyo', '--wait', '--timeout', '0s', '--downstream-kubeconfig', planes.kubeconfig],
  );
  expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('ConfigMap') });
});

// A labelling policy, or one `kubectl label`, must not hide what lets somebody in; not even by the words that the operator uses.
describe.each(['auth', 'debts', 'way'])(
  'an object in a cluster that somebody labelled as component %s',
  (value) => {
    const labelled = (name: string): object => object(name, 'cattle-system', { [COMPONENT]: value });
    const down = (...args: readonly string[]): ReturnType<typeof run> =>
      run(...args, '--downstream-kubeconfig', planes.kubeconfig);
    beforeEach(() => {
      tokens = [labelled('t-1')];
      attributes = [labelled('u-ada')];
      secrets = [...OWN.secrets, labelled('t-1')];
      configMaps = [...OWN.configmaps, labelled('auth-provider-refresh-debounce-seconds')];
    });

    test('is taken away by cleanup', async () => {
      expect((await run('cleanup', '--yes')).code).toBe(0);
      expect(deleted).toEqual([
        ...['clusterauthtokens/t-1', 'secrets/t-1', 'clusteruserattributes/u-ada'],
        'configmaps/auth-provider-refresh-debounce-seconds',
      ]);
    });

    test('is seen by drain --wait', async () => {
      const { code, err } = await down('drain', 'c-tokyo', '--wait', '--timeout', '0s');
      expect(err).toContain('4 objects of ours are there all the same, such as ClusterAuthToken t-1');
      expect(code).toBe(1);
    });

    test('is seen by leave', async () => {
      const { code, err } = await down('leave', 'c-tokyo', '--yes');
      expect(err).toContain('4 objects of ours are there, such as ClusterAuthToken t-1');
      expect({ code, deleted }).toEqual({ code: 1, deleted: [] });
    });
  },
);

// As the operator sees it: whoever put another name there has drifted our object, not made it theirs.
test('an object whose manager somebody overwrote is ours by what it says of its source', async () => {
  const labels = { 'app.kubernetes.io/managed-by': 'policy', 'ace-operator.io/cluster': 'c-tokyo' };
  const metadata = { namespace: 'cattle-system', resourceVersion: '1', labels };
  const annotations = { 'ace-operator.io/token-uid': 'uid-of-a-token' };
  tokens = [
    { metadata: { ...metadata, name: 't-1', uid: 'uid-t-1', annotations } },
    { metadata: { ...metadata, name: 't-2', uid: 'uid-t-2' } },
  ];
  const { err } = await run('cleanup', '--yes');
  expect(deleted).toEqual(['clusterauthtokens/t-1']);
  expect(err).toContain('1 ClusterAuthToken or ClusterUserAttribute that is not ours');
  const waited = await run(
    ...['drain', 'c-tokyo', '--wait', '--timeout', '0s', '--downstream-kubeconfig', planes.kubeconfig],
  );
  expect([waited.code, waited.err]).toEqual([1, expect.stringContaining('1 objects of ours are there')]);
});

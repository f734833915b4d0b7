import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { rawCluster, rawToken, rawUser } from '../../support/builders.ts';
import { listOf, type PaperAnswer, PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';
import { rawCat, rawCua } from '../../support/webhook-rig.ts';

/** What `status CLUSTER` says of one token that is good upstream but for what is said here, and that the cluster holds. */
const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());

interface World {
  readonly ace?: unknown;
  readonly isClusterGoing?: boolean;
  /** There is a ClusterPropagation, and no Cluster. */
  readonly isClusterGone?: boolean;
  readonly isUserEnabled?: boolean;
  readonly isThere?: boolean;
  readonly attributes?: PaperAnswer;
}

const OURS = {
  uid: 'x',
  resourceVersion: '1',
  labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' },
};

function clusterOf({ ace = true, isClusterGoing = false, isClusterGone = false }: World): PaperAnswer {
  if (isClusterGone) return { code: 404 };
  const going = isClusterGoing ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  return rawCluster({ spec: { localClusterAuthEndpoint: { enabled: ace } } }, { name: 'c-1', ...going });
}

async function rowIn(world: World): Promise<{ code: number; row: unknown; err: string }> {
  const { isUserEnabled = true, isThere = true, attributes = listOf([rawCua('u-1', {}, OURS)]) } = world;
  planes.setClusters('c-1');
  planes.answer = ({ cluster, plural, name }) => {
    if (plural === 'clusterauthtokens') return listOf(isThere ? [rawCat('t-1', {}, OURS)] : []);
    if (plural === 'clusteruserattributes') return attributes;
    if (cluster !== undefined) return undefined;
    if (plural === 'clusters' && name === 'c-1') return clusterOf(world);
    if (plural === 'clusterpropagations' && name === 'c-1')
      return { metadata: { name, uid: 'p', resourceVersion: '1' }, spec: {} };
    if (plural === 'tokens')
      return listOf([rawToken({ userId: 'u-1', clusterName: 'c-1' }, { name: 't-1' })]);
    return plural === 'users' ? listOf([rawUser({ enabled: isUserEnabled }, { name: 'u-1' })]) : undefined;
  };
  const { runtime, told } = aRuntime();
  const args = ['status', 'c-1', '-o', 'json', '--kubeconfig', planes.kubeconfig];
  const code = await runProgram(args, runtime);
  return { code, row: JSON.parse(told.out).items[0], err: told.err };
}

describe('status CLUSTER says of a token in the cluster', () => {
  const disabledThere = listOf([rawCua('u-1', { enabled: false }, OURS)]);
  test.each<[title: string, world: World, state: string, reason: string]>([
    ['that all is well', {}, 'propagated', ''],
    [
      'that a user who was disabled upstream alone is still let in',
      { isUserEnabled: false },
      'refused',
      'NotRevoked',
    ],
    [
      'that a user who is disabled on both sides is not',
      { isUserEnabled: false, attributes: disabledThere },
      'refused',
      'UserDisabled',
    ],
    ['that one who is enabled again is not let in yet', { attributes: disabledThere }, 'pending', ''],
    ['nothing bad where the switch of the endpoint cannot be read', { ace: 'true' }, 'propagated', ''],
    ['that it is still in a cluster whose endpoint is off', { ace: false }, 'refused', 'NotRevoked'],
    [
      'that it is still in a cluster that is being deleted',
      { isClusterGoing: true },
      'refused',
      'NotRevoked',
    ],
    ['that it is out of one', { isClusterGoing: true, isThere: false }, 'refused', 'ClusterDeleted'],
    ['that it is still in a cluster that is gone', { isClusterGone: true }, 'refused', 'NotRevoked'],
  ])('%s', async (_title, world, state, reason) => {
    expect(await rowIn(world)).toMatchObject({ code: 0, row: { name: 't-1', state, reason } });
  });

  test('that nobody knows of a disabled user where ClusterUserAttributes may not be listed', async () => {
    const { code, row, err } = await rowIn({ isUserEnabled: false, attributes: { code: 403 } });
    expect({ code, row }).toMatchObject({ code: 3, row: { state: 'unknown', reason: 'UserDisabled' } });
    expect(err).toMatch(
      /not seen in cluster c-1, whether users are let in: ClusterUserAttributes: Forbidden: /,
    );
  });
});

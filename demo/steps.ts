import { CLUSTERS, TOKENS, USER_ATTRIBUTES, USERS } from '../src/api/names.ts';
import { bearerKubeconfig } from '../test/support/bearer-kubeconfig.ts';
import { eventually } from '../test/support/eventually.ts';
import { kubectl } from '../test/support/kubectl.ts';
import type { World } from '../test/support/world.ts';
import type { Authenticators } from './authenticators.ts';
import { gistObjects } from './gist.ts';
import type { Report } from './report.ts';

type Step = (world: World, report: Report, authenticators: Authenticators) => Promise<void>;

const BERLIN = 'c-berlin';
const TOKYO = 'c-tokyo';

/** What `kubectl get` shows of ours in a cluster; never the Secrets' content. */
async function show(world: World, report: Report, cluster: string): Promise<void> {
  const { adminKubeconfig } = world.cluster(cluster).plane;
  const selector = 'app.kubernetes.io/managed-by=ace-operator';
  report.show(`[${cluster}] kubectl -n cattle-system get cat,cua,secret -l ${selector}`);
  report.show(await kubectl(adminKubeconfig, '-n', 'cattle-system', 'get', 'cat,cua,secret', '-l', selector));
}

async function present(world: World, cluster: string, ...names: string[]): Promise<void> {
  await eventually(
    async () => {
      const ours = await world.cluster(cluster).ours();
      const missing = names.filter((name) => !ours.includes(name));
      if (missing.length > 0) throw new Error(`missing in ${cluster}: ${missing.join(', ')}`);
    },
    { timeoutMs: 30_000, what: `${names.join(', ')} in ${cluster}` },
  );
}

async function absent(world: World, cluster: string, ...names: string[]): Promise<void> {
  await eventually(
    async () => {
      const ours = await world.cluster(cluster).ours();
      const left = names.filter((name) => ours.includes(name));
      if (left.length > 0) throw new Error(`still in ${cluster}: ${left.join(', ')}`);
    },
    { timeoutMs: 30_000, what: `${names.join(', ')} to leave ${cluster}` },
  );
}

const registerClusters: Step = async (world, report) => {
  await report.step(
    'register the clusters: a Cluster with ACE on, and a Secret with its kubeconfig',
    async () => {
      await world.register(BERLIN);
      await world.register(TOKYO);
    },
  );
  await report.step('start the operator, as a user would: ace-operator operator --kubeconfig …', async () => {
    await world.startOperator();
    await world.waitSynced(BERLIN);
    await world.waitSynced(TOKYO);
  });
};

const issueTokens: Step = async (world, report) => {
  await report.step('create user ada with two groups, and a token for each cluster', async () => {
    await world.createUser('u-ada', { displayName: 'Ada' }, [
      'github_org://developers',
      'github_org://admins',
    ]);
    await world.createToken('kubeconfig-u-ada-berlin', BERLIN, 'u-ada');
    await world.createToken('kubeconfig-u-ada-tokyo', TOKYO, 'u-ada');
    await present(
      world,
      BERLIN,
      'cat/kubeconfig-u-ada-berlin',
      'secret/kubeconfig-u-ada-berlin',
      'cua/u-ada',
    );
    await present(world, TOKYO, 'cat/kubeconfig-u-ada-tokyo', 'secret/kubeconfig-u-ada-tokyo', 'cua/u-ada');
  });
  await show(world, report, BERLIN);
  await show(world, report, TOKYO);
};

const BEARER = 'kubeconfig-u-ada-berlin:not-a-real-secret-of-kubeconfig-u-ada-berlin';

const openWithToken: Step = async (world, report, authenticators) => {
  await report.step('start the authenticator beside each API server, as its DaemonSet would', async () => {
    for (const id of [BERLIN, TOKYO]) await authenticators.start(world.cluster(id).plane);
  });
  const { plane } = world.cluster(BERLIN);
  const kubeconfig = await bearerKubeconfig(plane, BEARER);
  await report.step(
    "kubectl get namespaces on Berlin's API server, with ada's token and nothing else",
    async () => {
      const binding = ['create', 'clusterrolebinding', 'developers', '--clusterrole=cluster-admin'];
      await kubectl(plane.adminKubeconfig, ...binding, '--group=github_org://developers');
      const namespaces = await eventually(() => kubectl(kubeconfig, 'get', 'namespaces', '-o', 'name'));
      report.show(namespaces);
    },
  );
  await report.step('and not on Tokyo, whose token it is not', async () => {
    const elsewhere = await bearerKubeconfig(world.cluster(TOKYO).plane, BEARER);
    await refused(elsewhere);
  });
};

/** The API server says 401. */
async function refused(kubeconfig: string): Promise<void> {
  await eventually(
    async () => {
      const answer = await kubectl(kubeconfig, 'get', 'namespaces').then(() => 'let in', String);
      if (!/Unauthorized|logged in/.test(answer)) throw new Error(answer);
    },
    { timeoutMs: 30_000, what: 'the API server to refuse the token' },
  );
}

const issueGistTokens: Step = async (world, report) => {
  await report.step(
    'create the user and the cluster-scoped token of the founding gist, literally',
    async () => {
      const { user, attribute, session, kubeconfig } = gistObjects(BERLIN);
      await world.management.create(USERS, user);
      await world.management.create(USER_ATTRIBUTES, attribute);
      await world.management.create(TOKENS, session);
      await world.management.create(TOKENS, kubeconfig);
      await present(world, BERLIN, 'cat/kubeconfig-u-smckoeh6vq.c-s8d2f', 'cua/u-smckoeh6vq');
    },
  );
  const { adminKubeconfig } = world.cluster(BERLIN).plane;
  report.show(
    await kubectl(
      adminKubeconfig,
      '-n',
      'cattle-system',
      'get',
      'cua',
      'u-smckoeh6vq',
      '-o',
      'jsonpath={.groups}',
    ),
  );
};

const disableAndEnable: Step = async (world, report) => {
  const kubeconfig = await bearerKubeconfig(world.cluster(BERLIN).plane, BEARER);
  await report.step("disable ada's Berlin token: gone", async () => {
    await world.patchToken('kubeconfig-u-ada-berlin', { enabled: false });
    await absent(world, BERLIN, 'cat/kubeconfig-u-ada-berlin', 'secret/kubeconfig-u-ada-berlin');
  });
  await report.step('and refused by the API server, which remembers an answer for up to 10 seconds', () =>
    refused(kubeconfig),
  );
  await report.step('enable it again: back', async () => {
    await world.patchToken('kubeconfig-u-ada-berlin', { enabled: true });
    await present(world, BERLIN, 'cat/kubeconfig-u-ada-berlin', 'secret/kubeconfig-u-ada-berlin');
  });
  await report.step('disable user ada: one write in each cluster refuses all her tokens', async () => {
    await world.management.patch(USERS, 'u-ada', { enabled: false });
    for (const cluster of [BERLIN, TOKYO]) {
      await eventually(async () => {
        const attribute = await world.cluster(cluster).clusterUserAttribute('u-ada');
        if (attribute?.enabled !== false)
          throw new Error(`ClusterUserAttribute in ${cluster} is still enabled`);
      });
    }
    await world.management.patch(USERS, 'u-ada', { enabled: true });
  });
};

const expire: Step = async (world, report) => {
  await report.step(
    'create a token that lives 2 seconds: it arrives, and is taken away on time',
    async () => {
      await world.createToken('token-short', TOKYO, 'u-ada', { ttl: 2_000 });
      await present(world, TOKYO, 'cat/token-short');
      await absent(world, TOKYO, 'cat/token-short', 'secret/token-short');
    },
  );
};

const repair: Step = async (world, report) => {
  await report.step('delete a hash Secret downstream by hand: repaired', async () => {
    const before = await world.cluster(TOKYO).hashSecret('kubeconfig-u-ada-tokyo');
    await kubectl(
      world.cluster(TOKYO).plane.adminKubeconfig,
      '-n',
      'cattle-system',
      'delete',
      'secret',
      'kubeconfig-u-ada-tokyo',
    );
    await eventually(async () => {
      const now = await world.cluster(TOKYO).hashSecret('kubeconfig-u-ada-tokyo');
      if (!now || now.metadata.uid === before?.metadata.uid) throw new Error('the Secret is not back yet');
    });
  });
};

const remove: Step = async (world, report) => {
  await report.step("delete ada's Berlin token: gone", async () => {
    await kubectl(
      world.management.plane.adminKubeconfig,
      'delete',
      'tokens.management.cattle.io',
      'kubeconfig-u-ada-berlin',
    );
    await absent(world, BERLIN, 'cat/kubeconfig-u-ada-berlin', 'secret/kubeconfig-u-ada-berlin', 'cua/u-ada');
  });
  await report.step('switch ACE off for Tokyo: drained', async () => {
    await world.setAce(TOKYO, false);
    await kubectl(
      world.management.plane.adminKubeconfig,
      'wait',
      'cprop',
      TOKYO,
      '--for=condition=Drained',
      '--timeout=30s',
    );
    await absent(world, TOKYO, 'cat/kubeconfig-u-ada-tokyo', 'secret/kubeconfig-u-ada-tokyo', 'cua/u-ada');
  });
  await report.step('switch ACE on again: every wanted token is back without a restart', async () => {
    await world.setAce(TOKYO, true);
    await present(world, TOKYO, 'cat/kubeconfig-u-ada-tokyo', 'secret/kubeconfig-u-ada-tokyo', 'cua/u-ada');
    await world.waitSynced(TOKYO, '1/1');
  });
  report.show('[management] kubectl get cprop');
  report.show(await kubectl(world.management.plane.adminKubeconfig, 'get', 'cprop'));
  await report.step('delete user ada: her tokens are refused first, then removed', async () => {
    await world.management.remove(USERS, 'u-ada');
    await absent(world, TOKYO, 'cua/u-ada', 'cat/kubeconfig-u-ada-tokyo', 'secret/kubeconfig-u-ada-tokyo');
  });
  await report.step('delete Cluster Berlin: drained, nothing of ours is left', async () => {
    await world.management.remove(CLUSTERS, BERLIN);
    await absent(world, BERLIN, 'cat/kubeconfig-u-smckoeh6vq.c-s8d2f', 'cua/u-smckoeh6vq');
    await eventually(async () => {
      const left = await world.cluster(BERLIN).ours();
      if (left.length > 0) throw new Error(`still there: ${left.join(', ')}`);
    });
    const { adminKubeconfig } = world.management.plane;
    await kubectl(adminKubeconfig, 'wait', 'cprop', BERLIN, '--for=condition=Drained', '--timeout=30s');
  });
};

/** In the order in which they are shown. */
export const STEPS: readonly Step[] = [
  registerClusters,
  issueTokens,
  openWithToken,
  issueGistTokens,
  disableAndEnable,
  expire,
  repair,
  remove,
];

import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, type Resource, SECRETS, TOKENS, USERS } from '../../src/api/names.ts';
import { bearerClient } from '../support/bearer-client.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { timeText } from '../support/builders.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { manifests } from '../support/manifests.ts';
import type { Any } from '../support/plane-client.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../support/world.ts';
import { constantLoad } from './support/constant-load.ts';
import { explainFailures } from './support/diagnostics.ts';
import { bearerOf, secretOf } from './support/management.ts';
import { openTwoPlanes, type TwoPlanes } from './support/two-planes.ts';

/**
 * The management plane and the downstream cluster are apart, so that one can be away while the other works: an API server
 * on this machine, and a real node in whose pods operator and authenticator run.
 */
const CLUSTER = 'c-node';
const WEBHOOK_TTL = '1s';
/** What the webhook's TTL and the API server's own ten seconds of memory take, and much for a busy machine. */
const REVOKED = { timeoutMs: 60_000, intervalMs: 100 };
const PATIENCE = { timeoutMs: 60_000, intervalMs: 50 };
/** How long the API server goes on letting somebody in without asking: ten seconds, and the webhook's TTL. */
const API_SERVER_MEMORY_MS = 11_000;
const LEASE_MS = 15_000;
const MARGIN_MS = 2_000;
const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

let planes: TwoPlanes;
const figures: Record<string, unknown> = {};

beforeAll(async () => {
  const webhook = {
    kubeconfig: `${manifests('authenticator')}/webhook-kubeconfig.yaml`,
    cacheTtl: WEBHOOK_TTL,
  };
  planes = await openTwoPlanes(CLUSTER, { tokenWebhook: webhook }, inject('images').current);
  const { site, management } = planes;
  await site.admin('create', 'clusterrolebinding', 'devs', '--clusterrole=view', '--group=github://devs');
  await management.createUser('u-ada', ['github://devs']);
});
afterAll(async () => {
  console.info(`two-planes figures: ${JSON.stringify(figures)}`);
  await planes?.close();
});
explainFailures(() => planes);

/** One request, on a connection of its own. */
async function statusWith(token: string): Promise<number> {
  const client = await bearerClient(planes.site.cluster, bearerOf(token), 1);
  try {
    return await client.status();
  } finally {
    await client.close();
  }
}

const letIn = (token: string) => eventually(async () => expect(await statusWith(token)).toBe(200), PATIENCE);
const refused = (token: string) => eventually(async () => expect(await statusWith(token)).toBe(401), REVOKED);

/** A token that was used, so that the API server remembers it. */
async function goodToken(token: string, user = 'u-ada', fields: object = {}): Promise<void> {
  await planes.management.issue(token, CLUSTER, user, fields);
  await letIn(token);
}

const tokensDownstream = async (): Promise<readonly string[]> =>
  (await planes.site.list(CLUSTER_AUTH_TOKENS, NAMESPACE)).map(({ metadata }) => metadata.name).sort();
const operators = () => planes.site.pods('ace-operator', OWN_NAMESPACE);
const ready = (pod: Any): boolean => pod.status.containerStatuses?.[0]?.ready === true;

/** The pod that leads and one that stands by, both up. */
async function replicas(): Promise<{ leader: Any; standby: Any; identity: string }> {
  return eventually(async () => {
    const pods = (await operators()).filter(ready);
    const { pod, identity } = await planes.management.leader();
    const leader = pods.find(({ metadata }) => metadata.name === pod);
    const standby = pods.find(({ metadata }) => metadata.name !== pod);
    expect(leader).toBeDefined();
    expect(standby).toBeDefined();
    return { leader, standby, identity };
  }, PATIENCE);
}

/** Milliseconds until somebody else holds the Lease. */
async function untilLedByAnother(identity: string, startedMs: number): Promise<number> {
  return eventually(
    async () => {
      const now = await planes.management.leader();
      expect(now.identity).not.toBe('');
      expect(now.identity).not.toBe(identity);
      return Math.round(performance.now() - startedMs);
    },
    { timeoutMs: 60_000, intervalMs: 20 },
  );
}

/** Waits until another process than this pod's is ready: a pod made anew, or the same one after a crash. */
async function anotherAuthenticator(pod: Any): Promise<void> {
  await eventually(async () => {
    const [now] = await planes.site.pods('ace-authenticator', NAMESPACE);
    expect(ready(now)).toBe(true);
    expect(now.status.containerStatuses[0].containerID).not.toBe(pod.status.containerStatuses[0].containerID);
  }, PATIENCE);
}

describe('a token', () => {
  test.concurrent('that is issued opens the API server for kubectl, with the rights of its groups', async () => {
    await goodToken('token-issued');
    const path = await bearerKubeconfig(planes.site.cluster, bearerOf('token-issued'));

    expect(await kubectl(path, 'get', 'pods', '-n', OWN_NAMESPACE, '-o=name')).toContain('pod/ace-operator-');
    await expect(kubectl(path, 'get', 'secrets', '-n', OWN_NAMESPACE)).rejects.toThrow(
      /User "u-ada" cannot list/,
    );
  });

  test.concurrent('that is disabled is refused, and let in again when enabled', async () => {
    await goodToken('token-disabled');
    await planes.management.patch(TOKENS, 'token-disabled', { enabled: false });
    await refused('token-disabled');
    await planes.management.patch(TOKENS, 'token-disabled', { enabled: true });
    await letIn('token-disabled');
  });

  test.concurrent('that expires is refused', async () => {
    await goodToken('token-expiring', 'u-ada', { expiresAt: timeText(Date.now() + 20_000) });
    await refused('token-expiring');
  });

  test.concurrent('that is deleted is refused', async () => {
    await goodToken('token-deleted');
    await planes.management.revoke('token-deleted');
    await refused('token-deleted');
  });

  test.concurrent('whose user is disabled is refused, and let in when the user is enabled', async () => {
    await planes.management.createUser('u-bob', ['github://devs']);
    await goodToken('token-of-bob', 'u-bob');
    await planes.management.patch(USERS, 'u-bob', { enabled: false });
    await refused('token-of-bob');
    await planes.management.patch(USERS, 'u-bob', { enabled: true });
    await letIn('token-of-bob');
  });
});

describe("the operator's pods", () => {
  test('one deleted in the middle of its work: the other ends the work', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `mid-work-${index}`);
    const { leader } = await replicas();
    await Promise.all(names.map((name) => planes.management.issue(name, CLUSTER, 'u-ada')));
    const arrived = async () =>
      (await tokensDownstream()).filter((name) => name.startsWith('mid-work-')).length;
    await eventually(async () => expect(await arrived()).toBeGreaterThan(0), PATIENCE);
    const before = await arrived();

    await planes.site.remove(PODS, leader.metadata.name, OWN_NAMESPACE);

    // Sixty slow hashes, on a machine that does much else.
    await eventually(async () => expect(await arrived()).toBe(names.length), {
      ...PATIENCE,
      timeoutMs: 180_000,
    });
    for (const name of [names[0], names.at(-1)]) await letIn(String(name));
    figures['mid-work: carried when the leader was deleted, of 60'] = before;
    expect(before).toBeLessThan(names.length);
  });

  test('both rolled while tokens come and go: none is lost, and no revocation is lost', async () => {
    await replicas();
    const [issued, revoked] = [[] as string[], [] as string[]];
    let rolling = true;
    const traffic = (async () => {
      for (let index = 0; rolling; index += 1) {
        await planes.management.issueHashed(`rolled-${index}`, CLUSTER, 'u-ada');
        issued.push(`rolled-${index}`);
        const old = index % 2 === 0 ? issued[index - 6] : undefined;
        if (old !== undefined) {
          await planes.management.revoke(old);
          revoked.push(old);
        }
        await delay(100);
      }
    })();
    try {
      await planes.site.admin('rollout', 'restart', 'deployment/ace-operator', '-n', OWN_NAMESPACE);
      await planes.site.rolledOut('deployment/ace-operator', OWN_NAMESPACE);
      await delay(1_000);
    } finally {
      rolling = false;
      await traffic;
    }

    const kept = issued.filter((name) => !revoked.includes(name)).sort();
    await eventually(async () => {
      const there = (await tokensDownstream()).filter((name) => name.startsWith('rolled-'));
      expect(there).toEqual(kept);
    }, PATIENCE);
    await Promise.all(kept.map(letIn));
    await Promise.all(revoked.map(refused));
    figures['rolled under load: tokens issued, revoked'] = [issued.length, revoked.length];
    expect(revoked.length).toBeGreaterThan(0);
  });

  test(`the leader killed: the standby leads within the Lease's duration and two seconds`, async () => {
    const { leader, standby, identity } = await replicas();
    await goodToken('before-the-kill');

    const startedMs = performance.now();
    await planes.site.killContainer(leader);
    await planes.management.issue('after-the-kill', CLUSTER, 'u-ada');
    await planes.management.revoke('before-the-kill');
    const tookMs = await untilLedByAnother(identity, startedMs);
    await eventually(async () => expect(await tokensDownstream()).toContain('after-the-kill'), PATIENCE);
    const wroteMs = Math.round(performance.now() - startedMs);

    figures['leader killed: led by another, first write, ms'] = [tookMs, wroteMs];
    expect((await planes.management.leader()).pod).toBe(standby.metadata.name);
    expect(tookMs).toBeLessThanOrEqual(LEASE_MS + MARGIN_MS);
    await letIn('after-the-kill');
    await refused('before-the-kill');
  });

  test('the leader told to end (its pod deleted): the standby leads within two seconds', async () => {
    const { leader, identity } = await replicas();

    const startedMs = performance.now();
    await planes.site.remove(PODS, leader.metadata.name, OWN_NAMESPACE);
    const tookMs = await untilLedByAnother(identity, startedMs);
    await planes.management.issue('after-the-end', CLUSTER, 'u-ada');
    await letIn('after-the-end');

    figures['leader ended: led by another, ms'] = tookMs;
    expect(tookMs).toBeLessThanOrEqual(MARGIN_MS);
  });
});

describe("the authenticator's pod, while tokens are in use all the time", () => {
  const names = Array.from({ length: 10 }, (_, index) => `in-use-${index}`);

  test.each([
    ['killed', 'its process is killed and started again'],
    ['deleted', 'it is deleted and made anew'],
  ])('%s: %s, and every token is let in again', async (how) => {
    const { site, management } = planes;
    const use = names.map((name) => `${name}-${how}`);
    for (const name of use) await management.issueHashed(name, CLUSTER, 'u-ada');
    // Not by using them: the API server would remember all from the same moment on.
    await eventually(
      async () => expect(await tokensDownstream()).toEqual(expect.arrayContaining(use)),
      PATIENCE,
    );
    const load = await constantLoad(site.cluster, use.map(bearerOf), { spreadMs: API_SERVER_MEMORY_MS });
    try {
      const [pod] = await site.pods('ace-authenticator', NAMESPACE);
      if (how === 'killed') await site.killContainer(pod);
      else await site.remove(PODS, pod.metadata.name, NAMESPACE);
      await anotherAuthenticator(pod);
      await delay(2_000);
    } finally {
      figures[`authenticator ${how} under load`] = await load.stop();
    }

    for (const name of use) await letIn(name);
  });
});

describe('the management plane', () => {
  test('stopped: tokens work, those that the API server never saw, too, also after the authenticator was made anew', async () => {
    const { site, management, plane } = planes;
    for (const name of ['kept', 'kept-too', 'revoked-meanwhile'])
      await management.issueHashed(name, CLUSTER, 'u-ada');
    await eventually(async () => expect(await tokensDownstream()).toContain('revoked-meanwhile'), PATIENCE);
    await planes.synced();
    const before = await operators();

    await plane.stopApiServer();

    await letIn('kept');
    const [pod] = await site.pods('ace-authenticator', NAMESPACE);
    await site.remove(PODS, pod.metadata.name, NAMESPACE);
    await anotherAuthenticator(pod);
    await letIn('kept-too');
    await letIn('revoked-meanwhile');
    expect((await operators()).map(restarts)).toEqual(before.map(restarts));
  });

  test('back: a deletion that it made meanwhile arrives, and new tokens are carried', async () => {
    const { plane, management } = planes;
    await deleteBehindTheApiServer(plane.etcdUrl, '/registry/management.cattle.io/tokens/revoked-meanwhile');

    const startedMs = performance.now();
    await plane.startApiServer();

    await eventually(
      async () => expect(await tokensDownstream()).not.toContain('revoked-meanwhile'),
      PATIENCE,
    );
    figures['management plane back: deletion downstream, ms after it was started'] = Math.round(
      performance.now() - startedMs,
    );
    await refused('revoked-meanwhile');
    await management.issue('issued-afterwards', CLUSTER, 'u-ada');
    await letIn('issued-afterwards');
    await letIn('kept');
  });
});

describe('all through this', () => {
  test('no secret and no hash was written to a log', async () => {
    const { site } = planes;
    const all = ['--all-containers', '--tail=-1'];
    const logs = await Promise.all([
      site.admin('logs', '-n', OWN_NAMESPACE, '-l', 'app.kubernetes.io/name=ace-operator', ...all),
      site.admin('logs', '-n', NAMESPACE, '-l', 'app.kubernetes.io/name=ace-authenticator', ...all),
      apiServerLog(),
    ]);
    const text = logs.join('\n');
    const planted = (await site.list(SECRETS, NAMESPACE))
      .filter(({ data }) => data?.hash !== undefined)
      .flatMap(({ metadata, data }) => [
        secretOf(metadata.name),
        Buffer.from(data.hash, 'base64').toString(),
      ]);

    expect(planted.length).toBeGreaterThan(20);
    expect(text).toContain('ace-operator starting');
    for (const secret of planted) expect(text).not.toContain(secret);
  });
});

const restarts = ({ metadata, status }: Any): string =>
  `${metadata.name} ${status.containerStatuses[0].restartCount}`;

/** The API server is not there to be asked; this is the HTTP side of etcd. */
async function deleteBehindTheApiServer(etcdUrl: string, key: string): Promise<void> {
  const body = JSON.stringify({ key: Buffer.from(key).toString('base64') });
  const response = await fetch(`${etcdUrl}/v3/kv/deleterange`, { method: 'POST', body });
  expect(await response.json()).toMatchObject({ deleted: '1' });
}

/** The former is where hack/local-node has it, the latter where kubelet puts the logs of static pods. */
async function apiServerLog(): Promise<string> {
  const script = 'cat /var/log/kube-apiserver.log /var/log/containers/kube-apiserver-*.log 2>/dev/null; true';
  const [program, ...args] = planes.site.cluster.nodeCommand('sh', '-c', script);
  const { stdout } = await promisify(execFile)(program, args, { maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}

describe('two authenticators on the node, updated by surge', () => {
  const names = Array.from({ length: 10 }, (_, index) => `gapless-${index}`);

  test('nobody is refused when the image changes, a Pod is deleted, or a process is killed', async ({
    skip,
  }) => {
    const { site, management } = planes;
    const { minor } = JSON.parse(await site.admin('version', '-o', 'json')).serverVersion;
    if (Number.parseInt(minor, 10) < 25) skip(`Kubernetes 1.${minor} has no surge of a DaemonSet; 1.25 has`);
    await site.apply(await site.shipped('authenticator-without-gaps', inject('images').current));
    const rolledOut = async () => {
      for (const name of ['ace-authenticator', 'ace-authenticator-2'])
        await site.rolledOut(`daemonset/${name}`, NAMESPACE);
    };
    await rolledOut();
    for (const name of names) await management.issueHashed(name, CLUSTER, 'u-ada');
    for (const name of names) await letIn(name);

    const ways: Readonly<Record<string, () => Promise<void>>> = {
      'image changed': async () => {
        await site.admin('rollout', 'restart', 'daemonset', '-n', NAMESPACE);
        await rolledOut();
      },
      'pod deleted': async () => {
        const [pod] = await site.pods('ace-authenticator', NAMESPACE);
        await site.remove(PODS, pod.metadata.name, NAMESPACE);
        await anotherAuthenticator(pod);
      },
      'process killed': async () => {
        const [pod] = await site.pods('ace-authenticator', NAMESPACE);
        await site.killContainer(pod);
        await anotherAuthenticator(pod);
      },
    };
    for (const [way, happen] of Object.entries(ways)) {
      const load = await constantLoad(site.cluster, names.map(bearerOf), { spreadMs: API_SERVER_MEMORY_MS });
      await happen();
      await delay(2_000);
      const report = await load.stop();
      figures[`without gaps: ${way}`] = report;
      expect(report.outageMs, way).toBe(0);
    }
  }, 300_000);
});

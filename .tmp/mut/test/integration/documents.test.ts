import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { CLUSTER_PROPAGATIONS, CLUSTERS, CONFIG_MAPS } from '../../src/api/names.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { type Block, blocksOf, comparable, typedIn, withSessions } from '../support/documents.ts';
import { eventually } from '../support/eventually.ts';
import { findHelms } from '../support/helm.ts';
import { apply, kubectlSays } from '../support/kubectl.ts';
import { lacks } from '../support/kubernetes-version.ts';
import { openDefinition } from '../support/open-definition.ts';
import { aReader, type Reader } from '../support/reader.ts';
import {
  AWAY,
  BERLIN,
  files,
  isReady,
  keptObjects,
  kubeApiAuth,
  NOWHERE,
  OTHER,
  populate,
  withoutCredentials,
  writtenByRancher,
} from '../support/reader-world.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * What README and the quick starts say is typed, block by block, as a reader types it; and what the pages show is what is
 * shown. To write the samples anew: `UPDATE_GOLDEN=1 npx vitest run --project integration documents`, and read the diff.
 *
 * The operator and the authenticators run as processes: nothing runs the Pods of these planes.
 */

/** Blocks that cannot be run here, by a text in them, with who runs them, or that nobody does. */
const NOT_HERE: readonly (readonly [text: string, reason: string])[] = [
  ['make demo', 'make test would run this test in itself, and make demo starts three more planes'],
  ['make cli', 'test/integration/executable.test.ts makes that file and runs it'],
  ['make image', 'there is no builder of images here; the Dockerfile was built by hand (docs/image.md)'],
  ['make deploy', 'test/e2e/one-cluster.test.ts runs it on a real node'],
  ['pinniped get kubeconfig', 'there is no Pinniped here, and nobody has run it'],
];

/** Where the samples are; each page's own, in the order of the page. */
const PAGES_WITH_SAMPLES = ['README.md', 'docs/cli.md', 'docs/credentials.md'];

const [helm] = findHelms();
// The samples show what the newest Kubernetes does; what the commands do on 1.20 has tests of its own.
const isOff = lacks(30, 'what the pages show') || helm === undefined;

let world: World;
let reader: Reader;
const authenticators: AuthenticatorProcess[] = [];
const webhooks = new Map<string, { readonly path: string; readonly port: number }>();
const admin = (): string => world.management.plane.adminKubeconfig;

/** What has to be so before a block, or is to be seen after it; the first line that holds `of` names the block. */
interface Around {
  readonly of: string;
  before?(): Promise<unknown>;
  after?(said: string): Promise<unknown>;
  /** In another cluster than the management plane. */
  kubeconfig?(): string;
}

const ranAlready = new Set<string>();

function typed(blocks: readonly Block[], around: readonly Around[] = []): void {
  for (const block of blocks) {
    test(titleOf(block), async (context) => {
      const reason = ranAlready.has(block.text)
        ? 'the same lines were run for a page before'
        : NOT_HERE.find(([text]) => block.text.includes(text))?.[1];
      ranAlready.add(block.text);
      if (reason !== undefined) {
        console.warn(`not run: ${titleOf(block)}: ${reason}`);
        return context.skip(reason);
      }
      const step = around.find(({ of }) => block.text.includes(of));
      await step?.before?.();
      const said = await reader.type(block.text, step?.kubeconfig?.());
      await step?.after?.(said);
    });
  }
  test('every step that is named here is in a block', () => {
    const texts = blocks.map(({ text }) => text);
    expect(around.filter(({ of }) => !texts.some((text) => text.includes(of)))).toEqual([]);
  });
}

const titleOf = ({ page, line, text }: Block): string => `${page}:${line}: ${text.split('\n')[0]}`;

const [quickStart, besideRancher] = (() => {
  const all = blocksOf('README.md', 'sh');
  const from = all.findIndex(({ text }) => text.includes('hash-algorithm=sha3-512'));
  return [all.slice(0, from), all.slice(from)];
})();

/** What its DaemonSet would do: the API server is answered, and three of three are ready. */
async function authenticatorOf(cluster: string, daemonSet: string): Promise<void> {
  const { adminKubeconfig } = world.cluster(cluster).plane;
  authenticators.push(await startAuthenticator(adminKubeconfig, webhooks.get(cluster)?.port ?? 0));
  await isReady(world, cluster, daemonSet);
}

const uninstalled = (): Promise<string> =>
  reader.type('helm uninstall ace-operator --namespace ace-operator');

describe.skipIf(isOff)('the pages', () => {
  beforeAll(async () => {
    for (const id of [BERLIN, OTHER]) webhooks.set(id, await webhookKubeconfig());
    world = await startWorld({
      clusters: [BERLIN, OTHER],
      empty: true,
      downstream: (id) => ({ tokenWebhook: { kubeconfig: webhooks.get(id)?.path ?? '', cacheTtl: '1s' } }),
    });
    const directory = await mkdtemp(join(tmpdir(), 'ace-reader-'));
    reader = await aReader(directory, admin(), { helm: helm?.program ?? '' });
    await files(world, reader);
  }, 180_000);
  afterAll(async () => {
    await Promise.all(authenticators.map((process) => process.stop()));
    await world?.close();
    if (reader) await rm(reader.directory, { recursive: true, force: true });
  });

  describe('the quick start of README', () => {
    typed(quickStart, [
      { of: 'crds.rancher=true', after: () => world.startOperator(['--leader-elect=true']) },
      // The kubelet's part: no Pod runs here.
      { of: 'helm install ace-authenticator', after: () => authenticatorOf(BERLIN, 'ace-authenticator') },
      {
        of: 'ace kubeconfig c-berlin',
        after: async (said) => expect(said).toMatch(/token ada-laptop in c-berlin: accepted/),
      },
    ]);
  });

  describe('the samples', () => {
    beforeAll(async () => {
      await kubeApiAuth(world, reader);
      await authenticatorOf(OTHER, 'kube-api-auth');
      await populate(world, reader);
    }, 180_000);

    test.each(PAGES_WITH_SAMPLES)(
      'of %s are what a terminal of 80 columns shows',
      async (page) => {
        const blocks = blocksOf(page, 'console');
        if (process.env['UPDATE_GOLDEN'] === '1') {
          const sessions: string[] = [];
          for (const block of blocks) sessions.push(await session(typedIn(block)));
          return withSessions(page, sessions);
        }
        // A cluster that is slow to answer is told later, or as one that does not.
        for (const block of blocks) {
          const isShown = async (): Promise<void> =>
            expect(comparable(await session(typedIn(block)))).toBe(comparable(block.text));
          await eventually(isShown, { timeoutMs: 120_000 });
        }
      },
      600_000,
    );
  });

  describe('README beside Rancher, and the way back', () => {
    typed(besideRancher, [
      { of: 'hash-algorithm=sha3-512', before: () => writtenByRancher(world).then(uninstalled) },
      { of: 'ace join', before: () => withoutCredentials(world, OTHER) },
      { of: 'ace adoption', after: async (said) => expect(said).toMatch(/kubeconfig-u-rnch.*\badopt\b/) },
      {
        of: '"adopt":true',
        after: () =>
          eventually(async () => {
            const pair = await world.cluster(OTHER).clusterAuthToken('kubeconfig-u-rnch');
            expect(pair?.metadata.labels['app.kubernetes.io/managed-by']).toBe('ace-operator');
          }),
      },
    ]);
  });

  describe('docs/upgrade.md', () => typed(blocksOf('docs/upgrade.md', 'sh')));

  describe('docs/backup.md', () => {
    typed(blocksOf('docs/backup.md', 'sh'), [
      { of: 'rancher-backup.yaml', before: () => apply(admin(), resourceSets()) },
    ]);

    test('the ResourceSet names everything that the operator keeps', async () => {
      const set = parse(
        (await kubectlSays(admin(), ['get', 'resourceset', 'ace-operator', '-o', 'yaml'])).stdout,
      );
      const kept = await keptObjects(world);
      const isNamed = ({ plural, metadata }: (typeof kept)[number]): boolean =>
        set.resourceSelectors.some(
          (selector: Record<string, string> & { readonly namespaces?: readonly string[] }) =>
            new RegExp(selector['kindsRegexp'] ?? '').test(plural) &&
            selector.namespaces?.includes(metadata.namespace) &&
            !new RegExp(selector['excludeResourceNameRegexp'] ?? '^$').test(metadata.name),
        );
      const ours = kept.filter(({ metadata }) => !/^sh\.helm\.|^kube-root-ca/.test(metadata.name));
      expect(ours.map(({ metadata }) => metadata.name)).toContain('ace-operator-installation-key');
      expect(ours.filter((object) => !isNamed(object))).toEqual([]);
    });
  });

  describe('docs/gitops.md', () => {
    typed(blocksOf('docs/gitops.md', 'sh'), [
      {
        of: 'argocd-cm',
        before: () =>
          reader.type('kubectl create namespace argocd && kubectl -n argocd create configmap argocd-cm'),
        after: async () => {
          const map = await world.management.get(CONFIG_MAPS, 'argocd-cm', 'argocd');
          expect(Object.values(map?.data ?? {}).join()).toContain('return health');
        },
      },
    ]);
  });

  describe('docs/managed-clusters.md', () => {
    typed(blocksOf('docs/managed-clusters.md', 'sh'));

    test('its objects are admitted', async () => {
      const documents = blocksOf('docs/managed-clusters.md', 'yaml').flatMap(({ text }) =>
        parseAllDocuments(text),
      );
      const known = documents.map((one) => one.toJS()).filter(({ kind }) => kind !== 'WebhookAuthenticator');
      const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known });
      const args = ['apply', '--dry-run=server', '-f', '-'];
      const { stdout } = await kubectlSays(world.cluster(OTHER).plane.adminKubeconfig, args, list);
      expect(stdout.trim().split('\n')).toHaveLength(3);
    });
  });

  describe('docs/install-helm.md', () => {
    const fresh = { before: uninstalled };
    typed(blocksOf('docs/install-helm.md', 'sh'), [
      { of: 'crds.rancher=true', ...fresh },
      {
        of: '--take-ownership',
        before: () => uninstalled().then(() => reader.type('kubectl apply -k manifests/operator')),
      },
      { of: 'spec":{"drain":true}', before: givenUp },
      // In a cluster without an operator's account: the one of the management plane will do.
      { of: 'operatorAccess.enabled=true', kubeconfig: admin },
      { of: 'helm install ace-operator charts/ace-operator', ...fresh },
    ]);
  });

  describe('docs/install-kubectl.md', () => {
    typed(blocksOf('docs/install-kubectl.md', 'sh'), [
      { of: 'kubectl apply -f crds/', before: undrained },
      { of: 'operator-ext-tokens', before: () => reader.type('kubectl create namespace cattle-tokens') },
    ]);
  });
});

/** A cluster that is away cannot be drained (docs/uninstall.md). */
async function givenUp(): Promise<void> {
  await world.management.remove(CLUSTERS, AWAY);
  await reader.type(`kubectl delete cprop ${AWAY} --ignore-not-found`);
}

/** After the page that uninstalls. */
async function undrained(): Promise<void> {
  for (const { metadata } of await world.management.list(CLUSTER_PROPAGATIONS))
    await world.management.patch(CLUSTER_PROPAGATIONS, metadata.name, { spec: { drain: null } });
}

/** What is typed, and what is shown; with addresses as they are elsewhere. */
async function session(lines: readonly string[]): Promise<string> {
  let text = '';
  for (const line of lines) text += `$ ${line}\n${await reader.see(line)}`;
  const planes = [
    [world.management.plane, '10.0.1.2:6443'],
    [world.cluster(BERLIN).plane, '10.0.7.4:6443'],
    [world.cluster(OTHER).plane, '10.0.9.4:6443'],
    [{ url: NOWHERE }, '10.0.8.4:6443'],
  ] as const;
  for (const [{ url }, address] of planes) text = text.replaceAll(new URL(url).host, address);
  return `${text.trimEnd()}\n`;
}

/** rancher-backup's kind, as far as it takes to store one. */
function resourceSets(): object {
  const definition = JSON.stringify(openDefinition('ResourceSet', 'resourcesets', 'Cluster'));
  return JSON.parse(
    definition.replaceAll('management.cattle.io', 'resources.cattle.io').replaceAll('"v3"', '"v1"'),
  );
}

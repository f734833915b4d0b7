import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';

/**
 * hack/kind without docker: what it hands to kind, and that it deletes what it made. The programs that it calls are stand-ins
 * that write down how they were called; no cluster comes of it. What kind makes of the configuration is not proven here.
 */
const KIND = fileURLToPath(new URL('../../../hack/kind/', import.meta.url));
const WEBHOOK = fileURLToPath(
  new URL('../../../manifests/authenticator/webhook-kubeconfig.yaml', import.meta.url),
);

let scratch: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'ace-kind-test-'));
  mkdirSync(join(scratch, 'bin'));
  for (const program of ['kind', 'docker', 'kubectl']) {
    const answer = program === 'docker' ? "\n[ $# -eq 0 ] || echo '172.18.0.2'" : '';
    const script = `#!/bin/sh\necho "${program} $*" >>'${scratch}/calls'${answer}\n`;
    writeFileSync(join(scratch, 'bin', program), script, { mode: 0o755 });
  }
  env = { PATH: `${scratch}/bin:${process.env['PATH']}`, KIND_NODE_IMAGE: 'kindest/node:v1.36.4' };
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

const calls = (): readonly string[] => readFileSync(join(scratch, 'calls'), 'utf8').trim().split('\n');

function startUp(...args: readonly string[]): ChildProcessWithoutNullStreams {
  return spawn(join(KIND, 'up.sh'), [join(scratch, 'dir'), '--until-eof', ...args], { env });
}

async function firstLine(up: ChildProcessWithoutNullStreams): Promise<string> {
  for await (const line of createInterface(up.stdout)) return line;
  throw new Error('it said nothing');
}

describe('a kind cluster', () => {
  test('is made with the file of the webhook mounted, and the flags of the API server patched in', async () => {
    const up = startUp('--token-webhook', WEBHOOK, '--token-webhook-cache-ttl', '1s');
    expect(await firstLine(up)).toBe(join(scratch, 'dir', 'admin.kubeconfig'));

    const config = parse(readFileSync(join(scratch, 'dir', 'cluster.yaml'), 'utf8'));
    const [node] = config.nodes;
    expect(node.extraMounts).toEqual([
      { hostPath: join(scratch, 'dir', 'ace'), containerPath: '/etc/kubernetes/ace', readOnly: true },
    ]);
    const { patches } = parse(node.kubeadmConfigPatches[0]);
    const onHost = patches.directory.replace(node.extraMounts[0].containerPath, join(scratch, 'dir', 'ace'));
    expect(readFileSync(join(scratch, 'dir', 'ace', 'webhook-kubeconfig.yaml'))).toEqual(
      readFileSync(WEBHOOK),
    );
    const patch = JSON.parse(readFileSync(join(onHost, 'kube-apiserver+json.json'), 'utf8'));
    expect(patchedPod(patch)).toEqual({
      spec: {
        containers: [
          {
            command: [
              'kube-apiserver',
              '--authentication-token-webhook-config-file=/etc/kubernetes/ace/webhook-kubeconfig.yaml',
              '--authentication-token-webhook-version=v1',
              '--authentication-token-webhook-cache-ttl=1s',
            ],
            volumeMounts: [{ name: 'ace', mountPath: '/etc/kubernetes/ace', readOnly: true }],
          },
        ],
        volumes: [{ name: 'ace', hostPath: { path: '/etc/kubernetes/ace', type: 'Directory' } }],
      },
    });
    expect(calls().find((call) => call.startsWith('kind create'))).toMatch(
      /--name ace-e2e .*--image kindest\/node:v1\.36\.4$/,
    );
    expect(calls().find((call) => call.startsWith('kubectl'))).toContain('--server=https://172.18.0.2:6443');

    up.stdin.end();
    await once(up, 'exit');
    expect(calls().at(-1)).toBe('kind delete cluster --name ace-e2e');
  });

  test('is deleted, too, when kind could not make it', async () => {
    writeFileSync(
      join(scratch, 'bin', 'kind'),
      `#!/bin/sh\necho "kind $*" >>'${scratch}/calls'\n[ "$1" != create ]\n`,
      { mode: 0o755 },
    );
    const up = startUp();
    const [code] = await once(up, 'exit');

    expect(code).not.toBe(0);
    expect(calls().at(-1)).toBe('kind delete cluster --name ace-e2e');
    expect(existsSync(join(scratch, 'dir', 'ace', 'patches'))).toBe(true);
  });
});

describe('the choice of a provider', () => {
  const choose = (given: string): string =>
    execFileSync(fileURLToPath(new URL('../../../hack/e2e/provider.sh', import.meta.url)), {
      env: { ...env, ACE_E2E_PROVIDER: given },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();

  test('is kind where docker and kind work', () => {
    expect(choose('')).toBe('kind');
  });

  test('says in one line what is missing', () => {
    writeFileSync(join(scratch, 'bin', 'docker'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });

    expect(() => choose('kind')).toThrow(
      /^Command failed: .*\ne2e: ACE_E2E_PROVIDER=kind needs kind, and docker with its daemon running\n$/,
    );
    expect(() => choose('minikube')).toThrow(/e2e: ACE_E2E_PROVIDER is kind or local-node, not minikube\n$/);
  });
});

/** What the operations make of the smallest static Pod; only `add` to the end of a list is used. */
function patchedPod(operations: readonly { op: string; path: string; value: unknown }[]): object {
  const pod = {
    spec: {
      containers: [{ command: ['kube-apiserver'] as unknown[], volumeMounts: [] as unknown[] }],
      volumes: [] as unknown[],
    },
  };
  for (const { op, path, value } of operations) {
    expect(op).toBe('add');
    const [, ...steps] = path.split('/');
    expect(steps.pop()).toBe('-');
    // biome-ignore lint/suspicious/noExplicitAny: a path through an object of many shapes
    const list = steps.reduce((place: any, step) => place[step], pod);
    list.push(value);
  }
  return pod;
}

import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { type LocalNode, startLocalNode } from './support/local-node.ts';
import { type MachineTraces, machineTraces } from './support/machine-traces.ts';
import { answeringPod, probePod } from './support/probe-pod.ts';
import { chosenProvider } from './support/start-cluster.ts';

const hack = fileURLToPath(new URL('../../hack/local-node/', import.meta.url));
const webhookKubeconfig = fileURLToPath(
  new URL('../../manifests/authenticator/webhook-kubeconfig.yaml', import.meta.url),
);
const scratch = await mkdtemp(join(tmpdir(), 'ace-e2e-'));
const PATIENCE = { timeout: 60_000, interval: 200 };

afterAll(() => rm(scratch, { recursive: true }));

// Where the suite runs on kind, there need not be root, or Debian.
const isProvider = chosenProvider() === 'local-node';
if (!isProvider) console.warn('the suite runs on kind: the tests of the local node itself are skipped');

describe.runIf(isProvider)('a local node', () => {
  let node: LocalNode;
  const admin = (...args: string[]) => kubectl(node.kubeconfig, ...args);
  const inPod = (pod: string, script: string) => admin('exec', pod, '--', '/bin/busybox', 'sh', '-c', script);
  const ready = (pod: string) => admin('wait', '--for=condition=Ready', `pod/${pod}`, '--timeout=60s');
  const httpGet = (address: string) => `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | busybox nc -w 5 ${address}`;

  beforeAll(async () => {
    node = await startLocalNode({ tokenWebhook: { kubeconfig: webhookKubeconfig, cacheTtl: '1s' } });
    await apply(node.kubeconfig, [
      probePod('web', {
        script: 'mkdir /tmp/w; echo hello >/tmp/w/index.html; busybox httpd -f -p 8080 -h /tmp/w',
      }),
      probePod('caller', { script: 'busybox id; busybox sleep 3600' }),
      service('web', 8080),
    ]);
    await Promise.all([ready('web'), ready('caller')]);
  });

  afterAll(async () => {
    await node?.stop();
  });

  it('is Ready and counts as a control-plane node', async () => {
    const labels = await admin('get', 'nodes', '-l', 'node-role.kubernetes.io/control-plane', '-o=name');
    const condition = '-o=jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}';

    expect(labels.trim()).toBe('node/local-node');
    expect(await admin('get', 'nodes', condition)).toBe('True');
  });

  it('runs a pod under the restricted security context', async () => {
    const status = await inPod('caller', 'busybox cat /proc/1/status');

    expect(await admin('logs', 'caller')).toContain('uid=65532 gid=65532');
    expect(status).toMatch(/^CapBnd:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
    await expect(inPod('caller', 'echo x >/file')).rejects.toThrow(/Read-only file system/);
  });

  it('lets one pod reach another through the address of a Service', async () => {
    const address = await admin('get', 'service', 'web', '-o=jsonpath={.spec.clusterIP}');

    await expect.poll(() => inPod('caller', httpGet(`${address} 80`)), PATIENCE).toContain('hello');
  });

  it('gives each pod a service account token that expires', async () => {
    const token = await inPod('caller', 'busybox cat /var/run/secrets/kubernetes.io/serviceaccount/token');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

    expect(claims.sub).toBe('system:serviceaccount:default:default');
    expect(claims.exp).toBeGreaterThan(claims.iat);
  });

  it('keeps a kubelet from what is not its own', async () => {
    const other = await node.kubeconfigFor('system:node:other', ['system:nodes']);

    // 1.20 lets it read the other Node; newer ones not even that.
    await expect(kubectl(other, 'label', 'node', 'local-node', 'a=b')).rejects.toThrow(
      /is not allowed to modify|only its own Node object/,
    );
    await expect(kubectl(other, 'get', 'secrets', '-A')).rejects.toThrow(/forbidden/);
  });

  it('lets pods reach a management plane on the machine, and nothing beyond', async () => {
    const plane: ControlPlane = await startControlPlane({ address: node.hostAddress });
    try {
      const { port } = new URL(plane.url);

      await inPod('caller', `busybox nc -w 5 ${node.hostAddress} ${port} </dev/null`);
      await expect(inPod('caller', 'busybox nc -w 5 192.0.2.1 443 </dev/null')).rejects.toThrow(
        /unreachable/,
      );
      expect(await kubectl(plane.adminKubeconfig, 'get', '--raw=/readyz')).toBe('ok');
    } finally {
      await plane.stop();
    }
  });

  it('asks about tokens what a pod with hostNetwork answers on the loopback of the node', async () => {
    const user = { username: 'ann', groups: ['devs'] };
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview' };
    const answer = JSON.stringify({ ...review, status: { authenticated: true, user } });
    await apply(node.kubeconfig, answeringPod('webhook', { port: 6440, answer }));
    await ready('webhook');
    await admin('create', 'clusterrolebinding', 'devs', '--clusterrole=view', '--group=devs');
    const path = await bearerKubeconfig(node, 'any');

    await expect
      .poll(() => kubectl(path, 'get', 'pods', '-o=name').catch(String), PATIENCE)
      .toContain('pod/web');
    await expect(kubectl(path, 'get', 'secrets')).rejects.toThrow(/User "ann" cannot list/);

    await run(...node.nodeCommand('bash', '-c', 'echo >/dev/tcp/127.0.0.1/6440'));
  });

  it('starts a program again that was killed', async () => {
    const pid = async () => (await run(...node.nodeCommand('pidof', 'kube-apiserver'))).stdout.trim();
    const first = await pid();

    await run(...node.nodeCommand('kill', '-KILL', first));

    await expect.poll(() => admin('get', '--raw=/readyz').catch(String), PATIENCE).toBe('ok');
    expect(await pid()).not.toBe(first);
  });

  it('runs images that are given to it as an archive', async () => {
    const { stdout } = await run(`${hack}provide.sh`);
    const program = join(stdout.trim(), 'kube-proxy');
    await run('install', '-D', program, join(scratch, 'rootfs', 'own'));
    const archive = join(scratch, 'image.tar');
    await run(`${hack}make-image.sh`, join(scratch, 'rootfs'), 'test/own:1', archive, '/own', '--version');
    await node.loadImage(archive);

    await admin('run', 'own', '--image=test/own:1', '--restart=Never');

    const version = (await run(program, '--version')).stdout;
    expect(version).toMatch(/^Kubernetes v1\.\d+\.\d+\n$/);
    await expect.poll(() => admin('logs', 'own').catch(String), PATIENCE).toBe(version);
  });
});

describe.runIf(isProvider)('taking a local node down', () => {
  let before: MachineTraces;
  let dir: string;

  beforeEach(async () => {
    before = await machineTraces();
    dir = join(scratch, 'node');
  });

  afterEach(async () => {
    await run(`${hack}down.sh`, dir);
  });

  it('leaves nothing behind, pods that are running included', async () => {
    const node = await startLocalNode();
    await apply(node.kubeconfig, probePod('stays', { script: 'busybox sleep 3600' }));
    await kubectl(node.kubeconfig, 'wait', '--for=condition=Ready', 'pod/stays', '--timeout=60s');
    const during = await machineTraces();

    await node.stop();

    expect(during.processes.join('\n')).toContain('kubelet --kubeconfig');
    expect(during.processes.join('\n')).toContain('busybox sleep 3600');
    expect(during.settings).toEqual(before.settings);
    expect(during.mounts).toEqual(before.mounts);
    expect(during.directories).toEqual(before.directories);
    expect(await machineTraces()).toEqual(before);
  });

  it('ends the node when the process that asked for it is gone', async () => {
    const up = startUp('--until-eof');
    await once(up.stdout, 'data');
    const during = await machineTraces();

    up.stdin.end(); // what the system does when its owner is killed
    await once(up, 'exit');

    expect(during.processes).not.toEqual([]);
    expect(await machineTraces()).toEqual(before);
  });

  it('leaves nothing behind when its start was killed half-way', async () => {
    const up = startUp();
    await expect
      .poll(async () => (await machineTraces()).processes.join(), PATIENCE)
      .toContain('kube-apiserver');
    up.kill('SIGKILL');
    await once(up, 'exit');

    await run(`${hack}down.sh`, dir);

    expect(await machineTraces()).toEqual(before);
    expect(existsSync(dir)).toBe(false);
  });

  it('says why a node does not start, keeps the logs and leaves nothing else', async () => {
    const up = startUp('--', '--no-such-flag');
    const said = text(up.stderr);
    const [code] = await once(up, 'exit');

    expect(code).toBe(1);
    expect(await said).toMatch(/kube-apiserver does not start: .*unknown flag: --no-such-flag/i);
    expect(await machineTraces()).toEqual(before);
    expect(await readdir(dir)).toEqual(['.ace-local-node', 'log']);
  });

  it('refuses a second node while one is running', async () => {
    const node = await startLocalNode();
    try {
      const up = startUp();
      const said = text(up.stderr);
      await once(up, 'exit');

      expect(await said).toContain(`a local node is running already, from ${node.dir}`);
      expect(await kubectl(node.kubeconfig, 'get', '--raw=/readyz')).toBe('ok');
    } finally {
      await node.stop();
    }
  });

  function startUp(...args: readonly string[]): ChildProcessWithoutNullStreams {
    return spawn(`${hack}up.sh`, [dir, ...args], { detached: true });
  }
});

function service(name: string, targetPort: number): object {
  const ports = [{ port: 80, targetPort, protocol: 'TCP' }];
  return { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector: { app: name }, ports } };
}

function run(program: string, ...args: readonly string[]): Promise<{ stdout: string }> {
  return promisify(execFile)(program, args);
}

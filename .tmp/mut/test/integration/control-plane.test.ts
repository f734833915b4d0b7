import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { sweepPlaneDirectories } from '../support/plane-directory.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';

let first: ControlPlane;
let second: ControlPlane;

beforeAll(async () => {
  [first, second] = await Promise.all([
    startControlPlane({ name: 'first', audit: true }),
    startControlPlane({ name: 'second' }),
  ]);
});

afterAll(async () => {
  await Promise.all([first?.stop(), second?.stop()]);
});

describe('a control plane', () => {
  it('runs beside another one without sharing anything', async () => {
    await apply(first.adminKubeconfig, configMap('only-here'));

    expect(await names(first, 'configmaps')).toContain('configmap/only-here');
    expect(await names(second, 'configmaps')).not.toContain('configmap/only-here');
  });

  it('survives the creation of a custom resource', async () => {
    await apply(first.adminKubeconfig, widgetDefinition());
    await kubectl(first.adminKubeconfig, 'wait', '--for=condition=Established', 'crd/widgets.test.example');
    await apply(first.adminKubeconfig, [widget('one'), widget('two')]);

    expect(await names(first, 'widgets')).toEqual(['widget.test.example/one', 'widget.test.example/two']);
  });

  it('refuses a user to whom RBAC grants nothing, and knows his name and groups', async () => {
    const kubeconfig = await first.kubeconfigFor('ann', ['devs']);

    await expect(kubectl(kubeconfig, 'get', 'configmaps')).rejects.toThrow(/User "ann" cannot list/);

    // A role of our own: `view` is empty, because it is the controller manager that fills it.
    const create = (...args: string[]) => kubectl(first.adminKubeconfig, 'create', ...args);
    await create('role', 'reader', '--verb=list', '--resource=configmaps');
    await create('rolebinding', 'devs-read', '--role=reader', '--group=devs');
    await expect
      .poll(() => kubectl(kubeconfig, 'get', 'configmaps', '-o=name'), PATIENT)
      .toContain('only-here');
  });

  it('counts requests in its audit log', async () => {
    for (const name of ['a', 'b', 'c']) await apply(first.adminKubeconfig, configMap(`audited-${name}`));

    const creates = async () =>
      (await first.auditLines()).filter(
        (line) =>
          line.verb === 'create' && line.resource === 'configmaps' && line.name.startsWith('audited-'),
      );
    await expect.poll(async () => (await creates()).length, PATIENT).toBe(3);
    expect((await creates())[0]).toMatchObject({
      user: 'admin',
      namespace: 'default',
      name: 'audited-a',
      code: 201,
      stage: 'ResponseComplete',
      userAgent: expect.stringMatching(/^kubectl/),
    });
    expect(await second.auditLines()).toEqual([]);
  });

  it('keeps its address and its data over a restart of the API server', async () => {
    const { url } = second;
    await apply(second.adminKubeconfig, configMap('survivor'));

    await second.restartApiServer();

    expect(second.url).toBe(url);
    expect(await names(second, 'configmaps')).toContain('configmap/survivor');
  });

  it('leaves no process and no data behind when its parent is killed', async () => {
    const parent = spawn(process.execPath, ['--input-type=module', '-e', ORPHAN_MAKER]);
    const [dir] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const before = await processesOf(dir);
    parent.kill('SIGKILL');
    await once(parent, 'exit');

    expect(before).toContainEqual(expect.stringMatching(/^\S*etcd /));
    expect(before).toContainEqual(expect.stringMatching(/^\S*kube-apiserver /));
    await expect.poll(() => processesOf(dir), PATIENT).toEqual([]);
    expect(existsSync(dir)).toBe(true);
    await sweepPlaneDirectories();
    expect(existsSync(dir)).toBe(false);
    expect(existsSync(first.dir)).toBe(true);
  });
});

describe('a TCP proxy in front of an API server', () => {
  let proxy: TcpProxy;
  let get: (path: string) => Promise<string>;

  beforeAll(async () => {
    proxy = await startTcpProxy(first.url);
    const yaml = first.kubeconfigYaml({ server: proxy.url(first.url) });
    const path = `${first.dir}/proxied.kubeconfig`;
    await writeFile(path, yaml);
    get = (raw) => kubectl(path, '--request-timeout=2s', 'get', '--raw', raw);
  });

  afterAll(async () => {
    await proxy?.close();
  });

  it('forwards, refuses, swallows and heals', async () => {
    expect(proxy.url(first.url)).toBe(`https://127.0.0.1:${proxy.port}`);
    expect(await get('/readyz')).toBe('ok');

    await proxy.refuse();
    await expect(get('/readyz')).rejects.toThrow(/refused/);

    await proxy.heal();
    expect(await get('/readyz')).toBe('ok');

    proxy.blackhole();
    await expect(get('/readyz')).rejects.toThrow(/timeout|deadline|Timeout/);

    await proxy.heal();
    expect(await get('/readyz')).toBe('ok');
  });

  it('resets open connections', async () => {
    await expect.poll(() => proxy.openConnections, PATIENT).toBe(0);
    const socket = connect(proxy.port, '127.0.0.1');
    const closed = once(socket, 'close');
    await expect.poll(() => proxy.openConnections, PATIENT).toBe(1);

    proxy.cut();

    await expect(closed).rejects.toThrow('ECONNRESET');
    expect(await get('/readyz')).toBe('ok');
  });
});

const PATIENT = { timeout: 10_000 };

const ORPHAN_MAKER = `
  import { startControlPlane } from '${fileURLToPath(new URL('../support/control-plane.ts', import.meta.url))}';
  const plane = await startControlPlane({ name: 'orphan' });
  console.log(plane.dir);
  setInterval(() => undefined, 1000);
`;

async function processesOf(dir: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.split('\n').filter((line) => line.includes(dir));
}

async function names(plane: ControlPlane, resource: string): Promise<readonly string[]> {
  const output = await kubectl(plane.adminKubeconfig, 'get', resource, '--output=name');
  return output.trim().split('\n');
}

function configMap(name: string): object {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data: { key: 'value' },
  };
}

function widget(name: string): object {
  const labels = { a: '1', b: '2', c: '3' };
  return {
    apiVersion: 'test.example/v1',
    kind: 'Widget',
    metadata: { name, namespace: 'default', labels },
    size: 1,
  };
}

function widgetDefinition(): object {
  const schema = { openAPIV3Schema: { type: 'object', properties: { size: { type: 'integer' } } } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.test.example' },
    spec: {
      group: 'test.example',
      scope: 'Namespaced',
      names: { kind: 'Widget', plural: 'widgets', singular: 'widget', listKind: 'WidgetList' },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  };
}

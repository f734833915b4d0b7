import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { KubeConfig } from '@kubernetes/client-node';
import { describe, expect, test } from 'vitest';
import { OperatorBase, ResourceEventType } from '../../../src/kube/operator-base.ts';

const SRC = new URL('../../../src/', import.meta.url);

class Bare extends OperatorBase {
  protected override async init(): Promise<void> {}
}

/** A method of the base, which TypeScript keeps to subclasses. */
const call = (name: string, ...args: readonly unknown[]): Promise<unknown> => {
  const method = Reflect.get(OperatorBase.prototype, name) as (...given: readonly unknown[]) => unknown;
  return Promise.resolve().then(() => method.apply(new Bare(), [...args]));
};

describe('what the package itself would do', () => {
  const meta = { id: 'x', name: 'one', apiVersion: 'v1', kind: 'Secret', resourceVersion: '1' };

  test.each([
    ['watchResource', ['', 'v1', 'secrets', async () => {}], 'Watch.watch is not available here'],
    [
      'registerCustomResourceDefinition',
      [fileURLToPath(new URL('main.ts', SRC))],
      'loadYaml is not available',
    ],
    ['applyAxiosKubeConfigAuth', [{}], 'applyToHTTPSOptions is not available here'],
    ['applyGaxiosKubeConfigAuth', [{}], 'applyToHTTPSOptions is not available here'],
  ])('%s reaches nothing', async (name, args, message) => {
    await expect(call(name, ...args)).rejects.toThrow(message);
  });

  test('nor does what it would reach with credentials', async () => {
    const bare = new Bare();
    const paths = Reflect.get(bare, 'resourcePathBuilders') as Record<string, () => string>;
    paths['x'] = () => 'https://no.such.host/x';
    const auth = ['applyGaxiosKubeConfigAuth', 'applyAxiosKubeConfigAuth'];
    for (const name of auth) Object.defineProperty(bare, name, { value: async () => undefined });
    const method = Reflect.get(OperatorBase.prototype, 'setResourceFinalizers') as (
      ...of: unknown[]
    ) => unknown;
    await expect(async () => method.call(bare, meta, [])).rejects.toThrow('gaxios.request is not available');
  });
});

test('a KUBECONFIG that names no file is not looked for', () => {
  process.env['KUBECONFIG'] = '/no/such/file';
  try {
    expect(() => new Bare()).not.toThrow();
    expect(() => new KubeConfig().loadFromDefault()).toThrow('ENOENT');
  } finally {
    delete process.env['KUBECONFIG'];
  }
});

test('whoever else loads client-node gets the real one', () => {
  const ofPackage = createRequire(import.meta.resolve('@dot-i/k8s-operator'));
  expect(ofPackage('@kubernetes/client-node')).toHaveProperty('CoreV1Api');
  expect(ofPackage('gaxios')).toHaveProperty('Gaxios');
});

test('events are of three types', () => {
  expect(Object.values(ResourceEventType)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
});

test('the operator loads neither client-node nor gaxios at its start', () => {
  const script = `
    import { registerHooks } from 'node:module';
    const files = [];
    registerHooks({ load: (url, context, next) => { files.push(url); return next(url, context); } });
    await import(${JSON.stringify(new URL('cli/serve/run-operator.ts', SRC).href)});
    console.log(JSON.stringify(files));`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  const files = JSON.parse(output) as readonly string[];
  const of = (wanted: RegExp): readonly string[] => files.filter((file) => wanted.test(file));
  expect(of(/@dot-i\/k8s-operator\/dist\/operator\.js$/)).toHaveLength(1);
  expect(of(/node_modules\/(@kubernetes\/client-node|gaxios|node-fetch)\//)).toEqual([]);
});

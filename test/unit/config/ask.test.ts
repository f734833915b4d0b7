import { describe, expect, test } from 'vitest';
import { askConfig } from '../../../src/config/ask.ts';
import { ConfigError } from '../../../src/errors.ts';

describe('where the management plane is', () => {
  const choice = (given: Record<string, string>, env: Record<string, string>, home = '/home/ada'): unknown =>
    askConfig(given, env, home).kubeconfig;

  test.each([
    ['the flag before all', { kubeconfig: 'a' }, { ACE_KUBECONFIG: 'b', KUBECONFIG: 'c' }, ['a'], true],
    ['our variable before kubectl’s', {}, { ACE_KUBECONFIG: 'b', KUBECONFIG: 'c' }, ['b'], true],
    ['kubectl’s list of files', {}, { KUBECONFIG: 'c::d' }, ['c', 'd'], true],
    ['the file at home, if it is there', {}, {}, ['/home/ada/.kube/config'], false],
  ])('%s', (_title, given, env, files, required) => {
    expect(choice(given, env)).toEqual({ files, required, context: undefined });
  });

  test('nowhere, without a home: the pod’s own account', () => {
    expect(choice({ context: 'x' }, {}, '')).toEqual({ files: [], required: false, context: 'x' });
  });

  test('what a pod is told of its API server goes along, where no file is asked for', () => {
    const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT: '443' };
    expect(choice({}, { ...pod, OTHER: 'x' }, '')).toEqual({
      files: [],
      required: false,
      context: undefined,
      pod,
    });
    expect(choice({ kubeconfig: 'a' }, pod)).toEqual({ files: ['a'], required: true, context: undefined });
  });
});

test('what is given by nobody has its default', () => {
  expect(askConfig({}, {}, '')).toMatchObject({
    namespace: 'ace-operator',
    // That which the cluster's ClusterPropagation names.
    downstreamNamespace: undefined,
    credentialNamespaces: [],
    requestTimeoutMs: 10_000,
    output: 'table',
    headers: true,
  });
});

test.each([
  [{ output: 'xml' }, /--output: wanted table, wide, json, yaml, name; got 'xml'/],
  [{ namespace: 'X!' }, /--namespace/],
  [{ 'request-timeout': 'soon' }, /--request-timeout: wanted a duration/],
])('%j is refused', (given, message) => {
  expect(() => askConfig(given, {}, '')).toThrow(ConfigError);
  expect(() => askConfig(given, {}, '')).toThrow(message);
});

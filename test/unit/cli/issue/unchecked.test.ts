import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { hash as sha3 } from '../../../../src/hash/sha3-512.ts';
import { rawCluster, rawExtToken, rawToken, rawUser } from '../../../support/builders.ts';
import { PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());

test('a bearer whose token may not be read goes into the kubeconfig, and that it was not checked is said', async () => {
  planes.setClusters('c-1');
  planes.answer = ({ plural, name }) => {
    if (plural === 'tokens') return { code: 403 };
    return plural === 'settings' && name === 'server-url'
      ? { metadata: { name, uid: name, resourceVersion: '1' }, value: 'https://rancher.example.com' }
      : undefined;
  };
  const file = join(dirname(planes.kubeconfig), 'bearer');
  await writeFile(file, 'token-x:not-a-real-secret');
  const { runtime, told } = aRuntime();
  const args = ['kubeconfig', 'c-1', '--token-file', file, '--output-file', '-'];
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  expect({ code, err: told.err }).toMatchObject({
    code: 0,
    err: expect.stringMatching(/was not checked: .*403/),
  });
  expect(told.out).toContain('token-x:not-a-real-secret');
});

test('a bearer of ext.cattle.io is checked against the token of that kind, though an older Token has its name', async () => {
  planes.setClusters();
  planes.answer = ({ plural, name, url }) => {
    if (plural === 'clusters' && name) return rawCluster({ spec: { displayName: name } }, { name });
    if (plural === 'tokens')
      return rawToken({ clusterName: 'c-2' }, { creationTimestamp: '2020-01-01T00:00:00Z' });
    if (plural === 'users') return rawUser();
    if (url.pathname.includes('/cattle-tokens/'))
      return rawExtToken({ cluster: '', ttl: '-1', hash: sha3('not-a-real-secret') });
    return plural === 'settings' && name === 'server-url'
      ? { metadata: { name, uid: name, resourceVersion: '1' }, value: 'https://rancher.example.com' }
      : undefined;
  };
  const file = join(dirname(planes.kubeconfig), 'bearer');
  await writeFile(file, 'ext/t-1:not-a-real-secret');
  const { runtime, told } = aRuntime();
  const args = ['kubeconfig', 'c-1', '--token-file', file, '--output-file', '-'];
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  expect({ code, err: told.err }).toMatchObject({ code: 0, err: expect.not.stringContaining('c-2') });
  expect(told.out).toContain('ext/t-1:not-a-real-secret');
});

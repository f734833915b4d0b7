import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
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

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import { managementAccess } from '../../../src/kube/management-access.ts';

let directory: string;
const put = (text: string): Promise<void> => writeFile(join(directory, 'token'), text);
const kubeconfig = (): string => join(directory, 'kubeconfig');

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-token-file-'));
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'u', user: { tokenFile: 'token' } }],
  };
  await writeFile(kubeconfig(), JSON.stringify(config));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

describe('a token file', () => {
  test('is read anew, and trimmed', async () => {
    await put('one\n');
    const access = await managementAccess(kubeconfig());
    expect(await access.headers()).toEqual({ Authorization: 'Bearer one' });
    await put('two\n');
    expect(await access.headers(true)).toEqual({ Authorization: 'Bearer two' });
  });

  // Whoever writes it in place empties it first. Without a token we would be anonymous, which is forbidden and no 401.
  test.each(['', ' \n'])('that is found empty (%j) leaves what was read before in force', async (text) => {
    await put('one\n');
    const access = await managementAccess(kubeconfig());
    await access.headers();
    await put(text);
    expect(await access.headers(true)).toEqual({ Authorization: 'Bearer one' });
    await put('two');
    expect(await access.headers(true)).toEqual({ Authorization: 'Bearer two' });
  });

  test('that is missing leaves what was read before in force', async () => {
    await put('one\n');
    const access = await managementAccess(kubeconfig());
    await access.headers();
    await rm(join(directory, 'token'));
    expect(await access.headers(true)).toEqual({ Authorization: 'Bearer one' });
  });

  test('that is empty at the start is a mistake in the configuration', async () => {
    await put('');
    await expect(managementAccess(kubeconfig())).rejects.toBeInstanceOf(ConfigError);
  });
});

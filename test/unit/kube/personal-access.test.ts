import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../../../src/errors.ts';
import { personalAccess } from '../../../src/kube/kubeconfig.ts';
import { CANARY } from '../../support/builders.ts';

let directory: string;
const file = (name: string): string => join(directory, name);
const entry = (name: string, server: string) => ({
  clusters: [{ name, cluster: { server } }],
  users: [{ name, user: { token: `token-of-${name}` } }],
  contexts: [{ name, context: { cluster: name, user: name } }],
});

const byPlugin = (name: string) => {
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
  const args = [JSON.stringify({ ...credential, status: { token: 'of-a-plugin' } })];
  const exec = { apiVersion: credential.apiVersion, interactiveMode: 'Never', command: 'echo', args };
  return { users: [{ name, user: { exec } }] };
};

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-kubeconfig-'));
  await writeFile(file('one'), stringify({ ...entry('a', 'https://one.example'), 'current-context': 'a' }));
  await writeFile(
    file('two'),
    stringify({
      clusters: [...entry('a', 'https://two.example').clusters, ...entry('b', 'https://b.example').clusters],
      users: entry('b', '').users,
      contexts: entry('b', '').contexts,
      'current-context': 'b',
    }),
  );
  for (const folder of ['first', 'second']) {
    await mkdir(file(folder));
    await writeFile(join(file(folder), 'token'), `token-in-${folder}\n`);
  }
  await writeFile(
    join(file('first'), 'config'),
    stringify({ ...entry('a', 'https://a.example'), users: [], 'current-context': 'a' }),
  );
  await writeFile(
    join(file('second'), 'config'),
    stringify({
      clusters: [
        { name: 'a', cluster: { server: 'https://elsewhere.example', 'certificate-authority': 'none' } },
      ],
      users: [{ name: 'a', user: { tokenFile: 'token' } }],
      contexts: entry('b', '').contexts,
    }),
  );
  await writeFile(file('exec'), stringify({ ...entry('e', 'https://e.example'), ...byPlugin('e') }));
  await writeFile(file('broken'), `token: "${CANARY}\nusers: [`);
});
afterAll(() => rm(directory, { recursive: true }));

const open = (files: readonly string[], context?: string, required = true) =>
  personalAccess({ files: files.map(file), required, context });

describe('kubeconfigs as kubectl merges them', () => {
  test('the first current context counts, and the first of two entries of one name', async () => {
    const access = await open(['one', 'two']);
    expect(access.server.href).toBe('https://one.example/');
    expect(await access.headers()).toEqual({ Authorization: 'Bearer token-of-a' });
    expect((await open(['two', 'one'], 'a')).server.href).toBe('https://two.example/');
  });

  test('a context of a later file can be chosen, and a missing file is passed over', async () => {
    expect((await open(['missing', 'one', 'two'], 'b')).server.href).toBe('https://b.example/');
  });

  test('a path begins where its file is, whichever file names the context', async () => {
    const access = await open(['first/config', 'second/config']);
    expect(access.server.href).toBe('https://a.example/');
    expect(await access.headers()).toEqual({ Authorization: 'Bearer token-in-second' });
  });

  test('a user with a plugin has what the plugin says', async () => {
    const access = await open(['one', 'exec'], 'e');
    expect(access.server.href).toBe('https://e.example/');
    expect(await access.headers()).toEqual({ Authorization: 'Bearer of-a-plugin' });
  });

  test('somebody else is acted as, whoever the file acts as', async () => {
    const as = { user: 'eve', groups: ['g'] };
    const access = await personalAccess({ files: [file('one')], required: true, context: undefined, as });
    expect(await access.headers()).toEqual({
      Authorization: 'Bearer token-of-a',
      'Impersonate-User': 'eve',
      'Impersonate-Group': ['g'],
    });
  });

  test('a file that is named and is not there is said as the system says it', async () => {
    const clusters = [{ name: 'a', cluster: { server: 'https://a', 'certificate-authority': 'none.crt' } }];
    await writeFile(file('lacking'), stringify({ ...entry('a', ''), clusters, 'current-context': 'a' }));
    await expect(open(['lacking'])).rejects.toThrow(
      `ENOENT: no such file or directory, open '${file('none.crt')}'`,
    );
  });

  test.each([
    ['no file at all', ['missing'], undefined, /cannot load kubeconfig .*missing: no such file/],
    ['a folder', ['.'], undefined, /^cannot load kubeconfig [^:]*: it is a directory$/],
    ['no such context', ['one'], 'z', /there is no context z/],
    ['no kubeconfig', ['broken'], undefined, /broken: it is no kubeconfig/],
  ] as const)(
    '%s is said in one line, without what is in the file',
    async (_title, files, context, message) => {
      const error = await open(files, context).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain(CANARY);
    },
  );

  test('without any, and without a pod’s account, it says what to give', async () => {
    await expect(open(['missing'], undefined, false)).rejects.toThrow(
      /give one by --kubeconfig or \$KUBECONFIG/,
    );
  });
});

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConfigError } from '../../../src/errors.ts';
import { downstreamAccess } from '../../../src/kube/kubeconfig.ts';
import { managementAccess } from '../../../src/kube/management-access.ts';
import { createAuthority } from '../../support/pki.ts';

const OLD = createAuthority('old');
const NEW = createAuthority('new');
const [before, after] = [OLD.issueClient('a', []), NEW.issueClient('a', [])];

let dir: string;
const file = (name: string): string => join(dir, name);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-access-'));
  await writeFile(file('ca.crt'), OLD.cert);
  await writeFile(file('client.crt'), before.cert);
  await writeFile(file('client.key'), before.key);
  await writeFile(
    file('config'),
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      clusters: [{ name: 'c', cluster: { server: 'https://api', 'certificate-authority': file('ca.crt') } }],
      users: [
        { name: 'u', user: { 'client-certificate': file('client.crt'), 'client-key': file('client.key') } },
      ],
    }),
  );
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(dir, { recursive: true });
});

test('files of certificates are read again when they are asked for, and regularly', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const access = await managementAccess(file('config'));
  const first = access.tls;
  await access.headers();
  await access.headers(true);
  // Nothing changed: the same object, so that nobody throws away a connection.
  expect(access.tls).toBe(first);
  await writeFile(file('ca.crt'), NEW.cert);
  await access.headers(true);
  expect(String(access.tls.ca)).toBe(NEW.cert);
  await writeFile(file('client.key'), after.key);
  await writeFile(file('client.crt'), after.cert);
  vi.advanceTimersByTime(11_000);
  await access.headers();
  expect([String(access.tls.cert), String(access.tls.key)]).toEqual([after.cert, after.key]);
});

test('a certificate without its key, or half of one, is waited out', async () => {
  const access = await managementAccess(file('config'));
  await access.headers();
  const first = access.tls;
  await writeFile(file('client.crt'), after.cert);
  await access.headers(true);
  expect(access.tls).toBe(first);
  await writeFile(file('client.key'), after.key.slice(0, 40));
  await access.headers(true);
  expect(access.tls).toBe(first);
  await writeFile(file('client.key'), after.key);
  await access.headers(true);
  expect(String(access.tls.key)).toBe(after.key);
});

const withUser = (user: object): string =>
  JSON.stringify({
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: 'https://api' } }],
    users: [{ name: 'u', user: { token: 't', ...user } }],
  });

test('whoever wants to act as somebody in groups does so, in a Secret and in a file', async () => {
  const text = withUser({ as: 'ada', 'as-groups': ['g', 'h'] });
  await writeFile(file('as'), text);
  for (const access of [await downstreamAccess(text), await managementAccess(file('as'))]) {
    expect(await access.headers()).toMatchObject({
      'Impersonate-User': 'ada',
      'Impersonate-Group': ['g', 'h'],
    });
  }
});

test('impersonation that is not obeyed is refused, never dropped', async () => {
  for (const user of [{ 'as-uid': '1' }, { 'as-user-extra': { a: ['b'] } }, { 'as-groups': 'g' }])
    await expect(downstreamAccess(withUser({ as: 'ada', ...user }))).rejects.toThrow(ConfigError);
});

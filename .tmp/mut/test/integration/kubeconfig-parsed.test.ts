import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from '../../src/issue/kubeconfig/endpoints.ts';
import { type KubeconfigFile, kubeconfigText } from '../../src/issue/kubeconfig/kubeconfig-file.ts';
import { kubectl } from '../support/kubectl.ts';
import type { Any } from '../support/plane-client.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-kubeconfig-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What a display name, an address or an fqdn may hold: also all that Go's YAML takes in another way than ours. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        ...['\n', '\r', '\u0085', '\u2028', '\u2029', '\ufeff', '\u0000', '\u001b', '\u009b', '\u202e', '\t'],
        ...['---', '...', '# ', ': ', '- ', '"', "'", '\\', '{', '}', 'yes', '~', '漢', '😀', '\ud800', 'x'],
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
);

/** As kubectl takes it, that is: what it would do. */
async function viewed(text: string): Promise<Any> {
  const file = join(dir, 'kubeconfig');
  await writeFile(file, text);
  return JSON.parse(await kubectl(file, 'config', 'view', '--raw', '-o', 'json'));
}

test('kubectl reads from a kubeconfig what was meant, whatever people and clusters call themselves', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(anyText, anyText), { minLength: 20, maxLength: 60 }),
      anyText,
      anyText,
      async (pairs, user, comment) => {
        const endpoints = pairs.map(
          ([name, host], at): Endpoint => ({
            name: `${at}${name}`,
            server: `https://${host}`,
            authority: { kind: 'system' },
            via: 'ace',
            ready: true,
            authoritySource: '',
          }),
        );
        const file: KubeconfigFile = {
          user: `u${user}`,
          credential: { kind: 'exec', server: user, cluster: comment },
          endpoints,
          comments: [comment, user],
        };
        const seen = await viewed(kubeconfigText(file));
        const said = new Map(seen.clusters.map(({ name, cluster }: Any) => [name, cluster.server]));
        const meant = endpoints.map(({ name, server }) => [name.toWellFormed(), server.toWellFormed()]);
        expect(said).toEqual(new Map(meant as [string, string][]));
        expect(seen.users.map(({ name }: Any) => name)).toEqual([file.user.toWellFormed()]);
        expect(seen['current-context']).toBe(endpoints[0]?.name.toWellFormed());
        expect(seen.users[0].user.exec.command).toBe('rancher');
      },
    ),
    { numRuns: 25 },
  );
});

test('a display name that is a kubeconfig of its own runs nothing', async () => {
  const trace = join(dir, 'was-here');
  const evil = [
    'Berlin',
    'apiVersion: v1',
    'kind: Config',
    'current-context: e',
    'clusters: [{name: e, cluster: {server: "https://127.0.0.1:9"}}]',
    'contexts: [{name: e, context: {cluster: e, user: e}}]',
    `users: [{name: e, user: {exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: touch, args: ["${trace}"]}}}]`,
    '---',
    '# ',
  ];
  for (const separator of ['\n', '\r', '\u0085', '\u2028', '\u2029']) {
    const name = evil.join(separator);
    const file = join(dir, 'evil');
    const text = kubeconfigText({
      user: name,
      credential: { kind: 'none' },
      endpoints: [
        {
          name,
          server: 'https://127.0.0.1:9',
          authority: { kind: 'system' },
          via: 'ace',
          ready: true,
          authoritySource: '',
        },
      ],
      comments: [`cluster c-one (${name})`],
    });
    await writeFile(file, text);
    await expect(kubectl(file, 'get', 'pods', '--request-timeout=2s')).rejects.toThrow();
    expect(existsSync(trace)).toBe(false);
  }
});

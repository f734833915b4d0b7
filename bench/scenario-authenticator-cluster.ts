import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { cpus } from 'node:os';
import { createHasher } from '../src/hash/hasher.ts';
import { hash as sha3 } from '../src/hash/sha3-512.ts';
import { kubeconfig } from '../test/support/kubeconfig.ts';
import { createAuthority } from '../test/support/pki.ts';
import { secretOf } from './scenario-authenticator-load.ts';

/** Tokens of a cluster by the hash they have, one range after the other. */
export interface Population {
  readonly sha3: number;
  readonly bcrypt: number;
  readonly scrypt: number;
}

const TOKENS_PER_USER = 10;
const GROUPS = Array.from(
  { length: 10 },
  (_, team) => `openldap_group://cn=team-${team},ou=groups,dc=example`,
);
/** What the operator and the API server put on each object. */
const managed = (index: number): object => ({
  labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-m-abcdefgh' },
  annotations: { 'ace-operator.io/token-uid': uidOf(index), 'ace-operator.io/fingerprint': 'f'.repeat(64) },
  managedFields: [
    {
      ...{ manager: 'ace-operator', operation: 'Update', apiVersion: 'v1', time: '2026-01-01T00:00:00Z' },
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:annotations': { '.': {} }, 'f:labels': { '.': {} } },
        'f:data': { 'f:hash': {} },
      },
    },
  ],
});

/** Of the management plane's Token, as it is noted at each of its objects. */
const uidOf = (index: number): string => `b3f1c2d4-5e6f-4a7b-8c9d-${index.toString(16).padStart(12, '0')}`;

/**
 * A stand-in for the API server of a large cluster: lists page by page, watches that tell nothing, patches that are taken.
 * To create so many objects in a real one would take most of the time of a run. @returns its end
 */
export async function serveCluster(population: Population, kubeconfigFile: string): Promise<() => void> {
  const slow = await slowHashes(population);
  const count = population.sha3 + slow.length;
  const hashOf = (index: number): string => slow[index - population.sha3] ?? sha3(secretOf(index));
  const server = await listening(
    (plural, index) => objectOf(plural, index, hashOf),
    {
      clusterauthtokens: count,
      secrets: count,
      clusteruserattributes: Math.ceil(count / TOKENS_PER_USER),
      configmaps: 0,
    },
    kubeconfigFile,
  );
  return () => {
    server.closeAllConnections();
    server.close();
  };
}

type Make = (plural: string, index: number) => object;

async function listening(
  make: Make,
  counts: Readonly<Record<string, number>>,
  kubeconfigFile: string,
): Promise<Server> {
  const authority = createAuthority('ace-operator bench');
  const credentials = authority.issueServer('kube-apiserver', ['127.0.0.1']);
  const server = createServer(credentials, ({ method, url = '/' }, response) => {
    const { pathname, searchParams } = new URL(url, 'https://127.0.0.1');
    // As older API servers do; a stream that stays silent would be waited for.
    const isStream = searchParams.has('sendInitialEvents');
    response.writeHead(isStream ? 400 : 200, { 'content-type': 'application/json' });
    if (isStream) return void response.end('{}');
    if (searchParams.has('watch')) return void response.flushHeaders();
    if (method === 'PATCH') return void response.end('{}');
    const plural = pathname.split('/').at(-1) ?? '';
    const from = Number(searchParams.get('continue') ?? 0);
    const to = Math.min(counts[plural] ?? 0, from + Number(searchParams.get('limit')));
    const items = Array.from({ length: to - from }, (_, index) => make(plural, from + index));
    const next = to < (counts[plural] ?? 0) ? { continue: String(to) } : {};
    response.end(JSON.stringify({ metadata: { resourceVersion: '50000000', ...next }, items }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const user = { user: 'ace-authenticator', credentials: authority.issueClient('ace-authenticator', []) };
  await writeFile(kubeconfigFile, kubeconfig({ server: address, ca: authority.cert, ...user }), {
    mode: 0o600,
  });
  return server;
}

function objectOf(plural: string, index: number, hashOf: (index: number) => string): object {
  const named = (name: string): object => ({
    metadata: {
      ...{ name, namespace: 'cattle-system', uid: randomUUID() },
      ...{ resourceVersion: String(48_000_000 + index), ...managed(index) },
    },
  });
  if (plural === 'secrets') {
    const hash = Buffer.from(hashOf(index)).toString('base64');
    return { ...named(`token-${index}`), type: 'Opaque', data: { hash } };
  }
  if (plural === 'clusterauthtokens') {
    const expiresAt = new Date(Date.now() + 30 * 24 * 3_600_000).toISOString();
    const userName = `u-${Math.floor(index / TOKENS_PER_USER)}`;
    return { ...named(`token-${index}`), userName, enabled: true, expiresAt };
  }
  const extraByProvider = {
    openldap: { principalid: ['openldap_user://uid=ada,ou=people,dc=example'], username: ['ada'] },
  };
  return { ...named(`u-${index}`), enabled: true, groups: GROUPS, lastRefresh: '', extraByProvider };
}

async function slowHashes({ sha3: first, bcrypt, scrypt }: Population): Promise<readonly string[]> {
  const hasher = createHasher({ threads: cpus().length });
  const algorithms = [...Array<'bcrypt'>(bcrypt).fill('bcrypt'), ...Array<'scrypt'>(scrypt).fill('scrypt')];
  const hashes = await Promise.all(
    algorithms.map((algorithm, index) => hasher.hash(algorithm, secretOf(first + index))),
  );
  await hasher.close();
  return hashes;
}

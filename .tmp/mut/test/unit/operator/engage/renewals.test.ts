import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { parseCredentialsSecret } from '../../../../src/api/parse-credentials.ts';
import { findCredentials } from '../../../../src/clusters/credentials.ts';
import { Renewals, type RenewalsDeps } from '../../../../src/operator/engage/renewals.ts';
import { DAY, HOUR, NOW, SECOND } from '../../../support/builders.ts';
import { aJwt } from '../../../support/jwt.ts';

type Looked = Parameters<Renewals['look']>[0];

const tokenOf = (fromMs: number, lengthMs: number): string =>
  aJwt({
    sub: 'system:serviceaccount:cattle-system:ace-operator',
    iat: Math.floor(fromMs / 1_000),
    exp: Math.floor((fromMs + lengthMs) / 1_000),
  });

const kubeconfigOf = (token: string): string =>
  JSON.stringify({
    clusters: [{ name: 'd', cluster: { server: 'https://10.0.0.1:6443' } }],
    users: [{ name: 'd', user: { token } }],
    contexts: [{ name: 'd', context: { cluster: 'd', user: 'd' } }],
    'current-context': 'd',
  });

/** The Secret of one cluster, and an API server that gives tokens. */
class Cluster {
  readonly name: string;
  kubeconfig: string;
  version = 1;
  readonly gives: (seconds: number) => string;

  constructor(name: string, token: string, gives: (seconds: number) => string) {
    [this.name, this.kubeconfig, this.gives] = [name, kubeconfigOf(token), gives];
  }

  get looked(): Looked {
    const secret = parseCredentialsSecret({
      metadata: {
        ...{ name: `ace-cluster-${this.name}`, namespace: 'ace-operator', uid: 'u' },
        resourceVersion: String(this.version),
        labels: { 'ace-operator.io/cluster': this.name },
        annotations: { 'ace-operator.io/credential-renew': 'true' },
      },
      data: { kubeconfig: Buffer.from(this.kubeconfig).toString('base64') },
    });
    const credentials = findCredentials(this.name, undefined, { secrets: [secret], rancher: [] });
    const create = async (
      _: unknown,
      { spec }: { spec: { expirationSeconds: number } },
    ): Promise<object> => ({
      status: { token: this.gives(spec.expirationSeconds), expirationTimestamp: '2099-01-01T00:00:00Z' },
    });
    return {
      name: this.name,
      isElsewhere: false,
      connection: { client: { create } },
      settings: { credentials },
    } as unknown as Looked;
  }

  store(text: string): void {
    this.kubeconfig = text;
    this.version += 1;
  }
}

let nowMs = NOW;

function renewalsOf(cluster: Cluster, letsIn: () => Promise<void> = async () => {}): Renewals {
  const patch = async (_: unknown, { data }: { data?: { kubeconfig: string } }): Promise<object> => {
    if (data) cluster.store(Buffer.from(data.kubeconfig, 'base64').toString());
    return {};
  };
  return new Renewals({
    ...{ client: { patch }, ownNamespace: 'ace-operator', sessions: { letsIn } },
    ...{ log: { info: () => {}, warn: () => {} }, now: () => nowMs },
  } as unknown as RenewalsDeps);
}

/** A look each second, as when every change of the Secret opens a session anew. @returns how often the Secret was written */
async function lookFor(
  cluster: Cluster,
  seconds: number,
  after: (before: number) => void = () => {},
): Promise<number> {
  const renewals = renewalsOf(cluster);
  nowMs = NOW;
  let written = 0;
  for (let second = 0; second < seconds; second += 1) {
    const before = cluster.version;
    renewals.look(cluster.looked);
    await nextTurn();
    await nextTurn();
    if (cluster.version !== before) written += 1;
    after(before);
    nowMs += SECOND;
  }
  return written;
}

describe('renewals', () => {
  test('replace a credential once, when a third of it is left', async () => {
    const cluster = new Cluster('c-1', tokenOf(NOW - 20 * HOUR, DAY), (seconds) =>
      tokenOf(nowMs, seconds * 1_000),
    );
    expect(await lookFor(cluster, 120)).toBe(1);
  });

  test('do not fight with whoever puts the old one back', async () => {
    const cluster = new Cluster('c-1', tokenOf(NOW - 20 * HOUR, DAY), (seconds) =>
      tokenOf(nowMs, seconds * 1_000),
    );
    const old = cluster.kubeconfig;
    const written = await lookFor(cluster, 120, (before) => {
      if (cluster.version !== before) cluster.store(old);
    });
    expect(written).toBe(1);
  });

  test('do not go round where the clock of the cluster makes each new one look old', async () => {
    const behindMs = 45 * 60 * SECOND;
    const cluster = new Cluster('c-1', tokenOf(NOW - behindMs - 5 * SECOND, HOUR), (seconds) =>
      tokenOf(nowMs - behindMs, seconds * 1_000),
    );
    expect(await lookFor(cluster, 120)).toBe(0);
  });

  test.each([
    ['does not say when it is good', () => 'opaque'],
    ['ends sooner', () => tokenOf(NOW - DAY, DAY + SECOND)],
  ])('leave the present one where the new one %s, whatever the answer says beside it', async (_, gives) => {
    const cluster = new Cluster('c-1', tokenOf(NOW - 20 * HOUR, DAY), gives);
    expect(await lookFor(cluster, 5)).toBe(0);
  });

  test('are tried a few at a time, and all of them in the end', async () => {
    let [underWay, most] = [0, 0];
    const letsIn = async (): Promise<void> => {
      underWay += 1;
      most = Math.max(most, underWay);
      await nextTurn();
      underWay -= 1;
    };
    nowMs = NOW;
    const clusters = Array.from(
      { length: 50 },
      (_, index) =>
        new Cluster(`c-${index}`, tokenOf(NOW - 20 * HOUR, DAY), (seconds) => tokenOf(NOW, seconds * 1_000)),
    );
    const stored = new Cluster('all', '', () => '');
    const renewals = renewalsOf(stored, letsIn);
    for (const cluster of clusters) renewals.look(cluster.looked);
    for (let turn = 0; turn < 200; turn += 1) await nextTurn();
    expect([most, stored.version - 1]).toEqual([4, 50]);
  });
});

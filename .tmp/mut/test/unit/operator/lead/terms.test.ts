import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { operatorConfig } from '../../../../src/config/operator.ts';
import type { Hasher } from '../../../../src/hash/hasher.ts';
import { HashStore } from '../../../../src/hash/pending.ts';
import type { Fence } from '../../../../src/kube/fence.ts';
import { Transport } from '../../../../src/kube/transport.ts';
import { Term } from '../../../../src/operator/lead/term.ts';
import { Terms } from '../../../../src/operator/lead/terms.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { Log } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { eventually } from '../../../support/eventually.ts';

const LOG = { error() {}, warn() {}, info() {}, debug() {} } as unknown as Log;
const KEY = Buffer.alloc(32, 1).toString('base64');

let server: Server;
/** The installation key's Secret; undefined: the question for it is left without an answer. */
let secret: object | undefined;
/** With this status every question for it is refused, while it is set. */
let refusal: number | undefined;
let unanswered: ServerResponse[];
/** Of each term, in order. */
let fences: Fence[];
/** Lists of the management plane that were asked for, and the end of the wait for them. */
let refreshes: PromiseWithResolvers<void>[];
let terms: Terms;

beforeEach(async () => {
  [secret, unanswered, fences, refreshes] = [{ data: { key: KEY } }, [], [], []];
  refusal = undefined;
  server = createServer((request, response) => {
    if (request.url?.includes('limit=')) {
      response.end(JSON.stringify({ items: [], metadata: { resourceVersion: '1' } }));
    } else if (refusal !== undefined) response.writeHead(refusal).end('{}');
    else if (secret) response.end(JSON.stringify({ metadata: {}, ...secret }));
    else unanswered.push(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const access = { server: new URL(`http://127.0.0.1:${port}`), tls: {}, headers: async () => ({}) };
  terms = new Terms({
    log: LOG,
    newTerm: () =>
      new Term({
        config: operatorConfig({}, {}),
        definitions: [],
        seen: { management: new Management(['ace-operator']), deletions: new DeletionEvidence() },
        plane: {
          connect: (mayWrite) => {
            fences.push(mayWrite);
            return new Transport(access, { connections: 1, timeoutMs: 5_000, userAgent: 'test', mayWrite });
          },
          onRequest: () => {},
          mayWrite: () => true,
          statusHost: {
            refresh: () => {
              refreshes.push(Promise.withResolvers<void>());
              return refreshes.at(-1)?.promise ?? Promise.resolve();
            },
            writeStatus: async () => {},
          },
        },
        hashes: new HashStore({} as Hasher),
        metrics: new Metrics(),
        log: LOG,
        clocks: { now: Date.now, planeNow: Date.now },
      }),
  });
});
afterEach(async () => {
  await terms.end();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const refreshed = (count: number): Promise<void> =>
  eventually(() => {
    expect(refreshes).toHaveLength(count);
    refreshes.at(-1)?.resolve();
  });
const works = (): Promise<void> => eventually(() => expect(terms.isWorking).toBe(true));

describe('a term', () => {
  test('does not begin to work before the management plane was read anew', async () => {
    terms.elected();
    await eventually(() => expect(refreshes).toHaveLength(1));
    expect(terms.isWorking).toBe(false);
    await refreshed(1);
    await works();
  });

  test('that was lost may never write again, also when the process leads again', async () => {
    terms.elected();
    await refreshed(1);
    await works();
    terms.lost('test');
    terms.elected();
    await refreshed(2);
    await works();
    expect(fences.map((mayWrite) => mayWrite())).toEqual([false, true]);
  });

  test('that is lost before it began never begins, and holds up nobody', async () => {
    terms.elected();
    await eventually(() => expect(refreshes).toHaveLength(1));
    terms.lost('test');
    await terms.end();
    expect(terms.isWorking).toBe(false);
    refreshes[0]?.resolve();

    secret = undefined;
    terms.elected();
    await eventually(() => expect(unanswered).toHaveLength(1));
    const answerless = unanswered[0];
    const hungUp = new Promise((resolve) => answerless?.on('close', resolve));
    terms.lost('test');
    await terms.end();
    await hungUp;
    expect([terms.isWorking, ...fences.map((mayWrite) => mayWrite())]).toEqual([false, false, false]);
  });

  test('of three in quick succession only the last one works', async () => {
    for (const why of ['one', 'two']) {
      terms.elected();
      terms.lost(why);
    }
    terms.elected();
    await eventually(() => {
      for (const refresh of refreshes) refresh.resolve();
      expect(terms.isWorking).toBe(true);
    });
    expect(fences.map((mayWrite) => mayWrite()).filter(Boolean)).toHaveLength(1);
    expect(fences.at(-1)?.()).toBe(true);
  });

  test('that is refused with 401 goes on trying, and works once its credential is good again', async () => {
    refusal = 401;
    terms.elected();
    // Each try reads anew: the second one proves that the first was not the end.
    await refreshed(2);
    expect(terms.isWorking).toBe(false);
    refusal = undefined;
    await eventually(() => {
      for (const refresh of refreshes) refresh.resolve();
      expect(terms.isWorking).toBe(true);
    });
  });

  const unusable: Record<string, () => void> = {
    'holds nothing': () => {
      secret = { data: {} };
    },
    'may not be read': () => {
      refusal = 403;
    },
  };
  test.each(Object.entries(unusable))(
    'whose installation key %s works all the same, and says so until it is usable',
    async (_title, spoil) => {
      spoil();
      terms.elected();
      await refreshed(1);
      await works();
      expect(terms.keyProblem).toContain('ace-operator-installation-key');
      [secret, refusal] = [{ data: { key: KEY } }, undefined];
      await eventually(() => expect(terms.keyProblem).toBeUndefined());
      expect(terms.isWorking).toBe(true);
    },
  );
});

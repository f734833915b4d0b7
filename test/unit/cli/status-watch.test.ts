import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  planes.setClusters();
  planes.answer = () => undefined;
});

const args = (): string[] => ['status', '-w', '--interval', '1s', '--kubeconfig', planes.kubeconfig];

describe('status -w', () => {
  test('interrupted while it looks, calls nobody unreachable', async () => {
    const asked = Promise.withResolvers<void>();
    planes.answer = ({ plural }) => {
      if (plural !== 'leases') return undefined;
      asked.resolve();
      return new Promise(() => {});
    };
    const { runtime, told } = aRuntime({ signal: () => asked.promise.then(() => 'SIGTERM') });
    expect(await runProgram(args(), runtime)).toBe(0);
    // What was asked of the connection that is closed now, fails a moment later.
    await delay(200);
    expect(told).toEqual({ out: '', err: '' });
  });

  test('says what is to be said below the picture, which would hide it', async () => {
    const shown = Promise.withResolvers<string>();
    const { runtime, told } = aRuntime({ isTerminal: true, signal: () => shown.promise });
    const order: string[] = [];
    for (const name of ['stdout', 'stderr'] as const) {
      const { write } = runtime[name];
      runtime[name].write = ((text: string) => {
        order.push(name);
        if (order.includes('stderr')) shown.resolve('SIGINT');
        return write.call(runtime[name], text);
      }) as typeof write;
    }
    planes.answer = ({ plural }) => (plural === 'leases' ? { code: 403 } : undefined);
    expect(await runProgram(args(), runtime)).toBe(0);
    expect(told.err).toMatch(/^not known whether an operator works: /);
    expect(order.slice(0, 2)).toEqual(['stdout', 'stderr']);
  });

  test('says why it cannot look', async () => {
    planes.answer = ({ plural }) => (plural === 'clusters' ? { code: 403 } : undefined);
    const { runtime, told } = aRuntime({ signal: () => new Promise(() => {}) });
    expect(await runProgram(args(), runtime)).toBe(3);
    expect(told.err).toMatch(/Forbidden/);
  });
});

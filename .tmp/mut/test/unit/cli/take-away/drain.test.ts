import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());

test.each([['--undo'], []])(
  'drain %s of a ClusterPropagation whose spec cannot be read is never "unchanged"',
  async (...flags) => {
    planes.setClusters('c-1');
    const metadata = { name: 'c-1', uid: 'c-1', resourceVersion: '1', generation: 1 };
    const written: string[] = [];
    planes.answer = ({ method, plural }) => {
      if (plural !== 'clusterpropagations') return undefined;
      if (method !== 'GET') written.push(method);
      return { metadata, spec: { hash: 'of another time', drain: flags.length > 0 } };
    };
    const { runtime, told } = aRuntime();
    const args = ['drain', 'c-1', ...flags, '--kubeconfig', planes.kubeconfig];
    const code = await runProgram(args, runtime);
    expect({ code, written, out: told.out }).toEqual({ code: 1, written: ['PATCH'], out: '' });
    expect(told.err).toMatch(/ClusterPropagation c-1: spec\..*keeps its hands off until that is mended/);
  },
);

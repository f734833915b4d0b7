import { DRAIN_FLAGS } from '../../config/drain.ts';
import type { Command } from '../terminal/command.ts';

export const drain: Command = {
  description:
    "Take everything of ours out of one downstream cluster, and keep it out: its tokens no longer open it. The Cluster's own ACE switch stays as it is.\n\nIt sets `spec.drain` on the ClusterPropagation. The operator then removes what it wrote, and says so by the condition Drained; --wait waits for that, and looks into the cluster itself. --undo takes it back.\n\nWithout a running operator, gc --apply CLUSTER removes the same objects once spec.drain is set.",
  arguments: [{ name: 'CLUSTER', help: 'management id of the cluster', completes: 'cluster' }],
  flags: DRAIN_FLAGS,
  examples: [
    { what: 'And wait until nothing is left', command: 'drain c-m-abcdefgh --wait --timeout 10m' },
    { what: 'Put everything back', command: 'drain c-m-abcdefgh --undo' },
  ],
  exitCodes: { 1: 'the cluster was not drained in time, or something of ours is there all the same' },
  run: async (invocation, runtime) => (await import('./run-drain.ts')).runDrain(invocation, runtime),
};

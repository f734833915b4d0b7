import { DRAIN_FLAGS } from '../config/drain.ts';
import type { Command } from './command.ts';

export const drain: Command = {
  description:
    "Take everything of ours out of one downstream cluster, and keep it out.\n\nWhat keeps it out is the Cluster's own ACE switch: while it is on, the operator would put everything back. So this command refuses to begin while it is on, unless --disable-ace lets it switch it off. The operator then removes what it wrote, and says so by the condition Drained; --wait waits for that, and looks into the cluster itself.\n\nWhere a provisioning Cluster of Rancher owns the switch, switch it off there: Rancher would switch this one on again. Without a running operator, gc --apply CLUSTER removes the same.",
  arguments: [{ name: 'CLUSTER', help: 'management id of the cluster', completes: 'cluster' }],
  flags: DRAIN_FLAGS,
  examples: [
    {
      what: 'Switch ACE off, and wait until nothing is left',
      command: 'drain c-m-abcdefgh --disable-ace --wait',
    },
    { what: 'ACE was switched off elsewhere', command: 'drain c-m-abcdefgh --wait --timeout 10m' },
  ],
  exitCodes: { 1: 'ACE is on, or the cluster was not drained in time' },
  run: async (invocation, runtime) => (await import('./run-drain.ts')).runDrain(invocation, runtime),
};

import { LEAVE_FLAGS } from '../../config/join.ts';
import type { Command } from '../terminal/command.ts';

export const leave: Command = {
  description: `Undo join: the Secret in the management plane, the account of the operator in the cluster and its rights there. With the account its token ends at once.

It is refused while the operator writes in the cluster, and while something that it wrote is still there: nobody could take it away any more, and revoked tokens would stay. Drain the cluster first. Refused are also an id that nobody knows, a kubeconfig of another cluster, and an account by which the operator serves another Cluster on the same API server.`,
  arguments: [{ name: 'CLUSTER', help: 'management id of the cluster', completes: 'cluster' }],
  flags: LEAVE_FLAGS,
  examples: [
    {
      what: 'After drain c-m-abcdefgh --wait',
      command: 'leave c-m-abcdefgh --downstream-kubeconfig admin.yaml',
    },
    {
      what: 'What would go',
      command: 'leave c-m-abcdefgh --downstream-kubeconfig admin.yaml --dry-run=client',
    },
  ],
  exitCodes: {
    1: 'something of ours is still there or in use, could not be removed, or there is no such cluster',
  },
  run: async (invocation, runtime) => (await import('./run-leave.ts')).runLeave(invocation, runtime),
};

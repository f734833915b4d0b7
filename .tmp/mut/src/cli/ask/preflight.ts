import { PREFLIGHT_FLAGS } from '../../config/preflight.ts';
import type { Command } from '../terminal/command.ts';

export const preflight: Command = {
  description: `Look whether the management plane and a cluster (or every cluster with ACE) have all that it takes: definitions, the rights of the operator's credential (too few, too many), an authenticator that is ready and can verify what is stored, an API server that really asks it, for how long it remembers an answer, and clocks that agree.

Everything is read, nothing is written. The cluster is looked at with the operator's own credential; what that may not see is said to be unknown, unless --downstream-kubeconfig gives one that may.`,
  arguments: [{ name: 'CLUSTER', help: 'management id of a cluster', optional: true, completes: 'cluster' }],
  flags: PREFLIGHT_FLAGS,
  examples: [
    { what: 'Before tokens are propagated to a cluster', command: 'preflight c-m-abcdefgh' },
    { what: 'Every cluster with ACE, with what to do about each fault', command: 'preflight -o wide' },
    {
      what: "With an administrator's kubeconfig for what the operator's credential may not see",
      command: 'preflight c-m-abcdefgh --downstream-kubeconfig admin.yaml',
    },
    { what: 'In CI: a credential with too many rights fails it', command: 'preflight c-m-abcdefgh --strict' },
  ],
  exitCodes: {
    0: 'nothing is in the way; warnings (!) and what could not be seen (?) may remain',
    1: 'something is broken',
    3: 'the management plane or a cluster cannot be reached',
  },
  onlyLooks: true,
  run: async (invocation, runtime) => (await import('./run-preflight.ts')).runPreflight(invocation, runtime),
};

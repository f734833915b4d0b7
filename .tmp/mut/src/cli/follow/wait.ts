import { WAIT_FLAGS } from '../../config/status.ts';
import type { Command } from '../terminal/command.ts';

export const wait: Command = {
  description: `Wait until a token is usable in its cluster, or gone from it. For scripts that have just issued or revoked one.

An API server may go on letting a revoked token in for as long as its caches last: ten seconds, and the TTL of its webhook cache.`,
  arguments: [{ name: 'TOKEN-NAME', help: 'name of the Token', completes: 'token' }],
  flags: WAIT_FLAGS,
  examples: [
    {
      what: 'In CI, after issuing a token',
      command: 'wait kubeconfig-u-abcde --for=propagated --timeout 30s',
    },
    {
      what: 'After deleting it: its cluster has to be named',
      command: 'wait kubeconfig-u-abcde --for=revoked --cluster c-m-abcdefgh',
    },
  ],
  exitCodes: { 0: 'it is so', 1: 'it was not so in time; the last line says why', 3: 'it could not be seen' },
  onlyLooks: true,
  run: async (invocation, runtime) => (await import('./run-wait.ts')).runWait(invocation, runtime),
};

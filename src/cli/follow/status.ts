import { STATUS_FLAGS } from '../../config/status.ts';
import type { Command } from '../terminal/command.ts';

export const status: Command = {
  description: `Show where every cluster stands: ready or why not, tokens in place of tokens wanted, what is pending, how many are refused for which reason, when it was last in step, for how long it has not been (LAG), and its authenticator.

With a cluster, show its tokens: owner, state, created, expires, last used, and whether each is in the cluster. What is shown is derived from the management plane's clock, not from a stored flag. What is in the cluster without a Token is an orphan.`,
  arguments: [{ name: 'CLUSTER', help: 'management id of a cluster', optional: true, completes: 'cluster' }],
  flags: STATUS_FLAGS,
  examples: [
    { what: 'All clusters, again and again', command: 'status -w' },
    { what: 'The tokens of one cluster', command: 'status c-m-abcdefgh' },
    { what: 'Without asking the clusters themselves', command: 'status --management-only -o wide' },
    {
      what: 'Clusters that are not ready',
      command: `status -o json | jq -r '.items[] | select(.ready != "True") | .name'`,
    },
  ],
  exitCodes: { 1: 'there is no such cluster', 3: 'the management plane cannot be reached' },
  onlyLooks: true,
  run: async (invocation, runtime) => (await import('./run-status.ts')).runStatus(invocation, runtime),
};

import { STATUS_FLAGS } from '../../config/status.ts';
import type { Command } from '../terminal/command.ts';

export const status: Command = {
  description: `Show where every cluster stands: ready or why not, tokens in place of tokens wanted, what is pending, how many are refused for which reason, when it was last in step, for how long it has not been (LAG), and its authenticator.

With a cluster, show its tokens: owner, state, created, expires, last used, and whether each is in the cluster. What is shown is derived from the management plane's clock, not from a stored flag. What is in the cluster without a Token is an orphan; unknown is what could not be seen, such as whether a token of ext.cattle.io is there that may not be read.`,
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
  exitCodes: {
    1: 'there is no such cluster',
    3: 'the management plane, or the cluster that was named, cannot be reached, or not be seen as a whole',
  },
  onlyLooks: true,
  run: async (invocation, runtime) => (await import('./run-status.ts')).runStatus(invocation, runtime),
};

// join/: takes a cluster in, and lets it go: the account of the operator there, and its credential here.

import { JOIN_FLAGS } from '../../config/join.ts';
import type { Command } from '../terminal/command.ts';

export const join: Command = {
  description: `Give the operator its way into a downstream cluster: an account there with the least rights that it needs, a token that is bound to it, and a Secret in the management plane that holds both. Then look whether all is there that it takes, as preflight does.

It can be run again: what is as it should be is left alone, and a credential is made anew when less than a third of its own lifetime is left, when the address is another, when its account is no more, or by --rotate. The earlier one stays good until it ends; leave, then join, ends it at once.

A token of another account in that Secret stays, unless --rotate is said, and where a guard (docs/downstream-guard.md) refuses what the account of join writes, nothing is made: no revocation would arrive there.

By --renew the operator may ask for tokens of its own account there, and renews the credential by itself. So can whoever steals it, for as long as the account is there: say a short --duration with it, and leave, then join, when it may be in other hands. Without the flag the operator may not, and an earlier --renew is taken back.

Your kubeconfig of the cluster has to allow to make roles there. It is used by this command alone, and nothing of it is stored.`,
  arguments: [{ name: 'CLUSTER', help: 'management id of the cluster', completes: 'cluster' }],
  flags: JOIN_FLAGS,
  examples: [
    { what: 'Take a cluster in', command: 'join c-m-abcdefgh --downstream-kubeconfig admin.yaml' },
    {
      what: 'By the address that the operator has for it',
      command: 'join c-m-abcdefgh --downstream-kubeconfig admin.yaml --server https://10.1.2.3:6443',
    },
    {
      what: 'One of a day, which the operator renews',
      command: 'join c-m-abcdefgh --downstream-kubeconfig admin.yaml --duration 24h --renew',
    },
    {
      what: 'A new credential',
      command: 'join c-m-abcdefgh --downstream-kubeconfig admin.yaml --rotate',
    },
  ],
  exitCodes: {
    1: 'something could not be made, or is still in the way',
    2: 'a flag cannot be used, or the Secret holds what join did not make',
  },
  run: async (invocation, runtime) => (await import('./run-join.ts')).runJoin(invocation, runtime),
};

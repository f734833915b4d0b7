import { SYSDUMP_FLAGS } from '../../config/sysdump.ts';
import type { Command } from '../terminal/command.ts';

export const sysdump: Command = {
  description: `Write one archive (tar.gz) with all that support needs: releases, ClusterPropagations, Tokens, Users and Clusters without their secret parts, the operator's Lease, Events, metrics and logs, and of each cluster what is there, its authenticators with their logs and metrics, and its preflight. It changes nothing.

What goes in is listed field by field, so no token value, hash, credential or kubeconfig does; all texts are looked through once more for what has the form of one. Ids of users and names of groups, clusters and tokens are in it. What could not be read, and why, is in left-out.json.`,
  arguments: [
    {
      name: 'CLUSTER',
      help: 'management id of a cluster; all that have ACE without any',
      optional: true,
      variadic: true,
      completes: 'cluster',
    },
  ],
  flags: SYSDUMP_FLAGS,
  examples: [
    { what: 'Of everything', command: 'sysdump' },
    {
      what: 'Of one cluster, to look at it at once',
      command: 'sysdump c-m-abcdefgh --output-file - | tar -tzv',
    },
  ],
  exitCodes: {
    1: 'there is no such cluster',
    3: 'the archive is there, and something could not be read; or nothing could be',
  },
  run: async (invocation, runtime) => (await import('./run-sysdump.ts')).runSysdump(invocation, runtime),
};

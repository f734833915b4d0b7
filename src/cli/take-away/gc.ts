import { GC_FLAGS } from '../../config/gc.ts';
import type { Command } from '../terminal/command.ts';

export const gc: Command = {
  description:
    'Show what the operator would take away in the downstream clusters, and why: counted by reason and age, each object with -o wide. With --apply, do it from here: every object after a live read of its source, ClusterAuthTokens first, and nothing of what the brake holds back. What has expired has to be past by the clock of the management plane and by the one here.\n\nThe brake (`GCBlocked`) holds what has no source in the management plane when it is more than `spec.gc` allows; --allow lets one sweep within the hour pass, for as many objects as were looked at.',
  arguments: [
    {
      name: 'CLUSTER',
      help: 'management id of a cluster; all of them without it',
      optional: true,
      completes: 'cluster',
    },
  ],
  flags: GC_FLAGS,
  examples: [
    { what: 'What would go, everywhere', command: 'gc --plan' },
    { what: 'Object by object, in one cluster', command: 'gc --plan c-m-abcdefgh -o wide' },
    {
      what: 'A sweep is blocked, and its deletions are meant',
      command: 'gc --allow c-m-abcdefgh --objects 44',
    },
  ],
  exitCodes: {
    1: 'something could not be taken away, or (--allow) nothing is blocked, or more than was looked at',
  },
  run: async (invocation, runtime) => (await import('./run-gc.ts')).runGc(invocation, runtime),
};

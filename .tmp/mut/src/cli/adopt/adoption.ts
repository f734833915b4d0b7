// adopt/: says what adoption makes of another writer's objects, and takes away what Rancher left behind.

import { ADOPTION_FLAGS } from '../../config/adoption.ts';
import type { Command } from '../terminal/command.ts';

export const adoption: Command = {
  description:
    "Show what `spec.adopt` does, or would do, with each ClusterAuthToken that another writer made: adopt, switchOff, leave, conflict (it cannot be taken over) or orphan (no Token has its name). And what Rancher left behind: pairs without a Token, hash Secrets without a pair, and everything of its own controller in a cluster whose endpoint is off.\n\nNothing is changed, but with --remove-leftovers: then what REMOVABLE says goes, each object as it was shown, after a live read of its Token. Only what bears Rancher's mark, and plain hash Secrets, are removable; look first whether another management plane writes there.",
  arguments: [
    {
      name: 'CLUSTER',
      help: 'management id of a cluster; all of them without it',
      optional: true,
      completes: 'cluster',
    },
  ],
  flags: ADOPTION_FLAGS,
  examples: [
    { what: 'What adoption would do, everywhere', command: 'adoption' },
    {
      what: 'What would go of what Rancher left behind in one cluster',
      command: 'adoption c-m-abcdefgh --remove-leftovers --dry-run=client',
    },
    { what: 'In a script', command: 'adoption c-m-abcdefgh --remove-leftovers --yes' },
  ],
  exitCodes: { 1: 'something could not be taken away, or you said no' },
  run: async (invocation, runtime) => (await import('./run-adoption.ts')).runAdoption(invocation, runtime),
};

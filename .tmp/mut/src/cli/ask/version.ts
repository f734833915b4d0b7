import { VERSION_FLAGS } from '../../config/version.ts';
import { SUPPORTED_SKEW } from '../../derive/skew.ts';
import type { Command } from '../terminal/command.ts';

export const version: Command = {
  description: `Show the releases of this program, of the operator that works, and of the authenticators of each cluster that can be reached, with the Kubernetes below each, and whether they go together.

Supported are ${SUPPORTED_SKEW}. The operator's release is in its Lease; that of an authenticator is the tag of its image. What is not known is told on stderr, with the reason.`,
  flags: VERSION_FLAGS,
  examples: [
    { what: 'All parts', command: 'version' },
    {
      what: 'This program alone, for a script',
      command: "version --client -o json | jq -r '.client.version'",
    },
  ],
  exitCodes: {
    1: 'two parts do not go together',
    3: 'the management plane or a cluster cannot be reached; what could be seen goes together',
  },
  onlyLooks: true,
  run: async (invocation, runtime) => (await import('./run-version.ts')).runVersion(invocation, runtime),
};

import { TOKEN_REVOKE_FLAGS } from '../config/token.ts';
import type { Command } from './command.ts';

export const tokenRevoke: Command = {
  description:
    "Take away the tokens of a user, of a cluster, with some label, of some age, or those that are named. What is revoked already is left as it is, so that it can be run again after a failure. Tokens that Rancher's own agents and provisioning use are left out unless they are named or --include-system is given.",
  arguments: [
    { name: 'TOKEN-NAME', help: 'name of a token', optional: true, variadic: true, completes: 'token' },
  ],
  flags: TOKEN_REVOKE_FLAGS,
  examples: [
    { what: 'Someone has left', command: 'token revoke --user u-ada --wait' },
    {
      what: 'What would go if the unused ones went',
      command: 'token revoke --unused-since 90d --dry-run=client',
    },
    {
      what: 'Everything that opens one cluster, so that it can be undone',
      command: 'token revoke --cluster c-m-abcdefgh --keep',
    },
  ],
  exitCodes: { 1: 'some token could not be revoked, or was not refused in time' },
  run: async (invocation, runtime) =>
    (await import('./run-token-revoke.ts')).runTokenRevoke(invocation, runtime),
};

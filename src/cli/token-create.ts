import { TOKEN_CREATE_FLAGS } from '../config/token.ts';
import type { Command } from './command.ts';

export const tokenCreate: Command = {
  description:
    'Issue a token for a user: a random secret, stored as Rancher stores it, with its labels. The bearer (`name:secret`) is written to a file of mode 0600, or to stdout when that is asked for, and shown nowhere else.\n\nA ttl over the limit that the management plane sets is refused, not shortened.',
  flags: TOKEN_CREATE_FLAGS,
  examples: [
    {
      what: 'For a pipeline, for one cluster, for a day',
      command: 'token create --user u-ci --cluster c-m-abcdefgh --ttl 1d --output-file ci.token',
    },
    {
      what: 'Into a variable',
      command: 'token create --user u-ci --cluster c-m-abcdefgh --output-file - 2>/dev/null',
    },
  ],
  run: async ({ given }, runtime) => (await import('./run-token-create.ts')).runTokenCreate(given, runtime),
};

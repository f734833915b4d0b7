import { TOKEN_LIST_FLAGS } from '../config/token.ts';
import type { Command } from './command.ts';

export const tokenList: Command = {
  description:
    'Show tokens. STATE is Active, or the reason why the token is of no use by itself; STORED is how the management plane keeps it: plain, or the format of its hash. Neither a secret nor a hash is ever shown.',
  flags: TOKEN_LIST_FLAGS,
  examples: [
    { what: "One user's tokens", command: 'token list --user u-ada' },
    { what: 'What ends this week', command: 'token list --expiring-within 7d' },
    {
      what: 'What nobody used for a month, as names for xargs',
      command: 'token list --unused-since 30d -o name',
    },
  ],
  onlyLooks: true,
  run: async ({ given }, runtime) => (await import('./run-token-list.ts')).runTokenList(given, runtime),
};

import { TOKEN_CHANGE_FLAGS } from '../config/token.ts';
import type { Command } from './command.ts';

export const tokenDelete: Command = {
  description: 'Delete tokens by name. Their clusters refuse them at once; it cannot be undone.',
  arguments: [{ name: 'TOKEN-NAME', help: 'name of a token', variadic: true, completes: 'token' }],
  flags: TOKEN_CHANGE_FLAGS,
  examples: [{ what: 'Two tokens', command: 'token delete token-bcdfg token-hjklm' }],
  exitCodes: { 1: 'some token could not be changed, or was not refused in time' },
  run: async (invocation, runtime) =>
    (await import('./run-token-change.ts')).runTokenChange('delete', invocation, runtime),
};

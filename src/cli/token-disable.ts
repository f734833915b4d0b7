import { TOKEN_CHANGE_FLAGS } from '../config/token.ts';
import type { Command } from './command.ts';

export const tokenDisable: Command = {
  description:
    'Set `enabled: false` on tokens. They are refused in their clusters at once, and stay, so that it can be undone. A token that is disabled already is left as it is.',
  arguments: [{ name: 'TOKEN-NAME', help: 'name of a token', variadic: true, completes: 'token' }],
  flags: TOKEN_CHANGE_FLAGS,
  examples: [
    {
      what: 'And do not return before its cluster refuses it',
      command: 'token disable kubeconfig-u-adabcdfg --wait',
    },
  ],
  exitCodes: { 1: 'some token could not be changed, or was not refused in time' },
  run: async (invocation, runtime) =>
    (await import('./run-token-change.ts')).runTokenChange('disable', invocation, runtime),
};

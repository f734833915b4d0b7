import { TOKEN_CHANGE_FLAGS } from '../config/token.ts';
import type { Command } from './command.ts';

export const tokenEnable: Command = {
  description: 'Set `enabled: true` on tokens. An expired one stays expired.',
  arguments: [{ name: 'TOKEN-NAME', help: 'name of a token', variadic: true, completes: 'token' }],
  flags: TOKEN_CHANGE_FLAGS,
  examples: [{ what: 'Undo a disable', command: 'token enable kubeconfig-u-adabcdfg' }],
  exitCodes: { 1: 'some token could not be changed, or was not refused in time' },
  run: async (invocation, runtime) =>
    (await import('./run-token-change.ts')).runTokenChange('enable', invocation, runtime),
};

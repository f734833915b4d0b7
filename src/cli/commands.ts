import type { CommandEntry } from './command.ts';

/** Every command, in the order of `--help`. Its module is loaded when it is asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'explain',
    summary: 'say why a token is refused, and what to do',
    load: async () => (await import('./explain.ts')).explain,
  },
  {
    name: 'operator',
    summary: 'run the operator, in the management cluster',
    load: async () => (await import('./operator.ts')).operator,
  },
  {
    name: 'authenticator',
    summary: 'run the webhook, on the control-plane nodes of a downstream cluster',
    load: async () => (await import('./authenticator.ts')).authenticator,
  },
];

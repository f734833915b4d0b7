import type { CommandEntry } from './command.ts';

/** Every command, in the order of `--help`. Its module is loaded when it is asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'explain',
    summary: 'say why a token is refused, and what to do',
    load: async () => (await import('./explain.ts')).explain,
  },
  {
    name: 'preflight',
    summary: 'look whether a cluster has all that it takes',
    load: async () => (await import('./preflight.ts')).preflight,
  },
  {
    name: 'status',
    summary: 'show where every cluster stands, or the tokens of one',
    load: async () => (await import('./status.ts')).status,
  },
  {
    name: 'wait',
    summary: 'wait until a token is usable in its cluster, or gone from it',
    load: async () => (await import('./wait.ts')).wait,
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

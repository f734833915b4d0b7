import type { CommandEntry } from '../terminal/command.ts';

/** Every command, in the order of `--help`. Its module is loaded when it is asked for. */
export const COMMANDS: readonly CommandEntry[] = [
  {
    name: 'explain',
    summary: 'say why a token is refused, and what to do',
    load: async () => (await import('../ask/explain.ts')).explain,
  },
  {
    name: 'preflight',
    summary: 'look whether a cluster has all that it takes',
    load: async () => (await import('../ask/preflight.ts')).preflight,
  },
  {
    name: 'status',
    summary: 'show where every cluster stands, or the tokens of one',
    load: async () => (await import('../follow/status.ts')).status,
  },
  {
    name: 'wait',
    summary: 'wait until a token is usable in its cluster, or gone from it',
    load: async () => (await import('../follow/wait.ts')).wait,
  },
  {
    name: 'join',
    summary: 'give the operator its way into a cluster',
    load: async () => (await import('../join/join.ts')).join,
  },
  {
    name: 'leave',
    summary: 'take that way away again',
    load: async () => (await import('../join/leave.ts')).leave,
  },
  {
    name: 'operator',
    summary: 'run the operator, in the management cluster',
    load: async () => (await import('../serve/operator.ts')).operator,
  },
  {
    name: 'authenticator',
    summary: 'run the webhook, on the control-plane nodes of a downstream cluster',
    load: async () => (await import('../serve/authenticator.ts')).authenticator,
  },
  {
    name: 'kubeconfig',
    summary: 'write a kubeconfig for a cluster',
    load: async () => (await import('../issue/kubeconfig.ts')).kubeconfig,
  },
  {
    name: 'token',
    summary: 'issue, list, switch and revoke tokens',
    load: async () => (await import('../issue/token.ts')).token,
  },
  {
    name: 'gc',
    summary: 'show, or do, what is to be taken away downstream',
    load: async () => (await import('../take-away/gc.ts')).gc,
  },
  {
    name: 'drain',
    summary: 'take everything of ours out of a cluster, and keep it out',
    load: async () => (await import('../take-away/drain.ts')).drain,
  },
  {
    name: 'cleanup',
    summary: 'the same with a kubeconfig of that cluster alone',
    load: async () => (await import('../take-away/cleanup.ts')).cleanup,
  },
  {
    name: 'adoption',
    summary: "show what adoption makes of Rancher's objects, and what Rancher left behind",
    load: async () => (await import('../adopt/adoption.ts')).adoption,
  },
  {
    name: 'sysdump',
    summary: 'write one archive for support, without secrets',
    load: async () => (await import('../ask/sysdump.ts')).sysdump,
  },
  {
    name: 'version',
    summary: 'show the releases of all parts, and whether they go together',
    load: async () => (await import('../ask/version.ts')).version,
  },
  {
    name: 'completion',
    summary: 'print a script that completes commands in a shell',
    load: async () => (await import('../completion/completion.ts')).completion,
  },
];

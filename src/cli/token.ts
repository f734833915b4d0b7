import type { Command } from './command.ts';

export const token: Command = {
  description: 'Issue, list, switch and revoke the tokens of the management plane.',
  subcommands: [
    {
      name: 'create',
      summary: 'issue a token',
      load: async () => (await import('./token-create.ts')).tokenCreate,
    },
    {
      name: 'list',
      summary: 'show tokens: whose, for what, until when, when last used',
      load: async () => (await import('./token-list.ts')).tokenList,
    },
    {
      name: 'disable',
      summary: 'refuse tokens until they are enabled again',
      load: async () => (await import('./token-disable.ts')).tokenDisable,
    },
    {
      name: 'enable',
      summary: 'accept disabled tokens again',
      load: async () => (await import('./token-enable.ts')).tokenEnable,
    },
    {
      name: 'delete',
      summary: 'delete tokens by name',
      load: async () => (await import('./token-delete.ts')).tokenDelete,
    },
    {
      name: 'revoke',
      summary: 'delete or disable all tokens of a user, of a cluster, by label or by age',
      load: async () => (await import('./token-revoke.ts')).tokenRevoke,
    },
  ],
};

// issue/: gives people tokens, and kubeconfigs that hold them.

import {
  TOKEN_CHANGE_FLAGS,
  TOKEN_CREATE_FLAGS,
  TOKEN_LIST_FLAGS,
  TOKEN_REVOKE_FLAGS,
} from '../../config/token.ts';
import type { Command } from '../terminal/command.ts';

const tokenCreate: Command = {
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

const tokenList: Command = {
  description:
    'Show tokens. STATE is Active, or the reason why the token is of no use, by itself or because of its user (whether its cluster takes it, explain tells); STORED is how the management plane keeps it: plain, or the format of its hash. Neither a secret nor a hash is ever shown.',
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
  run: async ({ given }, runtime) =>
    (await import('../tokens/run-token-list.ts')).runTokenList(given, runtime),
};

const tokenDisable: Command = {
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
    (await import('../tokens/run-token-change.ts')).runTokenChange('disable', invocation, runtime),
};

const tokenEnable: Command = {
  description: 'Set `enabled: true` on tokens. An expired one stays expired.',
  arguments: [{ name: 'TOKEN-NAME', help: 'name of a token', variadic: true, completes: 'token' }],
  flags: TOKEN_CHANGE_FLAGS,
  examples: [{ what: 'Undo a disable', command: 'token enable kubeconfig-u-adabcdfg' }],
  exitCodes: { 1: 'some token could not be changed, or was not refused in time' },
  run: async (invocation, runtime) =>
    (await import('../tokens/run-token-change.ts')).runTokenChange('enable', invocation, runtime),
};

const tokenDelete: Command = {
  description: 'Delete tokens by name. Their clusters refuse them at once; it cannot be undone.',
  arguments: [{ name: 'TOKEN-NAME', help: 'name of a token', variadic: true, completes: 'token' }],
  flags: TOKEN_CHANGE_FLAGS,
  examples: [{ what: 'Two tokens', command: 'token delete token-bcdfg token-hjklm' }],
  exitCodes: { 1: 'some token could not be changed, or was not refused in time' },
  run: async (invocation, runtime) =>
    (await import('../tokens/run-token-change.ts')).runTokenChange('delete', invocation, runtime),
};

const tokenRevoke: Command = {
  description:
    "Take away the tokens of a user, of a cluster, with some label, of some age, or those that are named. What is revoked already is left as it is, so that it can be run again after a failure; --wait then waits also for the clusters to refuse what is gone already. Tokens that Rancher's own agents and provisioning use are left out unless they are named or --include-system is given.\n\nTokens of Rancher's newer kind (ext.cattle.io) are not taken away: each that is meant and enabled is named, with what to do, and makes the exit code 1.",
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
      what: 'All Tokens that open one cluster, so that it can be undone',
      command: 'token revoke --cluster c-m-abcdefgh --keep',
    },
  ],
  exitCodes: {
    1: 'some token could not be revoked, is one of ext.cattle.io, or was not refused in time',
    3: 'the management plane cannot be reached, or it cannot be seen whether all is revoked or refused',
  },
  run: async (invocation, runtime) =>
    (await import('../tokens/run-token-revoke.ts')).runTokenRevoke(invocation, runtime),
};

export const token: Command = {
  description: 'Issue, list, switch and revoke the tokens of the management plane.',
  subcommands: [
    {
      name: 'create',
      summary: 'issue a token',
      load: async () => tokenCreate,
    },
    {
      name: 'list',
      summary: 'show tokens: whose, for what, until when, when last used',
      load: async () => tokenList,
    },
    {
      name: 'disable',
      summary: 'refuse tokens until they are enabled again',
      load: async () => tokenDisable,
    },
    {
      name: 'enable',
      summary: 'accept disabled tokens again',
      load: async () => tokenEnable,
    },
    {
      name: 'delete',
      summary: 'delete tokens by name',
      load: async () => tokenDelete,
    },
    {
      name: 'revoke',
      summary: 'delete or disable all tokens of a user, of a cluster, by label or by age',
      load: async () => tokenRevoke,
    },
  ],
};

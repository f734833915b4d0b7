import { EXPLAIN_FLAGS } from '../../config/explain.ts';
import type { Command } from '../terminal/command.ts';

export const explain: Command = {
  description: `Say why a token is refused: follow it hop by hop from the management plane to the API server that lets it in, and name the first hop that is broken, with what to do about it.

What cannot be reached or may not be read is said to be unknown, and does not keep the rest from being looked at. No secret is shown. The API server is asked by a TokenReview about the bearer (or, without one, about a token that nobody has); the authenticator may note that as a use of the token.`,
  arguments: [
    {
      name: 'TOKEN-NAME',
      help: 'name of the Token: what stands before the colon of the bearer',
      optional: true,
      completes: 'token',
    },
  ],
  flags: EXPLAIN_FLAGS,
  examples: [
    {
      what: 'Why is this token refused in the cluster that it is scoped to?',
      command: 'explain kubeconfig-u-abcde',
    },
    { what: 'In another cluster', command: 'explain kubeconfig-u-abcde --cluster c-m-abcdefgh' },
    {
      what: 'Why does this kubeconfig not work? Its bearer is read from the file and checked, too',
      command: 'explain --kubeconfig-file ~/Downloads/berlin.yaml',
    },
    {
      what: 'It is let in: may it do what it is meant to?',
      command: "explain -f berlin.yaml --can-i 'list pods' --can-i-namespace shop",
    },
    {
      what: 'The management plane is down: look at the cluster alone',
      command: 'explain -f berlin.yaml --downstream-kubeconfig admin.yaml',
    },
    { what: 'For a script', command: "explain kubeconfig-u-abcde -o json | jq -r '.verdict, .reason'" },
  ],
  exitCodes: {
    0: 'the API server let the bearer in (and its user may do what --can-i asks)',
    1: 'it would be refused, or it is still let in though something is broken; the first line says why',
    3: 'it cannot be told: too little could be seen',
    4: 'it would be let in, as far as is stored: only a name was given, so its API server was not asked with the bearer',
  },
  onlyLooks: true,
  run: async (invocation, runtime) => (await import('./run-explain.ts')).runExplain(invocation, runtime),
};

import { OPERATOR_FLAGS } from '../../config/operator.ts';
import type { Command } from '../terminal/command.ts';

export const operator: Command = {
  description:
    'Run the operator: watch Tokens and Users, keep every ACE-enabled downstream cluster in step. Runs until SIGTERM or SIGINT.',
  flags: OPERATOR_FLAGS,
  examples: [
    {
      what: 'On a workstation, with a log for people',
      command: 'operator --kubeconfig mgmt.yaml --log-format text',
    },
  ],
  run: async ({ given }, runtime) => (await import('./run-operator.ts')).runOperator(given, runtime),
};

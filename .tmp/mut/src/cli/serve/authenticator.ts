import { AUTHENTICATOR_FLAGS } from '../../config/authenticator.ts';
import type { Command } from '../terminal/command.ts';

export const authenticator: Command = {
  description:
    "Run the webhook: answer a downstream API server's TokenReviews from its own cluster. Runs until SIGTERM or SIGINT.",
  flags: AUTHENTICATOR_FLAGS,
  examples: [
    { what: 'Beside the API server of one cluster', command: 'authenticator --kubeconfig downstream.yaml' },
  ],
  run: async ({ given }, runtime) =>
    (await import('./run-authenticator.ts')).runAuthenticator(given, runtime),
};

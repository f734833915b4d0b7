import { CLEANUP_FLAGS } from '../../config/cleanup.ts';
import type { Command } from '../terminal/command.ts';

export const cleanup: Command = {
  description:
    'Take everything that carries our labels out of one downstream cluster, with nothing but a kubeconfig of it: for when the management plane is gone. What others wrote stays, and so do the definitions and the namespace.\n\nWhile an operator still looks after the cluster it puts everything back: see drain.',
  flags: CLEANUP_FLAGS,
  examples: [
    { what: 'What is there', command: 'cleanup --kubeconfig downstream.yaml --dry-run=client' },
    { what: 'In a script', command: 'cleanup --kubeconfig downstream.yaml --yes' },
  ],
  exitCodes: { 1: 'something could not be taken away, or you said no' },
  run: async ({ given }, runtime) => (await import('./run-cleanup.ts')).runCleanup(given, runtime),
};

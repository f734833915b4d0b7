import type { Command } from '../../src/cli/terminal/command.ts';
import { ConfigError } from '../../src/errors.ts';

/** Stands where the services are in the program of the image. */
const service = (name: string): Command => ({
  description: `Not in this executable: it is the command line alone. The ${name} runs from the image; docs/install-helm.md says how.`,
  run: async () => {
    throw new ConfigError(
      `the ${name} is not in this executable, which is the command line alone; run it from the image (docs/install-helm.md)`,
    );
  },
});

export const operator = service('operator');
export const authenticator = service('authenticator');

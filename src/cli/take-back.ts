import { TOKENS } from '../api/names.ts';
import { describeError, TerminalError } from '../errors.ts';
import type { Issued } from '../issue/issue.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { InterruptedError } from './interruption.ts';
import type { Runtime } from './runtime.ts';
import { note } from './say.ts';

/**
 * Uses a token that was just made; when that fails, or a signal came meanwhile, the token goes again, for nobody has
 * its secret.
 *
 * @throws what `use` throws
 * @throws {InterruptedError} when a signal came before it was used
 * @throws {TerminalError} when the token could not be deleted either
 */
export async function takeBack(
  { token }: Issued,
  { management, runtime }: { readonly management: ManagementPlane; readonly runtime: Runtime },
  use: () => Promise<void>,
): Promise<void> {
  try {
    const interruption = runtime.interruption();
    if (interruption.aborted) throw new InterruptedError(interruption, 'nothing was written');
    await use();
  } catch (error) {
    const key = { resource: TOKENS, name: token.name };
    await management.client.delete(key, { uid: token.uid }).catch((cause: unknown) => {
      throw new TerminalError(
        'Rejected',
        `${describeError(error)}; and token ${token.name}, which nobody can use, is still there: ${describeError(cause)}`,
      );
    });
    note(`token ${token.name} was deleted again: nobody has its secret`, runtime);
    throw error;
  }
}

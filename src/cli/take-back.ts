import { TOKENS } from '../api/names.ts';
import { describeError, TerminalError } from '../errors.ts';
import type { Issued } from '../issue/issue.ts';
import type { ManagementPlane } from '../plane/management.ts';

/**
 * Uses a token that was just made; when that fails, the token goes again, for nobody has its secret.
 *
 * @throws what `use` throws
 * @throws {TerminalError} when the token could not be deleted either
 */
export async function takeBack(
  { token }: Issued,
  management: ManagementPlane,
  use: () => Promise<void>,
): Promise<void> {
  try {
    await use();
  } catch (error) {
    const key = { resource: TOKENS, name: token.name };
    await management.client.delete(key, { uid: token.uid }).catch((cause: unknown) => {
      throw new TerminalError(
        'Rejected',
        `${describeError(error)}; and token ${token.name}, which nobody can use, is still there: ${describeError(cause)}`,
      );
    });
    throw error;
  }
}

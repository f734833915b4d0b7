import { TOKENS } from '../../api/names.ts';
import { describeError, TerminalError } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';
import type { Issued } from './issue.ts';

/**
 * Uses a token that was just made; when that fails the token goes again, for nobody has its secret.
 *
 * @param noteTakenBack - told that it was deleted again
 * @throws what `use` throws
 * @throws {TerminalError} when the token could not be deleted either
 */
export async function takeBack(
  { token }: Issued,
  { client, noteTakenBack }: { readonly client: Writer; readonly noteTakenBack: (message: string) => void },
  use: () => Promise<void>,
): Promise<void> {
  try {
    await use();
  } catch (error) {
    const key = { resource: TOKENS, name: token.name };
    await client.delete(key, { uid: token.uid }).catch((cause: unknown) => {
      throw new TerminalError(
        'Rejected',
        `${describeError(error)}; and token ${token.name}, which nobody can use, is still there: ${describeError(cause)}`,
      );
    });
    noteTakenBack(`token ${token.name} was deleted again: nobody has its secret`);
    throw error;
  }
}

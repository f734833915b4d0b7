import { ConnectionError, certificateReasonIn } from '../errors.ts';
import type { Reading } from './reading.ts';

/**
 * What was read, for those who cannot do without it.
 *
 * @throws {ConnectionError} when it is not known: nothing may be concluded, and nothing done
 */
export function needed<T>(result: Reading<T>): T {
  if (result.ok) return result.value;
  const { reason, message } = result.failure;
  throw new ConnectionError(certificateReasonIn(reason) ?? 'Unreachable', `${reason}: ${message}`);
}

/** As much of undici's answer as is read here. */
export interface Body extends AsyncIterable<Uint8Array> {
  destroy(error?: Error): unknown;
}

/** An answer is longer than what is taken. */
export class BodyTooLongError extends Error {
  override readonly name = 'BodyTooLongError';
}

export interface ReadOptions {
  readonly maxBytes: number;
  /** Called for each {@link PROGRESS_BYTES} that arrived: whoever waits may go on waiting. */
  readonly onProgress?: () => void;
}

/** So much of an answer has to arrive in the time that its beginning may take: slow is fine, dripping is not. */
export const PROGRESS_BYTES = 64 * 1024;

/** The whole of an answer. @throws {BodyTooLongError} when it is longer than `maxBytes`; nothing more is read of it then */
export async function readWhole(body: Body, options: ReadOptions): Promise<{ text: string; bytes: number }> {
  const { chunks, bytes, isCut } = await read(body, options);
  if (isCut) throw new BodyTooLongError(`more than ${options.maxBytes} bytes`);
  return { text: Buffer.concat(chunks).toString('utf8'), bytes };
}

/** The beginning of an answer, of which the rest does not matter. */
export async function readBeginning(body: Body, options: ReadOptions): Promise<string> {
  const { chunks } = await read(body, options);
  return Buffer.concat(chunks).subarray(0, options.maxBytes).toString('utf8');
}

async function read(
  body: Body,
  { maxBytes, onProgress }: ReadOptions,
): Promise<{ chunks: Uint8Array[]; bytes: number; isCut: boolean }> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  let progress = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    bytes += chunk.length;
    progress += chunk.length;
    if (progress >= PROGRESS_BYTES) {
      progress = 0;
      onProgress?.();
    }
    // Leaving the loop destroys the stream, and with it the connection.
    if (bytes > maxBytes) return { chunks, bytes, isCut: true };
  }
  return { chunks, bytes, isCut: false };
}

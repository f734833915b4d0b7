type Failure = NodeJS.ErrnoException;

/**
 * Keeps an eye on stdout or stderr: a reader that is gone (`| head`) or a disk that is full must not end a program in
 * the middle of what it does. What cannot be written is lost, and known to be.
 */
export class OutputWatch {
  readonly #stream: NodeJS.WritableStream;
  #failure: Failure | undefined;
  /** Resolves when the stream has refused something. */
  readonly lost: Promise<Failure>;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    this.lost = new Promise((resolve) => {
      // Also for those that come later: an error that nobody listens to ends the process.
      stream.on('error', (error: Failure) => {
        this.#failure ??= error;
        resolve(error);
      });
    });
  }

  /** Waits until all that was written has been taken. @returns why it was not */
  async flushed(): Promise<Failure | undefined> {
    if (this.#failure) return this.#failure;
    const error = await new Promise<Failure | null | undefined>((resolve) => this.#stream.write('', resolve));
    return this.#failure ?? error ?? undefined;
  }
}

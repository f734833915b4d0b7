import { Transform, type TransformCallback } from 'node:stream';

/** How slow a wire is. */
export interface Pace {
  /** One way, for each piece that comes. */
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
}

const SLICE_MS = 100;

/** Passes bytes on as slowly as it is told at that moment; order is kept. */
export class Pacer extends Transform {
  readonly #pace: () => Pace | undefined;

  constructor(pace: () => Pace | undefined) {
    super();
    this.#pace = pace;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const pace = this.#pace();
    if (pace === undefined) {
      done(null, chunk);
      return;
    }
    setTimeout(() => this.#trickle(chunk, done), pace.delayMs ?? 0);
  }

  #trickle(chunk: Buffer, done: TransformCallback): void {
    const { bytesPerSecond } = this.#pace() ?? {};
    if (bytesPerSecond === undefined) {
      done(null, chunk);
      return;
    }
    const slice = Math.max(1, Math.floor((bytesPerSecond * SLICE_MS) / 1_000));
    this.push(chunk.subarray(0, slice));
    if (chunk.length <= slice) done();
    else setTimeout(() => this.#trickle(chunk.subarray(slice), done), SLICE_MS);
  }
}

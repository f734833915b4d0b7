/** Wakes one loop, now or as soon as it waits. */
export class Bell {
  #isRung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Resolves when it is rung, or was since the last time, when `ms` are over, or when `signal` ends the wait. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!(this.#isRung || signal.aborted)) {
      await new Promise<void>((resolve) => {
        const end = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          this.#wake = undefined;
          resolve();
        };
        const timer = setTimeout(end, ms);
        signal.addEventListener('abort', end, { once: true });
        this.#wake = end;
      });
    }
    this.#isRung = false;
  }
}

import type { FaultWindow } from '../messages.ts';

/** Which faults were on the way of something, and when they were over. */
export class Faults {
  readonly #windows = new Map<number, FaultWindow>();

  tell(fault: FaultWindow): void {
    this.#windows.set(fault.id, fault);
  }

  /** When the last fault was over that hurt any of these; Infinity while one goes on; -Infinity when there was none. */
  lastEndMs(places: readonly string[], fromMs = Number.NEGATIVE_INFINITY): number {
    let last = Number.NEGATIVE_INFINITY;
    for (const { hurts, untilMs = Number.POSITIVE_INFINITY } of this.#windows.values())
      if (untilMs >= fromMs && hurts.some((place) => places.includes(place))) last = Math.max(last, untilMs);
    return last;
  }

  /** Whether a fault that hurts any of these went on at any moment between. */
  wentOn(places: readonly string[], fromMs: number, toMs: number): boolean {
    for (const { hurts, fromMs: sinceMs, untilMs = Number.POSITIVE_INFINITY } of this.#windows.values())
      if (sinceMs <= toMs && fromMs <= untilMs && hurts.some((place) => places.includes(place))) return true;
    return false;
  }

  /** Whether contents of one of these planes went back in time at or after that moment, or are about to. */
  wentBackSince(places: readonly string[], sinceMs: number): boolean {
    for (const { wentBack, untilMs = Number.POSITIVE_INFINITY } of this.#windows.values())
      if (wentBack !== undefined && places.includes(wentBack) && untilMs >= sinceMs) return true;
    return false;
  }

  /** Whether the clock of that authenticator, or of one that this API server asks, was wrong at any moment between these. */
  clockWasWrong(who: string, fromMs: number, toMs: number): boolean {
    const cluster = who.endsWith('/api') ? who.slice(0, -'api'.length) : undefined;
    for (const { clockOf, fromMs: sinceMs, untilMs = Number.POSITIVE_INFINITY } of this.#windows.values()) {
      const isIt = clockOf !== undefined && (clockOf === who || (cluster && clockOf.startsWith(cluster)));
      if (isIt && sinceMs <= toMs && fromMs <= untilMs) return true;
    }
    return false;
  }

  /** The names of all kinds that went on at that moment, for messages. */
  at(ms: number): string {
    const now = [...this.#windows.values()].filter(
      ({ fromMs, untilMs = Number.POSITIVE_INFINITY }) => fromMs <= ms && ms <= untilMs,
    );
    return now.map(({ kind, hurts }) => `${kind} (${hurts.join(' ')})`).join(', ') || 'no fault';
  }
}

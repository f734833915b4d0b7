import type { ProgramWrite } from '../messages.ts';

/** A request that was sent before a pause or a loss may be read a moment after it. */
const TOLERANCE_MS = 750;

interface Holding {
  readonly program: string;
  readonly fromMs: number;
  readonly renewedMs: number;
}

/** Who led, by the Lease that was written; and who wrote without leading. */
export class Leaders {
  readonly #leaseMs: number;
  #holding: Holding | undefined;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  /** Writes in the order in which they arrived. @returns what is wrong with it */
  saw(write: ProgramWrite): string | undefined {
    if (isLease(write)) {
      this.#follow(write);
      return undefined;
    }
    const { program, atMs } = write;
    if (program === undefined || isOwnBusiness(write)) return undefined;
    const holding = this.#holding;
    const where = `${write.method} ${write.plane}${write.path.split('?')[0]}`;
    if (!holding) return `${program} writes, and nobody holds the Lease: ${where}`;
    if (holding.program !== program && atMs > holding.fromMs + TOLERANCE_MS)
      return `${program} writes while ${holding.program} leads: ${where}`;
    if (holding.program === program && atMs > holding.renewedMs + this.#leaseMs + TOLERANCE_MS)
      return `${program} writes ${atMs - holding.renewedMs} ms after it last renewed its Lease: ${where}`;
    return undefined;
  }

  #follow({ program, atMs, body, status }: ProgramWrite): void {
    if (program === undefined || status === undefined || status >= 300) return;
    const holder: unknown = JSON.parse(body || '{}').spec?.holderIdentity;
    // Given up in order: it may be gone before another comes.
    if (holder === '' || holder === null) return;
    const fromMs = this.#holding?.program === program ? this.#holding.fromMs : atMs;
    this.#holding = { program, fromMs, renewedMs: atMs };
  }
}

export const isLease = ({ path }: Pick<ProgramWrite, 'path'>): boolean => path.includes('/leases');

/** What a replica may do without leading: make sure that its own namespace is there. */
const isOwnBusiness = ({ path }: ProgramWrite): boolean => /\/namespaces(\?|$)/.test(path);

import { isOlder } from './versions.ts';

/** How far one list + watch has come, by the versions of its collection. */
export class Position {
  #resumeFrom: string | undefined;
  #mergedUpTo: string | undefined;
  #furthest: string | undefined;
  #wentBack = false;

  /** Where a watch may begin; undefined: everything is to be listed first. */
  get resumeFrom(): string | undefined {
    return this.#resumeFrom;
  }

  /** The newest that was listed or told: a plane that is not as far was put back to before that. '' before the first list. */
  get furthest(): string {
    return this.#furthest ?? '';
  }

  /** Whether a plane that says this version was put back. */
  isAheadOf(version: string): boolean {
    return this.#wentBack || (this.#furthest !== undefined && isOlder(version, this.#furthest));
  }

  /** The plane was seen to be put back: so it stays until everything was listed, however far it has come by then. */
  wentBack(): void {
    this.#wentBack = true;
    this.lose();
  }

  /** Everything is to be listed before the next watch. */
  lose(): void {
    this.#resumeFrom = undefined;
  }

  /** What is held is what was listed. */
  listed(version: string): void {
    this.#resumeFrom = version;
    this.#mergedUpTo = undefined;
    this.#furthest = version;
    this.#wentBack = false;
  }

  /** What was listed beside the watch is in what is held: what the watch tells of before that comes late. */
  merged(version: string): void {
    this.#mergedUpTo = version;
    if (!this.isAheadOf(version)) this.#furthest = version;
  }

  /** Whether the watch tells what it has told before, which no watch does. */
  isBehind(version: string): boolean {
    return this.#resumeFrom !== undefined && isOlder(version, this.#resumeFrom);
  }

  /** Whether an event of this version can be news. */
  isNews(version: string): boolean {
    return this.#mergedUpTo === undefined || isOlder(this.#mergedUpTo, version);
  }

  /** The watch told this, and it is in what is held. */
  told(version: string): void {
    this.#resumeFrom = version;
    if (!this.isAheadOf(version)) this.#furthest = version;
  }
}

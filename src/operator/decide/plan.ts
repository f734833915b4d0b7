import type { Resource } from '../../api/names.ts';
import type { TokenReason, UserReason } from '../../api/reasons.ts';
import type { Token } from '../../api/types.ts';
import type { Change } from '../../derive/diff.ts';
import type { Lane } from '../keys.ts';

/**
 * What is to come of a key, as far as the facts reach. Carried out in the order of these fields.
 *
 * Where there are changes, the key counts as pending before the first of them, so that no decision has to remember it.
 */
export interface Plan {
  readonly notices?: readonly AboutNotice[];
  /** UID of a token whose hash is of no more use. */
  readonly forgetHash?: string;
  readonly changes?: readonly Change[];
  /** Where the key stands once that is done. Left out: as before. `none`: nothing of the key is left. */
  readonly outcome?: Outcome | 'none';
  /** Keys that are to be looked at because of this one, or the whole cluster. */
  readonly wake?: readonly (Wake | 'sweep')[];
  readonly next: Next;
}

/** Where one key stands, judged by what was last observed downstream. */
export type Outcome =
  | { readonly state: 'synced'; readonly version: string; readonly note?: UserReason }
  | { readonly state: 'pending'; readonly reason?: TokenReason; readonly message?: string }
  | { readonly state: 'failed'; readonly reason: TokenReason; readonly message: string }
  | {
      readonly state: 'refused';
      readonly reason: TokenReason;
      readonly message?: string;
      /** What is ours of it there lets somebody in all the same: once it is not to, that is owed. */
      readonly letsIn?: true;
    };

/** Something that a person has to know. */
export interface Notice {
  readonly reason: string;
  readonly message: string;
  readonly warning: boolean;
}

/** A token of the management plane, or the cluster itself. */
export type About = Token | 'cluster';

export interface AboutNotice extends Notice {
  readonly about: About;
}

export interface Wake {
  readonly key: string;
  readonly lane: Lane;
}

/** What the queue does next with a key. Failures are thrown, not returned. */
export type Result =
  | { readonly kind: 'done' }
  | { readonly kind: 'requeueAfter'; readonly delayMs: number; readonly revocation: boolean };

/** The end of a plan: nothing more, a time to look again, or the one thing that has to be found out first. */
export type Next = Result | { readonly kind: 'ask'; readonly question: Question };

export const done: Result = { kind: 'done' };

/** Runs the key again after `delayMs`, without counting a failure. A `revocation` goes first when it is due. */
export const requeueAfter = (delayMs: number, revocation = false): Result => ({
  kind: 'requeueAfter',
  delayMs,
  revocation,
});

/** An object of the management plane from which something downstream follows. */
export interface Source {
  readonly about: 'source';
  readonly resource: Resource;
  readonly namespace?: string;
  readonly name: string;
}

/** What only a request, or time, can tell. Each has yes or no for an answer. */
export type Question =
  /** Does it exist in the management plane, read live? */
  | Source
  /** Does someone else's Secret have that name in the cluster? Those are not watched. */
  | { readonly about: 'secret'; readonly name: string }
  /** Does an older token of `ext.cattle.io` have that name, read live? No where nobody tells. */
  | { readonly about: 'rival'; readonly name: string }
  /** Has someone put the hash that our ClusterAuthToken held into a Secret of that name? */
  | { readonly about: 'moved'; readonly name: string }
  /** The same, where that Secret is to become ours; yes: it is taken for ours. Asked only where a write of it follows. */
  | { readonly about: 'taken'; readonly name: string }
  /** Is the hash of the token with that UID there by now? If not, it is being made, and brings the key back. */
  | { readonly about: 'hash'; readonly uid: string }
  /** Does the user's UserAttribute, read live, give all groups that stand in the ClusterUserAttribute? */
  | { readonly about: 'groups'; readonly name: string }
  /** The user's ClusterUserAttribute goes first: was it worked, and is it not someone else's? */
  | { readonly about: 'user'; readonly name: string };

export const ask = (question: Question): Next => ({ kind: 'ask', question });

/** By the whole question, never by its kind alone: facts are gathered anew, and may be of another token by then. */
export type Answers = ReadonlyMap<string, boolean>;

/** Under what an answer is kept. */
export function questionKey(question: Question): string {
  switch (question.about) {
    case 'source':
      return `source/${question.resource.kind}/${question.name}`;
    case 'hash':
      return `hash/${question.uid}`;
    default:
      return `${question.about}/${question.name}`;
  }
}

/** The key comes back by itself when the token expires. */
export function atExpiry(
  { expiresAtMs }: { readonly expiresAtMs: number | undefined },
  { agreedMs }: { readonly agreedMs: number },
): Next {
  if (expiresAtMs === undefined) return done;
  return requeueAfter(Math.max(0, expiresAtMs - agreedMs), true);
}

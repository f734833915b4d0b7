import type { ReasonText } from '../api/reason-texts.ts';
import type {
  ClusterReason,
  DenialReason,
  HopReason,
  ReadFailureReason,
  TokenReason,
  UserReason,
} from '../api/reasons.ts';

/** What stands between a token and its being let in, in the order in which it matters. */
export const HOP_TITLES = {
  parsed: 'Parsed',
  token: 'Token found',
  expiry: 'Not expired',
  enabled: 'Enabled',
  user: 'User enabled',
  scope: 'Scope',
  cluster: 'Cluster has ACE',
  connection: 'Cluster reached',
  endpoint: 'Endpoint reached',
  clusterAuthToken: 'ClusterAuthToken',
  hash: 'Hash stored',
  userAttribute: 'ClusterUserAttribute',
  secret: 'Secret verifies',
  groups: 'Groups',
  authenticator: 'Authenticator ready',
  webhook: 'API server asks it',
  right: 'Allowed',
  // Of preflight.
  management: 'Management plane',
  definitions: 'Definitions',
  clock: 'Clock',
  rights: 'Rights needed',
  excess: 'Rights beyond',
  formats: 'Hash formats',
  cache: 'Cache TTL',
  rivals: 'One authenticator',
} as const;
export type HopId = keyof typeof HOP_TITLES;

export type HopReasonCode =
  | TokenReason
  | ClusterReason
  | DenialReason
  | UserReason
  | ReadFailureReason
  | HopReason;

/** `unknown`: it could not be seen. `skipped`: there was nothing to look at. `warning`: it is not in the way. */
export type HopState = 'ok' | 'broken' | 'warning' | 'unknown' | 'skipped';

/** One thing that was looked at, for a person. No secret. */
export interface Hop {
  readonly id: string;
  readonly title: string;
  readonly state: HopState;
  readonly reason?: HopReasonCode;
  readonly detail: string;
  /** All that the detail tells of, where it may leave some out. */
  readonly items?: readonly string[];
  /** What to do about it. */
  readonly remedy?: string;
}

export const ok = (id: HopId, detail: string): Hop => ({ id, title: HOP_TITLES[id], state: 'ok', detail });

export const skipped = (id: HopId, detail: string): Hop => ({
  id,
  title: HOP_TITLES[id],
  state: 'skipped',
  detail,
});

/** A hop that is in the way, or in doubt, for a reason of one of the closed enums. */
export function flawed<R extends HopReasonCode>(
  id: HopId,
  state: 'broken' | 'warning' | 'unknown',
  reason: R,
  texts: Readonly<Record<R, ReasonText>>,
  detail: string,
): Hop {
  return { id, title: HOP_TITLES[id], state, reason, detail, remedy: texts[reason].remedy };
}

export const broken = <R extends HopReasonCode>(
  id: HopId,
  reason: R,
  texts: Readonly<Record<R, ReasonText>>,
  detail: string,
): Hop => flawed(id, 'broken', reason, texts, detail);

/** Something that was not seen, for no reason of its own: what it takes was not seen either. */
export const unseen = (id: HopId, detail: string): Hop => ({
  id,
  title: HOP_TITLES[id],
  state: 'unknown',
  detail,
});

export interface Names {
  readonly token: string | undefined;
  readonly cluster: string | undefined;
  readonly user: string | undefined;
}

/** Puts names into a remedy. What is not known stays in capitals. */
export function withNames(hop: Hop, { token, cluster, user }: Names): Hop {
  if (hop.remedy === undefined) return hop;
  const remedy = hop.remedy
    .replaceAll(/\bTOKEN\b/g, token ?? 'TOKEN')
    .replaceAll(/\bCLUSTER\b/g, cluster ?? 'CLUSTER')
    .replaceAll(/\bUSER\b/g, user ?? 'USER');
  return { ...hop, remedy };
}

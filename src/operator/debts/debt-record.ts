// debts/: what was seen to be revoked and is not carried out yet, kept in the management plane until it is.

import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import type { Token } from '../../api/types.ts';
import { REVOCATION_CAUSES, type RevocationCause } from '../../telemetry/cluster-series.ts';
import { tokenKey } from '../keys.ts';

/** One revocation that has not arrived in a cluster. */
export interface Debt {
  /** When it was known first; milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly cause: RevocationCause;
  /** Groups that a user lost are part of it. Left out: they are not. */
  readonly isOfGroups?: boolean;
}

/** Who counts what is owed. */
export interface Ledger {
  owe(key: string, debt: Debt): void;
  debtOf(key: string): Debt | undefined;
}

/** Keys of those that groups are part of. */
export function ofGroups(owed: ReadonlyMap<string, Debt>): readonly string[] {
  return [...owed].flatMap(([key, { isOfGroups }]) => (isOfGroups ? [key] : []));
}

/** What outlives every process about one cluster: names and times, never a secret. */
export interface DebtRecord {
  readonly cluster: string;
  /** The management plane that it was written in; '' when that could not be told. See plane.ts. */
  readonly plane: string;
  /** That of what is known, where another process read it there, and whoever wrote this could not tell. Left out: the same. */
  readonly knownPlane?: string | undefined;
  /** By key, such as `token/x`. */
  readonly owed: ReadonlyMap<string, Debt>;
  /** Keys of what was in the cluster, and wanted there, when this was written. */
  readonly known: ReadonlySet<string>;
  /** Kinds of the tokens that such keys stand for. What is left out may be of either: earlier versions did not say. */
  readonly apis: ReadonlyMap<string, Token['api']>;
  /** How many sources were told to be deleted within the last minute before this was written. */
  readonly lately: number;
  /** When what is known was there, by all that was read then, in milliseconds since the epoch; earlier versions did not say. */
  readonly atMs?: number | undefined;
}

/** A record as others read it, whose clocks may be other ones. */
export interface StoredRecord extends DebtRecord {
  /** How far the management plane's clock was ahead of the one that its times are by, in milliseconds; earlier versions did not say. */
  readonly planeAheadMs?: number | undefined;
}

/** A record with its times by our clock: that of whoever wrote it may have been ahead, or behind. @param aheadMs - how far the plane's is ahead of ours */
export function byOurClock({ planeAheadMs, ...record }: StoredRecord, aheadMs: number): DebtRecord {
  const shiftMs = (planeAheadMs ?? aheadMs) - aheadMs;
  const { owed, atMs } = record;
  return {
    ...record,
    owed: new Map([...owed].map(([key, debt]) => [key, { ...debt, sinceMs: debt.sinceMs + shiftMs }])),
    ...(atMs === undefined ? {} : { atMs: atMs + shiftMs }),
  };
}

/** gzip'ed names; with base64 and the frame it stays well under the 1 MiB that an object may have. */
const MAX_BYTES = 600_000;
/** Of what is unpacked: whoever may write the ConfigMap must not exhaust our memory. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;

/** Stands for the cause of a debt that groups are part of. */
const OF_GROUPS = 'groups';

const TOKEN = tokenKey('');

const shape = z.object({
  cluster: z.string(),
  plane: z.string(),
  knownPlane: z.string().optional(),
  owed: z.array(z.tuple([z.string(), z.number(), z.enum([...REVOCATION_CAUSES, OF_GROUPS])])),
  known: z.array(z.string()),
  lately: z.number(),
  atMs: z.number().optional(),
  planeAheadMs: z.number().optional(),
  // Earlier versions leave these alone, and write neither. Of what is in none of the two, the token is a v3 Token.
  ext: z.array(z.string()).optional(),
  either: z.array(z.string()).default([]),
});

/** A record as it is stored, and how many of its keys had no room in there. */
export interface Packed {
  readonly bytes: Buffer;
  readonly dropped: number;
}

/**
 * Packs a record. Where it is too large the known names go first, half by half, then debts, the youngest first: for what has no
 * room, the next process is as one that never saw it, and the brake decides.
 */
export async function pack(record: StoredRecord, maxBytes: number = MAX_BYTES): Promise<Packed> {
  const debts = [...record.owed].sort(([, a], [, b]) => a.sinceMs - b.sinceMs);
  let owed = debts;
  let known = [...record.known].sort();
  const { apis, ...rest } = record;
  for (;;) {
    const kept = new Set([...owed.map(([key]) => key), ...known]);
    const ofKind = (api: Token['api'] | undefined): readonly string[] =>
      [...kept].filter((key) => key.startsWith(TOKEN) && apis.get(key) === api);
    const bytes = await promisify(gzip)(
      JSON.stringify({
        ...rest,
        owed: owed.map(([key, { sinceMs, cause, isOfGroups }]) => [
          key,
          sinceMs,
          isOfGroups ? OF_GROUPS : cause,
        ]),
        known,
        ...{ ext: ofKind('ext'), either: ofKind(undefined) },
      }),
    );
    const dropped = debts.length - owed.length + record.known.size - known.length;
    if (bytes.length <= maxBytes || owed.length + known.length === 0) return { bytes, dropped };
    if (known.length > 0) known = known.slice(0, Math.floor(known.length / 2));
    else owed = owed.slice(0, Math.floor(owed.length / 2));
  }
}

/** @throws {Error} when it is nothing that {@link pack} made */
export async function unpack(bytes: Buffer): Promise<StoredRecord> {
  const text = await promisify(gunzip)(bytes, { maxOutputLength: MAX_UNPACKED_BYTES });
  const { owed, known, ext, either, ...rest } = shape.parse(JSON.parse(text.toString('utf8')));
  return {
    ...rest,
    owed: new Map(owed.map(([key, sinceMs, cause]) => [key, debtOf(sinceMs, cause)])),
    known: new Set(known),
    apis: ext ? apisOf([...owed.map(([key]) => key), ...known], ext, either) : new Map(),
  };
}

function apisOf(
  keys: readonly string[],
  ext: readonly string[],
  either: readonly string[],
): ReadonlyMap<string, Token['api']> {
  const [ofExt, unknown] = [new Set(ext), new Set(either)];
  const tokens = keys.filter((key) => key.startsWith(TOKEN) && !unknown.has(key));
  return new Map(tokens.map((key) => [key, ofExt.has(key) ? 'ext' : 'v3']));
}

function debtOf(sinceMs: number, cause: RevocationCause | typeof OF_GROUPS): Debt {
  return cause === OF_GROUPS ? { sinceMs, cause: 'user', isOfGroups: true } : { sinceMs, cause };
}

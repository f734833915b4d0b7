import type { ControlPlane } from '../test/support/control-plane.ts';
import { atLeastTimes } from './bars.ts';
import { cpuMs } from './process-stats.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import type { LoadPlan, LoadResult } from './scenario-authenticator-load.ts';
import { startPlaneWith, usesWritten } from './scenario-authenticator-peer-cluster.ts';
import {
  type Contestant,
  requireRight,
  startOurs,
  startPeer,
  versionOf,
} from './scenario-authenticator-peer-process.ts';
import { isPinned, LOAD_CORE, load, pin, requireOnly, unpin } from './scenario-authenticator-process.ts';
import { median } from './stats.ts';

const TOKENS = 2_000;
const CONNECTIONS = 50;
const WARM_UP_SECONDS = 2;
const SECONDS = 4;
/** Of unknown names, in each round. */
const TURNS = 4;
/** The peer may write at each review, few a second: it need not get through all tokens. */
const PEER_KNOWN_SECONDS = 40;
/** More unknown names than are asked for in a turn. */
const MANY = 1_000_000;
const KNOWN_FACTOR = 500;
const UNKNOWN_FACTOR = 1.5;

const NO_PEER = `authenticator-peer measures our authenticator beside another one, and needs that as a program.
Pass --peer PATH: an executable with the command line of kube-api-auth, which is called as
PATH --kubeconfig FILE --namespace cattle-system serve --listen 127.0.0.1:PORT`;

interface Measured extends LoadResult {
  readonly perSecond: number;
  /** CPU time of the authenticator, all its threads; other load on the machine disturbs it less than the rate. */
  readonly cpuUsEach: number;
}

interface Known {
  /** Each token once, the first time that this process is asked for it; of the peer, as many as it gets through. */
  readonly once: Measured;
  /** Of how many tokens it has written that they were used, when it has ended. */
  readonly usesWritten: number;
}

interface Round {
  readonly unknown: { readonly ours: readonly Measured[]; readonly peer: readonly Measured[] };
  readonly ours: Known & { readonly overAndOver: Measured };
  readonly peer: Known;
}

/** What our authenticator and another one answer in a second, of the same objects in the same API server. */
export async function authenticatorPeer(options: Options): Promise<ScenarioResult> {
  if (options.peer === '') throw new Error(NO_PEER);
  if (!isPinned) throw new Error('authenticator-peer needs two cores and the program taskset');
  const version = versionOf(options.peer);
  // Whoever is started from now on stays off the core of the one that is measured.
  pin(process.pid, LOAD_CORE);
  try {
    options.say(`writing ${TOKENS} tokens into an API server`);
    const plane = await startPlaneWith(TOKENS);
    try {
      return resultOf(version, await allRounds(options, plane));
    } finally {
      await plane.stop();
    }
  } finally {
    unpin(process.pid);
  }
}

async function allRounds(options: Options, plane: ControlPlane): Promise<readonly Round[]> {
  const rounds: Round[] = [];
  for (let index = 0; index < options.rounds; index += 1) {
    const round = await oneRound(options.peer, plane);
    rounds.push(round);
    const of = (who: 'ours' | 'peer'): string =>
      `${round[who].once.perSecond.toFixed(1)} known, ${round.unknown[who].map(({ perSecond }) => perSecond.toFixed(0)).join(', ')} unknown a second`;
    options.say(`round ${index + 1}: ours ${of('ours')}; the peer ${of('peer')}`);
  }
  return rounds;
}

/** Both are there, and while one is asked the other has nothing to do. */
async function oneRound(program: string, plane: ControlPlane): Promise<Round> {
  const sinceMs = Date.now();
  const ours = await startOurs(plane);
  try {
    const peer = await startPeer(program, plane);
    try {
      await requireRight('ours', ours.port);
      await requireRight('the peer', peer.port);
      const unknown = await unknownInTurns(ours, peer);
      const once = await known(ours, {});
      const overAndOver = await known(ours, { seconds: SECONDS });
      await ours.stop();
      const written = await usesWritten(plane, sinceMs);
      return {
        unknown,
        ours: { once, overAndOver, usesWritten: written },
        peer: await peerKnown(peer, plane),
      };
    } finally {
      await peer.stop();
    }
  } finally {
    await ours.stop();
  }
}

async function peerKnown(peer: Contestant, plane: ControlPlane): Promise<Known> {
  const sinceMs = Date.now();
  const once = await known(peer, { seconds: PEER_KNOWN_SECONDS });
  return { once, usesWritten: await usesWritten(plane, sinceMs) };
}

/** In short turns, so that what else goes on in the machine hits both alike. */
async function unknownInTurns(ours: Contestant, peer: Contestant): Promise<Round['unknown']> {
  const turns: { ours: Measured[]; peer: Measured[] } = { ours: [], peer: [] };
  for (const contestant of [ours, peer]) await unknownNames(contestant, TURNS, WARM_UP_SECONDS);
  for (let turn = 0; turn < TURNS; turn += 1) {
    turns.ours.push(await unknownNames(ours, turn, SECONDS));
    turns.peer.push(await unknownNames(peer, turn, SECONDS));
  }
  return turns;
}

/** Each name once. */
function unknownNames(contestant: Contestant, turn: number, seconds: number): Promise<Measured> {
  const plan = { bearers: 'unknown', first: turn * MANY, count: MANY, seconds } as const;
  return measure(contestant, plan, contestant.refusal);
}

function known(contestant: Contestant, time: { readonly seconds?: number }): Promise<Measured> {
  return measure(contestant, { bearers: 'ours', first: 0, count: TOKENS, ...time }, '200 accepted');
}

async function measure(
  { pid, port }: Contestant,
  plan: Omit<LoadPlan, 'port' | 'connections'>,
  expected: string,
): Promise<Measured> {
  const before = cpuMs(pid);
  const result = await load({ ...plan, port, connections: CONNECTIONS });
  const cpuUsEach = ((cpuMs(pid) - before) * 1000) / result.requests;
  requireOnly(plan.bearers, result, expected);
  return { ...result, perSecond: result.requests / result.seconds, cpuUsEach };
}

function resultOf(version: string, rounds: readonly Round[]): ScenarioResult {
  const unknown: Both = {
    ours: rounds.flatMap((round) => round.unknown.ours),
    peer: rounds.flatMap((round) => round.unknown.peer),
  };
  const peer = rounds.map((round) => round.peer.once);
  const known: Both = { ours: rounds.map(({ ours }) => ours.once), peer };
  const again: Both = { ours: rounds.map(({ ours }) => ours.overAndOver), peer };
  const all = [unknown, known, again].flatMap(({ ours, peer: others }) => [...ours, ...others]);
  const busiest = Math.round(100 * Math.max(...all.map(({ busy }) => busy)));
  const reviews = peer.map(({ requests, seconds }) => `${requests} in ${seconds.toFixed(0)} s`).join(', ');
  const written = (who: 'ours' | 'peer'): string => rounds.map((round) => round[who].usesWritten).join(', ');
  return {
    how: [
      `The built authenticator with the environment of its DaemonSet, and beside it the program that --peer names (${version}), over plain HTTP on loopback. Both read the same ${TOKENS} ClusterAuthTokens of ${TOKENS / 10} users with ten groups each from the same real API server: salted sha3-512 ($3:1:), which both know, in Secrets. Rounds: ${rounds.length}, each with new processes; medians.`,
      `One core for the one that is asked, while the other has nothing to do; load, API server and etcd on another. ${CONNECTIONS} connections, closed loop; the generator was busy for at most ${busiest} % of its core. Both first let a good token in as its user with its groups and refuse a wrong secret; then all answers are as they must be, or the run fails: unknown names are refused, known tokens are let in.`,
      `Unknown names: each once, in turns of ${SECONDS} s, ${TURNS} of each in a round. One review each: ours through all tokens, right after it has started and refused those; the peer for ${PEER_KNOWN_SECONDS} s and until what was under way was answered (${reviews}). lastUsedAt was written of ${written('ours')} tokens by ours, which does it later and slowly, and for a moment when it is stopped; of ${written('peer')} by the peer. CPU is that of the whole process: other load disturbs it less than the rate.`,
    ],
    rows: [
      ratesOf(`${TOKENS} known tokens in turn, one review each`, known, KNOWN_FACTOR),
      cpuOf('… CPU', known),
      ratesOf(`… over and over, ${SECONDS} s`, again),
      ratesOf('unknown names', unknown, UNKNOWN_FACTOR),
      cpuOf('… CPU', unknown),
    ],
    details: { peer: version, rounds },
  };
}

type Both = Readonly<Record<'ours' | 'peer', readonly Measured[]>>;

/** @param factor - how many times as many ours is to answer; none: it is only shown */
function ratesOf(what: string, both: Both, factor?: number): Row {
  const of = (all: readonly Measured[]): number => median(all.map(({ perSecond }) => perSecond));
  const row = { what, value: of(both.ours), unit: 'reviews/s' };
  const yardstick = { what: 'the peer', value: of(both.peer) };
  return { ...row, ...(factor === undefined ? { yardstick } : atLeastTimes(row.value, factor, yardstick)) };
}

function cpuOf(what: string, both: Both): Row {
  const of = (all: readonly Measured[]): number => median(all.map(({ cpuUsEach }) => cpuUsEach));
  const yardstick = { what: 'the peer', value: of(both.peer) };
  return { what, value: of(both.ours), unit: 'µs a review', yardstick };
}

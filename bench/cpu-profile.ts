import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';

interface Frame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: Frame;
    readonly children?: readonly number[];
  }[];
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Where time went, in milliseconds. */
export interface Cost {
  readonly where: string;
  readonly selfMs: number;
  /** Of the function and all it called. */
  readonly totalMs: number;
}

export interface Window {
  /** Microseconds of the monotonic clock, which V8 uses as well. */
  readonly fromUs: number;
  readonly toUs: number;
}

export const monotonicUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Reads the longest of the profiles in a directory: start scripts and threads leave theirs, too. */
export function readProfile(directory: string): Profile {
  const profiles = readdirSync(directory)
    .filter((name) => name.endsWith('.cpuprofile'))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile)
    .sort((a, b) => b.nodes.length - a.nodes.length);
  const [longest] = profiles;
  if (!longest) throw new Error(`no profile in ${directory}`);
  return longest;
}

/** Costs within a window, dearest first; idle time is left out. */
export function costs(
  profile: Profile,
  window: Window,
): { readonly busyMs: number; readonly costs: readonly Cost[] } {
  const parents = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) parents.set(child, id);
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const self = new Map<string, number>();
  const total = new Map<string, number>();
  let busyUs = 0;
  for (const { id, tookUs } of samplesIn(profile, window)) {
    const name = names.get(id) ?? '';
    if (name === '(idle)' || name === '(root)') continue;
    busyUs += tookUs;
    self.set(name, (self.get(name) ?? 0) + tookUs);
    const stack = new Set<string>();
    for (let node: number | undefined = id; node !== undefined; node = parents.get(node))
      stack.add(names.get(node) ?? '');
    for (const frame of stack) total.set(frame, (total.get(frame) ?? 0) + tookUs);
  }
  const all = [...total].map(([where, us]) => ({
    where,
    totalMs: us / 1000,
    selfMs: (self.get(where) ?? 0) / 1000,
  }));
  return { busyMs: busyUs / 1000, costs: all.filter(({ where }) => where !== '(root)') };
}

function samplesIn(profile: Profile, { fromUs, toUs }: Window): readonly { id: number; tookUs: number }[] {
  let atUs = profile.startTime;
  return profile.samples.flatMap((id, index) => {
    const tookUs = profile.timeDeltas[index] ?? 0;
    atUs += tookUs;
    return atUs >= fromUs && atUs <= toUs ? [{ id, tookUs }] : [];
  });
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  if (url === '') return functionName;
  const path = url.replace(/^file:\/\//, '');
  const short = path.split(`${sep}node_modules${sep}`).at(-1) ?? path;
  const file = short.startsWith('/') ? short.split(sep).slice(-2).join(sep) : short;
  return `${functionName || '(anonymous)'} ${file}:${lineNumber + 1}`;
}

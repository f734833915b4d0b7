import { PODS, type Resource } from '../api/names.ts';
import type { Plane } from '../plane/plane.ts';
import { kept, type Shape } from './allow.ts';
import type { Archive } from './archive.ts';
import type { Scrubber } from './scrub.ts';
import { POD } from './shapes.ts';

/** Where something is read from, and where it goes. */
export interface Source {
  readonly plane: Plane;
  readonly archive: Archive;
  readonly scrubber: Scrubber;
  /** Of its files: `management`, `clusters/c-one`. */
  readonly directory: string;
}

/** Objects of a kind, a line each. */
export async function addList(
  { plane, archive, scrubber, directory }: Source,
  resource: Resource,
  shape: Shape,
  options: { readonly namespace?: string | undefined; readonly labelSelector?: string } = {},
  file: string = resource.plural,
): Promise<readonly unknown[]> {
  const path = `${directory}/${file}.jsonl`;
  const parse = (raw: unknown): unknown => kept(shape, raw, (text) => scrubber.learn(text));
  const read = await plane.list(resource, parse, options);
  if (!read.ok) {
    archive.leave(path, read.failure.reason, read.failure.message);
    return [];
  }
  const lines = read.value.map((object) => JSON.stringify(object));
  archive.addLines(path, lines);
  return read.value;
}

/** One object; nothing where there is none. */
export async function addOne(
  { plane, archive, scrubber, directory }: Source,
  resource: Resource,
  shape: Shape,
  key: { readonly name: string; readonly namespace: string },
): Promise<void> {
  const path = `${directory}/${resource.plural}/${key.name}.json`;
  const parse = (raw: unknown): unknown => kept(shape, raw, (text) => scrubber.learn(text));
  const read = await plane.get(resource, key.name, parse, key.namespace);
  if (!read.ok) archive.leave(path, read.failure.reason, read.failure.message);
  else if (read.value !== undefined) archive.addObject(path, read.value);
}

const LOG_BYTES = 1024 * 1024;
const LOG_LINES = 5_000;
/** Of so many lines, however long; more is refused. */
const MAX_LOG_BYTES = 16 * LOG_BYTES;
/** Beyond what any cluster has of ours; a namespace in other hands may have more. */
const MAX_PODS = 50;

export interface SeenPod {
  readonly metadata?: { readonly name?: string };
  readonly spec?: {
    readonly containers?: readonly { readonly name?: string; readonly args?: readonly string[] }[];
  };
  readonly status?: {
    readonly containerStatuses?: readonly { readonly name?: string; readonly restartCount?: number }[];
  };
}

/** Which Pods, and how their logs are read. */
export interface Program {
  readonly labelSelector: string;
  /** Where the Pods themselves go. */
  readonly file: string;
  /** What is kept of a line; undefined: nothing. */
  readonly line: (line: string, scrubber: Scrubber) => string | undefined;
}

/** Pods of a program, and the last lines of their logs; of a container that was restarted those before as well. */
export async function addPods(
  source: Source,
  namespace: string,
  program: Program,
): Promise<readonly SeenPod[]> {
  const { labelSelector, file } = program;
  const listed = await addList(source, PODS, POD, { namespace, labelSelector }, file);
  const pods = (listed as readonly SeenPod[]).slice(0, MAX_PODS);
  for (const { metadata, spec, status } of pods) {
    for (const { name: container = '' } of spec?.containers ?? []) {
      const restarts = status?.containerStatuses?.find(({ name }) => name === container)?.restartCount ?? 0;
      const of = { namespace, pod: metadata?.name ?? '', container, keep: program.line };
      await addLog(source, of, false);
      if (restarts > 0) await addLog(source, of, true);
    }
  }
  return pods;
}

async function addLog(
  { plane, archive, scrubber, directory }: Source,
  {
    namespace,
    pod,
    container,
    keep,
  }: { namespace: string; pod: string; container: string; keep: Program['line'] },
  previous: boolean,
): Promise<void> {
  // No limitBytes: a kubelet counts them from the first of these lines, and what it leaves out is the end.
  const query = new URLSearchParams({
    ...{ container, tailLines: String(LOG_LINES) },
    ...(previous ? { previous: 'true' } : {}),
  });
  const path = `${directory}/logs/${fileName(pod)}.${fileName(container)}${previous ? '.previous' : ''}.log`;
  const read = await plane.text(`${podPath(namespace, pod)}/log?${query}`, MAX_LOG_BYTES);
  if (!read.ok) return archive.leave(path, read.failure.reason, read.failure.message);
  const lines = ending(read.value, LOG_BYTES)
    .split('\n')
    .filter((line) => line !== '');
  archive.addLines(
    path,
    lines.flatMap((line) => keep(line, scrubber) ?? []),
    'last',
  );
}

/** The last whole lines, of so many characters at most. */
function ending(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const end = text.slice(-characters);
  return end.slice(end.indexOf('\n') + 1);
}

export function podPath(namespace: string, pod: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
}

/** Names come from clusters: in an archive they are no path, and not too long for one. */
export function fileName(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9.-]/g, '_')
    .replaceAll('..', '__')
    .slice(0, 80);
}

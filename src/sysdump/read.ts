import { PODS, type Resource } from '../api/names.ts';
import type { Plane } from '../plane/plane.ts';
import type { Reading } from '../plane/reading.ts';
import { kept, type Shape } from './allow.ts';
import type { Archive } from './archive.ts';
import type { Scrubber } from './scrub.ts';
import { LOG_LINE, POD } from './shapes.ts';

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
): Promise<readonly unknown[]> {
  const path = `${directory}/${resource.plural}.jsonl`;
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
/** Beyond what any cluster has of ours; a namespace in other hands may have more. */
const MAX_PODS = 50;

interface SeenPod {
  readonly metadata?: { readonly name?: string };
  readonly spec?: { readonly containers?: readonly { readonly name?: string }[] };
  readonly status?: {
    readonly containerStatuses?: readonly { readonly name?: string; readonly restartCount?: number }[];
  };
}

/** Our pods in a namespace, and the last lines of their logs; of a container that was restarted those before as well. */
export async function addPods(source: Source, namespace: string, app: string): Promise<readonly string[]> {
  const labelSelector = `app.kubernetes.io/name=${app}`;
  const pods = (await addList(source, PODS, POD, { namespace, labelSelector })) as readonly SeenPod[];
  for (const { metadata, spec, status } of pods.slice(0, MAX_PODS)) {
    for (const { name: container = '' } of spec?.containers ?? []) {
      const restarts = status?.containerStatuses?.find(({ name }) => name === container)?.restartCount ?? 0;
      const of = { namespace, pod: metadata?.name ?? '', container };
      await addLog(source, of, false);
      if (restarts > 0) await addLog(source, of, true);
    }
  }
  return pods.flatMap(({ metadata }) => metadata?.name ?? []);
}

async function addLog(
  { plane, archive, scrubber, directory }: Source,
  { namespace, pod, container }: { namespace: string; pod: string; container: string },
  previous: boolean,
): Promise<void> {
  const query = new URLSearchParams({
    ...{ container, tailLines: String(LOG_LINES), limitBytes: String(LOG_BYTES) },
    ...(previous ? { previous: 'true' } : {}),
  });
  const path = `${directory}/logs/${fileName(pod)}.${fileName(container)}${previous ? '.previous' : ''}.log`;
  const read = await plane.text(`${podPath(namespace, pod)}/log?${query}`, 2 * LOG_BYTES);
  if (!read.ok) return archive.leave(path, read.failure.reason, read.failure.message);
  const lines = read.value.split('\n').filter((line) => line !== '');
  archive.addLines(
    path,
    lines.map((line) => logLine(line, scrubber)),
    'last',
  );
}

/** Ours are JSON, of which only the known fields stay; of any other line what is no secret. */
export function logLine(line: string, scrubber: Scrubber): string {
  try {
    const parsed: unknown = JSON.parse(line);
    if (parsed !== null && typeof parsed === 'object')
      return JSON.stringify(kept(LOG_LINE, parsed, (text) => scrubber.learn(text)));
  } catch {
    // Of another program, of Node itself, or cut off.
  }
  return line;
}

/** What a pod serves, by way of the API server. */
export function podMetrics(
  plane: Plane,
  namespace: string,
  pod: string,
  port: number,
): Promise<Reading<string>> {
  return plane.text(`${podPath(namespace, `${pod}:${port}`)}/proxy/metrics`, 8 * LOG_BYTES);
}

function podPath(namespace: string, pod: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(pod)}`;
}

/** Names come from clusters: in an archive they are no path, and not too long for one. */
export function fileName(name: string): string {
  return name
    .replaceAll(/[^A-Za-z0-9.-]/g, '_')
    .replaceAll('..', '__')
    .slice(0, 80);
}

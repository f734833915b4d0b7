import { Session } from 'node:inspector/promises';

/** Where time or memory went, as tools of the browser's kind read it: names of functions, and no value of anything. */
export type ProfileKind = 'cpu' | 'heap';

/** Between samples of the heap, in bytes: finds what grows, and costs a few per cent. */
const HEAP_INTERVAL_BYTES = 32 * 1024;

/**
 * Profiles this process, its main thread alone. The inspector is asked from within: its port stays shut.
 *
 * Of the heap it is a sampling of allocations, and never a snapshot: a snapshot holds every string, and so every secret.
 *
 * @param kind - `cpu` gives a `.cpuprofile`, `heap` a `.heapprofile`
 * @param over - resolves when it was long enough
 * @returns JSON
 */
export async function takeProfile(kind: ProfileKind, over: Promise<unknown>): Promise<string> {
  const session = new Session();
  session.connect();
  try {
    return JSON.stringify(
      kind === 'cpu' ? await cpuProfile(session, over) : await heapProfile(session, over),
    );
  } finally {
    session.disconnect();
  }
}

async function cpuProfile(session: Session, over: Promise<unknown>): Promise<object> {
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await over;
  return (await session.post('Profiler.stop')).profile;
}

async function heapProfile(session: Session, over: Promise<unknown>): Promise<object> {
  await session.post('HeapProfiler.startSampling', { samplingInterval: HEAP_INTERVAL_BYTES });
  await over;
  return (await session.post('HeapProfiler.stopSampling')).profile;
}

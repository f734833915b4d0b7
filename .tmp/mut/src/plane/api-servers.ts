import { PODS } from '../api/names.ts';
import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

const CACHE_FLAG = '--authentication-token-webhook-cache-ttl';

/** An API server that shows itself as a Pod, as kubeadm and RKE2 run it. */
export interface ApiServerPod {
  readonly name: string;
  /** As it was given, such as `10s`; undefined when it was not: two minutes then. */
  readonly cacheTtl: string | undefined;
}

/** The cluster's API servers; an empty list where they are no Pods, as with k3s. */
export function apiServers(plane: Plane): Promise<Reading<readonly ApiServerPod[]>> {
  return plane.list(PODS, parsePod, { namespace: 'kube-system', labelSelector: 'component=kube-apiserver' });
}

function parsePod(raw: unknown): ApiServerPod {
  const { metadata, spec } = raw as {
    metadata: { name: string };
    spec?: { containers?: readonly { command?: readonly string[]; args?: readonly string[] }[] };
  };
  const words = (spec?.containers ?? []).flatMap(({ command = [], args = [] }) => [...command, ...args]);
  const at = words.findIndex((word) => word === CACHE_FLAG || word.startsWith(`${CACHE_FLAG}=`));
  const word = words[at];
  const cacheTtl = word?.includes('=') ? word.slice(word.indexOf('=') + 1) : words[at + 1];
  return { name: metadata.name, cacheTtl: at < 0 ? undefined : cacheTtl };
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Go's way of writing durations: `10s`, `2m0s`, `1h30m`. @returns milliseconds; undefined when it is none */
export function goDurationMs(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) return undefined;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
}

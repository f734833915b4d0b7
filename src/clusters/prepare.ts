import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CUSTOM_RESOURCE_DEFINITIONS,
  NAMESPACES,
  type Resource,
} from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { ApiError, isAlreadyExists, TerminalError } from '../errors.ts';
import { pause } from '../kube/backoff.ts';
import type { KubeClient } from '../kube/client.ts';

/** The two definitions that the operator brings along, parsed from `crds/`. */
export type DownstreamDefinitions = readonly KubeObject[];

const ESTABLISHED_TIMEOUT_MS = 60_000;
const ESTABLISHED_POLL_MS = 250;

/**
 * Makes a cluster able to take our objects: the namespace, and the two definitions where they are missing.
 * What exists is left exactly as it is, whatever its version. A credential that may not even look is no
 * obstacle: what it lacks shows itself at the first list.
 *
 * @throws {TerminalError} `Rejected` when a definition does not become established in a minute
 */
export async function prepareCluster(
  client: KubeClient,
  namespace: string,
  definitions: DownstreamDefinitions,
  signal: AbortSignal,
): Promise<void> {
  await makeNamespace(client, namespace);
  for (const resource of [CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES]) {
    const name = `${resource.plural}.${resource.group}`;
    const definition = definitions.find((candidate) => candidate.metadata.name === name);
    await unlessForbidden(ensureDefinition(client, resource, name, definition, signal));
  }
}

/** Makes the namespace of our objects where it is missing, and we may. @throws {ApiError | ConnectionError | FencedError} */
export function makeNamespace(client: KubeClient, name: string): Promise<void> {
  return unlessForbidden(ensureNamespace(client, name));
}

/** Creates a namespace where it is missing. */
export async function ensureNamespace(client: KubeClient, name: string): Promise<void> {
  const key = { resource: NAMESPACES, name };
  if ((await client.get(key)) !== undefined) return;
  await ignoreExisting(
    client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }),
  );
}

async function ensureDefinition(
  client: KubeClient,
  resource: Resource,
  name: string,
  definition: KubeObject | undefined,
  signal: AbortSignal,
): Promise<void> {
  const key = { resource: CUSTOM_RESOURCE_DEFINITIONS, name };
  const deadlineMs = performance.now() + ESTABLISHED_TIMEOUT_MS;
  while (!signal.aborted) {
    const live = await client.get(key);
    if (live !== undefined && isEstablished(live)) return;
    if (live === undefined && definition) {
      await ignoreExisting(client.create(CUSTOM_RESOURCE_DEFINITIONS, definition));
    }
    if (performance.now() > deadlineMs) {
      throw new TerminalError(
        'Rejected',
        `CustomResourceDefinition ${name}: not established after 60 s; look at its conditions`,
      );
    }
    await pause(ESTABLISHED_POLL_MS, signal);
  }
  throw new Error(`preparing ${resource.plural} was interrupted`);
}

function isEstablished(definition: unknown): boolean {
  const conditions = (definition as { status?: { conditions?: { type: string; status: string }[] } }).status
    ?.conditions;
  return conditions?.some(({ type, status }) => type === 'Established' && status === 'True') ?? false;
}

async function ignoreExisting(creation: Promise<unknown>): Promise<void> {
  try {
    await creation;
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

async function unlessForbidden(step: Promise<void>): Promise<void> {
  try {
    await step;
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 403)) throw error;
  }
}

import {
  apiVersionOf,
  CONFIG_MAPS,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_MANAGED_BY,
  REFRESH_DEBOUNCE,
} from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { diff } from '../../derive/diff.ts';
import { ApiError } from '../../errors.ts';
import { apply } from '../../kube/apply.ts';
import { done, type Result } from '../decide/result.ts';
import type { ConnectedContext } from './cluster-context.ts';

/**
 * Copies the Setting that says how old a user's groups may get to the ConfigMap of that name, where authenticators
 * read it. One that we did not label is another's, and stays. Safe to repeat; reads live, for it is not watched.
 */
export async function reconcileSetting(cluster: ConnectedContext): Promise<Result> {
  try {
    await copySetting(cluster);
  } catch (error) {
    // A credential that may not touch ConfigMaps propagates tokens all the same.
    if (!(error instanceof ApiError && error.code === 403)) throw error;
  }
  return done;
}

async function copySetting(cluster: ConnectedContext): Promise<void> {
  const { client, observed } = cluster.connection;
  const key = { resource: CONFIG_MAPS, namespace: cluster.downstreamNamespace, name: REFRESH_DEBOUNCE };
  const value =
    cluster.mode === 'drain' ? undefined : cluster.management.settings.get(REFRESH_DEBOUNCE)?.value;
  const live = (await client.get(key)) as KubeObject | undefined;
  if (live !== undefined && !observed.isOurs(live)) return;
  const current = live === undefined ? [] : [live];
  const desired = value === undefined ? [] : [configMap(value, cluster)];
  for (const change of diff(desired, current)) {
    if (change.verb === 'delete' || !cluster.isPaused) await apply(client, change);
  }
}

function configMap(value: string, cluster: ConnectedContext): KubeObject {
  return {
    apiVersion: apiVersionOf(CONFIG_MAPS),
    kind: CONFIG_MAPS.kind,
    metadata: {
      name: REFRESH_DEBOUNCE,
      namespace: cluster.downstreamNamespace,
      labels: { [LABEL_MANAGED_BY]: FIELD_MANAGER, [LABEL_CLUSTER]: cluster.name },
    },
    data: { value },
  };
}

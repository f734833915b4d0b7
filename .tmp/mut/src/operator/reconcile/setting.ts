import { CONFIG_MAPS, REFRESH_DEBOUNCE, SETTINGS } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { ApiError } from '../../errors.ts';
import { apply } from '../../kube/apply.ts';
import { decideSetting } from '../decide/decide-setting.ts';
import type { SettingFacts } from '../decide/facts.ts';
import { watchName } from '../upstream/management.ts';
import type { Work } from './work.ts';

/** Makes the copy of the one Setting match. Reads live, for nothing watches ConfigMaps; so nothing is assumed as seen, either. */
export async function copySetting(work: Work): Promise<void> {
  const { mode } = work.rules();
  // What was not read may well be set: the copy stays as it is.
  if (mode !== 'drain' && work.upstream.management.unread.has(watchName(SETTINGS))) return;
  try {
    for (const change of decideSetting(await gather(work))) await apply(work.downstream.client, change);
  } catch (error) {
    // A credential that may not touch ConfigMaps propagates tokens all the same.
    if (!(error instanceof ApiError && error.code === 403)) throw error;
  }
}

async function gather({ rules, upstream, downstream }: Work): Promise<SettingFacts> {
  const address = { resource: CONFIG_MAPS, namespace: rules().place.namespace, name: REFRESH_DEBOUNCE };
  const object = (await downstream.client.get(address)) as KubeObject | undefined;
  return {
    rules: rules(),
    value: upstream.management.settings.get(REFRESH_DEBOUNCE)?.value,
    live: object && { object, isOurs: downstream.observed.isOurs(object) },
  };
}

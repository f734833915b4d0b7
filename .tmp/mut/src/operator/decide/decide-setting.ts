import { apiVersionOf, CONFIG_MAPS, REFRESH_DEBOUNCE } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { ownLabels } from '../../derive/desired.ts';
import { type Change, diff } from '../../derive/diff.ts';
import type { Rules, SettingFacts } from './facts.ts';

/**
 * Copies the Setting that says how old a user's groups may get to the ConfigMap of that name, where authenticators
 * read it. One that we did not label is another's, and stays.
 */
export function decideSetting({ rules, value, live }: SettingFacts): readonly Change[] {
  if (live && !live.isOurs) return [];
  const desired = value === undefined || rules.mode === 'drain' ? [] : [configMap(value, rules)];
  const changes = diff(desired, live ? [live.object] : []);
  return changes.filter(({ verb }) => verb === 'delete' || !rules.isPaused);
}

function configMap(value: string, rules: Rules): KubeObject {
  return {
    apiVersion: apiVersionOf(CONFIG_MAPS),
    kind: CONFIG_MAPS.kind,
    metadata: {
      name: REFRESH_DEBOUNCE,
      namespace: rules.place.namespace,
      labels: ownLabels(rules.place),
    },
    data: { value },
  };
}

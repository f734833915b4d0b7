import { FEATURES } from '../../api/names.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { LIMIT_SETTINGS, type Purpose, type TtlLimits, ttlLimits } from './ttl.ts';

const HASHING_FEATURE = 'token-hashing';

/**
 * How long a token may live, by the Settings.
 *
 * @throws {ConnectionError} when they cannot be read: a limit that nobody saw may not be passed
 */
export async function readTtlLimits(purpose: Purpose, management: ManagementPlane): Promise<TtlLimits> {
  const { max, fallback } = LIMIT_SETTINGS[purpose];
  const values: Record<string, string | undefined> = {};
  for (const name of [...max, fallback]) values[name] = await readSetting(name, management);
  return ttlLimits(purpose, values);
}

/**
 * A Setting's value; undefined where there is none, or no Settings at all.
 *
 * @throws {ConnectionError} when that cannot be told
 */
export async function readSetting(name: string, management: ManagementPlane): Promise<string | undefined> {
  const setting = await management.setting(name);
  if (!setting.ok && setting.failure.reason === 'KindMissing') return undefined;
  return needed(setting)?.value;
}

/**
 * Whether the management plane stores tokens hashed: Rancher's feature `token-hashing`, off where there is none.
 *
 * @throws {ConnectionError} when that cannot be told
 */
export async function storesHashed(management: ManagementPlane): Promise<boolean> {
  const feature = await management.get(FEATURES, HASHING_FEATURE, (raw) => {
    const { spec, status } = raw as { spec?: { value?: unknown }; status?: Record<string, unknown> };
    return status?.['lockedValue'] ?? spec?.value ?? status?.['default'];
  });
  if (!feature.ok && feature.failure.reason === 'KindMissing') return false;
  return needed(feature) === true;
}

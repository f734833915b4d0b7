import { setTimeout as delay } from 'node:timers/promises';
import type { FaultProxy } from '../../support/fault-proxy.ts';
import type { Scene } from './scene.ts';
import { until } from './until.ts';

// Who a program is to an API server, who that server is to it, and as what a cluster is registered.

/** The old bearer is refused for a while before the new one is told. */
export async function changeCredentials(
  scene: Scene,
  link: string,
  bearer: string,
  forMs: number,
): Promise<void> {
  proxyOf(scene, link).setBearer(bearer);
  await delay(forMs);
  await until(() => scene.tellAccess(link));
}

/** The server's authority is another one for a while before the new one is told. */
export async function changeAuthority(scene: Scene, link: string, forMs: number): Promise<void> {
  proxyOf(scene, link).changeAuthority();
  await delay(forMs);
  await until(() => scene.tellAccess(link));
}

/**
 * @param variant - the Cluster goes first, with its credentials or without, and the new one comes some time later; or the other way round,
 *   so that one cluster is registered twice for that time
 */
export async function registerAnew(
  { registrations }: Scene,
  place: string,
  variant: number,
  forMs: number,
): Promise<void> {
  const old = registrations.rename(place);
  const away = (): Promise<void> => until(() => registrations.remove(old, variant % 2 === 0));
  const there = (): Promise<void> => until(() => registrations.ensure(place));
  const [first, second] = variant % 3 === 0 ? [there, away] : [away, there];
  await first();
  await delay(forMs);
  await second();
}

function proxyOf({ links }: Scene, link: string): FaultProxy {
  const found = links.get(link);
  if (!found) throw new Error(`no link ${link}`);
  return found;
}

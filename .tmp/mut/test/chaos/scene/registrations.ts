import { CLUSTERS, SECRETS } from '../../../src/api/names.ts';
import { OWN_NAMESPACE, type World } from '../../support/world.ts';

const AGAIN = '-again-';

/** Which cluster that is, whatever it is registered as: `c-1` for `c-1-again-2`. The checker reads the names by the same rule. */
export const placeOf = (id: string): string => id.split(AGAIN)[0] ?? id;

/** As what the clusters of a scene are registered at present: people delete them, and register them anew under another id. */
export class Registrations {
  readonly #world: World;
  /** Text of the kubeconfig by which operators reach a cluster at present. */
  readonly #kubeconfigOf: (place: string) => string;
  readonly #counts = new Map<string, number>();

  constructor(world: World, kubeconfigOf: (place: string) => string) {
    this.#world = world;
    this.#kubeconfigOf = kubeconfigOf;
  }

  idOf(place: string): string {
    const count = this.#counts.get(place) ?? 0;
    return count === 0 ? place : `${place}${AGAIN}${count}`;
  }

  /** From now on the cluster has another id. @returns the one before */
  rename(place: string): string {
    const old = this.idOf(place);
    this.#counts.set(place, (this.#counts.get(place) ?? 0) + 1);
    return old;
  }

  /** Makes what is missing of the cluster's registration, with the credentials that are right at present. Can be repeated. */
  async ensure(place: string): Promise<void> {
    const id = this.idOf(place);
    if (await this.#world.management.get(CLUSTERS, id)) await this.#world.setAce(id, true);
    else await this.#world.register(id, { credentials: false });
    await this.tellCredentials(place);
  }

  tellCredentials(place: string): Promise<void> {
    return this.#world.setCredentials(this.idOf(place), { kubeconfig: this.#kubeconfigOf(place) });
  }

  /** @param secretToo - else the credentials of a Cluster that is gone stay where they are */
  async remove(id: string, secretToo: boolean): Promise<void> {
    const { management } = this.#world;
    await management.remove(CLUSTERS, id);
    if (secretToo) await management.remove(SECRETS, `credentials-${id}`, OWN_NAMESPACE);
  }

  /** After the plane was put back: what was registered before comes again, and what came later is gone. Can be repeated. */
  async putRight(places: readonly string[]): Promise<void> {
    for (const { metadata } of await this.#world.management.list(CLUSTERS)) {
      const place = placeOf(metadata.name);
      if (places.includes(place) && metadata.name !== this.idOf(place))
        await this.remove(metadata.name, true);
    }
    for (const place of places) await this.ensure(place);
  }
}

import { ANNOTATION_CREDENTIAL_EXPIRES, SECRETS } from '../../api/names.ts';
import { requestToken } from '../../clusters/bound-token.ts';
import type { Renewable } from '../../clusters/renewable.ts';
import { formatTime } from '../../derive/expiry.ts';
import { TerminalError } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';
import { downstreamAccess } from '../../kube/kubeconfig.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ClusterPropagator } from '../propagate/propagator.ts';
import type { Sessions } from '../propagate/propagator-deps.ts';
import { renewalPlan } from './renewal-plan.ts';

export interface RenewalsDeps {
  /** Of the management plane. */
  readonly client: Pick<Writer, 'patch'>;
  readonly ownNamespace: string;
  readonly sessions: Pick<Sessions, 'holdsOurs'>;
  readonly log: Log;
  readonly now: () => number;
}

type Renewed = Pick<ClusterPropagator, 'name' | 'settings' | 'connection' | 'isElsewhere'>;

/** Renews the credentials that `join --renew` made, each in its own time: a cluster that does not answer holds up no other. */
export class Renewals {
  readonly #deps: RenewalsDeps;
  /** By cluster: which version of its Secret was tried last, and when. */
  readonly #tried = new Map<string, { readonly version: string; readonly atMs: number }>();

  constructor(deps: RenewalsDeps) {
    this.#deps = deps;
  }

  /**
   * Begins what is due, and does not wait for it.
   *
   * @returns in how many milliseconds to look again; undefined: not before something changes
   */
  look(cluster: Renewed): number | undefined {
    const { ownNamespace, now } = this.#deps;
    const credentials = cluster.settings?.credentials;
    const renewable = credentials?.kind === 'found' ? credentials.renewable() : undefined;
    const tried = this.#tried.get(cluster.name);
    const isSame = tried !== undefined && tried.version === renewable?.secret.resourceVersion;
    const facts = {
      ...{ renewable, ownNamespace, nowMs: now() },
      triedAtMs: isSame ? tried.atMs : undefined,
      isConnected: cluster.connection !== undefined && !cluster.isElsewhere,
    };
    const plan = renewalPlan(facts);
    if (plan.kind === 'never') return undefined;
    if (plan.kind === 'later') return plan.delayMs;
    this.#tried.set(cluster.name, { version: plan.renewable.secret.resourceVersion, atMs: facts.nowMs });
    void this.#renew(cluster, plan.renewable, plan.seconds);
    const next = renewalPlan({ ...facts, triedAtMs: facts.nowMs });
    return next.kind === 'later' ? next.delayMs : undefined;
  }

  forget(cluster: string): void {
    this.#tried.delete(cluster);
  }

  async #renew(cluster: Renewed, renewable: Renewable, seconds: number): Promise<void> {
    const { log } = this.#deps;
    try {
      const until = await this.#replace(cluster, renewable, seconds);
      log.info('credential renewed', { cluster: cluster.name, detail: `until ${formatTime(until)}` });
    } catch (error) {
      log.warn('credential not renewed', { cluster: cluster.name, error });
    }
  }

  /** @returns until when the new one is good @throws {ApiError | ConnectionError | FencedError | TerminalError | ConfigError} */
  async #replace({ name, connection }: Renewed, renewable: Renewable, seconds: number): Promise<number> {
    const { client, sessions } = this.#deps;
    const { secret, account, lifetime } = renewable;
    if (!connection) throw new TerminalError('Unreachable', `cluster ${name} is not connected any more`);
    const key = { resource: SECRETS, namespace: secret.namespace, name: secret.name };
    // A Secret that somebody changed meanwhile is theirs: 409.
    const identity = { uid: secret.uid, resourceVersion: secret.resourceVersion };
    // A token that could not be kept would be good all the same: whether it can be is tried first.
    await client.patch(key, { metadata: identity }, { dryRun: true });
    const { token, expiresAtMs } = await requestToken(connection.client, account, seconds);
    if (expiresAtMs <= lifetime.untilMs)
      throw new TerminalError(
        'Rejected',
        `cluster ${name} gave a token that ends no later than the present one, which stays`,
      );
    const kubeconfig = renewable.kubeconfigWith(token);
    // It takes the place of one that works.
    await sessions.holdsOurs(name, () => downstreamAccess(kubeconfig));
    const annotations = { [ANNOTATION_CREDENTIAL_EXPIRES]: new Date(expiresAtMs).toISOString() };
    const data = { kubeconfig: Buffer.from(kubeconfig).toString('base64') };
    await client.patch(key, { metadata: { ...identity, annotations }, data });
    return expiresAtMs;
  }
}

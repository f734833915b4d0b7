import { parseCluster } from '../../../src/api/parse-cluster.ts';
import {
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseHashSecret,
} from '../../../src/api/parse-downstream.ts';
import type { KubeObject, Token, User } from '../../../src/api/types.ts';
import { desiredTokenObjects, desiredUserObject } from '../../../src/derive/desired.ts';
import { effectiveExpiryMs } from '../../../src/derive/expiry.ts';
import { withoutNulls } from '../../../src/derive/merge-patch.ts';
import type { Evidence } from '../../../src/explain/evidence.ts';
import type { Reading } from '../../../src/plane/reading.ts';
import { anAttribute, aToken, aUser, NOW, rawCluster } from '../../support/builders.ts';

export const found = <T>(value: T): Reading<T> => ({ ok: true, value });
export const failed = (
  reason: 'Unreachable' | 'Failing' | 'Forbidden' | 'KindMissing' | 'NoApiServer' | 'NoCredentials',
): Reading<never> => ({
  ok: false,
  failure: { reason, message: `it was tried: ${reason}` },
});

const PLACEMENT = { cluster: 'c-1', namespace: 'cattle-system', storage: 'secret' as const };
const withMeta = (desired: KubeObject): KubeObject => ({
  ...withoutNulls(desired),
  metadata: { ...withoutNulls(desired).metadata, uid: `uid-${desired.kind}`, resourceVersion: '1' },
});
const seen = <T>(object: KubeObject, parse: (raw: unknown) => T) => {
  const { data: _data, hash: _hash, ...shown } = withMeta(object);
  return found({ parsed: parse(withMeta(object)), object: shown as KubeObject });
};

/** Everything in order: token `t-1` of `u-1` in `c-1`, propagated, its API server asks an authenticator of ours. */
export function evidence(changes: { token?: Token; user?: User } & Partial<Evidence> = {}): Evidence {
  const { token = aToken(), user = aUser(), ...rest } = changes;
  const hash = { hash: 'not-looked-at', fingerprint: 'f' };
  const [secret, clusterAuthToken] = desiredTokenObjects(token, effectiveExpiryMs(token), hash, PLACEMENT);
  if (!secret || !clusterAuthToken) throw new Error('nothing is desired');
  const attribute = anAttribute();
  return {
    nowMs: NOW,
    given: { kind: 'name', name: 't-1' },
    target: { cluster: 'c-1', how: 'asked for' },
    management: {
      token: found(token),
      user: found(user),
      attribute: found(attribute),
      cluster: found(parseCluster(rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true } } }))),
      propagation: found(undefined),
    },
    downstream: {
      way: found({ server: 'https://c-1.example', source: 'Secret ns/c-1', isOperators: true }),
      namespace: 'cattle-system',
      clusterAuthToken: seen(clusterAuthToken, parseClusterAuthToken),
      hashSecret: seen(secret, parseHashSecret),
      userAttribute: seen(
        desiredUserObject(user, attribute, PLACEMENT, undefined),
        parseClusterUserAttribute,
      ),
      daemonSets: found([]),
    },
    hash: { format: 'bcrypt', isOfToken: true, isOfBearer: undefined, isBearerOfToken: undefined },
    webhook: {
      probe: found({ kind: 'refused', reason: 'UnknownToken', mayChange: true }),
      review: undefined,
      live: undefined,
    },
    right: undefined,
    ...rest,
  };
}

/** A kubeconfig with the bearer of `t-1`. */
export const bearer = (secret = 'secret-1'): Evidence['given'] => ({
  kind: 'kubeconfig',
  source: 'file, context x,',
  server: 'https://c-1.example',
  isOwnBearer: true,
  credential: { kind: 'ours', prefix: '', name: 't-1', secret },
});

/** What a TokenReview says of it. */
export const accepted = found({ kind: 'accepted', username: 'u-1', groups: [], tokenId: 't-1' } as const);

/** The server of the kubeconfig lets it in; undefined: it does not say as whom. */
export const letIn = (username: string | undefined) => found({ kind: 'letIn', username } as const);

/** Of a cluster that was not reached. */
export const nothingThere = {
  way: failed('Unreachable'),
  namespace: 'cattle-system',
  clusterAuthToken: undefined,
  hashSecret: undefined,
  userAttribute: undefined,
  daemonSets: undefined,
};

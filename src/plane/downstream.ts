import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, type Resource, SECRETS } from '../api/names.ts';
import {
  type ClusterAuthToken,
  type ClusterUserAttribute,
  type HashSecret,
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseHashSecret,
} from '../api/parse-downstream.ts';
import { observedParser } from '../api/parse-observed.ts';
import type { Cluster, KubeObject } from '../api/types.ts';
import { findCredentials } from '../clusters/credentials.ts';
import type { Ways } from '../clusters/ways.ts';
import { ConfigError } from '../errors.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { type ListLimits, Plane, type PlaneOptions } from './plane.ts';
import { type Reading, reading } from './reading.ts';

/** An object downstream: what it says, and the object itself, for its marks. */
export interface Seen<T> {
  readonly parsed: T;
  /** Without `data` and `hash`: nothing of it is secret. */
  readonly object: KubeObject;
}

/** One cluster of many, any of which may be in other hands by now: it costs its share and no more. */
const CLUSTER_LIMITS: ListLimits = { bytes: 128 * 1024 * 1024, ms: 60_000 };

/** One downstream cluster, read live and once. */
export class DownstreamPlane extends Plane {
  /** Where the way to it was found: `Secret ace-operator/c-one`. */
  readonly source: string;
  /** Of our objects. May become known only when the cluster does. */
  namespace: string;
  /** By a kubeconfig that a person gave: why it is not proven that it is of the cluster that is meant, in words. */
  unproven: string | undefined;

  constructor(
    access: Access,
    options: PlaneOptions & { readonly source: string; readonly namespace: string },
  ) {
    super(access, { limits: CLUSTER_LIMITS, ...options });
    this.source = options.source;
    this.namespace = options.namespace;
  }

  clusterAuthToken(name: string): Promise<Reading<Seen<ClusterAuthToken> | undefined>> {
    return this.get(
      CLUSTER_AUTH_TOKENS,
      name,
      seenBy(CLUSTER_AUTH_TOKENS, parseClusterAuthToken),
      this.namespace,
    );
  }

  clusterAuthTokens(): Promise<Reading<readonly Seen<ClusterAuthToken>[]>> {
    return this.list(CLUSTER_AUTH_TOKENS, seenBy(CLUSTER_AUTH_TOKENS, parseClusterAuthToken), {
      namespace: this.namespace,
    });
  }

  clusterUserAttributes(): Promise<Reading<readonly Seen<ClusterUserAttribute>[]>> {
    return this.list(CLUSTER_USER_ATTRIBUTES, seenBy(CLUSTER_USER_ATTRIBUTES, parseClusterUserAttribute), {
      namespace: this.namespace,
    });
  }

  hashSecret(name: string): Promise<Reading<Seen<HashSecret> | undefined>> {
    return this.get(SECRETS, name, seenBy(SECRETS, parseHashSecret), this.namespace);
  }

  clusterUserAttribute(name: string): Promise<Reading<Seen<ClusterUserAttribute> | undefined>> {
    return this.get(
      CLUSTER_USER_ATTRIBUTES,
      name,
      seenBy(CLUSTER_USER_ATTRIBUTES, parseClusterUserAttribute),
      this.namespace,
    );
  }
}

function seenBy<T>(resource: Resource, parse: (raw: unknown) => T): (raw: unknown) => Seen<T> {
  const observe = observedParser(
    `${resource.group === '' ? '' : `${resource.group}/`}${resource.version}`,
    resource.kind,
  );
  return (raw) => {
    const { data: _data, hash: _hash, ...object } = observe(raw).object;
    return { parsed: parse(raw), object };
  };
}

/**
 * Opens a downstream cluster by the credentials that the operator would use. Nothing is asked of it yet.
 *
 * @returns a failure with reason `NoCredentials` or `CredentialsInvalid` when there is no way to it
 */
export async function openDownstream(
  name: string,
  cluster: Cluster | undefined,
  ways: Ways,
  options: PlaneOptions & { readonly namespace: string },
): Promise<Reading<DownstreamPlane>> {
  const credentials = findCredentials(name, cluster, ways);
  if (credentials.kind === 'missing') {
    return { ok: false, failure: { reason: 'NoCredentials', message: credentials.message } };
  }
  return reading(async () => {
    const access = await credentials.access().catch((error: unknown) => {
      throw error instanceof ConfigError ? error : new ConfigError(`${credentials.source} cannot be used`);
    });
    return new DownstreamPlane(access, { ...options, source: credentials.source });
  });
}

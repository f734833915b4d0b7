import { z } from 'zod';
import { bearerIn, claimsOf } from '../api/credential-lifetime.ts';
import {
  ANNOTATION_CREDENTIAL_EXPIRES,
  ANNOTATION_CREDENTIAL_RENEW,
  DOWNSTREAM_ACCOUNT,
  joinedSecretName,
  LABEL_CLUSTER,
  LABEL_PART_OF,
  SECRETS,
} from '../api/names.ts';
import type { KubeObject, Lifetime } from '../api/types.ts';
import type { BoundToken } from '../clusters/bound-token.ts';
import { ConfigError } from '../errors.ts';
import type { Access } from '../kube/access.ts';
import type { Addressed } from './downstream-objects.ts';

/** Where a cluster is, and how it is trusted. */
export interface Address {
  readonly server: string;
  readonly caPem: string | undefined;
  readonly serverName: string | undefined;
}

/**
 * Where the cluster is, by the kubeconfig that was given.
 *
 * @param server - instead of the address in it, which may be one that only this machine knows
 * @throws {ConfigError} where it trusts everybody: what the operator sends there are hashes of tokens
 */
export function addressOf({ server: inFile, tls }: Access, server: string | undefined): Address {
  if (tls.rejectUnauthorized === false)
    throw new ConfigError(
      '--downstream-kubeconfig: it trusts whoever answers (insecure-skip-tls-verify); give it the certificate authority of the cluster',
    );
  const url = new URL(server ?? inFile.href);
  return {
    server: `${url.origin}${url.pathname.replace(/\/$/, '')}`,
    caPem: tls.ca === undefined ? undefined : String(tls.ca),
    serverName: tls.servername,
  };
}

/** For which cluster a Secret is, in which namespace, and whether the operator is to renew what is in it. */
export interface Purpose {
  readonly cluster: string;
  readonly namespace: string;
  readonly renew: boolean;
}

/** The Secret in the management plane by which the operator reaches the cluster. */
export function credentialSecret(
  { cluster, namespace, renew }: Purpose,
  address: Address,
  { token, expiresAtMs }: BoundToken,
): Addressed {
  const kubeconfig = Buffer.from(kubeconfigText(address, token)).toString('base64');
  const object = {
    apiVersion: 'v1',
    kind: SECRETS.kind,
    metadata: {
      name: joinedSecretName(cluster),
      namespace,
      labels: { [LABEL_CLUSTER]: cluster, [LABEL_PART_OF]: DOWNSTREAM_ACCOUNT },
      annotations: {
        [ANNOTATION_CREDENTIAL_EXPIRES]: new Date(expiresAtMs).toISOString(),
        [ANNOTATION_CREDENTIAL_RENEW]: String(renew),
      },
    },
    type: 'Opaque',
    data: { kubeconfig },
  };
  return { resource: SECRETS, object };
}

function kubeconfigText({ server, caPem, serverName }: Address, token: string): string {
  const name = 'downstream';
  const cluster = {
    server,
    ...(caPem === undefined ? {} : { 'certificate-authority-data': Buffer.from(caPem).toString('base64') }),
    ...(serverName === undefined ? {} : { 'tls-server-name': serverName }),
  };
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  });
}

/** What a Secret of an earlier `join` says. */
export interface Written {
  readonly bound: BoundToken;
  /** As the token says itself; where it does not, its end as it was noted. */
  readonly lifetime: Lifetime;
  /** Whom the token says it is of, as `system:serviceaccount:<namespace>:<name>`; undefined: it does not say. */
  readonly subject: string | undefined;
  /** Its kubeconfig is not one that `join` writes: somebody put another in its place. */
  readonly isReplaced: boolean;
  /** UID of the account that the token says it is of; undefined: it does not say. */
  readonly accountUid: string | undefined;
  /** It leads to that address, trusted in that way, and the operator takes it for the way to that cluster. */
  readonly isFor: (address: Address, cluster: string) => boolean;
}

/** @returns undefined for a Secret that `join` did not write, or that does not say what it should */
export function writtenByJoin(secret: KubeObject): Written | undefined {
  const expiresAtMs = Date.parse(secret.metadata.annotations?.[ANNOTATION_CREDENTIAL_EXPIRES] ?? '');
  const text = (secret['data'] as { kubeconfig?: unknown } | undefined)?.kubeconfig;
  if (Number.isNaN(expiresAtMs) || typeof text !== 'string') return undefined;
  const kubeconfig = Buffer.from(text, 'base64').toString();
  const token = bearerIn(kubeconfig);
  const { lifetime, subject, accountUid } = claimsOf(token ?? '');
  return {
    bound: { token: token ?? '', expiresAtMs },
    lifetime: lifetime ?? { fromMs: undefined, untilMs: expiresAtMs },
    subject,
    isReplaced: !isByJoin(kubeconfig),
    accountUid,
    isFor: (address, cluster) =>
      token !== undefined &&
      secret.metadata.labels?.[LABEL_CLUSTER] === cluster &&
      kubeconfig === kubeconfigText(address, token),
  };
}

const kubeconfigShape = z.object({
  clusters: z.tuple([
    z.object({
      cluster: z.object({
        server: z.string(),
        'certificate-authority-data': z.string().optional(),
        'tls-server-name': z.string().optional(),
      }),
    }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
});

/** Whether it is to the letter what {@link kubeconfigText} makes of what is in it. */
function isByJoin(kubeconfig: string): boolean {
  const parsed = kubeconfigShape.safeParse(jsonOf(kubeconfig));
  if (!parsed.success) return false;
  const [{ cluster }] = parsed.data.clusters;
  const [{ user }] = parsed.data.users;
  const authority = cluster['certificate-authority-data'];
  const address = {
    server: cluster.server,
    caPem: authority === undefined ? undefined : Buffer.from(authority, 'base64').toString(),
    serverName: cluster['tls-server-name'],
  };
  return kubeconfig === kubeconfigText(address, user.token);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

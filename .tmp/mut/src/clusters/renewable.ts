import { z } from 'zod';
import { claimsOf } from '../api/credential-lifetime.ts';
import { DOWNSTREAM_ACCOUNT, isObjectName, joinedSecretName } from '../api/names.ts';
import type { CredentialsSecret, Lifetime } from '../api/types.ts';
import type { Account } from './bound-token.ts';

/** A credential that the operator may renew by itself, because `join --renew` said so. */
export interface Renewable {
  readonly secret: Pick<CredentialsSecret, 'namespace' | 'name' | 'uid' | 'resourceVersion'>;
  /** Whose token it is. */
  readonly account: Account;
  readonly lifetime: Lifetime & { readonly fromMs: number };
  /** The same kubeconfig with another token. */
  kubeconfigWith(token: string): string;
}

/** As `join` writes it, and nothing else: what a person wrote is not for us to write anew. */
const kubeconfigShape = z.object({
  users: z.tuple([z.strictObject({ name: z.string(), user: z.strictObject({ token: z.string() }) })]),
});

/**
 * What of a credential may be renewed: only a Secret that `join --renew` marked, with a bound token of the operator's own account in
 * it. Pure.
 */
export function renewableOf(secret: CredentialsSecret): Renewable | undefined {
  const { renews, cluster, name, namespace, uid, resourceVersion } = secret;
  if (!renews || cluster === '' || name !== joinedSecretName(cluster)) return undefined;
  const content = jsonOf(secret.kubeconfig ?? '');
  const parsed = kubeconfigShape.safeParse(content);
  if (!parsed.success) return undefined;
  const [{ name: user, user: shown }] = parsed.data.users;
  const { lifetime, subject } = claimsOf(shown.token);
  const account = accountOf(subject ?? '');
  if (!account || lifetime?.fromMs === undefined) return undefined;
  return {
    secret: { namespace, name, uid, resourceVersion },
    account,
    lifetime: { ...lifetime, fromMs: lifetime.fromMs },
    // To the letter as `join` would write it, which looks whether it did.
    kubeconfigWith: (token) =>
      JSON.stringify({ ...(content as object), users: [{ name: user, user: { token } }] }),
  };
}

/**
 * When a token is good that may take the place of the present one: of the same account, by which it can be renewed in its turn, and
 * good for noticeably longer. What the cluster says beside it does not count: the token is what will be shown.
 *
 * @returns in words what was given instead. Pure
 */
export function successorOf({ account, lifetime }: Renewable, token: string): Lifetime | string {
  const next = claimsOf(token);
  const { fromMs, untilMs } = next.lifetime ?? {};
  if (fromMs === undefined || untilMs === undefined) return 'a token that does not say when it is good';
  const found = accountOf(next.subject ?? '');
  if (found?.namespace !== account.namespace || found.name !== account.name)
    return 'a token of another account';
  const gainMs = untilMs - lifetime.untilMs;
  if (gainMs < (untilMs - fromMs) * LEAST_GAIN) return 'a token that ends hardly later, or sooner';
  return { fromMs, untilMs };
}

/** Of its lifetime. Each renewal costs the connection: where clocks differ, one token may look as old as the other. */
const LEAST_GAIN = 0.1;

function accountOf(subject: string): Account | undefined {
  const [system, kind, namespace = '', name = '', ...rest] = subject.split(':');
  const isAccount = system === 'system' && kind === 'serviceaccount' && rest.length === 0;
  return isAccount && isObjectName(namespace) && name === DOWNSTREAM_ACCOUNT
    ? { namespace, name }
    : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

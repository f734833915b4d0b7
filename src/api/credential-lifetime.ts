import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { readYaml } from './read-yaml.ts';
import type { Lifetime } from './types.ts';

/** RFC 3339 ends with the year 9999, and RFC 5280 (4.1.2.5) writes its last second for "no known end". */
const LATEST_S = 253_402_300_799;

const text = z.string().min(1).optional().catch(undefined);
const seconds = z.number().positive().max(LATEST_S).optional().catch(undefined);
/** The UID of an account as tokens of old have it. */
const ACCOUNT_UID = 'kubernetes.io/serviceaccount/service-account.uid';
/** Of a JWT's payload (RFC 7519, 4.1), in seconds since the epoch; the last two are Kubernetes' own. */
const claimsShape = z.object({
  iat: seconds,
  nbf: seconds,
  exp: seconds,
  sub: z.string().optional().catch(undefined),
  'kubernetes.io': z
    .object({ serviceaccount: z.object({ uid: text }) })
    .optional()
    .catch(undefined),
  [ACCOUNT_UID]: text,
});

/** What a JWT says of itself; none of it is proven. */
export interface Claims {
  readonly lifetime: Lifetime | undefined;
  /** `system:serviceaccount:<namespace>:<name>` of an account's token. */
  readonly subject: string | undefined;
  /** UID of that account. */
  readonly accountUid: string | undefined;
}

const NOTHING: Claims = { lifetime: undefined, subject: undefined, accountUid: undefined };

/** What a bearer token says of itself, as bound tokens do. Anything that is no JWT says nothing. */
export function claimsOf(bearer: string): Claims {
  const parts = bearer.trim().split('.');
  if (parts.length !== 3) return NOTHING;
  const parsed = claimsShape.safeParse(jsonOf(Buffer.from(parts[1] ?? '', 'base64url').toString('utf8')));
  if (!parsed.success) return NOTHING;
  const { iat, nbf, exp, sub: subject, 'kubernetes.io': bound, [ACCOUNT_UID]: uidOfOld } = parsed.data;
  return {
    lifetime: exp === undefined ? undefined : lifetime(iat ?? nbf, exp),
    subject,
    accountUid: bound?.serviceaccount.uid ?? uidOfOld,
  };
}

/** When a client certificate is good, by the first of the certificates in a PEM text; undefined: there is none, or it has no known end. */
export function lifetimeOfCertificate(pem: string): Lifetime | undefined {
  try {
    const { validFrom, validTo } = new X509Certificate(pem);
    const [from, until] = [Date.parse(validFrom) / 1_000, Date.parse(validTo) / 1_000];
    return until > 0 && until < LATEST_S ? lifetime(from, until) : undefined;
  } catch {
    // Whoever connects with it says what is wrong.
    return undefined;
  }
}

const kubeconfigShape = z.object({
  'current-context': z.string(),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ user: z.string() }) })),
  users: z.array(
    z.object({
      name: z.string(),
      user: z.object({
        token: z.string().nullish(),
        'client-certificate-data': z.string().nullish(),
      }),
    }),
  ),
});

/** When each of the credentials of a kubeconfig's current user is good, as far as it is in the text and says so. */
export function lifetimesIn(kubeconfig: string): readonly Lifetime[] {
  const user = currentUserOf(kubeconfig);
  const certificate = user?.['client-certificate-data'];
  return [
    claimsOf(user?.token ?? '').lifetime,
    certificate ? lifetimeOfCertificate(Buffer.from(certificate, 'base64').toString('utf8')) : undefined,
  ].filter((one) => one !== undefined);
}

/** The bearer token of a kubeconfig's current user, where it is in the text. */
export function bearerIn(kubeconfig: string): string | undefined {
  return currentUserOf(kubeconfig)?.token ?? undefined;
}

function currentUserOf(
  kubeconfig: string,
): z.infer<typeof kubeconfigShape>['users'][number]['user'] | undefined {
  const parsed = kubeconfigShape.safeParse(yamlOf(kubeconfig));
  if (!parsed.success) return undefined;
  const { contexts, users, 'current-context': current } = parsed.data;
  const wanted = contexts.find(({ name }) => name === current)?.context.user;
  return users.find(({ name }) => name === wanted)?.user;
}

/** @param from - in seconds since the epoch, as `until`; one that is not before the end is not believed */
function lifetime(from: number | undefined, until: number): Lifetime {
  const isKnown = from !== undefined && from < until;
  return { fromMs: isKnown ? from * 1_000 : undefined, untilMs: until * 1_000 };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function yamlOf(text: string): unknown {
  try {
    return readYaml(text);
  } catch {
    return undefined;
  }
}

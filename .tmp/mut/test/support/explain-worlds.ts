import {
  ANNOTATION_TOKEN_HASHED,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  EXT_TOKEN_SECRETS,
  SECRETS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../../src/api/names.ts';
import * as bcrypt from '../../src/hash/bcrypt.ts';
import * as scrypt from '../../src/hash/scrypt.ts';
import * as sha3 from '../../src/hash/sha3-512.ts';
import * as sha256 from '../../src/hash/sha256.ts';
import { groupsOf, timeText } from './builders.ts';
import type { Form } from './kubeconfig-forms.ts';
import type { PlaneClient } from './plane-client.ts';
import { rawCat, rawCua, rawHashSecret } from './webhook-rig.ts';
import { NAMESPACE } from './world.ts';

/** One token with all that belongs to it at either side, and how a person asks about it. What is not said is in order. */
export interface TokenWorld {
  readonly token:
    | 'ok'
    | 'disabled'
    | 'expired'
    | 'absent'
    | 'empty'
    | 'elsewhere'
    | 'unscoped'
    | 'ext'
    | 'hashed';
  readonly user: 'ok' | 'disabled' | 'absent' | 'groupless';
  /** Who wrote downstream what is there. */
  readonly writer: 'ours' | 'rancher' | 'nobody';
  readonly object: 'ok' | 'disabled' | 'expired' | 'longer' | 'of another user' | 'absent';
  readonly hash: 'sha3-512' | 'sha256' | 'scrypt' | 'bcrypt' | 'of another secret' | 'garbage' | 'absent';
  readonly place: 'secret' | 'inline';
  readonly attribute: 'ok' | 'disabled' | 'other groups' | 'absent';
  readonly asked: 'by name' | 'kubeconfig' | 'wrong secret' | 'ext prefix';
  readonly endpoint: 'its own' | "another cluster's" | 'nobody';
  /** How the kubeconfig is written. */
  readonly form: Form;
  /** The cluster that the token is for: its API server asks an authenticator, or asks one that is not there. */
  readonly home: 'c-one' | 'c-deaf';
}

const HASHERS = {
  'sha3-512': sha3.hash,
  sha256: sha256.hash,
  scrypt: scrypt.hash,
  bcrypt: bcrypt.hash,
} as const;
const HOUR = 3_600_000;

export const secretOf = (name: string): string => `not-a-real-secret-of-${name}`;

/** Makes it on real API servers. `name` is the token's, and its user's is made from it. */
export async function make(
  world: TokenWorld,
  name: string,
  planes: { readonly management: PlaneClient; readonly downstream: PlaneClient },
): Promise<void> {
  const user = `u-${name}`;
  await Promise.all([
    ...upstream(world, name, user).map(([resource, object]) => planes.management.create(resource, object)),
    ...(await downstream(world, name, user)).map(([resource, object]) =>
      planes.downstream.create(resource, object),
    ),
  ]);
}

type Object = readonly [Parameters<PlaneClient['create']>[0], object];

function upstream({ token, user: owner, home }: TokenWorld, name: string, user: string): readonly Object[] {
  const meta = { name };
  const objects: Object[] = [];
  if (owner !== 'absent') {
    const fields = { metadata: { name: user }, enabled: owner !== 'disabled' };
    objects.push([USERS, { apiVersion: 'management.cattle.io/v3', kind: 'User', ...fields }]);
  }
  if (owner !== 'groupless') {
    const fields = {
      metadata: { name: user },
      GroupPrincipals: { local: groupsOf('group://devs', 'group://ops') },
    };
    objects.push([
      USER_ATTRIBUTES,
      { apiVersion: 'management.cattle.io/v3', kind: 'UserAttribute', ...fields },
    ]);
  }
  if (token === 'ext') objects.push([EXT_TOKEN_SECRETS, extSecret(name, user, home)]);
  else if (token !== 'absent') {
    const isHashed = token === 'hashed';
    const clusterName = { elsewhere: 'c-two', unscoped: '' }[token as string] ?? home;
    const secret = isHashed ? sha3.hash(secretOf(name)) : token === 'empty' ? '' : secretOf(name);
    const metadata = isHashed ? { ...meta, annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } } : meta;
    const expiresAt = token === 'expired' ? timeText(Date.now() - HOUR) : timeText(Date.now() + HOUR);
    const fields = {
      userId: user,
      token: secret,
      clusterName,
      enabled: token !== 'disabled',
      ttl: 0,
      expiresAt,
    };
    objects.push([TOKENS, { apiVersion: 'management.cattle.io/v3', kind: 'Token', metadata, ...fields }]);
  }
  return objects;
}

function extSecret(name: string, user: string, home: string): object {
  const texts = {
    ...{
      cluster: home,
      enabled: 'true',
      hash: sha3.hash(secretOf(name)),
      kind: 'kubeconfig',
      'kube-uid': `k-${name}`,
    },
    ...{ 'last-update-time': timeText(Date.now()), ttl: '3600000', 'user-id': user },
    principal: JSON.stringify({ name: `local://${user}`, provider: 'local' }),
  };
  const data = Object.fromEntries(
    Object.entries(texts).map(([key, text]) => [key, Buffer.from(text).toString('base64')]),
  );
  const metadata = { name, namespace: 'cattle-tokens', labels: { 'cattle.io/kind': 'token' } };
  return { apiVersion: 'v1', kind: 'Secret', metadata, data };
}

async function downstream(world: TokenWorld, name: string, user: string): Promise<readonly Object[]> {
  const { writer, object, attribute, hash, place, home } = world;
  if (writer === 'nobody') return [];
  const marks =
    writer === 'ours'
      ? { labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': home } }
      : { labels: { 'cattle.io/creator': 'norman' } };
  const text = await hashText(hash, name);
  const objects: Object[] = [];
  if (attribute !== 'absent') {
    const groups = attribute === 'other groups' ? ['group://old'] : ['group://devs', 'group://ops'];
    objects.push([
      CLUSTER_USER_ATTRIBUTES,
      rawCua(user, { enabled: attribute !== 'disabled', groups, lastRefresh: '' }, marks),
    ]);
  }
  if (text !== undefined && place === 'secret')
    objects.push([SECRETS, rawHashSecret(name, text, writer === 'ours' ? marks : {})]);
  if (object !== 'absent') {
    const expiry = { expired: -HOUR, longer: 9 * HOUR }[object as string] ?? HOUR;
    const fields = {
      userName: object === 'of another user' ? `${user}-other` : user,
      enabled: object !== 'disabled',
      expiresAt: timeText(Date.now() + expiry),
      ...(place === 'inline' && text !== undefined ? { hash: text } : {}),
    };
    objects.push([CLUSTER_AUTH_TOKENS, rawCat(name, fields, marks)]);
  }
  return objects;
}

async function hashText(hash: TokenWorld['hash'], name: string): Promise<string | undefined> {
  if (hash === 'absent') return undefined;
  if (hash === 'garbage') return 'no-hash-of-any-kind';
  if (hash === 'of another secret') return sha3.hash('another-secret-altogether');
  return HASHERS[hash](secretOf(name));
}

export const remove = async (name: string, planes: Parameters<typeof make>[2]): Promise<void> => {
  const { management, downstream: cluster } = planes;
  await Promise.all([
    management.remove(TOKENS, name),
    management.remove(EXT_TOKEN_SECRETS, name, 'cattle-tokens'),
    management.remove(USERS, `u-${name}`),
    management.remove(USER_ATTRIBUTES, `u-${name}`),
    cluster.remove(CLUSTER_AUTH_TOKENS, name, NAMESPACE),
    cluster.remove(SECRETS, name, NAMESPACE),
    cluster.remove(CLUSTER_USER_ATTRIBUTES, `u-${name}`, NAMESPACE),
  ]);
};

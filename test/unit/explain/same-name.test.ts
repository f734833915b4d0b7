import { describe, expect, test } from 'vitest';
import { parseCluster } from '../../../src/api/parse-cluster.ts';
import { parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { Token } from '../../../src/api/types.ts';
import { holderOf } from '../../../src/derive/older.ts';
import { conclude } from '../../../src/explain/conclusion.ts';
import { type GatherOptions, gather } from '../../../src/explain/gather.ts';
import type { ManagementPlane } from '../../../src/plane/management.ts';
import type { Plane } from '../../../src/plane/plane.ts';
import {
  anAttribute,
  aToken,
  aUser,
  HOUR,
  NOW,
  rawCluster,
  rawExtToken,
  rawToken,
  timeText,
} from '../../support/builders.ts';
import { failed, found } from './evidence-builder.ts';

/** A Token and a token of `ext.cattle.io` may have one name: which of them a bearer is of, its prefix says. */

const OLDER = { uid: 'uid-v3', creationTimestamp: timeText(NOW - HOUR) };
const cluster = parseCluster(
  rawCluster({ spec: { localClusterAuthEndpoint: { enabled: true, fqdn: 'c-1.example' } } }),
);

interface There {
  readonly v3?: Readonly<Record<string, unknown>>;
  readonly ext?: Readonly<Record<string, string>> | 'unreadable';
}

function planeWith({ v3, ext }: There): ManagementPlane {
  const rawV3 = v3 && rawToken(v3, OLDER);
  const rawExt = ext && ext !== 'unreadable' ? rawExtToken(ext) : undefined;
  const tokens: readonly Token[] = [
    ...(v3 ? [aToken(v3, OLDER)] : []),
    ...(rawExt ? [parseExtToken(rawExt)] : []),
  ];
  const forbidden = failed('Forbidden');
  return {
    get: async ({ plural }: { plural: string }, _name: string, parse: (raw: unknown) => unknown) => {
      if (plural === 'secrets' && ext === 'unreadable') return forbidden;
      const raw = { tokens: rawV3, secrets: rawExt }[plural];
      return found(raw && parse(raw));
    },
    probe: async () => found({ status: 200, text: '', skewMs: 0 }),
    // As ManagementPlane has it: of two the one that a cluster would get.
    token: async (_name: string, id?: string) =>
      tokens.length === 0 && ext === 'unreadable' ? forbidden : found(holderOf(tokens, id, NOW)),
    clusters: async () => found([cluster]),
    cluster: async () => found(cluster),
    ways: async () => found({ secrets: [], rancher: [] }),
    waysFor: async () => found({ secrets: [], rancher: [] }),
    list: async () => found([]),
    propagation: async () => found(undefined),
    user: async () => found(aUser()),
    userAttribute: async () => found(anAttribute()),
  } as unknown as ManagementPlane;
}

/** The token by which a bearer is judged that the server of its kubeconfig lets in, and what is said of its scope. */
async function judged(prefix: '' | 'ext/', there: There) {
  const status = { userInfo: { username: 'u-1' } };
  const server = {
    post: async () => found({ status: 201, text: JSON.stringify({ kind: 'SelfSubjectReview', status }) }),
  } as unknown as Plane;
  const options: GatherOptions = {
    given: {
      ...{ kind: 'kubeconfig', source: 'ada.yaml, context x,', server: 'https://c-1.example' },
      isOwnBearer: true,
      credential: { kind: 'ours', prefix, name: 't-1', secret: 'd'.repeat(54) },
    },
    cluster: undefined,
    management: found(planeWith(there)),
    downstream: undefined,
    bearer: server,
    wish: undefined,
    asksWebhook: true,
    namespace: undefined,
    now: () => NOW,
    ...{ timeoutMs: 1000, userAgent: 'x' },
  };
  const evidence = await gather(options);
  const scope = conclude(evidence).hops.find(({ id }) => id === 'scope');
  return { token: evidence.management.token, scope: scope?.reason ?? scope?.state };
}

describe('of two tokens of a name, of which the older is a Token of another cluster, a bearer', () => {
  const elsewhere = { clusterName: 'c-2' };

  test('with ext/ is of the one of that kind', async () => {
    expect(await judged('ext/', { v3: elsewhere, ext: {} })).toMatchObject({
      token: { value: { api: 'ext' } },
      scope: 'ok',
    });
  });

  test('without it is of the Token', async () => {
    expect(await judged('', { v3: elsewhere, ext: {} })).toMatchObject({
      token: { value: { api: 'v3' } },
      scope: 'OtherCluster',
    });
  });

  test('with ext/ is of nobody knows which, where that kind cannot be read', async () => {
    expect(await judged('ext/', { v3: elsewhere, ext: 'unreadable' })).toMatchObject({
      token: { ok: false, failure: { reason: 'Forbidden' } },
      scope: 'unknown',
    });
  });
});

test.each([
  ['ext/', { v3: {} }, 'v3'],
  ['', { ext: {} }, 'ext'],
] as const)(
  'a bearer with "%s" before its name is of the one token that there is',
  async (prefix, there, api) => {
    expect(await judged(prefix, there)).toMatchObject({ token: { value: { api } }, scope: 'ok' });
  },
);

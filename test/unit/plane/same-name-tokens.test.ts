import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { KubeObject, Token } from '../../../src/api/types.ts';
import { personalAccess } from '../../../src/kube/kubeconfig.ts';
import { ManagementPlane } from '../../../src/plane/management.ts';
import type { Reading } from '../../../src/plane/reading.ts';
import { HOUR, NOW, rawExtToken, rawToken, timeText } from '../../support/builders.ts';
import { PaperPlanes } from '../../support/paper-planes.ts';

// A Token and a token of ext.cattle.io may have one name, and one of the two kinds may not be read.

const planes = new PaperPlanes();
let plane: ManagementPlane;
beforeAll(async () => {
  await planes.listen();
  const access = await personalAccess({ files: [planes.kubeconfig], required: true, context: undefined });
  const options = { timeoutMs: 5_000, userAgent: 'test', credentialNamespaces: ['ace-operator'] };
  plane = new ManagementPlane(access, options);
});
afterAll(async () => {
  await plane.close();
  await planes.close();
});

const FORBIDDEN = { code: 403 };
let v3: KubeObject | typeof FORBIDDEN | undefined;
let ext: KubeObject | typeof FORBIDDEN | undefined;
beforeEach(() => {
  v3 = rawToken();
  ext = rawExtToken({ cluster: 'c-2', ttl: '-1' }, { creationTimestamp: timeText(NOW + HOUR) });
  planes.answer = ({ plural }) => ({ tokens: v3, secrets: ext })[plural];
});

async function kindOf(read: Promise<Reading<Token | undefined>>): Promise<string> {
  const token = await read;
  return token.ok ? (token.value?.api ?? 'none') : token.failure.reason;
}

test('a command gets the one of the cluster that is asked for', async () => {
  expect(await kindOf(plane.token('t-1', 'c-2'))).toBe('ext');
  expect(await kindOf(plane.token('t-1', 'c-1'))).toBe('v3');
  const named = await plane.tokensNamed('t-1');
  expect(named.ok && named.value.map(({ api }) => api)).toEqual(['v3', 'ext']);
});

test('what was written for one kind is not judged by the other, which is for another cluster', async () => {
  expect(await kindOf(plane.token('t-1', 'c-3', 'ext'))).toBe('ext');
  expect(await kindOf(plane.token('t-1', 'c-3', 'v3'))).toBe('v3');
  ext = undefined;
  expect(await kindOf(plane.token('t-1', 'c-3', 'ext'))).toBe('none');
});

const cases: Record<string, { there: boolean; written: Token['api'] | undefined; want: string }> = {
  'a Token that is there is not doubted': { there: true, written: undefined, want: 'v3' },
  'that there is no Token says nothing': { there: false, written: undefined, want: 'Forbidden' },
  'a Token does not speak for what was written for the other kind': {
    ...{ there: true, written: 'ext', want: 'Forbidden' },
  },
  'what was written for a Token that is gone is of none': { there: false, written: 'v3', want: 'none' },
};

test.each(Object.entries(cases))('where tokens of ext.cattle.io may not be read, %s', async (_, given) => {
  ext = FORBIDDEN;
  if (!given.there) v3 = undefined;
  expect(await kindOf(plane.token('t-1', 'c-1', given.written))).toBe(given.want);
  expect((await plane.tokensNamed('t-1')).ok).toBe(false);
});

test('the time of the plane is that of its answers', async () => {
  await plane.token('t-1');
  expect(Math.abs((plane.clock.said() ?? 0) - Date.now())).toBeLessThan(5_000);
});

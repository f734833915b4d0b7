import { beforeEach, describe, expect, test } from 'vitest';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import type { Token } from '../../../../src/api/types.ts';
import { Management } from '../../../../src/operator/upstream/management.ts';
import type { TokenSources } from '../../../../src/operator/upstream/token-sources.ts';
import { aToken, NOW, rawExtToken, SECOND, timeText } from '../../../support/builders.ts';

let management: Management;
let sources: TokenSources;
let told: string[];
beforeEach(() => {
  management = new Management(['ace-operator'], { extTokens: true });
  sources = management.tokenSources as TokenSources;
  told = [];
  sources.onCollision(({ api }) => void told.push(api));
});

const v3 = (createdAtMs = NOW): Token =>
  aToken({}, { uid: `v3-${createdAtMs}`, creationTimestamp: timeText(createdAtMs) });
const ext = (createdAtMs = NOW): Token =>
  parseExtToken(rawExtToken({}, { uid: `ext-${createdAtMs}`, creationTimestamp: timeText(createdAtMs) }));
const held = (cluster = 'c-1', nowMs = NOW): string | undefined =>
  management.token('t-1', cluster, nowMs)?.uid;

describe('tokens of both kinds', () => {
  test('are one store to everybody else', () => {
    sources.v3.put(aToken({}, { name: 't-3' }));
    sources.ext.put(ext());
    expect(
      management
        .tokensOfCluster('c-1')
        .map(({ name, api }) => `${api} ${name}`)
        .sort(),
    ).toEqual(['ext t-1', 'v3 t-3']);
  });

  test.each([
    ['the v3 Token, being older', NOW, NOW + SECOND, 'v3'],
    ['the token of ext.cattle.io, being older', NOW + SECOND, NOW, 'ext'],
    ['of the same second, the v3 Token', NOW, NOW, 'v3'],
  ])('of one name: %s', (_what, v3AtMs, extAtMs, winner) => {
    for (const order of [
      ['v3', 'ext'],
      ['ext', 'v3'],
    ]) {
      management = new Management(['ace-operator'], { extTokens: true });
      sources = management.tokenSources as TokenSources;
      for (const kind of order) {
        if (kind === 'v3') sources.v3.put(v3(v3AtMs));
        else sources.ext.put(ext(extAtMs));
      }
      expect(held()).toBe(winner === 'v3' ? `v3-${v3AtMs}` : `ext-${extAtMs}`);
      expect(sources.collisionsOf('c-1', NOW).map(({ api }) => api)).toEqual([
        winner === 'v3' ? 'ext' : 'v3',
      ]);
    }
  });

  test('when the older goes, the younger has the name; nobody had told of a deletion of that one', () => {
    const events: string[] = [];
    management.tokens.onChange(({ type, object }) => void events.push(`${type} ${object.api}`));
    sources.v3.put(v3());
    sources.ext.put(ext(NOW + SECOND));
    sources.v3.remove(v3());
    expect(held()).toBe(`ext-${NOW + SECOND}`);
    expect(events).toEqual(['added v3', 'added ext', 'deleted v3']);
    expect(sources.collisionsOf('c-1', NOW)).toEqual([]);
    expect(told).toEqual(['v3', 'ext', 'ext']);
  });

  test('of a collision somebody is told once, not with each change', () => {
    sources.v3.put(v3());
    sources.ext.put(ext(NOW + SECOND));
    sources.v3.put({ ...v3(), resourceVersion: '2' });
    expect(told).toEqual(['v3', 'ext']);
  });

  // The v3 Token is the older one.
  const later = (data: Record<string, string> = {}): Token =>
    parseExtToken(rawExtToken(data, { uid: 'ext-later', creationTimestamp: timeText(NOW + SECOND) }));
  const older = (fields: Record<string, unknown> = {}): Token =>
    aToken(fields, { uid: 'v3-older', creationTimestamp: timeText(NOW) });

  test.each<[string, Record<string, unknown>, Record<string, string>, string, string[]]>([
    ['both for this cluster, and good: the older', {}, {}, 'v3-older', ['ext']],
    ['the older is for another cluster', { clusterName: 'c-2' }, {}, 'ext-later', []],
    ['the older is for none', { clusterName: '' }, {}, 'ext-later', []],
    ['the older is disabled', { enabled: false }, {}, 'ext-later', []],
    ['the older has expired', { expiresAt: timeText(NOW - SECOND) }, {}, 'ext-later', []],
    ['the older cannot be read', { ttl: 'long' }, {}, 'ext-later', []],
    ['the younger is for another cluster', {}, { cluster: 'c-2' }, 'v3-older', []],
    ['the younger is disabled', {}, { enabled: 'false' }, 'v3-older', []],
    ['both are disabled: the older is told of', { enabled: false }, { enabled: 'false' }, 'v3-older', []],
  ])('who has the name in a cluster: %s', (_what, fields, data, holder, collided) => {
    sources.v3.put(older(fields));
    sources.ext.put(later(data));
    expect(held()).toBe(holder);
    expect(sources.collisionsOf('c-1', NOW).map(({ api }) => api)).toEqual(collided);
  });

  test('each has the name in its own cluster', () => {
    sources.v3.put(older({ clusterName: 'c-2' }));
    sources.ext.put(later());
    expect([held('c-1'), held('c-2')]).toEqual(['ext-later', 'v3-older']);
    expect(sources.collisionsOf('c-2', NOW)).toEqual([]);
  });

  test('the older loses the name as it expires, moves or is disabled, and has it again when it is back', () => {
    sources.v3.put(older({ expiresAt: timeText(NOW + SECOND) }));
    sources.ext.put(later());
    expect([held('c-1', NOW), held('c-1', NOW + SECOND)]).toEqual(['v3-older', 'ext-later']);
    for (const [version, fields, holder] of [
      ['2', { enabled: false }, 'ext-later'],
      ['3', {}, 'v3-older'],
      ['4', { clusterName: 'c-2' }, 'ext-later'],
    ] as const) {
      sources.v3.put({ ...older(fields), resourceVersion: version });
      expect(held()).toBe(holder);
    }
  });

  test('what was written for one kind is not judged by the other, which is for another cluster', () => {
    sources.ext.put(later({ cluster: 'c-2' }));
    expect(management.token('t-1', 'c-1', NOW, 'v3')).toBeUndefined();
    expect(management.token('t-1', 'c-1', NOW, 'ext')?.uid).toBe('ext-later');
    expect(management.token('t-1', 'c-1', NOW)?.uid).toBe('ext-later');
  });
});

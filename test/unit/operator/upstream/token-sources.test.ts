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
const held = (): string | undefined => management.tokens.get('t-1')?.uid;

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
      expect(sources.collisionsOf('c-1').map(({ api }) => api)).toEqual([winner === 'v3' ? 'ext' : 'v3']);
    }
  });

  test('when the older goes, the younger has the name; nobody had told of a deletion of that one', () => {
    const events: string[] = [];
    management.tokens.onChange(({ type, object }) => void events.push(`${type} ${object.api}`));
    sources.v3.put(v3());
    sources.ext.put(ext(NOW + SECOND));
    sources.v3.remove(v3());
    expect(held()).toBe(`ext-${NOW + SECOND}`);
    expect(events).toEqual(['added v3', 'deleted v3', 'added ext']);
    expect(sources.collisionsOf('c-1')).toEqual([]);
    expect(told).toEqual(['ext', 'ext']);
  });

  test('a collision is told of in the cluster that it is for now', () => {
    sources.v3.put(v3());
    sources.ext.put(ext(NOW + SECOND));
    sources.ext.put({ ...ext(NOW + SECOND), clusterName: 'c-2', resourceVersion: '9' });
    expect(['c-1', 'c-2'].map((cluster) => sources.collisionsOf(cluster).length)).toEqual([0, 1]);
    sources.ext.remove(ext(NOW + SECOND));
    expect(sources.collisionsOf('c-2')).toEqual([]);
  });

  test('of a collision somebody is told once, not with each change', () => {
    sources.v3.put(v3());
    sources.ext.put(ext(NOW + SECOND));
    sources.v3.put({ ...v3(), resourceVersion: '2' });
    expect(told).toEqual(['ext']);
  });
});

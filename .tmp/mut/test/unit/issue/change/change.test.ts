import { beforeEach, describe, expect, test } from 'vitest';
import { TOKENS } from '../../../../src/api/names.ts';
import { ApiError } from '../../../../src/errors.ts';
import { changeToken } from '../../../../src/issue/change/change.ts';
import { type ListedToken, parseListedToken } from '../../../../src/issue/change/listed-token.ts';
import { eachBounded } from '../../../../src/plane/bounded.ts';
import { rawToken, timeText } from '../../../support/builders.ts';
import { FakeApi } from '../../../support/fake-api.ts';
import { endlessPatience } from '../../../support/patience.ts';

let api: FakeApi;
let token: ListedToken;
beforeEach(async () => {
  api = new FakeApi();
  await api.create(TOKENS, rawToken({}, { uid: undefined }));
  token = parseListedToken(api.find('Token', 't-1'));
});

const change = (action: 'disable' | 'enable' | 'delete', dryRun: 'none' | 'client' = 'none') =>
  changeToken(action, token, { client: api, patience: endlessPatience() }, dryRun);

describe('a token', () => {
  test('is disabled, and enabled again, by that one field', async () => {
    const before = api.find('Token', 't-1');
    expect(await change('disable')).toBe('disabled');
    expect(api.find('Token', 't-1')).toMatchObject({ enabled: false, token: before?.['token'] });
    token = parseListedToken(api.find('Token', 't-1'));
    expect(await change('enable')).toBe('enabled');
    expect(api.find('Token', 't-1')).toMatchObject({ enabled: true });
  });

  test('that is so already costs no request', async () => {
    const before = api.requests;
    expect(await change('enable')).toBe('unchanged');
    token = parseListedToken(rawToken({}, { deletionTimestamp: timeText(0) }));
    expect(await change('delete')).toBe('deleting');
    expect(api.requests).toBe(before);
  });

  test('is left alone by a dry run', async () => {
    expect(await change('delete', 'client')).toBe('deleted');
    expect(api.find('Token', 't-1')).toBeDefined();
  });

  test('that is gone meanwhile is gone, whatever was to be done', async () => {
    await api.delete({ resource: TOKENS, name: 't-1' }, { uid: token.uid });
    expect(await change('delete')).toBe('deleted');
    expect(await change('disable')).toBe('gone');
  });

  test.each(['disable', 'delete'] as const)(
    'of the same name that came since is not touched by %s',
    async (action) => {
      await api.delete({ resource: TOKENS, name: 't-1' }, { uid: token.uid });
      await api.create(TOKENS, rawToken());
      const successor = api.find('Token', 't-1');
      await expect(change(action)).rejects.toThrow('token t-1 was replaced by another meanwhile');
      expect(api.find('Token', 't-1')).toEqual(successor);
    },
  );

  test('is tried again when the server is too busy, and left when it says no', async () => {
    let refusals = 2;
    const busy = new ApiError('busy', {
      code: 429,
      statusReason: 'TooManyRequests',
      objectMissing: false,
      retryAfterMs: 1,
    });
    api.fault = () => (refusals-- > 0 ? busy : undefined);
    expect(await change('delete')).toBe('deleted');

    const no = new ApiError('no', { code: 403, statusReason: 'Forbidden', objectMissing: false });
    api.fault = () => no;
    await expect(change('delete')).rejects.toBe(no);
  });
});

describe('work on many', () => {
  test('has so many under way at once, and no more', async () => {
    let underWay = 0;
    let most = 0;
    const done: number[] = [];
    await eachBounded(Array.from({ length: 50 }).keys(), 4, async (item) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      done.push(item);
    });
    expect(most).toBe(4);
    expect(done.sort((a, b) => a - b)).toEqual([...Array(50).keys()]);
  });

  test('ends with what is under way when one fails, and says so', async () => {
    const begun: number[] = [];
    const work = eachBounded([0, 1, 2, 3, 4, 5], 2, async (item) => {
      begun.push(item);
      await Promise.resolve();
      if (item === 1) throw new Error('the second');
    });
    await expect(work).rejects.toThrow('the second');
    expect(begun.length).toBeLessThan(6);
  });
});

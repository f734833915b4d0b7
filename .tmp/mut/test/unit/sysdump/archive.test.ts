import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { describe, expect, test } from 'vitest';
import { Archive } from '../../../src/sysdump/archive.ts';
import { fileName } from '../../../src/sysdump/read.ts';
import { Scrubber } from '../../../src/sysdump/scrub.ts';

async function unpacked(archive: Archive): Promise<Readonly<Record<string, string>>> {
  const entries = await unpackTar(gunzipSync(await archive.pack('dump', new Date(0))));
  return Object.fromEntries(
    entries.map(({ header, data }) => [header.name, Buffer.from(data ?? []).toString('utf8')]),
  );
}

const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index} 東`);

describe('an archive', () => {
  test('holds its files in one directory, and what was left out', async () => {
    const archive = new Archive({ totalBytes: 10_000, fileBytes: 10_000 }, new Scrubber());
    archive.addObject('a.json', { a: '東' });
    archive.addLines('b/c.jsonl', ['1', '2']);
    archive.leave('d', 'Forbidden', 'may not');
    const files = await unpacked(archive);
    expect(Object.keys(files).sort()).toEqual(['dump/a.json', 'dump/b/c.jsonl', 'dump/left-out.json']);
    expect(files['dump/b/c.jsonl']).toBe('1\n2\n');
    expect(JSON.parse(files['dump/a.json'] ?? '')).toEqual({ a: '東' });
    expect(JSON.parse(files['dump/left-out.json'] ?? '')).toEqual([
      { what: 'd', reason: 'Forbidden', message: 'may not' },
    ]);
  });

  test('of a log that does not fit keeps the end, of a list the beginning, and says so', async () => {
    const archive = new Archive({ totalBytes: 400, fileBytes: 100 }, new Scrubber());
    archive.addLines('log', lines(50), 'last');
    archive.addLines('list', lines(50));
    const files = await unpacked(archive);
    expect(files['dump/log']).toMatch(/line 49 東\n$/);
    expect(files['dump/list']).toMatch(/^line 0 東\n/);
    expect(archive.leftOut.map(({ what, reason }) => [what, reason])).toEqual([
      ['log', 'TooLarge'],
      ['list', 'TooLarge'],
    ]);
  });

  test('never grows beyond its limit, whatever is put in', async () => {
    const archive = new Archive({ totalBytes: 1_000, fileBytes: 10_000 }, new Scrubber());
    for (let index = 0; index < 20; index += 1) archive.addLines(`f${index}`, lines(20));
    archive.addObject('object', { text: 'x'.repeat(5_000) });
    const { 'dump/left-out.json': _, ...files } = await unpacked(archive);
    expect(Object.values(files).join('').length).toBeLessThanOrEqual(1_000);
    expect(archive.leftOut.map(({ what }) => what)).toContain('object');
  });

  test.each(['../../etc/passwd', '/etc/passwd', 'a/../../b', 'x'.repeat(300)])(
    'has no path outside of its directory for an object called %s',
    (name) => {
      expect(fileName(name)).toMatch(/^[A-Za-z0-9._-]{1,80}$/);
      expect(fileName(name)).not.toContain('..');
    },
  );
});

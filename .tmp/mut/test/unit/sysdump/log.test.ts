import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Plane } from '../../../src/plane/plane.ts';
import { Archive } from '../../../src/sysdump/archive.ts';
import { addPods } from '../../../src/sysdump/read.ts';
import { Scrubber } from '../../../src/sysdump/scrub.ts';

const LINES = Array.from({ length: 6_000 }, (_, index) =>
  JSON.stringify({ level: 'info', message: `line ${index} ${'x '.repeat(150)}` }),
);
const PROGRAM = { labelSelector: 'app=x', file: 'pods', line: (line: string) => line };
const POD = { metadata: { name: 'p-1' }, spec: { containers: [{ name: 'c' }] } };

let server: Server;

/** As a kubelet does: so many lines from the end, and of those so many bytes from the first. */
beforeEach(async () => {
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    if (!pathname.endsWith('/log'))
      return response.end(
        JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '1' }, items: [POD] }),
      );
    const tail = `${LINES.slice(-Number(searchParams.get('tailLines') ?? 0)).join('\n')}\n`;
    return response.end(tail.slice(0, Number(searchParams.get('limitBytes') ?? tail.length)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => server.close());

test('of a log the newest lines are in the archive, whole', async () => {
  const access = {
    server: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    tls: {},
    headers: async () => ({}),
  } as unknown as ConstructorParameters<typeof Plane>[0];
  const plane = new Plane(access, { timeoutMs: 60_000, userAgent: 'test' });
  const archive = new Archive({ totalBytes: 1e8, fileBytes: 1e8 }, new Scrubber());
  await addPods({ plane, archive, scrubber: new Scrubber(), directory: 'd' }, 'ns', PROGRAM);
  await plane.close();
  expect(archive.leftOut).toEqual([]);
  const entries = await unpackTar(gunzipSync(await archive.pack('dump', new Date(0))));
  const log = entries.find(({ header }) => header.name.endsWith('.log'))?.data;
  const lines = Buffer.from(log ?? [])
    .toString('utf8')
    .trimEnd()
    .split('\n');
  expect(lines.at(-1)).toContain('line 5999');
  for (const line of lines) expect(JSON.parse(line)).toHaveProperty('message');
  expect(lines.join('\n').length).toBeLessThanOrEqual(1024 * 1024);
});

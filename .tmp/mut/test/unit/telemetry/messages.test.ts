import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

/** Whoever searches a log, or counts in it, goes by the message: values belong into fields. */

const SOURCE = fileURLToPath(new URL('../../../src/', import.meta.url));
/** Where a message is handed on: the words are constants where it is called. */
const HANDED_ON = ['log.warn(action,', 'log.error(kind,'];

const calls = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) =>
    [
      ...readFileSync(join(SOURCE, file), 'utf8').matchAll(
        /\blog\.(?:error|warn|info|debug)\(\s*[^,)]*[,)]/g,
      ),
    ].map(([call]) => ({ file, call: call.replaceAll(/\s+/g, '').replace(',', ', ').trim() })),
  );

test('every message of the log is a constant', () => {
  expect(calls.length).toBeGreaterThan(30);
  const handedOn = HANDED_ON.map((call) => call.replaceAll(' ', ''));
  const others = calls.filter(
    ({ call }) => !/\('[^'$]+'[,)]$/.test(call) && !handedOn.includes(call.replaceAll(' ', '')),
  );
  expect(others).toEqual([]);
});

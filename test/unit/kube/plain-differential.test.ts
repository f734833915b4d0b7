import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Loaded } from '../../../src/kube/access.ts';
import { loadedFile, loadedFiles, loadedText } from '../../../src/kube/client-node-kubeconfig.ts';
import { plainFiles, plainText } from '../../../src/kube/plain-kubeconfig.ts';
import { fuzzRuns, fuzzTimeoutMs } from '../../support/fuzz-runs.ts';
import { contextName, filesBeside, oddKubeconfig } from '../../support/odd-kubeconfigs.ts';

const LIMIT = { timeout: fuzzTimeoutMs() };
const RUNS = fuzzRuns(500);
const dir = mkdtempSync(join(tmpdir(), 'ace-plain-differential-'));
const FOLDERS = ['0', '1', '2'];

/** Folders of its own for each test: one that ran out of time may still be writing. */
function foldersFor(test: string): string {
  for (const folder of FOLDERS) {
    mkdirSync(join(dir, test, folder), { recursive: true });
    for (const [file, text] of Object.entries(filesBeside(folder)))
      writeFileSync(join(dir, test, folder, file), text);
  }
  return join(dir, test);
}
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** All that is made use of. Whoever has a fault is asked for no more. */
async function meaning(loaded: Loaded): Promise<object> {
  const { place, fault, server, proxyUrl, readsFiles, groups } = loaded;
  if (fault !== undefined) return { place, fault };
  const { headers, ca, cert, key, servername, rejectUnauthorized, auth } = await loaded.options();
  return {
    ...{ place, fault, server, proxyUrl, readsFiles, groups, headers, servername, rejectUnauthorized, auth },
    ...{ ca: String(ca), cert: String(cert), key: String(key) },
  };
}

const REFUSED = 'refused';
const refusable = async (read: () => Loaded): Promise<unknown> => {
  try {
    return await meaning(read());
  } catch {
    return REFUSED;
  }
};

/** @returns whether the plain reader took it */
async function agree(plain: () => Loaded | undefined, clientNode: () => Loaded): Promise<boolean> {
  let taken: Loaded | undefined;
  try {
    taken = plain();
  } catch {
    // A file that cannot be read: the other cannot, either, or finds a fault before it does.
    const other = await refusable(clientNode);
    expect(other === REFUSED || (other as { fault?: string }).fault !== undefined).toBe(true);
    return false;
  }
  if (taken === undefined) return false;
  expect(await meaning(taken)).toEqual(await refusable(clientNode));
  return true;
}

describe('what is read without client-node means what client-node makes of it', () => {
  test('in one file, as a service has it', LIMIT, async () => {
    let taken = 0;
    const file = join(foldersFor('one'), '0', 'config');
    const property = fc.asyncProperty(oddKubeconfig, async (text) => {
      writeFileSync(file, text);
      if (
        await agree(
          () => plainFiles([file]),
          () => loadedFile(file),
        )
      )
        taken += 1;
    });
    await fc.assert(property, RUNS);
    expect(taken).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test('in several files, with or without a context that was asked for', LIMIT, async () => {
    let taken = 0;
    const root = foldersFor('several');
    const texts = fc.array(oddKubeconfig, { minLength: 2, maxLength: FOLDERS.length });
    const property = fc.asyncProperty(texts, contextName, async (texts, context) => {
      const files = texts.map((text, index) => {
        const file = join(root, String(index), 'config');
        writeFileSync(file, text);
        return file;
      });
      if (
        await agree(
          () => plainFiles(files, context),
          () => loadedFiles(files, context),
        )
      )
        taken += 1;
    });
    await fc.assert(property, RUNS);
    expect(taken).toBeGreaterThan(RUNS.numRuns / 20);
  });

  test('in a Secret', LIMIT, async () => {
    let taken = 0;
    const property = fc.asyncProperty(oddKubeconfig, async (text) => {
      if (
        await agree(
          () => plainText(text),
          () => loadedText(text),
        )
      )
        taken += 1;
    });
    await fc.assert(property, RUNS);
    expect(taken).toBeGreaterThan(RUNS.numRuns / 20);
  });
});

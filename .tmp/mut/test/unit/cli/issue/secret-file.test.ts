import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { secretPlace } from '../../../../src/cli/issue/secret-file.ts';
import { aRuntime } from '../../../support/runtime.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ace-secret-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const at = (name: string) => join(dir, name);
const place = (path: string, force = false) => secretPlace({ kind: 'file', path, force }, aRuntime().runtime);

describe('a file for a secret', () => {
  test('is there whole, for its owner alone, and nothing beside it', async () => {
    const { write, release } = await place(at('out'));
    expect(readdirSync(dir)).not.toContain('out');
    await write('secret\n');
    await release();
    expect(readFileSync(at('out'), 'utf8')).toBe('secret\n');
    expect(statSync(at('out')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dir)).toEqual(['out']);
  });

  test('is never there when nothing was written', async () => {
    await (await place(at('out'))).release();
    expect(readdirSync(dir)).toEqual([]);
  });

  test('replaces nothing unasked: not one that was there, nor one that came meanwhile, nor a link', async () => {
    writeFileSync(at('old'), 'theirs');
    await expect(place(at('old'))).rejects.toThrow(/old: the file exists; --force replaces it/);

    const late = await place(at('late'));
    writeFileSync(at('late'), 'theirs');
    await expect(late.write('ours')).rejects.toThrow(/the file exists/);
    await late.release();
    expect(readFileSync(at('late'), 'utf8')).toBe('theirs');

    symlinkSync(at('nowhere'), at('link'));
    await expect(place(at('link'))).rejects.toThrow(/the file exists/);
  });

  test('replaces when asked to, and is private whatever the old one was', async () => {
    writeFileSync(at('old'), 'theirs', { mode: 0o644 });
    const { write, release } = await place(at('old'), true);
    await write('ours');
    await release();
    expect(readFileSync(at('old'), 'utf8')).toBe('ours');
    expect(statSync(at('old')).mode & 0o777).toBe(0o600);
  });

  test('puts nothing in the place of what is no regular file, whoever asks', async () => {
    symlinkSync(at('old'), at('link'));
    await expect(place(at('link'), true)).rejects.toThrow(/link: it is no regular file, which alone --force/);
    execFileSync('mkfifo', [at('pipe')]);
    await expect(place(at('pipe'), true)).rejects.toThrow(/pipe: it is no regular file/);
    expect(readdirSync(dir).sort()).toEqual(['link', 'pipe']);
  });

  test('says at once where it cannot be', async () => {
    await expect(place(at('no/such/directory'))).rejects.toThrow(/--output-file .*no\/such\/directory/);
  });
});

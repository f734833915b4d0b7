import { randomUUID } from 'node:crypto';
import { link, lstat, open, rename, unlink } from 'node:fs/promises';
import type { Destination } from '../../config/issue.ts';
import { ConfigError, describeFileError, TerminalError } from '../../errors.ts';
import type { Runtime } from '../terminal/runtime.ts';

/** A place for something secret that is certain to take it. */
export interface SecretPlace {
  /** For people; undefined for stdout. */
  readonly path: string | undefined;
  /** Puts the text there, whole or not at all. */
  write(text: string): Promise<void>;
  /** Gives the place up. Harmless after `write`. */
  release(): Promise<void>;
}

/**
 * Makes sure that a secret can be written before there is one: a token whose secret is lost helps nobody.
 *
 * The file comes into being under another name, readable by its owner alone, and takes its own name when it is
 * complete; an existing one is replaced only when that was asked for.
 *
 * @throws {ConfigError} when the file exists, or cannot be made
 */
export async function secretPlace(destination: Destination, runtime: Runtime): Promise<SecretPlace> {
  if (destination.kind === 'stdout') {
    return { path: undefined, write: (text) => writeOut(text, runtime), release: async () => {} };
  }
  const { path, force } = destination;
  await requireFree(path, force);
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600).catch((error: unknown) => {
    throw new ConfigError(`--output-file ${path}: ${describeFileError(error)}`);
  });
  const release = async (): Promise<void> => {
    await file.close();
    await unlink(draft).catch(() => undefined); // gone already, as a rule
  };
  return {
    path,
    async write(text) {
      await file.writeFile(text);
      await file.sync();
      if (force) return rename(draft, path);
      // Unlike a rename this fails when somebody else has made the file meanwhile.
      await link(draft, path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') throw taken(path);
        if (!WITHOUT_LINKS.has(error.code ?? '')) throw error;
        return takeAndRename(draft, path);
      });
    },
    release,
  };
}

/** Not before the stream has taken it was it written. @throws {TerminalError} when it is lost */
async function writeOut(text: string, { stdout }: Runtime): Promise<void> {
  const error = await new Promise<Error | null | undefined>((resolve) => stdout.write(text, resolve));
  if (error) throw new TerminalError('Rejected', `--output-file -: stdout: ${describeFileError(error)}`);
}

function taken(path: string): ConfigError {
  return new ConfigError(`--output-file ${path}: the file exists; --force replaces it`);
}

/** What file systems without hard links answer: FAT, some shares. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** The name is taken by a file of ours, which the draft then replaces. */
async function takeAndRename(draft: string, path: string): Promise<void> {
  const own = await open(path, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EEXIST' ? taken(path) : error;
  });
  await own.close();
  await rename(draft, path);
}

/** A device, a pipe or a link is nobody's old file: in its place a file with a secret would break others. @throws {ConfigError} */
async function requireFree(path: string, force: boolean): Promise<void> {
  const there = await lstat(path).catch(() => undefined);
  if (there === undefined) return;
  if (!force) throw taken(path);
  if (!there.isFile())
    throw new ConfigError(`--output-file ${path}: it is no regular file, which alone --force replaces`);
}

/** The image as an OCI layout in a tar, which skopeo, crane, podman and containerd read, and any registry takes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTar, imageConfig } from '../image/archive.ts';
import type { Base } from '../image/base/base.ts';
import { configOf } from '../image/config.ts';
import { normalise } from '../image/normalise.ts';
import { type ArchivedFile, compressed, sha256, tar } from './archive.ts';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly [more: string]: unknown;
}

interface Layer {
  readonly descriptor: Descriptor;
  /** SHA-256 of the layer before it is compressed. */
  readonly diffId: string;
}

/** Blobs by their digest; the same content is there once, whoever brings it. */
class Blobs {
  readonly #contents = new Map<string, Buffer>();

  add(mediaType: string, content: Buffer): Descriptor {
    const digest = sha256(content);
    this.#contents.set(digest, content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  }

  addJson(mediaType: string, object: object): Descriptor {
    return this.add(mediaType, Buffer.from(JSON.stringify(object)));
  }

  files(): readonly ArchivedFile[] {
    return [...this.#contents]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([digest, content]) => ({ path: `blobs/sha256/${digest}`, content }));
  }
}

const OCI = 'application/vnd.oci.image';

/** What lies in the image: a layer for each architecture, and above it one that all share, for nothing of ours is native code. */
export interface Contents {
  readonly bases: readonly Pick<Base, 'architecture' | 'fill'>[];
  /** Writes the program into an empty directory. */
  fillProgram(directory: string): void;
}

/**
 * One image for all the architectures.
 *
 * @param tag - by which the layout names the image
 * @throws {Error} when tar fails, or what fills a layer does
 */
export async function ociLayout(
  { bases, fillProgram }: Contents,
  tag: string,
  epochS: number,
): Promise<Buffer> {
  const stage = mkdtempSync(join(tmpdir(), 'ace-oci-'));
  try {
    const blobs = new Blobs();
    const layerOf = (directory: string): Layer => {
      const file = `${directory}.tar`;
      createTar(file, directory, ['.'], epochS);
      const content = readFileSync(file);
      rmSync(file);
      return {
        descriptor: blobs.add(`${OCI}.layer.v1.tar+gzip`, compressed(content)),
        diffId: sha256(content),
      };
    };
    const program = join(stage, 'program');
    mkdirSync(program);
    fillProgram(program);
    // The root itself, too: of the umask of whoever builds, it could be a root that the image's user may not enter.
    normalise(program, epochS);
    const programLayer = layerOf(program);
    const manifests = bases.map((base) => {
      const directory = join(stage, base.architecture);
      base.fill(directory);
      return manifestOf(base.architecture, [layerOf(directory), programLayer], blobs, epochS);
    });
    return await layout(manifests, blobs, tag, epochS);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function manifestOf(
  architecture: Base['architecture'],
  layers: readonly Layer[],
  blobs: Blobs,
  epochS: number,
): Descriptor {
  const diffIds = layers.map(({ diffId }) => diffId);
  const config = blobs.addJson(`${OCI}.config.v1+json`, imageConfig(configOf(architecture), diffIds, epochS));
  const mediaType = `${OCI}.manifest.v1+json`;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    config,
    layers: layers.map(({ descriptor }) => descriptor),
  };
  return { ...blobs.addJson(mediaType, manifest), platform: { os: 'linux', architecture } };
}

/**
 * The image is an index of its own within the layout's: skopeo and crane take the one thing that a layout holds, and would be asked
 * which of several.
 */
function layout(
  manifests: readonly Descriptor[],
  blobs: Blobs,
  tag: string,
  epochS: number,
): Promise<Buffer> {
  const indexOf = (held: readonly Descriptor[]) => ({
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: held,
  });
  const image = blobs.addJson(`${OCI}.index.v1+json`, indexOf(manifests));
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const text = (object: object): Buffer => Buffer.from(JSON.stringify(object));
  const files = [
    { path: 'oci-layout', content: text({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: text(indexOf([{ ...image, annotations }])) },
    ...blobs.files(),
  ];
  return tar(files, epochS);
}

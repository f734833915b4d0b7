import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { nodeVersion } from '../../../hack/packages.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const dockerfile = read('Dockerfile');

function read(path: string): string {
  return readFileSync(`${ROOT}/${path}`, 'utf8');
}

function instructions(name: string): string[] {
  return [...dockerfile.matchAll(new RegExp(`^${name} (.+)$`, 'gm'))].map(([, value]) => value ?? '');
}

test('the image runs the Node that is pinned for machines whose own is too old', () => {
  expect(instructions('ARG')[0]).toMatch(/^NODE_IMAGE=node:/);
  expect(instructions('ARG')[0]).toContain(`:${nodeVersion(ROOT)}-`);
});

test('every stage begins with an image that an argument names', () => {
  const bases = instructions('FROM').map(
    (from) => from.replace('--platform=$BUILDPLATFORM ', '').split(' ')[0],
  );
  expect(bases).toEqual(['NODE', 'NODE', 'NODE', 'RUNTIME'].map((name) => `\${${name}_IMAGE}`));
});

test('no package runs a script while the image is built', () => {
  const installs = instructions('RUN').filter((command) => /\bnpm\b/.test(command));
  expect(installs).toHaveLength(2);
  for (const command of installs) expect(command).toMatch(/^npm ci --ignore-scripts /);
});

test('the entrypoint has the flags of the launcher, for which there is no shell', () => {
  const [entrypoint = '[]'] = instructions('ENTRYPOINT');
  const [node, ...args] = JSON.parse(entrypoint) as string[];
  const [shell = ''] = read('bin/ace-operator.js').split('\n\n');
  const flags = new Set([...shell.matchAll(/--[a-z-]+(=\S+?)?(?=[' ])/g)].map(([flag]) => flag));
  expect(node).toBe('/usr/local/bin/node');
  expect(args.at(-1)).toBe('/app/dist/main.js');
  expect(flags.size).toBeGreaterThan(0);
  expect(args.slice(0, -1)).toEqual([...flags]);
});

test('the last stage runs as a user without rights, given by number', () => {
  expect(instructions('USER')).toEqual(['65532:65532']);
});

describe.each(['manifests/operator/deployment.yaml', 'manifests/authenticator/daemonset.yaml'])(
  '%s',
  (path) => {
    const { spec } = parseAllDocuments(read(path))
      .map((document) => document.toJS())
      .find(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet');
    const pod = spec.template.spec;

    test('leaves the entrypoint to the image and gives a subcommand', () => {
      const [{ command, args }] = pod.containers;
      expect(command).toBeUndefined();
      expect(['operator', 'authenticator']).toContain(args[0]);
    });

    test('runs as the image’s user', () => {
      const { runAsUser, runAsGroup } = pod.securityContext;
      expect(`${runAsUser}:${runAsGroup}`).toBe(instructions('USER')[0]);
    });
  },
);

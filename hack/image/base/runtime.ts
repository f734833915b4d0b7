import { chmodSync, copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { normalise } from '../normalise.ts';
import { copyrightPath } from './debian.ts';
import type { Library } from './libraries.ts';

/** Where the image has its Node, whichever way it was built. */
const NODE_PATH = '/usr/local/bin/node';

/** As in Debian and in distroless images, so that the same numbers mean the same accounts. */
const FILES: Readonly<Record<string, string>> = {
  '/etc/passwd':
    'root:x:0:0:root:/root:/sbin/nologin\n' +
    'nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n' +
    'nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  '/etc/group': 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n',
  // Without it glibc asks DNS before it looks into /etc/hosts.
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** What a base is made of. */
export interface Parts {
  readonly node: string;
  /** What `node` loads, the dynamic linker included. */
  readonly libraries: readonly Library[];
  /** On which terms these are passed on, by package. */
  readonly terms: readonly { readonly name: string; readonly copyright: Buffer }[];
}

/**
 * The least that a Node needs under itself: its shared libraries, accounts, name look-up. No shell, no package manager, no
 * certificates: Node carries its own, and API servers are trusted by the kubeconfig.
 *
 * @param out - a directory that is not there yet
 */
export function assembleRuntime(out: string, { node, libraries, terms }: Parts, epochS: number): void {
  for (const { source, target } of libraries) install(source, join(out, target));
  install(node, join(out, NODE_PATH));
  const licence = join(dirname(dirname(node)), 'LICENSE');
  if (existsSync(licence)) install(licence, join(out, 'usr/local/share/doc/node/LICENSE'));
  const texts = terms.map(({ name, copyright }) => [copyrightPath(name), copyright] as const);
  for (const [path, content] of [...Object.entries(FILES), ...texts]) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), content);
  }
  mkdirSync(join(out, 'home/nonroot'), { recursive: true });
  mkdirSync(join(out, 'tmp'));
  normalise(out, epochS);
  chmodSync(join(out, 'tmp'), 0o1777);
}

function install(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

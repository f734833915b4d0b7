import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { projectFiles } from '../../../hack/repository.ts';
import { anchorsOf } from '../../support/anchors.ts';

/** Links from page to page. Those that are written with the whole address are in repository.test.ts. */

const files = new Map(projectFiles());
const pages = [...files].filter(([path]) => path.endsWith('.md'));
const isDirectory = (path: string): boolean => [...files.keys()].some((name) => name.startsWith(`${path}/`));

const links = pages.flatMap(([page, text]) =>
  [...text.replaceAll(/^( *)```[\s\S]*?^\1```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^(https?|mailto):/.test(link))
    .map((link) => ({ page, link })),
);

test('pages link to each other', () => expect(links.length).toBeGreaterThan(150));

test('every link leads to a file that is there, and to an anchor that is there', () => {
  const dead = links.filter(({ page, link }) => {
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : posix.normalize(posix.join(posix.dirname(page), path));
    const text = files.get(target);
    if (text === undefined) return !isDirectory(target);
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(text).has(anchor);
  });
  expect(dead).toEqual([]);
});

test('every page for users can be reached from the first one', () => {
  const reached = new Set<string>();
  const visit = (page: string): void => {
    if (reached.has(page)) return;
    reached.add(page);
    for (const { link } of links.filter((one) => one.page === page)) {
      const [path = ''] = link.split('#');
      const target = posix.normalize(posix.join(posix.dirname(page), path));
      if (path !== '' && target.endsWith('.md') && files.has(target)) visit(target);
    }
  };
  visit('README.md');
  const forUsers = pages
    .map(([path]) => path)
    .filter((path) => /^docs\/[^/]+\.md$|^docs\/reference\//.test(path));
  expect(forUsers.filter((path) => !reached.has(path))).toEqual([]);
});

import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { projectFiles, repository } from '../../../hack/repository.ts';
import {
  CLUSTER_REASONS,
  DENIAL_REASONS,
  HOP_REASONS,
  READ_FAILURE_REASONS,
  TOKEN_REASONS,
} from '../../../src/api/reasons.ts';
import { runbookOf } from '../../../src/api/runbook.ts';
import { REPOSITORY } from '../../../src/version.ts';
import { anchorsOf } from '../../support/anchors.ts';

const files = projectFiles();
const textOf = (path: string): string => new Map(files).get(path) ?? '';
/** Where npm, images and their like are had from is the business of whoever installs. */
const REGISTRIES = [
  ['registry', 'npmjs', 'org'],
  ['ghcr', 'io'],
  ['docker', 'io'],
].map((labels) => labels.join('.'));

test('package.json names the repository, and everything of it', () => {
  const manifest = JSON.parse(textOf('package.json'));
  expect(repository()).toBe(REPOSITORY);
  expect(manifest.homepage).toBe(`${REPOSITORY}#readme`);
  expect(manifest.bugs).toEqual({ url: `${REPOSITORY}/issues` });
  expect(manifest.keywords.length).toBeGreaterThan(3);
});

test('no file names another address of ours; if one does: make docs', () => {
  const name = REPOSITORY.split('/').at(-1);
  const address = new RegExp(`https?://[\\w.-]+/[\\w.-]+/${name}(?![\\w-])`, 'g');
  const named = files.flatMap(([path, text]) =>
    [...text.matchAll(address)].map(([found]) => `${path}: ${found}`),
  );
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((one) => !one.endsWith(`: ${REPOSITORY}`))).toEqual([]);
});

test('no file names the host of a package registry', () => {
  const named = files.flatMap(([path, text]) =>
    REGISTRIES.filter((host) => text.includes(host)).map((host) => `${path}: ${host}`),
  );
  expect(named).toEqual([]);
});

describe('every link to a page of ours', () => {
  const pages = new Map(files.filter(([path]) => path.endsWith('.md')));
  const links = files.flatMap(([path, text]) =>
    [...text.matchAll(new RegExp(`${REPOSITORY}/blob/main/([\\w./-]+)(?:#([\\w-]+))?`, 'g'))].map(
      ([, page = '', anchor]) => ({ path, page, anchor }),
    ),
  );

  test('is found', () => expect(links.length).toBeGreaterThan(25));

  test('leads to an anchor that is there', () => {
    const dead = links.filter(
      ({ page, anchor }) =>
        !files.some(([path]) => path === page) ||
        (anchor !== undefined && !anchorsOf(pages.get(page) ?? '').has(anchor)),
    );
    expect(dead).toEqual([]);
  });

  test.each([
    ...new Set([
      ...TOKEN_REASONS,
      ...CLUSTER_REASONS,
      ...DENIAL_REASONS,
      ...READ_FAILURE_REASONS,
      ...HOP_REASONS,
      'GroupsUnknown',
    ]),
  ])('%s has one', (reason) => {
    const [page = '', anchor = ''] = runbookOf(reason).slice(`${REPOSITORY}/blob/main/`.length).split('#');
    expect(anchorsOf(pages.get(page) ?? '')).toContain(anchor);
  });
});

test('what is said to machines that look for policies is of the form that they read', () => {
  const insights = parse(textOf('SECURITY-INSIGHTS.yml'));
  expect(Object.keys(insights)).toEqual(['header', 'project', 'repository']);
  expect(insights.header['schema-version']).toMatch(/^2\.\d+\.\d+$/);
  for (const date of ['last-updated', 'last-reviewed'])
    expect(insights.header[date]).toMatch(/^\d{4}-\d{2}-\d{2}$/);
  for (const list of [insights.project.administrators, insights.repository['core-team']])
    expect(list.filter(({ primary }: { primary: boolean }) => primary)).toHaveLength(1);
  expect(insights.repository.license.expression).toBe('Apache-2.0');
  expect(JSON.parse(textOf('renovate.json')).extends).toContain('config:recommended');
});

test.each(['fault', 'wish'])('the form for a %s has what the forge asks of one', (name) => {
  const form = parse(textOf(`.github/ISSUE_TEMPLATE/${name}.yml`));
  expect(form).toMatchObject({ name: expect.any(String), description: expect.any(String) });
  const questions: readonly { readonly type: string; readonly id?: string }[] = form.body;
  const ids = questions.filter(({ type }) => type !== 'markdown').map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z]+$/);
});

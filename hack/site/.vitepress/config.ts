import { existsSync, readFileSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitepress';

/** The site of the pages that the repository has anyway: nothing is written for it alone. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const { homepage } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { homepage: string };
const [REPOSITORY = ''] = homepage.split('#');

const page = (text: string, path: string): { readonly text: string; readonly link: string } => ({
  text,
  link: `/${path.replace(/\.md$/, '')}`,
});

const SIDEBAR = [
  {
    text: 'Begin',
    items: [
      page('Why is my token refused?', ''),
      page('What the words mean', 'docs/glossary.md'),
      page('Compared with Rancher', 'docs/comparison.md'),
      page('What works with what', 'docs/support.md'),
      page('What this does not do', 'docs/scope.md'),
      page('Roadmap', 'docs/roadmap.md'),
    ],
  },
  {
    text: 'Install',
    items: [
      page('With Helm', 'docs/install-helm.md'),
      page('With kubectl', 'docs/install-kubectl.md'),
      page('Let API servers ask', 'docs/enable-ace.md'),
      page('Ways to a cluster', 'docs/credentials.md'),
      page('Beside Rancher', 'docs/rancher.md'),
      page('Managed clusters', 'docs/managed-clusters.md'),
      page('GitOps', 'docs/gitops.md'),
      page('Without the internet', 'docs/air-gap.md'),
      page('Guarding clusters', 'docs/downstream-guard.md'),
      page('The image', 'docs/image.md'),
    ],
  },
  {
    text: 'Use',
    items: [
      page('The command line', 'docs/cli.md'),
      page('Tokens and kubeconfigs', 'docs/cli-tokens.md'),
      page('Troubleshooting', 'docs/troubleshooting.md'),
      page('How soon a revoked token is out', 'docs/revocation.md'),
    ],
  },
  {
    text: 'Run',
    items: [
      page('Metrics and alerts', 'docs/metrics.md'),
      page('Many clusters: shards', 'docs/scaling.md'),
      page('Upgrade', 'docs/upgrade.md'),
      page('Backup and restore', 'docs/backup.md'),
      page('Uninstall', 'docs/uninstall.md'),
      page('Security', 'SECURITY.md'),
      page('Performance', 'docs/performance.md'),
      page('Reliability', 'docs/reliability.md'),
    ],
  },
  {
    text: 'Look up',
    items: [
      page('Commands', 'docs/reference/commands.md'),
      page('Flags', 'docs/reference/flags.md'),
      page('Kinds and fields', 'docs/reference/api.md'),
      page('Labels and annotations', 'docs/reference/labels-and-annotations.md'),
      page('Values of the charts', 'charts/README.md'),
      page('Definitions', 'crds/README.md'),
    ],
  },
  {
    text: 'Take part',
    collapsed: true,
    items: [
      page('Contributing', 'CONTRIBUTING.md'),
      page('Architecture', 'docs/architecture.md'),
      page('Tests', 'docs/testing.md'),
      page('Releases', 'docs/release.md'),
      page('Dependencies', 'docs/dependencies.md'),
      page('Licences', 'docs/licences.md'),
      page('Changes', 'CHANGELOG.md'),
    ],
  },
];

/** What is no page of the site (a manifest, a directory, a test) is shown by the forge. */
function outward(link: string, from: string): string {
  if (/^(https?:|mailto:|#)/.test(link)) return link;
  const [path = '', anchor] = link.split('#');
  const target = posix.normalize(posix.join(posix.dirname(from), path));
  const isPage = target.endsWith('.md') && !target.startsWith('hack/');
  // A dead link ends the build.
  if (isPage || !existsSync(`${ROOT}${target}`)) return link;
  const kind = statSync(`${ROOT}${target}`).isDirectory() ? 'tree' : 'blob';
  return `${REPOSITORY}/${kind}/main/${target}${anchor === undefined ? '' : `#${anchor}`}`;
}

export default defineConfig({
  title: 'ace-operator',
  description: 'Why a Rancher token is refused by a cluster, and what keeps that from happening',
  lang: 'en',
  // `make site` copies the pages there: what they import is found in this folder only.
  srcDir: 'pages',
  outDir: '../../dist/site',
  cacheDir: '../../.work/site',
  rewrites: { 'README.md': 'index.md' },
  cleanUrls: false,
  lastUpdated: false,
  themeConfig: {
    sidebar: SIDEBAR,
    outline: [2, 3],
    search: { provider: 'local' },
    socialLinks: [{ icon: 'github', link: REPOSITORY }],
  },
  markdown: {
    config(md) {
      // What a program shows is no shell, and is not coloured as one.
      md.core.ruler.push('shown', ({ tokens }) => {
        for (const token of tokens)
          if (token.type === 'fence' && token.info === 'console') token.info = 'txt';
      });
      md.core.ruler.push('outward', ({ tokens, env }) => {
        for (const token of tokens.flatMap(({ children }) => children ?? [])) {
          const href = token.type === 'link_open' ? token.attrGet('href') : null;
          if (href)
            token.attrSet(
              'href',
              outward(href, env.relativePath === 'index.md' ? 'README.md' : env.relativePath),
            );
        }
      });
    },
  },
});

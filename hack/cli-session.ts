import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CLUSTERS } from '../src/api/names.ts';
import { COMMANDS } from '../src/cli/program/commands.ts';
import { startAuthenticator, webhookKubeconfig } from '../test/support/authenticator-process.ts';
import { eventually } from '../test/support/eventually.ts';
import { startWorld, type World } from '../test/support/world.ts';
import { ansiToSvg } from './ansi-to-svg.ts';

/**
 * Runs the command line in a terminal, against a small world of real API servers, and draws what it showed to
 * docs/cli-session.svg, and one command to docs/explain.svg: `make build && node hack/cli-session.ts`. Needs python3 for its pseudo-terminal.
 */
/** Nothing here is wider, so that nothing breaks in the middle of a word. */
const COLUMNS = 80;
const TARGET = fileURLToPath(new URL('../docs/cli-session.svg', import.meta.url));
const TEXT_TARGET = fileURLToPath(new URL('../docs/explain.svg', import.meta.url));
const TEXT_TYPED = 'explain bob-2';
const PROGRAM = fileURLToPath(new URL('../bin/ace-operator.js', import.meta.url));
const CLUSTER = 'c-berlin';
const DAY_MS = 86_400_000;

/** What is typed, in order; a command of a name that this program does not have is left out. */
const SESSION: readonly { readonly typed: string; readonly before?: (world: World) => Promise<unknown> }[] = [
  { typed: 'token list' },
  { typed: 'token list --expiring-within 7d -o name' },
  { typed: `kubeconfig ${CLUSTER} --user u-ada --create-token --output-file ada` },
  { typed: 'explain ada-1' },
  { typed: 'token disable ada-1' },
  { typed: 'explain ada-1', before: revoked },
  { typed: 'token revoke --user u-bob --keep --dry-run=client' },
  { typed: 'token delete no-such-token' },
  { typed: `drain ${CLUSTER} --wait` },
];

async function main(): Promise<void> {
  const webhook = await webhookKubeconfig();
  const world = await startWorld({
    clusters: [CLUSTER],
    downstream: () => ({ tokenWebhook: { kubeconfig: webhook.path, cacheTtl: '1s' } }),
  });
  const dir = await mkdtemp(join(tmpdir(), 'ace-session-'));
  try {
    await populate(world);
    const authenticator = await startAuthenticator(
      world.cluster(CLUSTER).plane.adminKubeconfig,
      webhook.port,
    );
    // kubectl starts a plugin under its own name: help and complaints then call the program `kubectl ace`.
    await symlink(PROGRAM, join(dir, 'kubectl-ace'));
    const text = `\u001b[1m$ kubectl ace ${TEXT_TYPED}\u001b[0m\n${await inTerminal(TEXT_TYPED, dir, world)}`;
    await writeFile(TEXT_TARGET, ansiToSvg(text.trimEnd(), COLUMNS));
    let screen = '';
    for (const { typed, before } of SESSION) {
      if (!COMMANDS.some(({ name }) => name === typed.split(' ')[0])) continue;
      await before?.(world);
      screen += `\u001b[1m$ kubectl ace ${typed}\u001b[0m\n${await inTerminal(typed, dir, world)}\n`;
    }
    await authenticator.stop();
    await writeFile(TARGET, ansiToSvg(screen.trimEnd(), COLUMNS));
    process.stdout.write(screen);
  } finally {
    await world.close();
    await rm(dir, { recursive: true, force: true });
  }
}

async function populate(world: World): Promise<void> {
  await world.register(CLUSTER);
  const { plane } = world.cluster(CLUSTER);
  const ca = await readFile(join(plane.dir, 'ca.crt'), 'utf8');
  await world.management.patch(CLUSTERS, CLUSTER, {
    spec: {
      displayName: 'berlin',
      localClusterAuthEndpoint: { fqdn: new URL(plane.url).host, caCerts: ca },
    },
  });
  await world.createUser('u-ada', {}, ['devs']);
  await world.createUser('u-bob', {}, ['devs', 'ops']);
  await world.createUser('u-ci');
  const time = (ms: number): string => new Date(Date.now() + ms).toISOString().replace(/\.\d+Z/, 'Z');
  await world.createToken('ada-1', CLUSTER, 'u-ada', { expiresAt: time(20 * DAY_MS) });
  await world.createToken('ci-1', CLUSTER, 'u-ci', { expiresAt: time(3 * DAY_MS + 3_600_000) });
  await world.createToken('bob-1', CLUSTER, 'u-bob', { lastUsedAt: time(-40 * DAY_MS) });
  await world.createToken('bob-2', CLUSTER, 'u-bob', { expiresAt: time(-2 * DAY_MS) });
  await world.createToken('bob-3', 'c-tokyo', 'u-bob', { enabled: false });
  await world.startOperator();
  await world.waitSynced(CLUSTER);
}

/** The operator has carried out what was typed before. */
async function revoked(world: World): Promise<void> {
  await eventually(async () => {
    if (await world.cluster(CLUSTER).clusterAuthToken('ada-1')) throw new Error('not yet');
  });
}

const IN_PTY = `
import os, pty, sys, struct, fcntl, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 40, int(sys.argv[1]), 0, 0))
    os.execvp(sys.argv[2], sys.argv[2:])
while True:
    try:
        data = os.read(fd, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
os.waitpid(pid, 0)
`;

/** What one command shows on a terminal, colours included. */
function inTerminal(typed: string, dir: string, world: World): Promise<string> {
  const { KUBECONFIG: _, NO_COLOR: __, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(
      'python3',
      ['-c', IN_PTY, String(COLUMNS), join(dir, 'kubectl-ace'), ...typed.split(' ')],
      {
        cwd: dir,
        env: { ...env, TERM: 'xterm-256color', KUBECONFIG: world.management.plane.adminKubeconfig },
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let shown = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      shown += chunk;
    });
    child.once('error', reject);
    child.once('close', () => resolve(shown));
  });
}

await main();

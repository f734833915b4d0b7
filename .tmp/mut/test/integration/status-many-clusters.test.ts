import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aCli } from '../support/cli.ts';

const CLUSTERS = 2_000;
/** What the program took, told by itself when it ends. */
const TELL = `process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  const cpuMs = Math.round((userCPUTime + systemCPUTime) / 1_000);
  process.stderr.write('took ' + cpuMs + ' ms ' + Math.round(maxRSS / 1_024) + ' MiB\\n');
});`;

let dir: string;
let kubeconfig: string;
const server = spawn(
  process.execPath,
  [fileURLToPath(new URL('../support/many-clusters-server.ts', import.meta.url)), String(CLUSTERS)],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-many-'));
  const [line] = await once(createInterface(server.stdout), 'line');
  await writeFile(join(dir, 'tell.mjs'), TELL);
  kubeconfig = join(dir, 'kubeconfig');
  await writeFile(kubeconfig, JSON.parse(line).kubeconfig, { mode: 0o600 });
}, 240_000);
afterAll(async () => {
  server.kill();
  await rm(dir, { recursive: true, force: true });
});

test(`status of ${CLUSTERS} clusters that answer at once`, async () => {
  const cli = aCli({ KUBECONFIG: kubeconfig, NODE_OPTIONS: `--import=${join(dir, 'tell.mjs')}` });
  const beganAtMs = performance.now();
  const { code, stdout, stderr } = await cli.run('status');
  const wallMs = Math.round(performance.now() - beganAtMs);
  const [, cpuMs, mib] = /took (\d+) ms (\d+) MiB/.exec(stderr) ?? [];
  console.log(
    `status-many-clusters: ${CLUSTERS} clusters: CPU ${cpuMs} ms, ${mib} MiB; ${wallMs} ms on the clock`,
  );
  expect(code, stderr.slice(0, 1_000)).toBe(0);
  expect(stdout.match(/ace-authenticator v0\.1\.0: 3 of 3 ready/g)).toHaveLength(CLUSTERS);
  // 281 to 289 on a machine of its own; where others keep its collector waiting, 348 was seen.
  expect(Number(mib)).toBeLessThan(400);
  // What it takes of the processor is printed: on a machine that others use, too, the same work takes up to twice as long.
  expect(Number(cpuMs)).toBeGreaterThan(0);
}, 240_000);

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { findKubectl } from './binaries.ts';

/** Runs kubectl against exactly this kubeconfig and returns its stdout; rejects with its stderr. */
export function kubectl(kubeconfig: string, ...args: readonly string[]): Promise<string> {
  return run(kubeconfig, args).then(({ stdout }) => stdout);
}

/** The same with what it says on stderr, such as an API server's warnings; `input` goes to its stdin. */
export function kubectlSays(
  kubeconfig: string,
  args: readonly string[],
  input = '',
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return run(kubeconfig, args, input);
}

/** `kubectl apply` of YAML text, of one object or of several. */
export function apply(kubeconfig: string, manifest: string | object | readonly object[]): Promise<string> {
  const text = typeof manifest === 'string' ? manifest : toList(manifest);
  return run(kubeconfig, ['apply', '-f', '-'], text).then(({ stdout }) => stdout);
}

function toList(manifest: object | readonly object[]): string {
  const items = Array.isArray(manifest) ? manifest : [manifest];
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

function run(
  kubeconfig: string,
  args: readonly string[],
  input = '',
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  // Discovery answers are cached by host and port: in ~/.kube they would outlive the server, and the next one on
  // the same port would be taken for it.
  const own = [`--kubeconfig=${kubeconfig}`, `--cache-dir=${join(dirname(kubeconfig), 'kubectl-cache')}`];
  const { KUBECONFIG: _, ...env } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(findKubectl(), [...own, ...args], { env, stdio: 'pipe' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    child.stdin.on('error', () => undefined); // it ended without reading: the exit code tells
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code) => {
      if (code === 0) resolve({ stdout, stderr });
      else reject(new Error(`kubectl ${args.join(' ')}: exit code ${code}: ${stderr.trim()}`));
    });
  });
}

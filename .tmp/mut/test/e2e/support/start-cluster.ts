import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startKindCluster } from './kind.ts';
import { startLocalNode } from './local-node.ts';
import type { TestCluster, TestClusterOptions } from './provider.ts';

/** `kind` where docker and kind work, else `local-node`. @throws {Error} whose message says in one line what is missing */
export function chosenProvider(): 'kind' | 'local-node' {
  const script = fileURLToPath(new URL('../../../hack/e2e/provider.sh', import.meta.url));
  return execFileSync(script, { encoding: 'utf8' }).trim() === 'kind' ? 'kind' : 'local-node';
}

/** A cluster by whichever provider this machine has. */
export function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  return chosenProvider() === 'kind' ? startKindCluster(options) : startLocalNode(options);
}

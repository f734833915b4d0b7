import { DEFAULT_DOWNSTREAM_NAMESPACE } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import { type CleanupConfig, cleanupConfig } from '../../config/cleanup.ts';
import type { Given } from '../../config/flags.ts';
import { TerminalError } from '../../errors.ts';
import { personalAccess } from '../../kube/kubeconfig.ts';
import { eachBounded } from '../../plane/bounded.ts';
import { DownstreamPlane } from '../../plane/downstream.ts';
import { needed } from '../../plane/needed.ts';
import type { Patience } from '../../plane/patient.ts';
import { type Found, findOurs } from '../../removal/find-ours.ts';
import { type Removed, removeObject } from '../../removal/remove.ts';
import { givenUp, patienceWith } from '../reach/patience.ts';
import { RemovalReport } from '../reach/removal-report.ts';
import { askPerson } from '../terminal/ask-person.ts';
import { EXIT_NO, EXIT_OK, EXIT_UNREACHABLE } from '../terminal/exit.ts';
import { progressOf } from '../terminal/progress.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';

const AT_ONCE = 8;

/** `cleanup`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runCleanup(given: Given, runtime: Runtime): Promise<number> {
  const config = cleanupConfig(given, runtime.env, runtime.home);
  const plane = new DownstreamPlane(await personalAccess(config.kubeconfig), {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace: config.downstreamNamespace ?? DEFAULT_DOWNSTREAM_NAMESPACE,
    source: config.kubeconfig.files.join(', '),
  });
  try {
    const found = needed(await findOurs(plane, config.cluster));
    requireOneOwner(found);
    if (found.ours.length === 0) {
      const whose =
        config.cluster === undefined ? 'Nothing of ours' : `Nothing of ours for ${config.cluster}`;
      note(`${whose} is in ${plane.server}. ${leftText(found)}`, runtime);
      return EXIT_OK;
    }
    return await clean(found, plane, config, runtime);
  } finally {
    await plane.close();
  }
}

/** Two installations may share a cluster: the one that goes must not take the other's objects along. */
function requireOneOwner({ clusters }: Found): void {
  if (clusters.length < 2) return;
  throw new TerminalError(
    'Conflict',
    `objects are there for ${clusters.join(' and ')}; say by --cluster which are to go`,
  );
}

async function clean(
  found: Found,
  plane: DownstreamPlane,
  config: CleanupConfig,
  runtime: Runtime,
): Promise<number> {
  const { ours, clusters } = found;
  const question = `Delete ${counted(ours)}, written for ${clusters.join(', ')}, in ${plane.server}?`;
  if (config.dryRun === 'none' && !config.yes && !(await askPerson(question, runtime))) {
    note('Nothing was changed.', runtime);
    return EXIT_NO;
  }
  const progress = progressOf('deleting', runtime);
  const report = new RemovalReport({ output: config.output, dryRun: config.dryRun }, progress, runtime);
  report.expect(ours.length);
  const byKind = Map.groupBy(ours, ({ kind }) => kind);
  // One kind after the other: the order of removal is that of the list.
  const interruption = runtime.interruption();
  const patience = patienceWith({
    ...{ whom: plane.server, limitMs: config.timeLimitMs },
    ...{ runtime, clear: () => progress.clear() },
  });
  const ends = AbortSignal.any([interruption, patience.limit]);
  let left = ours.length;
  const removeOne = async (object: KubeObject): Promise<void> => {
    report.tell(await remove(object, plane, { ...config, patience }));
    left -= 1;
  };
  for (const objects of byKind.values()) await eachBounded(objects, AT_ONCE, removeOne, ends);
  const code = await report.end(config);
  note(leftText(found), runtime);
  if (left === 0) return code;
  complain(runtime, givenUp(config.timeLimitMs, left, ours.length, 'objects'));
  return EXIT_UNREACHABLE;
}

async function remove(
  object: KubeObject,
  plane: DownstreamPlane,
  { dryRun, patience }: CleanupConfig & { readonly patience: Patience },
): Promise<Removed> {
  if (dryRun === 'client') return { object, result: 'deleted' };
  return removeObject(object, plane.client, { dryRun: dryRun === 'server', patience });
}

function counted(objects: readonly KubeObject[]): string {
  const byKind = Map.groupBy(objects, ({ kind }) => kind);
  return [...byKind]
    .map(([kind, some]) => `${some.length} ${kind}${some.length === 1 ? '' : 's'}`)
    .join(', ');
}

const othersText = (count: number): string =>
  count === 1
    ? '1 ClusterAuthToken or ClusterUserAttribute that is not ours'
    : `${count} ClusterAuthTokens and ClusterUserAttributes that are not ours`;

function leftText({ others, spared }: Found): string {
  const left = [
    ...(spared.length === 0 ? [] : [`what is ours for ${spared.join(', ')}`]),
    ...(others === 0 ? [] : [othersText(others)]),
    'the definitions',
    'the namespace',
  ];
  return `Left as they are: ${left.join(', ')}.`;
}

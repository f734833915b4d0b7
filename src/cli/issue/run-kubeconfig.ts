import { isObjectName } from '../../api/names.ts';
import type { Cluster, Token } from '../../api/types.ts';
import { typedName } from '../../config/act.ts';
import { type KubeconfigConfig, kubeconfigConfig } from '../../config/kubeconfig.ts';
import { effectiveExpiryMs, formatTime } from '../../derive/expiry.ts';
import { ConfigError, TerminalError } from '../../errors.ts';
import {
  badAddresses,
  clusterLabel,
  type Endpoint,
  type EndpointSources,
  endpointsOf,
  fqdnProblem,
} from '../../issue/kubeconfig/endpoints.ts';
import { kubeconfigText } from '../../issue/kubeconfig/kubeconfig-file.ts';
import { readEndpointSources } from '../../issue/kubeconfig/read-endpoints.ts';
import { type Issued, issueToken, scopeOf } from '../../issue/make/issue.ts';
import { takeBack } from '../../issue/make/take-back.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { toldNow } from '../reach/clocks.ts';
import { managementPlane } from '../reach/connect.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_OK } from '../terminal/exit.ts';
import { requireUninterrupted } from '../terminal/interruption.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';
import { type Found, findCredential } from './find-credential.ts';
import { type SecretPlace, secretPlace } from './secret-file.ts';

/** `kubeconfig CLUSTER`. @returns the exit code @throws {ConfigError | TerminalError | ConnectionError} */
export async function runKubeconfig({ args, given }: Invocation, runtime: Runtime): Promise<number> {
  const id = typedName('cluster', args[0] ?? '');
  if (!isObjectName(id)) throw new ConfigError(`'${id}' cannot be the id of a cluster`);
  const config = kubeconfigConfig(given, runtime.env, runtime.home, id);
  const management = await managementPlane(config);
  try {
    const cluster = await scopeOf(id, management);
    const sources = await readEndpointSources(cluster, management, toldNow(management, runtime));
    const endpoints = usable(sources, config, runtime);
    runtime.interruption();
    const place = await secretPlace(config.destination, runtime);
    try {
      await write({ config, cluster, sources, endpoints, place, management, runtime });
    } finally {
      await place.release();
    }
    return EXIT_OK;
  } finally {
    await management.close();
  }
}

/** The endpoints that go into the file. @throws {TerminalError} when there is none, or its CA data would not do */
function usable(
  sources: EndpointSources,
  { minify }: KubeconfigConfig,
  runtime: Runtime,
): readonly Endpoint[] {
  const { cluster } = sources;
  const problem = fqdnProblem(sources);
  if (problem !== undefined) throw new TerminalError('Malformed', `cluster ${cluster.name}: ${problem}`);
  for (const what of badAddresses(sources)) note(`left out: ${what} is no address of a server`, runtime);
  const endpoints = endpointsOf(sources).filter(({ via }) => via === 'ace' || !minify);
  for (const { authority, authoritySource, server } of endpoints) {
    if (authority.kind !== 'unusable') continue;
    throw new TerminalError(
      'CertificateInvalid',
      `cluster ${cluster.name}: ${authoritySource} ${authority.message}; nobody could trust ${server}`,
    );
  }
  if (endpoints.length === 0) throw new TerminalError('AceDisabled', nowhere(sources, minify));
  for (const endpoint of endpoints) tellOf(endpoint, runtime);
  if (cluster.aceEnabled && !endpoints.some(({ via }) => via === 'ace'))
    note(`cluster ${cluster.name} has ACE, but ${NO_ADDRESS}`, runtime);
  return endpoints;
}

/** What is taken for granted of an endpoint, and may not be meant. */
function tellOf(endpoint: Endpoint, runtime: Runtime): void {
  const { name, server, authority, authoritySource, isDefaultPort } = endpoint;
  if (authority.kind === 'system')
    note(`${name}: ${authoritySource} is empty; the system's own authorities are trusted`, runtime);
  if (isDefaultPort)
    note(
      `${name}: ${server} has no port and goes to 443; API servers listen on 6443 unless set otherwise`,
      runtime,
    );
}

const NO_ADDRESS =
  'neither an fqdn (spec.localClusterAuthEndpoint.fqdn) nor a control-plane node with an address is known';

function nowhere({ cluster }: EndpointSources, minify: boolean): string {
  const ace = cluster.aceEnabled ? `has ACE, but ${NO_ADDRESS}` : 'has no ACE';
  const proxy = minify ? '' : ', and the management plane has no Setting server-url';
  return `cluster ${cluster.name} ${ace}${proxy}: there is nothing to point a kubeconfig at`;
}

interface Writing {
  readonly config: KubeconfigConfig;
  readonly cluster: Cluster;
  readonly sources: EndpointSources;
  readonly endpoints: readonly Endpoint[];
  readonly place: SecretPlace;
  readonly management: ManagementPlane;
  readonly runtime: Runtime;
}

async function write(writing: Writing): Promise<void> {
  const { config, management, cluster } = writing;
  const { source } = config;
  if (source.kind !== 'create') {
    const found = await findCredential({ ...writing, serverUrl: writing.sources.serverUrl });
    return put(found, writing);
  }
  const issued = await issueToken(
    {
      purpose: 'kubeconfig',
      // As Rancher does it: a token that opens everything only where there is no endpoint to scope one to.
      cluster: cluster.aceEnabled ? cluster.name : '',
      description: 'Kubeconfig token',
      dryRun: 'none',
      ...source,
    },
    management,
  );
  const { runtime } = writing;
  await takeBack(
    issued,
    { client: management.client, noteTakenBack: (message) => note(message, runtime) },
    () => {
      requireUninterrupted(runtime.interruption(), 'nothing was written');
      return put(foundOf(issued), writing);
    },
  );
  note(`token ${issued.token.name} created, ${endOf(issued.token)}`, runtime);
}

function foundOf({ token, bearer }: Issued): Found {
  return { credential: { kind: 'bearer', bearer }, token, note: undefined };
}

async function put(
  { credential, token, note: remark }: Found,
  { config, cluster, sources, endpoints, place, runtime }: Writing,
): Promise<void> {
  const label = clusterLabel(sources);
  const owner = token?.userName ?? config.user;
  const comments = [
    `cluster ${cluster.name}${label === cluster.name ? '' : ` (${label})`}${owner ? `, user ${owner}` : ''}`,
    ...(token ? [`token ${token.name}, ${endOf(token)}`] : []),
    ...(credential.kind === 'none' ? ['without a credential: put a token into its user entry'] : []),
  ];
  await place.write(kubeconfigText({ user: label, credential, endpoints, comments }));
  if (remark !== undefined) note(remark, runtime);
  if (place.path !== undefined) note(`kubeconfig written to ${place.path}`, runtime);
}

function endOf(token: Token): string {
  const expiresAtMs = effectiveExpiryMs(token);
  return expiresAtMs === undefined ? 'never expires' : `expires ${formatTime(expiresAtMs)}`;
}

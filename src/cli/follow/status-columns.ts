import { formatTime } from '../../derive/expiry.ts';
import { type ClusterStatus, expiryNotice } from '../../explain/cluster-status.ts';
import type { TokenStatus } from '../../explain/token-status.ts';
import { wouldStop } from '../../hash/kinds.ts';
import { age, humanDuration, until } from '../../print/duration.ts';
import type { Answer } from '../../print/output.ts';
import type { Tone } from '../../print/style.ts';
import type { Cell } from '../../print/table.ts';
import { NOT_LOOKED_AT } from '../reach/not-looked-at.ts';

const READY_TONES: Readonly<Record<ClusterStatus['ready'], Tone>> = {
  True: 'good',
  False: 'bad',
  Unknown: 'doubt',
  NotReported: 'doubt',
};

/** The clusters, as `status` shows them. */
export function clusterAnswer(nowMs: number): Omit<Answer<ClusterStatus>, 'rows'> {
  return {
    columns: [
      { title: 'CLUSTER', cell: ({ name }) => name },
      { title: 'NAME', wide: true, cell: ({ displayName }) => displayName },
      { title: 'READY', cell: ({ ready }) => ({ text: ready, tone: READY_TONES[ready] }) },
      { title: 'REASON', cell: ({ reason }) => reason },
      { title: 'TOKENS', cell: ({ synced, wanted }) => `${synced}/${wanted}` },
      { title: 'PENDING', cell: ({ pending }) => String(pending) },
      { title: 'REFUSED', cell: refusedCell },
      { title: 'LAST SYNC', cell: ({ lastSyncAtMs }) => age(lastSyncAtMs, nowMs, 'never') },
      { title: 'LAG', cell: lagCell },
      { title: 'AUTHENTICATOR', cell: authenticatorCell },
      {
        title: 'RETRY',
        wide: true,
        cell: ({ nextRetryAtMs }) =>
          nextRetryAtMs === undefined ? '' : `in ${humanDuration(nextRetryAtMs - nowMs)}`,
      },
      { title: 'CREDENTIALS', wide: true, cell: ({ credentials }) => credentials },
      { title: 'EXPIRE IN', wide: true, cell: (status) => expiryCell(status, nowMs) },
      { title: 'HASHES', wide: true, cell: ({ hashes }) => listed(hashes) },
      { title: 'MESSAGE', wide: true, cell: ({ message, lastError }) => lastError || message },
    ],
    object: clusterObject,
    name: ({ name }) => `cluster.management.cattle.io/${name}`,
    empty: 'no cluster has ACE',
  };
}

function refusedCell({ refused, failed }: ClusterStatus): Cell {
  const text = [...(failed > 0 ? [`failing ${failed}`] : []), listed(refused)].filter(Boolean).join(', ');
  return text === '' ? '0' : { text, tone: 'doubt' };
}

function listed(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}

function lagCell({ lagMs }: ClusterStatus): Cell {
  if (lagMs === undefined) return '';
  return lagMs === 0 ? '0s' : { text: humanDuration(lagMs), tone: 'doubt' };
}

function authenticatorCell({ authenticator, authenticatorReady }: ClusterStatus): Cell {
  if (authenticator === undefined) return '<not asked>';
  // Why it is not known is told beside the table.
  if (authenticator === 'Forbidden') return NOT_LOOKED_AT;
  if (authenticatorReady === undefined) return authenticator;
  return { text: authenticator, tone: authenticatorReady ? 'good' : 'bad' };
}

function expiryCell(status: ClusterStatus, nowMs: number): Cell {
  const { credentialsExpireAtMs: atMs } = status;
  if (atMs === undefined) return '';
  const text = until(atMs, nowMs, (ago) => `ended ${ago} ago`);
  return expiryNotice(status, nowMs) === undefined ? text : { text, tone: 'bad' };
}

function clusterObject(status: ClusterStatus): object {
  const { lastSyncAtMs, nextRetryAtMs, lagMs, credentialsIssuedAtMs, credentialsExpireAtMs, ...rest } =
    status;
  return {
    kind: 'ClusterStatus',
    ...rest,
    wouldStop: wouldStop(status.hashes),
    lastSync: time(lastSyncAtMs),
    nextRetry: time(nextRetryAtMs),
    credentialsIssued: time(credentialsIssuedAtMs),
    credentialsExpire: time(credentialsExpireAtMs),
    lagSeconds: lagMs === undefined ? undefined : Math.round(lagMs / 1000),
  };
}

const STATE_TONES: Readonly<Record<TokenStatus['state'], Tone>> = {
  propagated: 'good',
  pending: 'doubt',
  refused: 'dim',
  orphan: 'bad',
  unknown: 'doubt',
};

/** One cluster's tokens, as `status CLUSTER` shows them. */
export function tokenAnswer(
  rows: readonly TokenStatus[],
  cluster: string,
  nowMs: number,
): Answer<TokenStatus> {
  return {
    columns: [
      { title: 'TOKEN', cell: ({ name }) => name },
      { title: 'OWNER', cell: ({ owner }) => owner },
      { title: 'STATE', cell: ({ state }) => ({ text: state, tone: STATE_TONES[state] }) },
      { title: 'REASON', cell: ({ reason }) => reason },
      { title: 'CREATED', cell: ({ createdAtMs }) => age(createdAtMs, nowMs) },
      {
        title: 'EXPIRES IN',
        cell: ({ expiresAtMs }) => until(expiresAtMs, nowMs, (ago) => `expired ${ago} ago`),
      },
      { title: 'LAST USED', cell: ({ lastUsedAtMs }) => age(lastUsedAtMs, nowMs, 'never') },
      { title: 'PROPAGATED', cell: ({ isThere }) => propagated(isThere) },
    ],
    rows,
    object: (row) => tokenObject(row, cluster),
    name: ({ name }) => `token.management.cattle.io/${name}`,
    empty: `no token is scoped to ${cluster}`,
  };
}

function propagated(isThere: boolean | undefined): string {
  if (isThere === undefined) return '<unknown>';
  return isThere ? 'yes' : 'no';
}

function tokenObject(status: TokenStatus, cluster: string): object {
  const { createdAtMs, expiresAtMs, lastUsedAtMs, isThere, ...rest } = status;
  return {
    kind: 'TokenStatus',
    cluster,
    ...rest,
    created: time(createdAtMs),
    expires: time(expiresAtMs),
    lastUsed: time(lastUsedAtMs),
    propagated: isThere,
  };
}

function time(atMs: number | undefined): string | undefined {
  return atMs === undefined ? undefined : formatTime(atMs);
}

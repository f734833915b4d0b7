import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { alertRules, COMPONENTS, type Component, ruleGroups } from '../support/monitoring.ts';
import { findPrometheus, NO_PROMETHEUS } from '../support/prometheus.ts';

/** The shipped rules under promtool: they are well-formed, and each fires when it should and only then. */

const run = promisify(execFile);
const binaries = findPrometheus();
if (!binaries) console.warn(NO_PROMETHEUS);

interface Case {
  readonly alert: string;
  readonly title: string;
  /** One value a minute, in promtool's notation. */
  readonly series: Readonly<Record<string, string>>;
  /** When it is looked, in minutes. */
  readonly at: number;
  /** Labels of what fires, without the severity; none: nothing fires. */
  readonly fires: readonly Readonly<Record<string, string>>[];
}

const C1 = { ace_cluster: 'c-1' };
const NODE = { job: 'ace-authenticator', instance: 'node-1:9465' };
const node = 'job="ace-authenticator",instance="node-1:9465"';
const pod = 'job="ace-operator",instance="pod-1:9464"';
const [one, two] = [pod, pod.replace('pod-1', 'pod-2')];

/** Of revocations: 60 s or less, and all. */
const revocations = (cause: string, quick: string, all: string, le = '60'): Case['series'] => ({
  [`ace_revocation_lag_seconds_bucket{ace_cluster="c-1",cause="${cause}",le="${le}"}`]: quick,
  [`ace_revocation_lag_seconds_count{ace_cluster="c-1",cause="${cause}"}`]: all,
});
const requests = (labels: string, good: string, bad: string, code: string): Case['series'] => ({
  [`ace_api_requests_total{${labels},verb="get",code="200"}`]: good,
  [`ace_api_requests_total{${labels},verb="get",code="${code}"}`]: bad,
});
const reviews = (result: string, reason: string, values: string): Case['series'] => ({
  [`ace_tokenreviews_total{${node},result="${result}",reason="${reason}"}`]: values,
});
const reviewsWithin = (seconds: string, quick: string, all: string): Case['series'] => ({
  [`ace_tokenreview_duration_seconds_bucket{${node},le="${seconds}"}`]: quick,
  [`ace_tokenreview_duration_seconds_bucket{${node},le="5"}`]: all,
  [`ace_tokenreview_duration_seconds_bucket{${node},le="+Inf"}`]: all,
});
const changesWithin = (seconds: string, quick: string, all: string): Case['series'] => ({
  [`ace_propagation_lag_seconds_bucket{ace_cluster="c-1",le="${seconds}"}`]: quick,
  [`ace_propagation_lag_seconds_bucket{ace_cluster="c-1",le="300"}`]: all,
  [`ace_propagation_lag_seconds_bucket{ace_cluster="c-1",le="+Inf"}`]: all,
});
const connected = (value: number): Case['series'] => ({
  'ace_cluster_connected{ace_cluster="c-1"}': `${value}x60`,
});

/** Two replicas of one plane: into how many shards each divides the clusters, and whether it leads. */
const members = (cluster: string, shardsA: string, leadsA: string, shardsB: string, leadsB: string) => ({
  [`ace_shards{job="ace-operator",instance="a",cluster="${cluster}"}`]: shardsA,
  [`ace_leader{job="ace-operator",instance="a",cluster="${cluster}"}`]: leadsA,
  [`ace_shards{job="ace-operator",instance="b",cluster="${cluster}"}`]: shardsB,
  [`ace_leader{job="ace-operator",instance="b",cluster="${cluster}"}`]: leadsB,
});
const shardOwner = (cluster: string, instance: string, shard: number): string =>
  `ace_shard_owner{job="ace-operator",instance="${instance}",cluster="${cluster}",shard="${shard}"}`;
/** Four shards, and who says all the while that it has which. */
const division = (cluster: string, owned: Readonly<Record<string, readonly number[]>>): Case['series'] =>
  Object.fromEntries(
    Object.entries(owned).flatMap(([instance, shards]) => [
      [`ace_shards{job="ace-operator",instance="${instance}",cluster="${cluster}"}`, '4x30'],
      ...shards.map((shard) => [shardOwner(cluster, instance, shard), '1x30']),
    ]),
  );

const HOUR = 3_600;
const DAY = 24 * HOUR;
/** Made and ending at these times; those of promtool begin with 0. */
const credentials = (cluster: string, from: number, until: number): Case['series'] => ({
  [`ace_credentials_issued_timestamp_seconds{ace_cluster="${cluster}"}`]: `${from}x20`,
  [`ace_credentials_expiration_timestamp_seconds{ace_cluster="${cluster}"}`]: `${until}x20`,
});

/** Killed every four minutes, and up for three and a half: what it tells begins anew each time. */
const loop = (values: string): string => Array.from({ length: 12 }, () => `${values} stale`).join(' ');
const starts = Array.from({ length: 12 }, (_, at) => `${at * 240} ${at * 240} ${at * 240} stale`).join(' ');

const OPERATOR: readonly Case[] = [
  {
    alert: 'AceRestarting',
    title: 'it is killed every four minutes',
    series: { [`process_start_time_seconds{${pod}}`]: starts },
    at: 30,
    fires: [{ job: 'ace-operator', instance: 'pod-1:9464' }],
  },
  {
    alert: 'AceRestarting',
    title: 'it was rolled once, and once more',
    series: { [`process_start_time_seconds{${pod}}`]: '0x10 600x10 1200x20' },
    at: 30,
    fires: [],
  },
  {
    alert: 'AceRevocationOwed',
    title: 'a revocation is owed by one that is killed every four minutes',
    series: { 'ace_revocation_oldest_pending_seconds{ace_cluster="c-1"}': loop('0 70 130') },
    at: 25,
    fires: [C1],
  },
  {
    alert: 'AceRevocationOwed',
    title: 'it was owed, and has arrived',
    series: { 'ace_revocation_oldest_pending_seconds{ace_cluster="c-1"}': '0 60 120 180 240 0x20' },
    at: 9,
    fires: [],
  },
  {
    alert: 'AceClusterDisconnected',
    title: 'a cluster is away for one that is killed every four minutes',
    series: { 'ace_cluster_connected{ace_cluster="c-1"}': loop('0 0 0') },
    at: 25,
    fires: [C1],
  },
  {
    alert: 'AceOperatorDown',
    title: 'one of two planes is down',
    series: {
      'up{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'up{job="ace-operator",instance="b",cluster="plane-2"}': '1x5 0x25',
    },
    at: 15,
    fires: [{ job: 'ace-operator', cluster: 'plane-2' }],
  },
  {
    alert: 'AceOperatorDown',
    title: 'the operators of one of two planes are no targets any more',
    series: {
      'up{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'up{job="ace-operator",instance="b",cluster="plane-2"}': '1x5 stale',
    },
    at: 15,
    fires: [{ job: 'ace-operator', cluster: 'plane-2' }],
  },
  {
    alert: 'AceOperatorNoLeader',
    title: 'one of two planes has no leader',
    series: {
      'up{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'up{job="ace-operator",instance="b",cluster="plane-2"}': '1x30',
      'ace_leader{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'ace_leader{job="ace-operator",instance="b",cluster="plane-2"}': '0x30',
    },
    at: 5,
    fires: [{ job: 'ace-operator', cluster: 'plane-2' }],
  },
  {
    alert: 'AceOperatorNoLeader',
    title: 'the leader is not reached, the other one is',
    series: { [`up{${one}}`]: '0x30', [`up{${two}}`]: '1x30', [`ace_leader{${two}}`]: '0x30' },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'each of two planes has one',
    series: {
      'ace_leader{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'ace_leader{job="ace-operator",instance="b",cluster="plane-2"}': '1x30',
    },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'two lead, each for all clusters, and of another plane all members of one division',
    series: {
      'ace_leader{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'ace_leader{job="ace-operator",instance="b",cluster="plane-1"}': '1x30',
      ...members('plane-2', '64x30', '1x30', '64x30', '1x30'),
    },
    at: 10,
    fires: [{ job: 'ace-operator', cluster: 'plane-1' }],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'one leads for all clusters, beside one that says that it has its part of them',
    series: members('plane-1', '64x30', '1x30', '0x30', '1x30'),
    at: 10,
    fires: [{ job: 'ace-operator', cluster: 'plane-1' }],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'two divide the clusters, each into another number of shards',
    series: members('plane-1', '64x30', '1x30', '16x30', '1x30'),
    at: 10,
    fires: [{ job: 'ace-operator', cluster: 'plane-1' }],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'members of a division wait until the one leader of before gives its Lease back',
    series: members('plane-1', '0x8 64x20', '0x8 1x20', '0x30', '1x8 0x20'),
    at: 12,
    fires: [],
  },
  {
    alert: 'AceShardUnowned',
    title: 'one of four shards is told by nobody, and of another plane none',
    series: {
      ...division('plane-1', { a: [0, 1], b: [2] }),
      'ace_shards{job="ace-operator",instance="c",cluster="plane-2"}': '4x30',
    },
    at: 10,
    fires: [
      { job: 'ace-operator', cluster: 'plane-1' },
      { job: 'ace-operator', cluster: 'plane-2' },
    ],
  },
  {
    alert: 'AceShardUnowned',
    title: 'one shard after the other moves in a roll-out, and at each scrape there is one that nobody has',
    series: {
      ...division('plane-1', { a: [3] }),
      [shardOwner('plane-1', 'b', 0)]: '1 1 1 stale',
      [shardOwner('plane-1', 'a', 0)]: '_ _ _ _ 1x30',
      [shardOwner('plane-1', 'b', 1)]: '1 1 1 1 stale',
      [shardOwner('plane-1', 'a', 1)]: '_ _ _ _ _ 1x30',
      [shardOwner('plane-1', 'b', 2)]: '1 1 1 1 1 stale',
      [shardOwner('plane-1', 'a', 2)]: '_ _ _ _ _ _ 1x30',
    },
    at: 5,
    fires: [],
  },
  {
    alert: 'AceShardUnowned',
    title: 'one replica is not reached, and may have what is missing',
    series: {
      ...division('plane-1', { a: [0, 1] }),
      'up{job="ace-operator",instance="a",cluster="plane-1"}': '1x30',
      'up{job="ace-operator",instance="b",cluster="plane-1"}': '0x30',
    },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceShardUnowned',
    title: 'clusters are not divided',
    series: { 'ace_shards{job="ace-operator",instance="a",cluster="plane-1"}': '0x30' },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceShardTwoOwners',
    title: 'two say that they have one shard',
    series: division('plane-1', { a: [0, 1], b: [1, 2, 3] }),
    at: 5,
    fires: [{ job: 'ace-operator', cluster: 'plane-1', shard: '1' }],
  },
  {
    alert: 'AceShardTwoOwners',
    title: 'a shard moves: for one scrape both are seen to have it, and each plane has its own',
    series: {
      ...division('plane-1', { a: [1, 2, 3] }),
      ...division('plane-2', { c: [0, 1, 2, 3] }),
      [shardOwner('plane-1', 'a', 0)]: '1 1 1 stale',
      [shardOwner('plane-1', 'b', 0)]: '_ _ 1x30',
    },
    at: 2,
    fires: [],
  },
  {
    alert: 'AceScrapeFails',
    title: 'one of two is not reached',
    series: { [`up{${one}}`]: '0x30', [`up{${two}}`]: '1x30' },
    at: 15,
    fires: [{ job: 'ace-operator', instance: 'pod-1:9464' }],
  },
  {
    alert: 'AceScrapeFails',
    title: 'one was rolled',
    series: { [`up{${one}}`]: '1 0 0 0 1x30' },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceRevocationOwed',
    title: 'a revocation has not arrived for minutes',
    series: { 'ace_revocation_oldest_pending_seconds{ace_cluster="c-1"}': '0 60 120 180 240 300' },
    at: 5,
    fires: [C1],
  },
  {
    alert: 'AceRevocationOwed',
    title: 'revocations come and arrive all the time',
    series: { 'ace_revocation_oldest_pending_seconds{ace_cluster="c-1"}': '0 1 0 2 0 40 0 119 0 3' },
    at: 9,
    fires: [],
  },
  {
    alert: 'AceRevocationSlow',
    title: 'the first revocation of all took longer than a minute',
    series: revocations('token', '0x20', '0x9 1x10'),
    at: 12,
    fires: [C1],
  },
  {
    alert: 'AceRevocationSlow',
    title: 'and so to a Prometheus that writes bounds as floats',
    series: revocations('user', '0x20', '0x9 1x10', '60.0'),
    at: 12,
    fires: [C1],
  },
  {
    alert: 'AceRevocationSlow',
    title: 'all revocations were quick',
    series: revocations('token', '0+3x20', '0+3x20'),
    at: 15,
    fires: [],
  },
  {
    alert: 'AceRevocationSlow',
    title: 'expired tokens were removed late: they were refused in time',
    series: { ...revocations('expiry', '0x20', '0+3x20'), ...revocations('token', '0x20', '0x20') },
    at: 15,
    fires: [],
  },
  {
    alert: 'AceManagementStale',
    title: 'the management plane is not heard',
    series: { [`ace_management_age_seconds{${pod}}`]: '40 100 160 220 280 340' },
    at: 5,
    fires: [{ job: 'ace-operator', instance: 'pod-1:9464' }],
  },
  {
    alert: 'AceManagementStale',
    title: 'watches end and are resumed',
    series: { [`ace_management_age_seconds{${pod}}`]: '40 5 58 44 170 3 12 50' },
    at: 7,
    fires: [],
  },
  {
    alert: 'AceManagementReplaced',
    title: 'another management plane answers',
    series: { [`ace_management_replaced{${pod}}`]: '0 0 1x5' },
    at: 5,
    fires: [{ job: 'ace-operator', instance: 'pod-1:9464' }],
  },
  {
    alert: 'AceManagementReplaced',
    title: 'the right one answers',
    series: { [`ace_management_replaced{${pod}}`]: '0x10' },
    at: 9,
    fires: [],
  },
  {
    alert: 'AceClusterReplaced',
    title: 'another cluster answers, to one that is killed every four minutes',
    series: { 'ace_cluster_problem{ace_cluster="c-1",reason="ClusterReplaced"}': loop('1 1 1') },
    at: 15,
    fires: [C1],
  },
  {
    alert: 'AceClusterReplaced',
    title: 'a cluster has another problem, and another one is accepted',
    series: {
      'ace_cluster_problem{ace_cluster="c-1",reason="Unreachable"}': '1x20',
      'ace_cluster_problem{ace_cluster="c-2",reason="ClusterReplaced"}': '1 1 1 stale',
    },
    at: 9,
    fires: [],
  },
  {
    alert: 'AceInstallationKeyUnusable',
    title: 'the key cannot be used',
    series: {
      'ace_cluster_problem{ace_cluster="c-1",reason="InstallationKeyUnusable"}': '1x20',
      'ace_cluster_problem{ace_cluster="c-2",reason="InstallationKeyUnusable"}': '1x20',
    },
    at: 6,
    fires: [{}],
  },
  {
    alert: 'AceInstallationKeyUnusable',
    title: 'it is restored',
    series: { 'ace_cluster_problem{ace_cluster="c-1",reason="InstallationKeyUnusable"}': '1 stale' },
    at: 8,
    fires: [],
  },
  {
    alert: 'AceClusterDisconnected',
    title: 'a cluster is away for long',
    series: {
      'ace_cluster_connected{ace_cluster="c-1"}': '1 0x20',
      'ace_cluster_connected{ace_cluster="c-2"}': '1x21',
    },
    at: 12,
    fires: [C1],
  },
  {
    alert: 'AceClusterDisconnected',
    title: 'a cluster is away for some minutes, and another one is drained',
    series: {
      'ace_cluster_connected{ace_cluster="c-1"}': '1 0x8 1x20',
      'ace_cluster_connected{ace_cluster="c-2"}': '0 0 _x30',
    },
    at: 20,
    fires: [],
  },
  {
    alert: 'AceCredentialsExpire',
    title: 'a year ends within a week, a day within four hours, one of unknown age within a week',
    series: {
      ...credentials('c-1', -358 * DAY, 7 * DAY),
      ...credentials('c-2', -20 * HOUR, 4 * HOUR),
      'ace_credentials_expiration_timestamp_seconds{ace_cluster="c-3"}': `${7 * DAY}x20`,
      ...credentials('c-4', -2 * DAY, -DAY),
    },
    at: 10,
    fires: ['c-1', 'c-2', 'c-3', 'c-4'].map((ace_cluster) => ({ ace_cluster })),
  },
  {
    alert: 'AceCredentialsExpire',
    title: 'there is time to replace them',
    series: {
      ...credentials('c-1', -357 * DAY, 8 * DAY),
      ...credentials('c-2', -16 * HOUR, 8 * HOUR),
      'ace_credentials_expiration_timestamp_seconds{ace_cluster="c-3"}': `${8 * DAY}x20`,
    },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceGarbageCollectionBlocked',
    title: 'a sweep waits for a person',
    series: { 'ace_cluster_problem{ace_cluster="c-1",reason="GCBlocked"}': '1x10' },
    at: 6,
    fires: [C1],
  },
  {
    alert: 'AceGarbageCollectionBlocked',
    title: 'the person came, and another cluster has other problems',
    series: {
      'ace_cluster_problem{ace_cluster="c-1",reason="GCBlocked"}': '1x2 _x10',
      'ace_cluster_problem{ace_cluster="c-2",reason="Unreachable"}': '1x10',
    },
    at: 9,
    fires: [],
  },
  {
    alert: 'AcePoisonTokens',
    title: 'tokens are unreadable, and others rejected by the cluster',
    series: {
      'ace_tokens_refused{ace_cluster="c-1",reason="Malformed"}': '2x20',
      'ace_tokens{ace_cluster="c-2",state="failed"}': '1x20',
    },
    at: 16,
    fires: [
      { ace_cluster: 'c-1', reason: 'Malformed' },
      { ace_cluster: 'c-2', reason: 'Rejected' },
    ],
  },
  {
    alert: 'AcePoisonTokens',
    title: 'tokens ended as tokens end',
    series: {
      'ace_tokens_refused{ace_cluster="c-1",reason="Expired"}': '5x20',
      'ace_tokens_refused{ace_cluster="c-1",reason="Disabled"}': '5x20',
      'ace_tokens_refused{ace_cluster="c-1",reason="SecretTooLong"}': '1x5 _x20',
      'ace_tokens{ace_cluster="c-1",state="failed"}': '0x20',
    },
    at: 16,
    fires: [],
  },
  {
    alert: 'AceTokensPending',
    title: 'a token waits in a cluster that is there',
    series: { 'ace_tokens{ace_cluster="c-1",state="pending"}': '1x20', ...connected(1) },
    at: 16,
    fires: [C1],
  },
  {
    alert: 'AceTokensPending',
    title: 'the cluster is away, or suspended, or the tokens change',
    series: {
      'ace_tokens{ace_cluster="c-1",state="pending"}': '1x20',
      ...connected(0),
      'ace_tokens{ace_cluster="c-2",state="pending"}': '1x20',
      'ace_cluster_connected{ace_cluster="c-2"}': '1x20',
      'ace_cluster_problem{ace_cluster="c-2",reason="Suspended"}': '1x20',
      'ace_tokens{ace_cluster="c-3",state="pending"}': '3x9 0 2x20',
      'ace_cluster_connected{ace_cluster="c-3"}': '1x20',
    },
    at: 18,
    fires: [],
  },
  {
    alert: 'AcePropagationSlow',
    title: 'half of the changes take minutes, for long',
    series: changesWithin('30', '0+5x60', '0+10x60'),
    at: 40,
    fires: [C1],
  },
  {
    alert: 'AcePropagationSlow',
    title: 'a cluster came back and got all that it had missed',
    series: changesWithin('30', '0x60', '0x5 200x60'),
    at: 21,
    fires: [],
  },
  {
    alert: 'AceWatchCorrections',
    title: 'relists find a lot',
    series: { [`ace_relist_corrections_total{${pod},ace_cluster="c-1"}`]: '0+2x60' },
    at: 30,
    fires: [C1],
  },
  {
    alert: 'AceWatchCorrections',
    title: 'relists find little, and those of an authenticator are not ours',
    series: {
      [`ace_relist_corrections_total{${pod},ace_cluster="c-1"}`]: '0x10 3x50',
      [`ace_relist_corrections_total{${node}}`]: '0+2x60',
    },
    at: 30,
    fires: [],
  },
  {
    alert: 'AceApiErrors',
    title: 'a fifth of the requests fail',
    series: { ...requests(`${pod},ace_cluster="c-1"`, '0+8x60', '0+2x60', '503'), ...connected(1) },
    at: 30,
    fires: [C1],
  },
  {
    alert: 'AceApiErrors',
    title: 'the management plane forbids',
    series: requests(`${pod},ace_cluster="management"`, '0+1x60', '0+2x60', '403'),
    at: 30,
    fires: [{ ace_cluster: 'management' }],
  },
  {
    alert: 'AceApiErrors',
    title:
      'few fail, what is missing or in conflict is no fault, and a cluster that is away has an alert of its own',
    series: {
      ...requests(`${pod},ace_cluster="c-2"`, '0+100x60', '0+2x60', '500'),
      ...requests(`${pod},ace_cluster="c-3"`, '0+1x60', '0+20x60', '409'),
      ...requests(`${pod},ace_cluster="c-1"`, '0x60', '0+2x60', '0'),
      ...connected(0),
    },
    at: 30,
    fires: [],
  },
  {
    alert: 'AceOperatorDown',
    title: 'every replica is down',
    series: { [`up{${one}}`]: '1 0x10', [`up{${two}}`]: '1 0x10' },
    at: 7,
    fires: [{ job: 'ace-operator' }],
  },
  {
    alert: 'AceOperatorDown',
    title: 'there is none to scrape',
    series: {},
    at: 7,
    fires: [{ job: 'ace-operator' }],
  },
  {
    alert: 'AceOperatorDown',
    title: 'one of two is down',
    series: { [`up{${one}}`]: '1 0x10', [`up{${two}}`]: '1x11' },
    at: 7,
    fires: [],
  },
  {
    alert: 'AceOperatorNoLeader',
    title: 'two stand by',
    series: { [`ace_leader{${one}}`]: '0x10', [`ace_leader{${two}}`]: '0x10' },
    at: 4,
    fires: [{ job: 'ace-operator' }],
  },
  {
    alert: 'AceOperatorNoLeader',
    title: 'the lead changes hands',
    series: { [`ace_leader{${one}}`]: '1 1 0 0 0 0', [`ace_leader{${two}}`]: '0 0 0 1 1 1' },
    at: 5,
    fires: [],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'two lead',
    series: { [`ace_leader{${one}}`]: '1x10', [`ace_leader{${two}}`]: '1x10' },
    at: 4,
    fires: [{ job: 'ace-operator' }],
  },
  {
    alert: 'AceOperatorManyLeaders',
    title: 'one that ended is still remembered for a moment',
    series: { [`ace_leader{${one}}`]: '1 1 1 _ _ _', [`ace_leader{${two}}`]: '0 1 1 1 1 1' },
    at: 8,
    fires: [],
  },
  {
    alert: 'AceQueueOld',
    title: 'keys wait',
    series: { 'ace_workqueue_oldest_seconds{ace_cluster="c-1"}': '70x10' },
    at: 6,
    fires: [C1],
  },
  {
    alert: 'AceQueueOld',
    title: 'a backfill takes its time',
    series: { 'ace_workqueue_oldest_seconds{ace_cluster="c-1"}': '30 90 150 10 0 0 0 80 0' },
    at: 8,
    fires: [],
  },
  {
    alert: 'AceWorkerStuck',
    title: 'a key is worked for ever',
    series: { 'ace_workqueue_longest_running_seconds{ace_cluster="c-1"}': '0 60 120 180 240 310 370 430' },
    at: 7,
    fires: [C1],
  },
  {
    alert: 'AceWorkerStuck',
    title: 'a slow cluster lets every request time out',
    series: { 'ace_workqueue_longest_running_seconds{ace_cluster="c-1"}': '20 40 60 10 30 50 60 20' },
    at: 7,
    fires: [],
  },
];

const AUTHENTICATOR: readonly Case[] = [
  {
    alert: 'AceAuthenticatorRestarting',
    title: 'it is killed every four minutes',
    series: { [`process_start_time_seconds{${node}}`]: starts },
    at: 30,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorRestarting',
    title: 'it was rolled',
    series: { [`process_start_time_seconds{${node}}`]: '0x10 600x30' },
    at: 30,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorDown',
    title: 'one does not answer',
    series: { [`up{${node}}`]: '1 0x10', 'up{job="ace-authenticator",instance="node-2:9465"}': '1x11' },
    at: 7,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorDown',
    title: 'there is none to scrape',
    series: {},
    at: 7,
    fires: [{ job: 'ace-authenticator' }],
  },
  {
    alert: 'AceAuthenticatorDown',
    title: 'one restarts',
    series: { [`up{${node}}`]: '1 0 0 1x8' },
    at: 7,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorNotReady',
    title: 'it knows nothing',
    series: { [`ace_ready{${node}}`]: '0x10' },
    at: 6,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorNotReady',
    title: 'it starts',
    series: { [`ace_ready{${node}}`]: '0 0 1x10' },
    at: 6,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorStale',
    title: 'its API server is away',
    series: { [`ace_store_age_seconds{${node}}`]: '40 100 160 220 280 340 400' },
    at: 6,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorStale',
    title: 'its watches end and are resumed',
    series: { [`ace_store_age_seconds{${node}}`]: '40 55 12 44 60 3 30' },
    at: 6,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorRefusesValidTokens',
    title: 'tokens without a hash are used again and again',
    series: reviews('refused', 'HashMissing', '0+1x30'),
    at: 20,
    fires: [{ ...NODE, reason: 'HashMissing' }],
  },
  {
    alert: 'AceAuthenticatorRefusesValidTokens',
    title: 'a maximum of staleness is set and reached',
    series: reviews('refused', 'Stale', '0+50x30'),
    at: 20,
    fires: [{ ...NODE, reason: 'Stale' }],
  },
  {
    alert: 'AceAuthenticatorRefusesValidTokens',
    title: 'what is refused was revoked or wrong, but for one moment',
    series: {
      ...reviews('refused', 'Expired', '0+9x30'),
      ...reviews('refused', 'TokenDisabled', '0+9x30'),
      ...reviews('refused', 'WrongSecret', '0+9x30'),
      ...reviews('refused', 'UnknownToken', '0+9x30'),
      ...reviews('refused', 'UnknownUser', '0x5 3x25'),
    },
    at: 18,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorUnavailable',
    title: 'a tenth cannot be answered',
    series: {
      ...reviews('accepted', '', '0+90x20'),
      ...reviews('unavailable', 'HashQueueFullError', '0+9x20'),
      ...reviews('fault', '', '0+1x20'),
    },
    at: 10,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorUnavailable',
    title: 'all are answered, or nobody asks',
    series: {
      ...reviews('accepted', '', '0+90x10 900x10'),
      ...reviews('refused', 'Expired', '0+90x10 900x10'),
      ...reviews('unavailable', 'NotReadyError', '3x20'),
    },
    at: 10,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorSlow',
    title: 'one in ten takes more than a second',
    series: reviewsWithin('1', '0+90x30', '0+100x30'),
    at: 20,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorSlow',
    title: 'one in a thousand does',
    series: reviewsWithin('1', '0+999x30', '0+1000x30'),
    at: 20,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorWriteBackFails',
    title: 'writes fail',
    series: { [`ace_write_back_failures_total{${node}}`]: '0+1x40' },
    at: 30,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorWriteBackFails',
    title: 'a few failed when the API server restarted',
    series: { [`ace_write_back_failures_total{${node}}`]: '0x5 4x40' },
    at: 30,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorWatchCorrections',
    title: 'relists find a lot',
    series: { [`ace_relist_corrections_total{${node}}`]: '0+2x60' },
    at: 30,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorWatchCorrections',
    title: 'relists find little, and those of the operator are not its',
    series: {
      [`ace_relist_corrections_total{${node}}`]: '0x10 3x50',
      [`ace_relist_corrections_total{${pod},ace_cluster="c-1"}`]: '0+2x60',
    },
    at: 30,
    fires: [],
  },
  {
    alert: 'AceAuthenticatorApiErrors',
    title: 'half of the requests are forbidden',
    series: requests(node, '0+1x60', '0+1x60', '403'),
    at: 30,
    fires: [NODE],
  },
  {
    alert: 'AceAuthenticatorApiErrors',
    title: 'few fail',
    series: requests(node, '0+100x60', '0+1x60', '0'),
    at: 30,
    fires: [],
  },
];

const CASES: Readonly<Record<Component, readonly Case[]>> = {
  operator: OPERATOR,
  authenticator: AUTHENTICATOR,
};

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ace-rules-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe.each(COMPONENTS)('the rules of the %s', (component) => {
  const rules = alertRules(component);
  const cases = CASES[component];

  test.each(rules.map(({ alert }) => alert))('%s is shown to fire, and shown to keep quiet', (alert) => {
    const own = cases.filter((one) => one.alert === alert);
    expect(own.some(({ fires }) => fires.length > 0)).toBe(true);
    expect(own.some(({ fires }) => fires.length === 0)).toBe(true);
  });

  test('every case is about a rule that there is', () => {
    const names = new Set(rules.map(({ alert }) => alert));
    expect(cases.filter(({ alert }) => !names.has(alert))).toEqual([]);
  });

  describe.skipIf(!binaries)('under promtool', () => {
    test('are well-formed, their texts included', async () => {
      const file = join(directory, `${component}.yaml`);
      await writeFile(file, stringify({ groups: ruleGroups(component) }));
      const { stdout } = await run(binaries?.promtool ?? '', ['check', 'rules', file]);
      expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`);
    });

    test.each(cases)('$alert: $title', async (one) => {
      const file = await testFile(component, one);
      const told = await run(binaries?.promtool ?? '', ['test', 'rules', file]).catch((error) => error);
      expect(`${told.stdout}${told.stderr}`).toContain('SUCCESS');
    });
  });
});

/** A test as promtool reads it. Texts are left out, here and in the rules: their values are not what is tested. */
async function testFile(component: Component, { alert, series, at, fires }: Case): Promise<string> {
  const groups = ruleGroups(component).map((group) => ({
    ...group,
    rules: group.rules.map(({ annotations: _texts, ...rule }) => rule),
  }));
  const name = `${component}-${alert}-${CASES[component].findIndex((one) => one.alert === alert && one.series === series)}`;
  const rulesFile = join(directory, `${name}.rules.yaml`);
  await writeFile(rulesFile, stringify({ groups }));
  const severity = alertRules(component).find((rule) => rule.alert === alert)?.labels['severity'];
  const test = {
    interval: '1m',
    input_series: Object.entries(series).map(([text, values]) => ({ series: text, values })),
    alert_rule_test: [
      {
        eval_time: `${at}m`,
        alertname: alert,
        exp_alerts: fires.map((labels) => ({ exp_labels: { ...labels, severity } })),
      },
    ],
  };
  const file = join(directory, `${name}.test.yaml`);
  await writeFile(file, stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests: [test] }));
  return file;
}

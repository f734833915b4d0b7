import * as names from '../../src/api/names.ts';
import { EXTRA_TOKEN_ID } from '../../src/authenticator/judge.ts';
import { cell, code, generatedBy, page, table } from './markdown.ts';

/** A label, an annotation, or a key of `user.extra`, and what it is for. */
export interface Mark {
  readonly key: string;
  /** On which object. */
  readonly on: string;
  readonly meaning: string;
}

/** Those that a person sets. */
const SET_BY_PEOPLE: readonly Mark[] = [
  {
    key: names.LABEL_CLUSTER,
    on: 'Secret with credentials, label',
    meaning: 'Id of the Cluster to which its kubeconfig leads. The first way that the operator looks for.',
  },
  {
    key: names.ANNOTATION_ALLOW_GC,
    on: 'ClusterPropagation, annotation',
    meaning:
      'Number of objects that one blocked sweep may delete, within an hour. The operator takes it off. `kubectl ace gc --allow` sets it.',
  },
  {
    key: names.ANNOTATION_ACCEPT_CLUSTER,
    on: 'ClusterPropagation, annotation',
    meaning:
      'UID of the cluster that may take the place of the one before (reason `ClusterReplaced`). The operator takes it off.',
  },
  {
    key: 'ace-operator.io/scrapes',
    on: 'Namespace, label',
    meaning: '`"true"`: Pods of this namespace may read metrics, by the NetworkPolicy of the operator.',
  },
];

/** Those that the operator and the commands write. Nobody else should. */
const WRITTEN_BY_US: readonly Mark[] = [
  {
    key: names.LABEL_MANAGED_BY,
    on: 'all that we write, label',
    meaning:
      "`ace-operator`: ours. Objects without it are another writer's and are left alone, unless `spec.adopt` is set.",
  },
  {
    key: names.LABEL_CLUSTER,
    on: 'objects in a downstream cluster, label',
    meaning: 'Id of the management Cluster for which they were written.',
  },
  {
    key: names.LABEL_INSTALLATION,
    on: 'objects in a downstream cluster, label',
    meaning: 'The installation that wrote them: UID of `kube-system` of its management plane.',
  },
  {
    key: names.LABEL_COMPONENT,
    on: 'Secrets and accounts of our own, label',
    meaning: 'What the object is for.',
  },
  { key: names.LABEL_PART_OF, on: 'objects of our manifests, label', meaning: '`ace-operator`.' },
  {
    key: names.ANNOTATION_TOKEN_UID,
    on: 'ClusterAuthToken, hash Secret, annotation',
    meaning: 'UID of the Token that they were made of.',
  },
  {
    key: names.ANNOTATION_EARLIER_TOKEN_UID,
    on: 'hash Secret, annotation',
    meaning: 'UID of the Token before, where it was made again with the same secret.',
  },
  {
    key: names.ANNOTATION_TOKEN_API,
    on: 'ClusterAuthToken, hash Secret, annotation',
    meaning: 'API group of the Token, where that is not `management.cattle.io`.',
  },
  {
    key: names.ANNOTATION_USER_UID,
    on: 'ClusterUserAttribute, annotation',
    meaning: 'UID of the User that it was made of.',
  },
  {
    key: names.ANNOTATION_FINGERPRINT,
    on: 'hash Secret (inline: ClusterAuthToken), annotation',
    meaning:
      'Keyed digest by which the operator sees that nothing changed, without hashing again. Only whoever has the installation key can make one.',
  },
  {
    key: names.ANNOTATION_CLOSED_FOR,
    on: "another writer's ClusterAuthToken, annotation",
    meaning: 'UID of the revoked Token for which adoption switched it off.',
  },
  {
    key: names.ANNOTATION_CREDENTIAL_EXPIRES,
    on: 'Secret that `join` wrote, annotation',
    meaning: 'Until when its credential is good (RFC 3339).',
  },
  {
    key: names.ANNOTATION_CREDENTIAL_RENEW,
    on: 'Secret that `join` wrote, annotation',
    meaning: '`true`: the operator renews its credential by itself, before it ends.',
  },
  {
    key: names.ANNOTATION_VERSION,
    on: 'the Lease, and those of replicas and shards, annotation',
    meaning: 'Release of the operator that holds it.',
  },
  {
    key: names.ANNOTATION_SHARDS,
    on: 'the Lease, and those of replicas and shards, annotation',
    meaning: 'Into how many shards whoever wrote it divides the clusters.',
  },
  {
    key: names.ANNOTATION_PUT_BACK,
    on: 'the Lease, and those of replicas and shards, annotation',
    meaning:
      '`true`: put back where somebody had deleted it. Nobody acts by it before a whole Lease duration is over.',
  },
];

/** Rancher's, which we read; `token create` and `kubeconfig` write the two of a Token's user and kind, as Rancher does. */
const RANCHERS: readonly Mark[] = [
  {
    key: names.ANNOTATION_TOKEN_HASHED,
    on: 'Token, annotation',
    meaning: '`"true"`: its field `token` holds a hash, which is copied.',
  },
  { key: names.LABEL_TOKEN_USER, on: 'Token, label', meaning: 'Name of its User.' },
  {
    key: names.LABEL_TOKEN_KIND,
    on: 'Token, label',
    meaning:
      'What it was issued for (`session`, `kubeconfig`, `agent`). `token revoke` spares those of agents.',
  },
  {
    key: names.LABEL_EXT_KIND,
    on: 'Secret in `cattle-tokens`, label',
    meaning: '`token`: it is a token of `ext.cattle.io`.',
  },
  { key: names.LABEL_EXT_USER, on: 'Secret in `cattle-tokens`, label', meaning: 'Name of its User.' },
  {
    key: names.LABEL_CREATOR,
    on: 'ClusterAuthToken, ClusterUserAttribute, label',
    meaning: "`norman`: Rancher's own controller wrote it.",
  },
];

const IN_ANSWERS: readonly Mark[] = [
  {
    key: EXTRA_TOKEN_ID,
    on: '`user.extra` of an accepted token',
    meaning: 'Name of the token. `kubectl auth whoami` and audit logs show it.',
  },
  {
    key: 'authentication.kubernetes.io/credential-id',
    on: '`user.extra` of an accepted token',
    meaning:
      "`ace-operator.io/token=NAME`, under Kubernetes' own key, so that its audit log names the token.",
  },
];

/** Every label, annotation and key that is part of a contract. */
export const MARKS: readonly Mark[] = [...SET_BY_PEOPLE, ...WRITTEN_BY_US, ...RANCHERS, ...IN_ANSWERS];

export function marksPage(): string {
  return page(
    generatedBy('hack/reference/marks.ts and src/api/names.ts'),
    '# Labels and annotations',
    'All that have a meaning to the operator, the authenticator or the commands. Where credentials are looked for by the labels of others (Cluster API, Argo CD, ClusterProfile): [credentials.md](../credentials.md).',
    '## That you set',
    marks(SET_BY_PEOPLE),
    '## That we write',
    'Please change none of them. A mark that does not fit is noticed, and the object is made anew.',
    marks(WRITTEN_BY_US),
    "## Rancher's, that we read",
    marks(RANCHERS),
    '## In the answers of the authenticator',
    marks(IN_ANSWERS),
  );
}

const marks = (list: readonly Mark[]): string =>
  table(
    ['key', 'on', 'meaning'],
    list.map(({ key, on, meaning }) => [code(key), on, cell(meaning)]),
  );

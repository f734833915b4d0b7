import { HOP_TEXTS } from '../api/hop-reason-texts.ts';
import { ANNOTATION_FINGERPRINT, LABEL_CLUSTER } from '../api/names.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import type { KubeObject } from '../api/types.ts';
import { mergePatch } from '../derive/merge-patch.ts';
import { isByRancher } from '../derive/other-writer.ts';
import { type Installation, ownerOf } from '../derive/ownership.ts';
import { conflictMessage } from '../operator/decide/in-the-way.ts';
import { known } from '../plane/reading.ts';
import type { Evidence } from './evidence.ts';
import { broken, flawed, type Hop, type HopId, ok } from './hop.ts';

/** Fields by which an object lets somebody in, as whom, and until when. What else another writer puts there is none of our business. */
const MEANING: readonly string[] = ['userName', 'enabled', 'expiresAt', 'groups'];

/**
 * Whether an object in the cluster is what the management plane says now. One that we wrote has to be so to the last label; one of
 * another writer, such as Rancher's own controller, in what it means. Pure.
 *
 * @param desired - as we would write it; undefined: that is not known
 * @param told - what is said of one that is in order
 */
export function judgeWritten(
  id: HopId,
  object: KubeObject,
  desired: KubeObject | undefined,
  told: string,
  evidence: Evidence,
): Hop {
  const { target, management } = evidence;
  const owner =
    target.cluster === undefined ? 'ours' : ownerOf(object, target.cluster, management.installation);
  const differing = desired ? differences(object, desired) : [];
  if (owner === 'sibling') {
    const named = `${object.kind} ${object.metadata.name}`;
    return broken(
      id,
      'Conflict',
      TOKEN_TEXTS,
      conflictMessage(named, object.metadata.labels?.[LABEL_CLUSTER] ?? ''),
    );
  }
  if (owner === 'foreign' && !known(management.propagation)?.spec.adopt)
    return ofAnother(id, object, differing, told, evidence);
  if (differing.length === 0) return ok(id, told);
  const detail = `the ${object.kind} is not what is said upstream now: ${differing.join(', ')}`;
  return broken(id, 'Outdated', HOP_TEXTS, detail);
}

function ofAnother(
  id: HopId,
  object: KubeObject,
  differing: readonly string[],
  told: string,
  { management }: Evidence,
): Hop {
  const { kind, metadata } = object;
  const writer = writerOf(object);
  const wrong = differing.filter((field) => MEANING.includes(field));
  // An operator that reports here leaves such objects alone; after a hand-over it has no business there.
  const { spec, status } = known(management.propagation) ?? {};
  const isServed = status?.conditions !== undefined && !spec?.drain;
  if (wrong.length === 0) {
    return isServed
      ? flawed(
          id,
          'warning',
          'Conflict',
          TOKEN_TEXTS,
          `${told}; written by ${writer}, so the operator leaves it alone`,
        )
      : ok(id, `${told}; written by ${writer}`);
  }
  const detail = `${kind} ${metadata.name} was written by ${writer}, and is not what is said upstream now: ${wrong.join(', ')}`;
  if (isServed) return broken(id, 'Conflict', TOKEN_TEXTS, detail);
  const remedy = `look at the log of ${writer}, which has to bring it up to date`;
  return { ...broken(id, 'Outdated', HOP_TEXTS, detail), remedy };
}

/** As Rancher's server marks what it makes there. */
export function writerOf(object: KubeObject): string {
  return isByRancher(object) ? "Rancher's own controller" : 'someone else';
}

/**
 * Who writes this cluster beside our operator, or in its place after a hand-over: by the token's own object, else as the operator
 * reports. Undefined: nobody, as far as can be seen. Pure.
 */
export function otherWriterOf({ target, downstream, management }: Evidence): string | undefined {
  const object = known(downstream.clusterAuthToken)?.object;
  if (object)
    return isForeign(object, target.cluster, management.installation) ? writerOf(object) : undefined;
  const conditions = known(management.propagation)?.status.conditions;
  const reported = conditions?.find(({ type }) => type === 'OtherWriter');
  if (reported?.status !== 'True') return undefined;
  return reported.reason === 'RancherWrites' ? "Rancher's own controller" : 'someone else';
}

function isForeign(object: KubeObject, cluster: string | undefined, installation?: Installation): boolean {
  return cluster !== undefined && ownerOf(object, cluster, installation) === 'foreign';
}

/** Names of the fields in which an object differs from what is wanted, as far as that can be told without the installation key. */
function differences(object: KubeObject, desired: KubeObject): readonly string[] {
  const { name: _name, namespace: _namespace, ...metadata } = desired.metadata;
  const { [ANNOTATION_FINGERPRINT]: _mark, ...annotations } = metadata.annotations ?? {};
  const { hash: _hash, groups, ...fields } = desired;
  const wanted = { ...fields, metadata: { ...metadata, annotations } };
  const differing = Object.keys(mergePatch(object, wanted) ?? {});
  return groups === undefined || isSameSet(object['groups'], groups) ? differing : [...differing, 'groups'];
}

/** Their order, and how often each is there, mean nothing. */
function isSameSet(a: unknown, b: unknown): boolean {
  const [one, other] = [new Set(Array.isArray(a) ? a : []), new Set(Array.isArray(b) ? b : [])];
  return one.size === other.size && [...one].every((item) => other.has(item));
}

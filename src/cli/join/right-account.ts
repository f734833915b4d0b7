import { DOWNSTREAM_ACCOUNT, joinedSecretName } from '../../api/names.ts';
import { type Account, subjectOf } from '../../clusters/bound-token.ts';
import type { JoinConfig } from '../../config/join.ts';
import { ConfigError, TerminalError } from '../../errors.ts';
import type { Written } from '../../join/credential.ts';
import { isShutOut } from '../../join/guard.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import { failureText } from '../../plane/reading.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** The account that `join` makes in a cluster, and of which it asks for a token. */
export function accountIn({ namespace }: DownstreamPlane): Account {
  return { namespace, name: DOWNSTREAM_ACCOUNT };
}

/** Of whom a credential is, where that is another than the account of `join`; undefined: it is of that one, or does not say. */
export function otherSubject({ subject }: Written, downstream: DownstreamPlane): string | undefined {
  return subject === subjectOf(accountIn(downstream)) ? undefined : subject;
}

/**
 * What of an earlier credential is of the account that `join` makes. A token of another account was put there by somebody who knew why: the
 * guard lets in that one alone, and by a token of ours no revocation would arrive any more.
 *
 * @throws {ConfigError} for a token of another account, unless a new one is asked for
 */
export function ofOwnAccount(
  written: Written | undefined,
  { cluster, namespace, rotate }: JoinConfig,
  downstream: DownstreamPlane,
  runtime: Runtime,
): Written | undefined {
  const subject = written && otherSubject(written, downstream);
  if (subject === undefined) return written;
  const own = subjectOf(accountIn(downstream));
  const held = `Secret ${namespace}/${joinedSecretName(cluster)} holds a token of ${subject}`;
  if (!rotate)
    throw new ConfigError(
      `${held}, and join makes tokens of ${own} alone, which a guard does not let write; renew it as docs/downstream-guard.md says, or, where there is no guard any more, put one of ${own} in its place by --rotate`,
    );
  note(`${held}: --rotate puts another in its place, and the old one stays good until it ends`, runtime);
  return undefined;
}

/**
 * RBAC says nothing of the guard: what comes in by an account that it does not know reads everything, and revokes nothing.
 *
 * @throws {TerminalError} where the guard is in force and does not let the account of `join` write
 */
export async function requireLetIn(
  { cluster }: JoinConfig,
  downstream: DownstreamPlane,
  runtime: Runtime,
): Promise<void> {
  const account = accountIn(downstream);
  const isOut = await isShutOut(downstream, account);
  if (!isOut.ok)
    return note(
      `whether a guard of cluster ${cluster} lets ${subjectOf(account)} write cannot be seen: ${failureText(isOut.failure)}`,
      runtime,
    );
  if (isOut.value)
    throw new TerminalError(
      'Rejected',
      `the guard of cluster ${cluster} refuses all that ${subjectOf(account)} writes, revocations too, so no token of it is made; give the operator one of the account that the guard lets in, as docs/downstream-guard.md says, or name this account in ClusterRoleBinding ace-operator-downstream-guard`,
    );
}

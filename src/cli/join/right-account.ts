import { DOWNSTREAM_ACCOUNT, joinedSecretName } from '../../api/names.ts';
import { type Account, subjectOf } from '../../clusters/bound-token.ts';
import type { JoinConfig } from '../../config/join.ts';
import { ConfigError, TerminalError } from '../../errors.ts';
import type { Written } from '../../join/credential.ts';
import { shutOut } from '../../join/guard.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import { failureText } from '../../plane/reading.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** The account that `join` makes in a cluster, and of which it asks for a token. */
export function accountIn({ namespace }: DownstreamPlane): Account {
  return { namespace, name: DOWNSTREAM_ACCOUNT };
}

/** What a credential is that somebody put in the place of that of `join`, in words; undefined: it is of the account of `join`, or as `join` wrote it. */
export function othersCredential(
  { subject, isReplaced }: Written,
  downstream: DownstreamPlane,
): string | undefined {
  if (subject !== undefined)
    return subject === subjectOf(accountIn(downstream)) ? undefined : `a token of ${subject}`;
  return isReplaced ? 'a credential that join did not write, and that does not say whose it is' : undefined;
}

/**
 * What of an earlier credential is of the account that `join` makes. Another's was put there by somebody who knew why: the
 * guard lets in that one alone, and by a token of ours no revocation would arrive any more.
 *
 * @throws {ConfigError} for another's, unless a new one is asked for
 */
export function ofOwnAccount(
  written: Written | undefined,
  { cluster, namespace, rotate }: JoinConfig,
  downstream: DownstreamPlane,
  runtime: Runtime,
): Written | undefined {
  const others = written && othersCredential(written, downstream);
  if (others === undefined) return written;
  const own = subjectOf(accountIn(downstream));
  const held = `Secret ${namespace}/${joinedSecretName(cluster)} holds ${others}`;
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
  const read = await shutOut(downstream, account);
  if (!read.ok)
    return note(
      `whether a guard of cluster ${cluster} lets ${subjectOf(account)} write cannot be seen: ${failureText(read.failure)}`,
      runtime,
    );
  if (read.value === 'on trial')
    note(
      `the guard of cluster ${cluster}, which is on trial, would refuse all that ${subjectOf(account)} writes: before it is put in force, give the operator a credential of an account that it lets in, as docs/downstream-guard.md says`,
      runtime,
    );
  if (read.value === 'in force')
    throw new TerminalError(
      'Rejected',
      `the guard of cluster ${cluster} refuses all that ${subjectOf(account)} writes, revocations too, so no token of it is made; give the operator one of the account that the guard lets in, as docs/downstream-guard.md says, or name this account in ClusterRoleBinding ace-operator-downstream-guard`,
    );
}

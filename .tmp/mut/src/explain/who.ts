import { known } from '../plane/reading.ts';
import { ANONYMOUS } from '../plane/who-am-i.ts';
import type { Evidence, WebhookEvidence } from './evidence.ts';

/**
 * Whom the server of a kubeconfig let in by its bearer: the token's user, or whoever it is where nobody knows whose the token is;
 * `anonymous`, as if there were no bearer; `another` user; `somebody`, of whom the server does not say who it is; `nobody`.
 */
export type Who = 'itsUser' | 'anonymous' | 'another' | 'somebody' | 'nobody';

/** By the name of the user alone: groups come and go. Undefined: it was not asked, or gave no answer. Pure. */
export function whoIsLetIn(live: WebhookEvidence['live'], user: string | undefined): Who | undefined {
  const answer = known(live);
  if (!answer) return undefined;
  if (answer.kind === 'refused') return 'nobody';
  if (answer.username === undefined) return 'somebody';
  if (answer.username === ANONYMOUS) return 'anonymous';
  return user === undefined || answer.username === user ? 'itsUser' : 'another';
}

/** Whose the token is, by the management plane, else by what the cluster holds of it; undefined: nobody says. Pure. */
export function userOf({ management, downstream }: Evidence): string | undefined {
  return (
    known(management.token)?.userName || known(downstream.clusterAuthToken)?.parsed.userName || undefined
  );
}

/** As whom the bearer was let in, by the server's own word. Pure. */
export function letInAs({ webhook: { live } }: Evidence): string | undefined {
  const answer = known(live);
  return answer?.kind === 'letIn' ? answer.username : undefined;
}

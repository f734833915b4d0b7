import type { Change } from '../../src/derive/diff.ts';
import type { Next, Outcome, Plan, Question } from '../../src/operator/decide/plan.ts';

/** A plan as a person would say it. */
export function sentence(plan: Plan): string {
  const parts = [
    ...(plan.notices ?? []).map(({ reason }) => `tells ${reason}`),
    ...(plan.changes ?? []).map(saidChange),
    ...(plan.outcome ? [saidOutcome(plan.outcome)] : []),
    ...(plan.wake ?? []).map((one) => (one === 'sweep' ? 'asks for a sweep' : `wakes ${one.key}`)),
    ...saidNext(plan.next),
  ];
  return parts.length === 0 ? 'nothing to do' : parts.join('; ');
}

export function saidChange(change: Change): string {
  const { kind, metadata } = change.verb === 'create' ? change.object : change.target;
  const object = `${kind} ${metadata.name}`;
  switch (change.verb) {
    case 'create':
      return `creates ${object}`;
    case 'delete':
      return `deletes ${object}`;
    case 'wait':
      return `waits until ${object} is gone`;
    case 'patch':
      return `patches ${object} (${Object.entries(change.patch).map(saidField).join(', ')})`;
  }
}

/** What a hash is, is nobody's business. */
function saidField([field, value]: [string, unknown]): string {
  if (field === 'metadata' || field === 'data' || field === 'hash') return field;
  return `${field}: ${JSON.stringify(value)}`;
}

function saidOutcome(outcome: Outcome | 'none'): string {
  if (outcome === 'none') return 'nothing is left';
  if (outcome.state === 'synced') return outcome.note ? `synced, ${outcome.note}` : 'synced';
  return outcome.reason ? `${outcome.state}: ${outcome.reason}` : outcome.state;
}

function saidNext(next: Next): readonly string[] {
  if (next.kind === 'done') return [];
  if (next.kind === 'ask') return [saidQuestion(next.question)];
  const delay = next.delayMs < 1_000 ? `${next.delayMs} ms` : `${next.delayMs / 1_000} s`;
  return [`again in ${delay}${next.revocation ? ', first' : ''}`];
}

function saidQuestion(question: Question): string {
  switch (question.about) {
    case 'source':
      return `asks whether ${question.resource.kind} ${question.name} exists`;
    case 'rival':
      return `asks whether an older token of ext.cattle.io is called ${question.name}`;
    case 'secret':
      return `asks whether Secret ${question.name} is someone else's`;
    case 'moved':
      return `asks whether the hash was moved into Secret ${question.name}`;
    case 'taken':
      return `asks whether Secret ${question.name}, into which the hash was moved, is ours from now on`;
    case 'groups':
      return `asks whether user ${question.name} has all groups that are there`;
    case 'hash':
      return `asks for its hash`;
    case 'user':
      return `asks for user ${question.name} first`;
  }
}

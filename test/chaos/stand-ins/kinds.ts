import { fileURLToPath } from 'node:url';
import type { Invariant } from '../messages.ts';
import type { FaultKind } from '../schedule/faults.ts';

/** A world in which one thing is wrong, and the one invariant that speaks of it. */
export interface StandIn {
  readonly breaks: Invariant;
  /** What may follow from that, by the moments at which things meet. */
  readonly mayBreak?: Invariant;
  /** Of an authenticator that this program stands in front of: how it answers. */
  readonly authenticator?: AuthenticatorFault;
  readonly operatorFlags?: readonly string[];
  readonly beside?: 'writes for ever' | 'changes what is not ours';
  readonly faults?: readonly FaultKind[];
}

export type AuthenticatorFault =
  | 'never revokes'
  | 'always yes'
  | 'refuses in outages'
  | 'logs a token'
  | 'ends';

export const STAND_INS: Readonly<Record<string, StandIn>> = {
  'never revokes': { breaks: 'I1', authenticator: 'never revokes' },
  'always yes': { breaks: 'I1', authenticator: 'always yes' },
  'refuses in outages': {
    breaks: 'I2',
    // One that is revoked while its cluster is away is refused, too, and let in again until that arrives.
    mayBreak: 'I1',
    authenticator: 'refuses in outages',
    faults: ['kill API server'],
  },
  'changes what is not ours': { breaks: 'I3', beside: 'changes what is not ours' },
  'logs a token': { breaks: 'I4', authenticator: 'logs a token' },
  'writes for ever': { breaks: 'I5', beside: 'writes for ever' },
  'two leaders without election': { breaks: 'I6', operatorFlags: ['--leader-elect=false'] },
  'a program that ends by itself': { breaks: 'I6', authenticator: 'ends' },
};

/** What is run instead of an authenticator. */
export function commandOf(fault: AuthenticatorFault, planeUrl: string): readonly string[] {
  const program = fileURLToPath(new URL('authenticator.ts', import.meta.url));
  return [process.execPath, program, fault, planeUrl];
}

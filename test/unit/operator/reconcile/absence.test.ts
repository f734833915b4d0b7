import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TOKENS } from '../../../../src/api/names.ts';
import { ConnectionError } from '../../../../src/errors.ts';
import { type Absence, confirmAbsence } from '../../../../src/operator/reconcile/absence.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

const confirm = (): Promise<Absence> =>
  confirmAbsence(['user/u-1', 'token/t-1'], { resource: TOKENS, name: 't-1' }, world.context);

describe('confirmAbsence', () => {
  test('what is live is present, whatever was told and allowed', async () => {
    world.evidence.add('token/t-1');
    world.approved.add('token/t-1');
    world.aheadOfWatch.add('Token/t-1');
    expect(await confirm()).toMatchObject({
      kind: 'present',
      result: { kind: 'requeueAfter', delayMs: 1_000 },
    });
  });

  test('a told deletion and a live 404 confirm it', async () => {
    world.evidence.add('token/t-1');
    expect(await confirm()).toEqual({ kind: 'confirmed' });
    expect(world.sweepsRequested).toBe(0);
  });

  test('evidence of any of the keys counts, and of no other', async () => {
    world.evidence.add('token/t-2');
    expect(await confirm()).toEqual({ kind: 'blocked' });
    world.evidence.add('user/u-1');
    expect(await confirm()).toEqual({ kind: 'confirmed' });
  });

  test('a sweep that allowed it and a live 404 confirm it', async () => {
    world.approved.add('token/t-1');
    expect(await confirm()).toEqual({ kind: 'confirmed' });
  });

  test('a live 404 alone asks for a sweep', async () => {
    expect(await confirm()).toEqual({ kind: 'blocked' });
    expect(world.sweepsRequested).toBe(1);
  });

  test('a plane that does not answer proves nothing', async () => {
    world.evidence.add('token/t-1');
    world.liveFault = new ConnectionError('Unreachable', 'no answer');
    await expect(confirm()).rejects.toThrow(ConnectionError);
  });
});

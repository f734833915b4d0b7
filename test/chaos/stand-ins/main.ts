/**
 * Is the checker worth anything? Each stand-in breaks one invariant, on real planes, and exactly that one has to be found broken.
 *
 * usage: [ACE_STAND_IN=NAME] node test/chaos/stand-ins/main.ts
 */
import { fileURLToPath } from 'node:url';
import type { Invariant } from '../messages.ts';
import { patience } from '../patience.ts';
import { run } from '../run.ts';
import { makeSchedule } from '../schedule/schedule.ts';
import { changeWhatIsNotOurs, writeForEver } from './beside.ts';
import { commandOf, STAND_INS, type StandIn } from './kinds.ts';

const ROOT = fileURLToPath(new URL('../../../.work/chaos-stand-ins', import.meta.url));
/** Longer than the bound without a fault, in which one that was revoked may be let in. */
const SECONDS = Number(process.env['ACE_SECONDS'] || Math.round(30 * patience()));
/** A second is enough where nothing is asked of the silence; twenty seconds of it do not count. */
const [SHORT_MS, LONG_MS] = [1_000, 30_000];
const CLUSTERS = { 'c-1': 2 };

async function main(): Promise<void> {
  const only = process.env['ACE_STAND_IN'] || undefined;
  const chosen = Object.entries(STAND_INS).filter(([name]) => only === undefined || name === only);
  let [passed, failed] = [0, 0];
  for (const [index, [name, standIn]] of chosen.entries()) {
    const found = await brokenBy(name, standIn, index + 1);
    const own = found.filter((invariant) => invariant !== standIn.mayBreak);
    const right = own.length === 1 && own[0] === standIn.breaks;
    if (right) passed += 1;
    else failed += 1;
    const word = found.join(', ') || 'nothing';
    console.log(
      `${right ? 'ok' : 'WRONG'}: ${name} breaks ${word}${right ? '' : `, not ${standIn.breaks} alone`}`,
    );
  }
  console.log(`${passed} passed, ${failed} failed`);
  process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

async function brokenBy(name: string, standIn: StandIn, seed: number): Promise<readonly Invariant[]> {
  const { authenticator, operatorFlags, beside, faults = [] } = standIn;
  const schedule = makeSchedule({
    ...{ seed, seconds: SECONDS, kinds: faults, changesPerSecond: 6, faultEveryMs: [8_000, 10_000] },
    targets: { planes: ['c-1'], links: [], authenticators: [], pairs: [], clusters: ['c-1'] },
  });
  const { verdict } = await run({
    ...{ seed, root: ROOT, clusters: CLUSTERS, schedule },
    silenceMs: standIn.breaks === 'I5' ? LONG_MS : SHORT_MS,
    stand: {
      operatorFlags,
      authenticatorCommand: authenticator && ((planeUrl) => commandOf(authenticator, planeUrl)),
    },
    ...(beside ? { beside: beside === 'writes for ever' ? writeForEver : changeWhatIsNotOurs } : {}),
    say: (line) => console.log(`  ${name}: ${line}`),
  });
  return [...new Set(verdict.violations.map(({ invariant }) => invariant))];
}

await main();

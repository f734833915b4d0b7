import type { DebtKeeper } from '../debts/debt-keeper.ts';
import { Lag, type LagDeps } from '../report/lag.ts';
import { Outcomes } from '../report/outcomes.ts';
import type { PropagatorDeps } from './propagator-deps.ts';

/** Where one cluster's keys stand, how far behind it is, and what of that is kept. */
export interface Books {
  readonly outcomes: Outcomes;
  readonly lag: Lag;
  readonly debts: DebtKeeper;
}

/** How a cluster can be seen at this moment. */
export interface Whereabouts {
  isAway(): boolean;
  /** Another one is seen in its place. */
  isElsewhere(): boolean;
}

/**
 * Opens the books of a cluster, with what earlier processes left in them. What is owed to it is not paid by what another cluster
 * lacks that is seen in its place.
 */
export function openBooks(
  cluster: string,
  { upstream, reports, books, engagement, clocks: { now } }: PropagatorDeps,
  { isAway, isElsewhere }: Whereabouts,
  onChange: () => void,
): Books {
  const { management, deletions } = upstream;
  const series = reports.metrics.ofCluster(cluster);
  const keyKnown = (key: string): void => engagement.keyKnown(key, cluster);
  const onDebt: LagDeps['onDebt'] = (key, debt) => {
    if (debt) keyKnown(key);
    debts.debtChanged(key, debt);
  };
  const lag = new Lag({ management, evidence: deletions, series, now, onDebt });
  const debts: DebtKeeper = books.keepDebts({ cluster: { name: cluster, isAway, keyKnown }, ledger: lag });
  debts.restore();
  const outcomes = new Outcomes(onChange, (key, outcome) => {
    if (!isElsewhere()) {
      lag.settled(key, outcome);
      debts.settled(key, outcome);
    }
    if (outcome) keyKnown(key);
    else engagement.keyEnded(key, cluster);
  });
  return { outcomes, lag, debts };
}

// Answers of the query contract, and what the cards derive from them.

export interface Echo {
  from: string;
  to: string;
  as_of: string;
  timezone: string;
  /** Names in the question that no event has had so far; they count as nothing. */
  unseen?: string[];
}

export interface Cohort {
  start: string;
  size: number;
  counts: (number | null)[];
  /** How many cells, from the left, are over. */
  final: number;
}

export interface RetentionAnswer extends Echo {
  cohorts: Cohort[];
  average: { pooled: (number | null)[]; weighted: (number | null)[]; cohorts: number[] };
}

export interface FunnelStep {
  name: string;
  count: number;
  conversion: number | null;
  from_previous: number | null;
  average_seconds: number | null;
  median_seconds: number | null;
}

export interface FunnelAnswer extends Echo {
  steps: FunnelStep[];
}

export interface TrendSeries {
  name: string;
  breakdown?: (string | number | boolean | null)[];
  values: (number | null)[];
  total: number | null;
  final: boolean[];
}

export interface TrendAnswer extends Echo {
  intervals: string[];
  series: TrendSeries[];
}

export const STATES = ['new', 'returning', 'resurrecting', 'dormant'] as const;
export type State = (typeof STATES)[number];

/** A number is null where its interval has not begun; dormant ones are negative. */
export interface LifecycleAnswer extends Echo, Record<State, (number | null)[]> {
  intervals: string[];
  active: (number | null)[];
  final: boolean[];
}

export const WARNINGS = [
  'few', 'nearly_all', 'nearly_none', 'is_start', 'is_goal', 'began_late',
] as const;
export type Warning = (typeof WARNINGS)[number];

export interface ImpactSide {
  units: number;
  reached: number;
  rate: number | null;
}

export interface ImpactRow {
  event: string;
  count: number;
  did: ImpactSide;
  did_not: ImpactSide;
  lift: number | null;
  lift_interval: [number, number] | null;
  phi: number | null;
  p: number | null;
  q: number | null;
  best: boolean;
  warnings: Warning[];
}

export interface ImpactAnswer extends Echo {
  units: { counted: number; reached: number; rate: number | null; open: number };
  rows: ImpactRow[];
}

/** The strongest count of each event; of nothing that can be judged, everything. */
export function impactRows(answer: ImpactAnswer, most: number): ImpactRow[] {
  const best = answer.rows.filter((row) => row.best);
  return (best.length > 0 ? best : answer.rows).slice(0, most);
}

/** Where a ratio stands between 0 and 1 on an axis that is logarithmic, with 1 in its middle. */
export function forestPlace(ratio: number, reach: number): number {
  const log = Math.log(Math.max(ratio, 1e-9));
  return (Math.min(reach, Math.max(-reach, log)) + reach) / (2 * reach);
}

/** How far the axis goes either way, as a logarithm. */
export function forestReach(rows: readonly ImpactRow[]): number {
  let reach = Math.log(1.25);
  for (const { lift_interval: ends } of rows) {
    for (const end of ends ?? []) if (end > 0) reach = Math.max(reach, Math.abs(Math.log(end)));
  }
  return Math.min(reach, Math.log(20));
}

export type CellState = 'done' | 'running' | 'empty';

export interface GridCell {
  count: number | null;
  ratio: number | null;
  state: CellState;
}

export function gridCells(cohort: Cohort): GridCell[] {
  return cohort.counts.map((count, k) => {
    if (count === null) return { count, ratio: null, state: 'empty' };
    return {
      count,
      ratio: cohort.size > 0 ? count / cohort.size : null,
      state: k < cohort.final ? 'done' : 'running',
    };
  });
}

const TOPS = [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/** The ratio that gets the darkest shade: the largest cell after period 0, rounded up. */
export function gridTop(answer: RetentionAnswer): number {
  let top = 0;
  for (const cohort of answer.cohorts) {
    for (const cell of gridCells(cohort).slice(1)) top = Math.max(top, cell.ratio ?? 0);
  }
  return TOPS.find((t) => t >= top) ?? 1;
}

export function shadeOf(ratio: number | null, top: number, shades: number): number {
  if (ratio === null || top <= 0) return 0;
  return Math.min(shades - 1, Math.max(0, Math.round((ratio / top) * (shades - 1))));
}

/** The step that loses the largest share of those who reached the one before it. */
export function biggestLoss(steps: readonly FunnelStep[]): number | null {
  let worst: number | null = null;
  let lost = 0;
  steps.forEach((step, i) => {
    if (i === 0 || step.from_previous === null) return;
    if (1 - step.from_previous > lost) {
      lost = 1 - step.from_previous;
      worst = i;
    }
  });
  return worst;
}

/** Change of the last finished bucket against the one before it. */
export function lastChange(
  series: TrendSeries,
): { index: number; value: number; change: number | null } | null {
  let index = series.values.length - 1;
  while (index >= 0 && series.final[index] === false) index--;
  const value = series.values[index];
  if (index < 0 || value === null || value === undefined) return null;
  const before = index > 0 ? series.values[index - 1] : null;
  return { index, value, change: before ? value / before - 1 : null };
}

/** The last finished interval: who was active, and how many came for each one that went. */
export function lastLife(
  answer: LifecycleAnswer,
): { index: number; active: number; change: number; perLost: number | null } | null {
  const index = answer.final.lastIndexOf(true);
  const active = answer.active[index];
  if (index < 0 || active === null || active === undefined) return null;
  const came = (answer.new[index] ?? 0) + (answer.resurrecting[index] ?? 0);
  const went = -(answer.dormant[index] ?? 0);
  return { index, active, change: came - went, perLost: went > 0 ? came / went : null };
}

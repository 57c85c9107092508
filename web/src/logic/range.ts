// From a chosen range to the days a question asks for.
import {
  addDays,
  addMonths,
  civilIn,
  countIntervals,
  daysBetween,
  INTERVALS,
  startOf,
  type Interval,
  type WeekStart,
} from './dates';
import type { Range } from './view';

/** More buckets than this are neither readable nor kind to the server. */
export const MAX_BUCKETS = 750;
const SETTLED_MS = 2 * 86_400_000;

export interface Span {
  from: string;
  to: string;
  interval: Interval;
  /** Set when the data ended some time ago: the instant that stands for "now". */
  asOf: string | undefined;
}

export interface ProjectTimes {
  timezone: string;
  week_start: WeekStart;
  first_event: string | null;
  last_event: string | null;
}

export function autoInterval(from: string, to: string): Interval {
  const days = daysBetween(from, to) + 1;
  if (days <= 3) return 'hour';
  if (days <= 45) return 'day';
  if (days <= 220) return 'week';
  if (days <= 1_200) return 'month';
  if (days <= 3_600) return 'quarter';
  return 'year';
}

export function allowedIntervals(from: string, to: string, weekStart: WeekStart): Interval[] {
  return INTERVALS.filter((i) => countIntervals(i, from, to, weekStart) <= MAX_BUCKETS);
}

function presetStart(preset: string, end: string, times: ProjectTimes, timezone: string): string {
  switch (preset) {
    case '30d':
      return addDays(end, -29);
    case '12w':
      return addDays(startOf('week', end, times.week_start), -77);
    case '6mo':
      return addMonths(end, -6);
    case '12mo':
      return addMonths(end, -12);
    default:
      return times.first_event ? civilIn(timezone, Date.parse(times.first_event)) : end;
  }
}

/**
 * Presets count whole units back from now, or from the last event where the data ended more than
 * two days ago (an import of old files would otherwise open on an empty page). Their first day is
 * moved back to the edge of an interval, so that the first bucket is whole.
 */
export function resolveRange(
  range: Range,
  chosen: Interval | undefined,
  times: ProjectTimes,
  timezone: string,
  now: number,
): Span {
  const last = times.last_event ? Date.parse(times.last_event) : now;
  const settled = now - last > SETTLED_MS;
  const asOf = settled ? new Date(last).toISOString() : undefined;
  const end = civilIn(timezone, settled ? last : now);
  const raw =
    'preset' in range
      ? { from: presetStart(range.preset, end, times, timezone), to: end }
      : range;
  const allowed = allowedIntervals(raw.from, raw.to, times.week_start);
  const interval =
    chosen && allowed.includes(chosen) ? chosen : autoInterval(raw.from, raw.to);
  const from = 'preset' in range ? startOf(interval, raw.from, times.week_start) : raw.from;
  return { from, to: raw.to, interval, asOf };
}

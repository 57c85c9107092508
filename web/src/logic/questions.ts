// Questions of the query contract, built from the view.
import { countIntervals, type Interval, type WeekStart } from './dates';
import type { Span } from './range';
import type { View, Window } from './view';

interface Common {
  from: string;
  to: string;
  as_of?: string;
  timezone: string;
}

export interface RetentionQuestion extends Common {
  insight: 'retention';
  interval: Interval;
  periods: number;
  start: { event: string | null };
  return: { event: string | null };
  cohort: View['cohort'];
  match: View['match'];
}

export interface FunnelQuestion extends Common {
  insight: 'funnel';
  steps: { event: string }[];
  window: Window;
}

export interface TrendQuestion extends Common {
  insight: 'trends';
  interval: Interval;
  series: [{ event: string | null; math: View['math'] }];
  breakdown?: [{ property: string; of: 'event' }];
  limit?: number;
}

export interface LifecycleQuestion extends Common {
  insight: 'lifecycle';
  interval: Interval;
  event: string | null;
}

export interface ImpactQuestion extends Common {
  insight: 'impact';
  goal: {
    retained: {
      start: { event: string | null };
      return: { event: string | null };
      interval: Interval;
      period: number;
    };
  };
  within: string;
}

export type Question =
  | RetentionQuestion
  | FunnelQuestion
  | TrendQuestion
  | LifecycleQuestion
  | ImpactQuestion;

/** Lines that stay apart from each other; the rest is one group "Other". */
export const BREAKDOWN_LIMIT = 6;

/** How long behaviour is looked at, and how much later staying is, by interval. */
const IMPACT: Record<Interval, { within: string; period: number }> = {
  hour: { within: '3h', period: 24 },
  day: { within: '1d', period: 7 },
  week: { within: '7d', period: 4 },
  month: { within: '7d', period: 2 },
  quarter: { within: '30d', period: 1 },
  year: { within: '30d', period: 1 },
};

const PERIODS: Record<Interval, number> = {
  hour: 25,
  day: 15,
  week: 13,
  month: 13,
  quarter: 9,
  year: 11,
};

function common(span: Span, timezone: string): Common {
  const asked: Common = { from: span.from, to: span.to, timezone };
  if (span.asOf) asked.as_of = span.asOf;
  return asked;
}

export function retentionQuestion(
  span: Span,
  timezone: string,
  weekStart: WeekStart,
  choice: { start: string | null; back: string | null; cohort: View['cohort']; match: View['match'] },
): RetentionQuestion {
  const rows = countIntervals(span.interval, span.from, span.to, weekStart);
  return {
    insight: 'retention',
    ...common(span, timezone),
    interval: span.interval,
    periods: Math.max(2, Math.min(PERIODS[span.interval], rows)),
    start: { event: choice.start },
    return: { event: choice.back },
    cohort: choice.cohort,
    match: choice.match,
  };
}

export function funnelQuestion(
  span: Span,
  timezone: string,
  steps: readonly string[],
  window: Window,
): FunnelQuestion {
  return {
    insight: 'funnel',
    ...common(span, timezone),
    steps: steps.map((event) => ({ event })),
    window,
  };
}

export function trendQuestion(
  span: Span,
  timezone: string,
  choice: { event: string | null; math: View['math']; by: string | undefined },
): TrendQuestion {
  const question: TrendQuestion = {
    insight: 'trends',
    ...common(span, timezone),
    interval: span.interval,
    series: [{ event: choice.event, math: choice.math }],
  };
  if (choice.by) {
    question.breakdown = [{ property: choice.by, of: 'event' }];
    question.limit = BREAKDOWN_LIMIT;
  }
  return question;
}

export function lifecycleQuestion(
  span: Span,
  timezone: string,
  event: string | null,
): LifecycleQuestion {
  return { insight: 'lifecycle', ...common(span, timezone), interval: span.interval, event };
}

export function impactQuestion(
  span: Span,
  timezone: string,
  choice: { start: string | null; back: string | null },
): ImpactQuestion {
  const { within, period } = IMPACT[span.interval];
  return {
    insight: 'impact',
    ...common(span, timezone),
    goal: {
      retained: {
        start: { event: choice.start },
        return: { event: choice.back },
        interval: span.interval,
        period,
      },
    },
    within,
  };
}

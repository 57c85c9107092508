// The five questions, as Tenure is asked them, the one shape in which answers are compared, and the
// bytes that any reader of columns must read for them: names of all rows (1 byte), times (4 bytes)
// where the name matched, and a byte for each code that is wanted.
export const DAYS = 180;
export const WEEKS = 26; // weeks that begin within the range
export const PERIODS = 12;
export const START_MS = Date.UTC(2026, 0, 5); // a Monday
export const DAY_MS = 86_400_000;
export const WEEK_MS = 7 * DAY_MS;
export const WINDOW_MS = 14 * DAY_MS;
export const FUNNEL = ['item_viewed', 'cart_added', 'checkout_started', 'order_paid'];
export const ONE_EVENT = 'app_opened';
export const START_EVENT = 'signed_up';

const range = { from: '2026-01-05', to: '2026-07-03', timezone: 'UTC', as_of: '2026-07-31T00:00:00Z' };

export const questions = [
  {
    key: 'daily_people_of_one',
    title: 'daily people of one event, 180 days',
    needs: (rows, matched) => rows + 4 * matched,
    ask: { insight: 'trends', ...range, interval: 'day', series: [{ event: ONE_EVENT, math: 'people' }] },
    read: (answer) => answer.series[0].values,
  },
  {
    key: 'daily_people_of_any',
    title: 'daily people of any event',
    needs: (rows, matched) => 4 * rows,
    ask: { insight: 'trends', ...range, interval: 'day', series: [{ event: null, math: 'people' }] },
    read: (answer) => answer.series[0].values,
  },
  {
    key: 'events_by_day_and_country',
    title: 'events by day and country',
    needs: (rows, matched) => 5 * rows,
    ask: {
      insight: 'trends', ...range, interval: 'day', series: [{ event: null, math: 'events' }],
      breakdown: [{ property: 'country', of: 'event' }],
    },
    read: (answer) => Object.fromEntries(
      answer.series.map((s) => [s.breakdown[0], s.values]).sort(([a], [b]) => (a < b ? -1 : 1))),
  },
  {
    key: 'funnel',
    title: '4-step ordered funnel, 14 days',
    needs: (rows, matched) => rows + 4 * matched,
    ask: { insight: 'funnel', ...range, steps: FUNNEL.map((event) => ({ event })), window: '14d' },
    read: (answer) => answer.steps.map((s) => s.count),
  },
  {
    key: 'retention',
    title: 'weekly retention, 12 weeks',
    needs: (rows, matched) => 5 * rows,
    ask: {
      insight: 'retention', ...range, interval: 'week', periods: PERIODS, cohort: 'first_matching',
      start: { event: START_EVENT }, return: { event: null },
    },
    read: (answer) => answer.cohorts.map((c) => c.counts.filter((n) => n !== null)),
  },
];

// What the peers' rows become: [day, n], [day, country, n], [n, n, n, n] or [cohort, week, n].
export function dailyFromRows(rows) {
  const values = new Array(DAYS).fill(0);
  for (const [day, n] of rows) values[day] = n;
  return values;
}

export function dailyByCountryFromRows(rows) {
  const out = {};
  for (const [day, country, n] of rows) (out[country] ??= new Array(DAYS).fill(0))[day] = n;
  return Object.fromEntries(Object.entries(out).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function retentionFromRows(rows) {
  const out = Array.from({ length: WEEKS }, (_, c) => new Array(Math.min(PERIODS, WEEKS - c)).fill(0));
  for (const [cohort, week, n] of rows) out[cohort][week] = n;
  return out;
}

export const fromRows = {
  daily_people_of_one: dailyFromRows,
  daily_people_of_any: dailyFromRows,
  events_by_day_and_country: dailyByCountryFromRows,
  funnel: (rows) => rows[0],
  retention: retentionFromRows,
};

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

// Two runs to warm up, then five that count. Returns the last answer and the times in ms.
export async function timed(ask) {
  let answer;
  const times = [];
  for (let run = 0; run < 7; run++) {
    const started = performance.now();
    answer = await ask();
    if (run >= 2) times.push(performance.now() - started);
  }
  return { answer, times };
}

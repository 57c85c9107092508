// The further questions of make bench BENCH_FLAGS=--more. `beside` are those the peers can express:
// their SQL is the fastest correct form that we found, window functions without joins. `alone` are
// Tenure's own goals: each insight with one filter and one breakdown, a segment, impact, people_of.
import { DAY_MS, START_MS, WEEK_MS } from './questions.mjs';

const range = { from: '2026-01-05', to: '2026-07-03', timezone: 'UTC', as_of: '2026-07-31T00:00:00Z' };
const filter = [{ property: 't3', is: ['v1', 'v2', 'v5'] }];
const breakdown = [{ property: 'plan', of: 'event' }];
const STEPS = ['item_viewed', 'cart_added', 'order_paid'];
const EXCLUDED = 'refund_received';
const WEEK = `${WEEK_MS}`;

// What the two spell differently.
export const dialects = {
  duckdb: { divided: (a, b) => `(${a}) // (${b})`, least: (a, b) => `least(${a}, ${b})`, big: 'BIGINT' },
  clickhouse: { divided: (a, b) => `intDiv(${a}, ${b})`, least: (a, b) => `least(${a}, ${b})`, big: 'Int64' },
};
const NEVER = '9000000000000';

// For each event the next time of each step, among those of the same person and country; a depth is
// how many of them come before the window ends or an exclusion, of any country, lies between.
function unorderedFunnel(d) {
  const ahead = 'ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING';
  const names = [...STEPS, EXCLUDED].map((s) => `'${s}'`).join(', ');
  const nexts = STEPS.map((s, k) => `min(CASE WHEN event = '${s}' THEN time ELSE ${NEVER} END) OVER held AS next${k}`).join(', ');
  const depth = STEPS.map((_, k) => `(CASE WHEN next${k} <= until THEN 1 ELSE 0 END)`).join(' + ');
  return `WITH needed AS (SELECT u, time, event, country, min(CASE WHEN event = '${EXCLUDED}' THEN time ELSE ${NEVER} END)
      OVER (PARTITION BY u ORDER BY time ${ahead}) AS stop FROM t WHERE event IN (${names})),
    steps AS (SELECT u, event, ${d.least(`time + ${WEEK}`, 'stop')} AS until, ${nexts} FROM needed
      WINDOW held AS (PARTITION BY u, country ORDER BY time ${ahead})),
    depths AS (SELECT u, max(${depth}) AS depth FROM steps WHERE event <> '${EXCLUDED}' GROUP BY u)
    SELECT ${STEPS.map((_, k) => `sum(CASE WHEN depth >= ${k + 1} THEN 1 ELSE 0 END)`).join(', ')} FROM depths`;
}

const sessions = (d, where = '') => {
  const by = 'OVER (PARTITION BY u ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)';
  return `SELECT u, time, event, sum(cut) ${by} AS s FROM (SELECT u, time, event,
      CASE WHEN time - lag(time, 1, CAST(0 AS ${d.big})) OVER (PARTITION BY u ORDER BY time) >= 1800000 THEN 1 ELSE 0 END AS cut
      FROM t ${where}) a`;
};
const sessionMetrics = (d) => `SELECT count(*), avg(length) / 1000, avg(n) FROM (SELECT u, s, max(time) - min(time) AS length,
  count(*) AS n FROM (${sessions(d)}) b GROUP BY u, s) c`;

function paths(d) {
  const inside = 'OVER (PARTITION BY u, s ORDER BY time)';
  return `SELECT k, event, goes, count(DISTINCT u) FROM (
      SELECT u, k, event, lead(event, 1, '') ${inside} AS goes FROM (
        SELECT u, s, time, event, row_number() ${inside} AS k FROM (
          SELECT u, s, time, event, lag(event, 1, '') ${inside} AS before FROM (${sessions(d, "WHERE t3 IN ('v1', 'v2', 'v5')")}) a) b
        WHERE before <> event) c) e
    WHERE goes <> '' AND k < 5 GROUP BY k, event, goes ORDER BY 4 DESC, 1, 2, 3 LIMIT 50`;
}

// One row for each person and active week, in order: its neighbours tell the state.
const lifecycle = (d) => `SELECT p, sum(CASE WHEN before IS NULL THEN 1 ELSE 0 END), sum(CASE WHEN before = p - 1 THEN 1 ELSE 0 END),
    sum(CASE WHEN before < p - 1 THEN 1 ELSE 0 END), sum(CASE WHEN after IS NULL OR after > p + 1 THEN 1 ELSE 0 END)
  FROM (SELECT u, p, lag(p) OVER (PARTITION BY u ORDER BY p) AS before, lead(p) OVER (PARTITION BY u ORDER BY p) AS after
    FROM (SELECT DISTINCT u, CAST(${d.divided(`time - ${START_MS}`, WEEK_MS)} AS ${d.big === 'Int64' ? 'Nullable(Int64)' : d.big}) AS p FROM t) a) b
  GROUP BY p ORDER BY p`;

const round = (n) => (n === null ? null : Number(n.toPrecision(9)));

export const beside = [
  {
    key: 'unordered', title: 'unordered funnel, 3 steps in 7 days, one exclusion, one property held', sql: unorderedFunnel,
    ask: { insight: 'funnel', ...range, steps: STEPS.map((event) => ({ event })), order: 'unordered', window: '7d', hold: ['country'],
      exclude: [{ event: EXCLUDED }] },
    read: (a) => a.steps.map((s) => s.count), rows: ([row]) => row,
  },
  {
    key: 'sessions', title: 'sessions: how many, how long, how many events', sql: sessionMetrics,
    ask: { insight: 'trends', ...range, interval: 'month', series: [{ event: null, math: 'sessions' },
      { event: null, math: 'avg', property: 'length', of: 'session' }, { event: null, math: 'avg', property: 'events', of: 'session' }] },
    read: (a) => a.series.map((s) => round(s.total)), rows: ([row]) => row.map(round),
  },
  {
    key: 'paths', title: 'paths of 5 events, one filter, people', sql: paths,
    ask: { insight: 'paths', ...range, nodes: 'event', steps: 5, limit: 50, filter },
    // only counts: which of equal ones come last among fifty is nobody's to say
    read: (a) => a.edges.map((e) => e.count).sort((x, y) => y - x), rows: (rows) => rows.map((r) => r[3]).sort((x, y) => y - x),
  },
  {
    key: 'lifecycle', title: 'weekly lifecycle', sql: lifecycle,
    ask: { insight: 'lifecycle', ...range, event: null, interval: 'week' },
    read: (a) => a.intervals.map((_, i) => [a.new[i], a.returning[i], a.resurrecting[i], a.dormant[i]]),
    rows: (rows) => rows.map(([, fresh, back, again], i) => [fresh, back, again, i ? -rows[i - 1][4] : 0]),
  },
];

const one = (insight, more) => ({ insight, ...range, filter, breakdown, ...more });
const segment = [{ did: 'order_paid', times: { gte: 2 }, within: '60d' }, { did_not: 'refund_received' },
  { sequence: ['item_viewed', 'cart_added'], within: '1d' }];
export const alone = [
  { title: 'trends, people by day, one filter, one breakdown', goal: 400, ask: one('trends', { interval: 'day', series: [{ event: null, math: 'people' }] }) },
  { title: 'trends, p90 of a number by week, the same', goal: 400, ask: one('trends', { interval: 'week', series: [{ event: 'order_paid', math: 'p90', property: 'n1' }] }) },
  { title: 'funnel of 4 steps, the same', goal: 400, ask: one('funnel', { steps: ['item_viewed', 'cart_added', 'checkout_started', 'order_paid'].map((event) => ({ event })) }) },
  { title: 'retention by week, the same', goal: 400, ask: one('retention', { interval: 'week', periods: 12, start: { event: 'app_opened' }, return: { event: null } }) },
  { title: 'lifecycle by week, the same', goal: 400, ask: one('lifecycle', { interval: 'week', event: null }) },
  { title: 'stickiness by week, the same', goal: 400, ask: one('stickiness', { interval: 'week', event: null }) },
  { title: 'paths of 5 events, the same', goal: 400, ask: one('paths', { steps: 5 }) },
  { title: 'people of a behavioural segment, 3 conditions', goal: 150, ask: { insight: 'people', filter: segment, as_of: range.as_of, people_of: undefined } },
  { title: 'impact: 50 events × 5 counts on week 4', goal: 2000, ask: { insight: 'impact', ...range, goal: { retained: { start: { event: 'signed_up' }, return: { event: null }, interval: 'week', period: 4 } }, within: '7d', candidates: 'events' } },
];

// people_of beside the question itself; at most a fifth more.
export const PEOPLE_OF_GOAL = 0.2;
export const peopleOf = [
  { title: 'trends', ask: { insight: 'trends', ...range, interval: 'day', series: [{ event: 'app_opened', math: 'people' }] }, of: { series: 0, interval: '2026-03-02' } },
  { title: 'funnel', ask: { insight: 'funnel', ...range, steps: STEPS.map((event) => ({ event })), window: '7d' }, of: { step: 3 } },
  { title: 'retention', ask: { insight: 'retention', ...range, interval: 'week', periods: 12, start: { event: 'signed_up' }, return: { event: null } }, of: { cohort: '2026-03-02', period: 3 } },
  { title: 'lifecycle', ask: { insight: 'lifecycle', ...range, interval: 'week', event: null }, of: { interval: '2026-03-02', state: 'resurrecting' } },
];
export { DAY_MS };

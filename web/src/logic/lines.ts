// Any answer of the query contract as one table: what the search box shows below a line of words.
type Value = string | number | boolean | null | undefined;
type Row = Record<string, unknown>;

export interface LineAnswer {
  insight: string;
  interval?: string;
  question?: unknown;
  [member: string]: unknown;
}

export interface LineTable {
  /** Names of the contract: they are the same in every language. */
  head: string[];
  rows: Value[][];
  /** The column that the bars show. */
  bars: number;
}

const list = (value: unknown) => (Array.isArray(value) ? (value as Row[]) : []);

const named = (series: Row) =>
  [series['name'], ...list(series['breakdown']).map((v) => String(v ?? '–'))].join(' · ');

function byInterval(answer: LineAnswer, columns: [string, Value[]][]): LineTable {
  const starts = list(answer['intervals']) as unknown as string[];
  return {
    head: [answer.interval ?? '', ...columns.map(([name]) => name)],
    rows: starts.map((start, i) => [start, ...columns.map(([, values]) => values[i])]),
    bars: 1,
  };
}

/** Each object a row, the members that hold a plain value its columns. */
function ofObjects(rows: Row[], bars: string): LineTable {
  const head = Object.keys(rows[0] ?? {}).filter((key) => typeof rows[0]?.[key] !== 'object' || rows[0][key] === null);
  return {
    head,
    rows: rows.map((row) => head.map((key) => row[key] as Value)),
    bars: head.indexOf(bars),
  };
}

/** The strongest count of each event, as the terminal shows it. */
function ofImpact(rows: Row[]): LineTable {
  const best = rows.filter((row) => row['best']);
  const part = (row: Row, side: string, name: string) => (row[side] as Row)[name] as Value;
  return {
    head: ['event', 'count', 'did', 'rate', 'rate of others', 'lift', 'q'],
    rows: (best.length > 0 ? best : rows).map((row) => [
      row['event'] as Value,
      row['count'] as Value,
      part(row, 'did', 'units'),
      part(row, 'did', 'rate'),
      part(row, 'did_not', 'rate'),
      row['lift'] as Value,
      row['q'] as Value,
    ]),
    bars: 5,
  };
}

export function lineTable(answer: LineAnswer): LineTable {
  const why = answer['why'] as Row | undefined;
  if (why) {
    const reasons = list(why['reasons']);
    return {
      head: ['rule', 'message'],
      rows: reasons.map((reason) => [reason['rule'] as Value, reason['message'] as Value]),
      bars: -1,
    };
  }
  switch (answer.insight) {
    case 'trends':
      return byInterval(
        answer,
        list(answer['series']).map((s) => [named(s), s['values'] as Value[]]),
      );
    case 'lifecycle':
      return byInterval(
        answer,
        ['active', 'new', 'returning', 'resurrecting', 'dormant'].map((state) => [
          state,
          (answer[state] ?? []) as Value[],
        ]),
      );
    case 'retention': {
      const cohorts = list(answer['cohorts']);
      const periods = Math.max(0, ...cohorts.map((c) => list(c['counts']).length));
      return {
        head: ['start', 'size', ...Array.from({ length: periods }, (_, k) => String(k))],
        rows: cohorts.map((c) => [c['start'], c['size'], ...list(c['counts'])] as Value[]),
        bars: 1,
      };
    }
    case 'stickiness': {
      const counts = (answer['counts'] ?? []) as Value[];
      const atLeast = (answer['cumulative'] ?? []) as Value[];
      return {
        head: ['intervals', 'counts', 'cumulative'],
        rows: counts.map((count, i) => [i + 1, count, atLeast[i]]),
        bars: 1,
      };
    }
    case 'impact':
      return ofImpact(list(answer['rows']));
    case 'paths':
      return ofObjects(list(answer['edges']), 'count');
    default:
      if (answer['buckets']) return ofObjects(list(answer['buckets']), 'from');
      if (answer['bars']) {
        const bars = (answer['bars'] ?? []) as Value[][];
        return { head: ['seconds', 'count'], rows: bars, bars: 1 };
      }
      return ofObjects(list(answer['steps']), 'count');
  }
}

const KEPT = 10;

/** The newest first, each once. */
export function remembered(lines: readonly string[], line: string): string[] {
  return [line, ...lines.filter((other) => other !== line)].slice(0, KEPT);
}

import { describe, expect, it } from 'vitest';
import { lineTable, remembered } from './lines';

describe('an answer as a table', () => {
  it('has a row an interval and a column a series', () => {
    expect(
      lineTable({
        insight: 'trends',
        interval: 'day',
        intervals: ['2026-01-01', '2026-01-02'],
        series: [
          { name: 'A', breakdown: ['pro'], values: [1, 2] },
          { name: 'A', breakdown: [null], values: [3, null] },
        ],
      }),
    ).toEqual({
      head: ['day', 'A · pro', 'A · –'],
      rows: [
        ['2026-01-01', 1, 3],
        ['2026-01-02', 2, null],
      ],
      bars: 1,
    });
  });

  it('has the strongest count of each event, and the reasons of a why not', () => {
    const row = (event: string, count: number, best: boolean) => ({
      event, count, best, lift: 2, q: 0.01,
      did: { units: 9, reached: 6, rate: 0.6 },
      did_not: { units: 9, reached: 3, rate: 0.3 },
    });
    const rows = [row('A', 3, true), row('A', 1, false), row('B', 1, true)];
    expect(lineTable({ insight: 'impact', rows }).rows).toEqual([
      ['A', 3, 9, 0.6, 0.3, 2, 0.01],
      ['B', 1, 9, 0.6, 0.3, 2, 0.01],
    ]);
    const why = { reasons: [{ rule: 'window', message: 'too late', at: '…' }] };
    expect(lineTable({ insight: 'funnel', why, steps: [] })).toEqual({
      head: ['rule', 'message'], rows: [['window', 'too late']], bars: -1,
    });
  });

  it('knows funnels, retentions, stickiness and paths', () => {
    expect(lineTable({ insight: 'funnel', steps: [{ name: 'A', count: 4 }] })).toEqual({
      head: ['name', 'count'],
      rows: [['A', 4]],
      bars: 1,
    });
    expect(lineTable({ insight: 'funnel', bars: [[60, 2]] }).rows).toEqual([[60, 2]]);
    expect(
      lineTable({ insight: 'retention', cohorts: [{ start: 'x', size: 4, counts: [4, null] }] }),
    ).toEqual({ head: ['start', 'size', '0', '1'], rows: [['x', 4, 4, null]], bars: 1 });
    expect(lineTable({ insight: 'stickiness', counts: [3, 1], cumulative: [4, 1] }).rows).toEqual([
      [1, 3, 4],
      [2, 1, 1],
    ]);
    expect(lineTable({ insight: 'paths', edges: [{ from: '1:/', to: '2:/a', count: 7 }] }).bars).toBe(2);
    expect(lineTable({ insight: 'paths', edges: [] })).toEqual({ head: [], rows: [], bars: -1 });
  });
});

describe('the last lines', () => {
  it('are ten, the newest first, each once', () => {
    let lines: string[] = [];
    for (let i = 0; i < 12; i++) lines = remembered(lines, `trend e${i}`);
    lines = remembered(lines, 'trend e5');
    expect(lines).toHaveLength(10);
    expect(lines.slice(0, 2)).toEqual(['trend e5', 'trend e11']);
    expect(new Set(lines).size).toBe(10);
  });
});

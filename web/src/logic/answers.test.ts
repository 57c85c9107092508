import { describe, expect, it } from 'vitest';
import {
  biggestLoss,
  forestPlace,
  forestReach,
  gridCells,
  gridTop,
  impactRows,
  lastChange,
  lastLife,
  shadeOf,
  type ImpactAnswer,
  type ImpactRow,
  type LifecycleAnswer,
  type RetentionAnswer,
} from './answers';

const step = (count: number, before: number | null) => ({
  name: 's',
  count,
  conversion: null,
  from_previous: before === null ? 1 : before === 0 ? null : count / before,
  average_seconds: null,
  median_seconds: null,
});

describe('what cards derive from answers', () => {
  it('tells finished, running and empty cells apart', () => {
    const cells = gridCells({ start: '2026-01-05', size: 10, counts: [10, 6, 4, null], final: 2 });
    expect(cells.map((c) => c.state)).toEqual(['done', 'done', 'running', 'empty']);
    expect(cells.map((c) => c.ratio)).toEqual([1, 0.6, 0.4, null]);
  });

  it('has no ratio over nobody', () => {
    expect(gridCells({ start: 'x', size: 0, counts: [0, 0], final: 2 })[1]?.ratio).toBeNull();
  });

  it('shades up to the largest cell after period 0', () => {
    const answer = {
      cohorts: [{ start: 'x', size: 100, counts: [100, 33, 12], final: 3 }],
    } as unknown as RetentionAnswer;
    expect(gridTop(answer)).toBe(0.4);
    expect(shadeOf(0.4, 0.4, 11)).toBe(10);
    expect(shadeOf(0, 0.4, 11)).toBe(0);
    expect(shadeOf(0.2, 0.4, 11)).toBe(5);
    expect(shadeOf(null, 0.4, 11)).toBe(0);
  });

  it('finds the step that loses most', () => {
    expect(biggestLoss([step(100, null), step(80, 100), step(20, 80), step(15, 20)])).toBe(2);
    expect(biggestLoss([step(100, null), step(100, 100)])).toBeNull();
    expect(biggestLoss([step(0, null), step(0, 0)])).toBeNull();
  });

  it('compares finished buckets only', () => {
    const series = { name: 'A', values: [10, 20, 30, 3], total: 63, final: [true, true, true, false] };
    expect(lastChange(series)).toEqual({ index: 2, value: 30, change: 0.5 });
    expect(lastChange({ ...series, values: [0, 5], final: [true, true] })?.change).toBeNull();
    expect(lastChange({ ...series, values: [1], final: [false] })).toBeNull();
  });

  it('places a ratio on an axis that is the same both ways', () => {
    const side = { units: 30, reached: 15, rate: 0.5 };
    const row = (event: string, best: boolean, ends: [number, number] | null): ImpactRow => ({
      event, count: 1, did: side, did_not: side, lift: 1, lift_interval: ends,
      phi: 0, p: 1, q: 1, best, warnings: [],
    });
    const rows = [row('A', true, [0.5, 1.5]), row('B', false, null)];
    const reach = forestReach(rows);
    expect(reach).toBeCloseTo(Math.log(2));
    expect(forestPlace(1, reach)).toBe(0.5);
    expect(forestPlace(2, reach)).toBeCloseTo(1);
    expect(forestPlace(0.5, reach)).toBeCloseTo(0);
    expect(forestPlace(0, reach)).toBe(0);
    const answer = { rows } as unknown as ImpactAnswer;
    expect(impactRows(answer, 9).map((r) => r.event)).toEqual(['A']);
    const unclear = { rows: [row('A', false, null), row('B', false, null)] } as unknown as ImpactAnswer;
    expect(impactRows(unclear, 9).map((r) => r.event)).toEqual(['A', 'B']);
  });

  it('sums the last finished interval of a lifecycle up', () => {
    const answer: LifecycleAnswer = {
      from: '', to: '', as_of: '', timezone: 'UTC', intervals: ['a', 'b', 'c', 'd'],
      new: [5, 2, 1, null], returning: [0, 3, 2, null], resurrecting: [0, 1, 0, null],
      dormant: [0, -2, -4, null], active: [5, 6, 3, null], final: [true, true, false, false],
    };
    expect(lastLife(answer)).toEqual({ index: 1, active: 6, change: 1, perLost: 1.5 });
    expect(lastLife({ ...answer, final: [true, false, false, false] })?.perLost).toBeNull();
    expect(lastLife({ ...answer, final: [false, false, false, false] })).toBeNull();
  });
});

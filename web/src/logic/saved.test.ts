import { describe, expect, test } from 'vitest';
import {
  firstNumber,
  isRate,
  keptQuestion,
  marksOf,
  movedTile,
  moves,
  widthOf,
  type Annotation,
} from './saved';

const asked = { insight: 'trends', from: '2026-01-01', to: '2026-01-31', timezone: 'UTC' };

describe('a question that is saved', () => {
  test('moves with time where the page does', () => {
    expect(keptQuestion(asked, { preset: '12w' })).toEqual({
      insight: 'trends',
      timezone: 'UTC',
      last: '12w',
    });
    expect(keptQuestion(asked, { preset: 'all' })).toEqual({
      insight: 'trends',
      timezone: 'UTC',
      from: '2026-01-01',
    });
  });
  test('keeps dates that were chosen, and the end of data that ended', () => {
    expect(keptQuestion(asked, { from: '2026-01-01', to: '2026-01-31' })).toEqual(asked);
    const ended = { ...asked, as_of: '2026-01-31T00:00:00Z' };
    expect(keptQuestion(ended, { preset: '30d' })).toEqual(ended);
    expect(asked.to).toBe('2026-01-31');
  });
  test('can be watched only if it moves', () => {
    expect(moves(keptQuestion(asked, { preset: '30d' }))).toBe(true);
    expect(moves(keptQuestion(asked, { preset: 'all' }))).toBe(false);
    expect(moves({ ...asked })).toBe(false);
  });
});

test('the number that is watched first', () => {
  expect(firstNumber({ insight: 'trends' })).toEqual({ series: 0 });
  expect(firstNumber({ insight: 'trends', breakdown: [{}] })).toBeUndefined();
  expect(firstNumber({ insight: 'funnel', steps: [{}, {}, {}] })).toEqual({ step: 3 });
  expect(firstNumber({ insight: 'paths' })).toBeUndefined();
  expect(isRate({ insight: 'retention' }, { period: 1 })).toBe(true);
  expect(isRate({ insight: 'retention' }, { period: 1, as: 'count' })).toBe(false);
  expect(isRate({ insight: 'funnel' }, { step: 2 })).toBe(true);
  expect(isRate({ insight: 'trends' }, {})).toBe(false);
});

test('tiles change places, and stay where there is none', () => {
  const tiles = [{ id: 'a' }, { id: 'b' }, { id: 'c' }];
  const ids = (list: { id?: string }[]) => list.map((t) => t.id).join('');
  expect(ids(movedTile(tiles, 0, 1))).toBe('bac');
  expect(ids(movedTile(tiles, 2, -1))).toBe('acb');
  expect(ids(movedTile(tiles, 0, -1))).toBe('abc');
  expect(ids(movedTile(tiles, 2, 1))).toBe('abc');
  expect(widthOf({})).toBe(6);
  expect(widthOf({ w: 40 })).toBe(12);
});

describe('annotations', () => {
  const note = (more: Partial<Annotation>): Annotation => ({
    id: 'x',
    version: 1,
    created: '',
    changed: '',
    text: 'x',
    ...more,
  });
  const weeks = ['2026-01-05', '2026-01-12', '2026-01-19'];
  const places = (annotations: Annotation[], intervals = weeks, zone = 'UTC') =>
    marksOf(annotations, intervals, '2026-01-25', zone).map((m) => [m.from, m.to]);

  test('stand in the interval that holds them', () => {
    expect(places([note({ at: '2026-01-05' })])).toEqual([[0, 0]]);
    expect(places([note({ at: '2026-01-18' })])).toEqual([[1, 1]]);
    expect(places([note({ at: '2026-01-25' })])).toEqual([[2, 2]]);
    expect(places([note({ from: '2026-01-01', to: '2026-01-13' })])).toEqual([[0, 1]]);
  });
  test('outside the range are left out', () => {
    expect(places([note({ at: '2026-01-04' }), note({ at: '2026-01-26' })])).toEqual([]);
    expect(places([note({ from: '2025-12-01', to: '2026-01-04' })])).toEqual([]);
  });
  test('are sorted by time, in the zone of the chart', () => {
    const late = note({ at: '2026-01-11T20:00:00Z' });
    expect(places([late])).toEqual([[0, 0]]);
    expect(places([late], weeks, 'Asia/Bangkok')).toEqual([[1, 1]]);
    expect(places([note({ at: '2026-01-20' }), note({ at: '2026-01-06' })])).toEqual([
      [0, 0],
      [2, 2],
    ]);
  });
  test('of a day stand at its first hour', () => {
    const hours = ['2026-01-05T23:00:00Z', '2026-01-06T00:00:00Z', '2026-01-06T01:00:00Z'];
    expect(places([note({ at: '2026-01-06' })], hours)).toEqual([[1, 1]]);
    expect(places([note({ at: '2026-01-06T01:30:00Z' })], hours)).toEqual([[2, 2]]);
  });
});

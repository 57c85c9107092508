import { describe, expect, it } from 'vitest';
import { allowedIntervals, autoInterval, resolveRange, type ProjectTimes } from './range';

const NOW = Date.parse('2026-11-21T10:00:00Z');
const live: ProjectTimes = {
  timezone: 'Asia/Bangkok',
  week_start: 'monday',
  first_event: '2024-11-01T00:00:00Z',
  last_event: '2026-11-21T09:59:00Z',
};

describe('ranges', () => {
  it('count whole units back and end with the current one', () => {
    const at = (preset: '30d' | '12w' | '6mo' | '12mo' | 'all') =>
      resolveRange({ preset }, undefined, live, 'Asia/Bangkok', NOW);
    expect(at('30d')).toEqual({
      from: '2026-10-23', to: '2026-11-21', interval: 'day', asOf: undefined,
    });
    expect(at('12w')).toMatchObject({ from: '2026-08-31', to: '2026-11-21', interval: 'week' });
    expect(at('6mo')).toMatchObject({ from: '2026-05-18', interval: 'week' });
    expect(at('12mo')).toMatchObject({ from: '2025-11-01', interval: 'month' });
    expect(at('all')).toMatchObject({ from: '2024-11-01', interval: 'month' });
  });

  it('start at the edge of the interval', () => {
    const span = resolveRange({ preset: '30d' }, 'week', live, 'Asia/Bangkok', NOW);
    expect(span.from).toBe('2026-10-19');
    const custom = resolveRange(
      { from: '2026-10-23', to: '2026-11-01' }, 'week', live, 'Asia/Bangkok', NOW,
    );
    expect(custom).toMatchObject({ from: '2026-10-23', to: '2026-11-01' });
  });

  it('count back from the last event where the data ended', () => {
    const old = { ...live, last_event: '2025-03-10T20:00:00Z' };
    const span = resolveRange({ preset: '30d' }, undefined, old, 'Asia/Bangkok', NOW);
    expect(span).toMatchObject({ to: '2025-03-11', asOf: '2025-03-10T20:00:00.000Z' });
  });

  it('refuse intervals that make too many buckets', () => {
    expect(allowedIntervals('2024-01-01', '2025-12-31', 'monday')).not.toContain('hour');
    expect(allowedIntervals('2024-01-01', '2025-12-31', 'monday')).toContain('day');
    const span = resolveRange({ preset: 'all' }, 'hour', live, 'UTC', NOW);
    expect(span.interval).toBe('month');
  });

  it('choose a readable interval', () => {
    expect(autoInterval('2026-01-01', '2026-01-02')).toBe('hour');
    expect(autoInterval('2026-01-01', '2026-01-31')).toBe('day');
    expect(autoInterval('2026-01-01', '2026-06-30')).toBe('week');
    expect(autoInterval('2025-01-01', '2026-06-30')).toBe('month');
    expect(autoInterval('2019-01-01', '2026-06-30')).toBe('quarter');
    expect(autoInterval('2005-01-01', '2026-06-30')).toBe('year');
  });
});

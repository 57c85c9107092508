import { describe, expect, it } from 'vitest';
import { addDays, addMonths, civilIn, countIntervals, isCivil, isTimezone, startOf } from './dates';

describe('civil dates', () => {
  it('accepts only real days', () => {
    expect(isCivil('2024-02-29')).toBe(true);
    expect(isCivil('2023-02-29')).toBe(false);
    expect(isCivil('2024-13-01')).toBe(false);
    expect(isCivil('24-1-1')).toBe(false);
  });

  it('adds days and months, keeping to the month', () => {
    expect(addDays('2024-02-28', 2)).toBe('2024-03-01');
    expect(addMonths('2024-01-31', 1)).toBe('2024-02-29');
    expect(addMonths('2024-01-15', -13)).toBe('2022-12-15');
  });

  it('finds the start of intervals for either first day of the week', () => {
    expect(startOf('week', '2026-01-04', 'monday')).toBe('2025-12-29');
    expect(startOf('week', '2026-01-04', 'sunday')).toBe('2026-01-04');
    expect(startOf('week', '2026-01-05', 'monday')).toBe('2026-01-05');
    expect(startOf('quarter', '2026-12-31', 'monday')).toBe('2026-10-01');
    expect(startOf('month', '2026-12-31', 'monday')).toBe('2026-12-01');
    expect(startOf('year', '2026-12-31', 'monday')).toBe('2026-01-01');
  });

  it('counts the intervals a range touches', () => {
    expect(countIntervals('hour', '2026-01-01', '2026-01-02', 'monday')).toBe(48);
    expect(countIntervals('day', '2026-01-01', '2026-01-31', 'monday')).toBe(31);
    expect(countIntervals('week', '2026-01-04', '2026-01-05', 'monday')).toBe(2);
    expect(countIntervals('week', '2026-01-04', '2026-01-05', 'sunday')).toBe(1);
    expect(countIntervals('month', '2025-11-30', '2026-02-01', 'monday')).toBe(4);
    expect(countIntervals('quarter', '2025-12-31', '2026-04-01', 'monday')).toBe(3);
    expect(countIntervals('year', '2005-06-01', '2026-01-01', 'monday')).toBe(22);
  });

  it('reads the day of an instant in its zone', () => {
    const instant = Date.parse('2026-01-01T18:30:00Z');
    expect(civilIn('Asia/Bangkok', instant)).toBe('2026-01-02');
    expect(civilIn('America/New_York', instant)).toBe('2026-01-01');
    expect(isTimezone('Asia/Bangkok')).toBe(true);
    expect(isTimezone('Mars/Olympus')).toBe(false);
    expect(isTimezone('')).toBe(false);
  });
});

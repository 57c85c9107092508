import { describe, expect, it } from 'vitest';
import { makeFormat } from './format';

const en = makeFormat('en');
const th = makeFormat('th');

describe('formats', () => {
  it('of numbers', () => {
    expect(en.count(1234567)).toBe('1,234,567');
    expect(th.count(1234567)).toBe('1,234,567');
    expect(en.percent(0.12345)).toBe('12.3%');
    expect(en.percent(1)).toBe('100%');
    expect(en.percent(0)).toBe('0%');
    expect(en.signedPercent(0.05)).toBe('+5%');
    expect(en.signedPercent(-0.051)).toBe('\u22125.1%');
  });

  it('of dates, Thai ones in the Buddhist era', () => {
    expect(en.bucket('2026-01-05', 'week')).toBe('5 Jan 2026');
    expect(th.bucket('2026-01-05', 'week')).toBe('5 ม.ค. 2569');
    expect(en.bucket('2026-10-01', 'quarter')).toBe('Q4 2026');
    expect(th.bucket('2026-10-01', 'quarter')).toBe('ไตรมาส 4/2569');
    expect(en.bucket('2026-01-01', 'year')).toBe('2026');
    expect(th.bucket('2026-01-01', 'year')).toBe('2569');
    expect(en.bucket('2026-01-01', 'month')).toBe('Jan 2026');
    expect(th.bucket('2026-01-01', 'month')).toBe('ม.ค. 2569');
    expect(th.shortBucket('2026-01-01', 'month')).toBe('ม.ค. 69');
    expect(en.date('2026-11-21')).toBe('21 Nov 2026');
  });

  it('of hours as the answer states them, whatever zone the reader is in', () => {
    expect(en.shortBucket('2026-01-05T13:00:00+07:00', 'hour')).toBe('13:00');
    expect(en.bucket('2026-01-05T00:00:00-05:00', 'hour')).toBe('5 Jan 2026, 00:00');
  });

  it('of durations, in the unit that reads best', () => {
    expect(en.duration(42)).toBe('42 seconds');
    expect(en.duration(90)).toBe('1.5 minutes');
    expect(en.duration(7200)).toBe('2 hours');
    expect(en.duration(4703897.06)).toBe('54.4 days');
    expect(th.duration(86_400 * 3)).toBe('3 วัน');
  });
});

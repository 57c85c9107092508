import { describe, expect, it } from 'vitest';
import { csvCell, csvFileName, csvText } from './csv';

describe('CSV', () => {
  it('disarms text that a spreadsheet would run', () => {
    expect(csvCell('=1+1')).toBe('"\'=1+1"');
    expect(csvCell('+66 2')).toBe('"\'+66 2"');
    expect(csvCell('-x')).toBe('"\'-x"');
    expect(csvCell('@SUM(A1)')).toBe('"\'@SUM(A1)"');
    expect(csvCell('\t=1')).toBe('"\'\t=1"');
    expect(csvCell('  =1')).toBe('"\'  =1"');
  });

  it('leaves numbers alone and quotes what needs it', () => {
    expect(csvCell(-3.5)).toBe('-3.5');
    expect(csvCell(0)).toBe('0');
    expect(csvCell(null)).toBe('');
    expect(csvCell(Number.NaN)).toBe('');
    expect(csvCell('a,b')).toBe('"a,b"');
    expect(csvCell('say "hi"')).toBe('"say ""hi"""');
    expect(csvCell('two\nlines')).toBe('"two\nlines"');
    expect(csvCell('ไทย')).toBe('ไทย');
  });

  it('makes lines and file names', () => {
    expect(csvText([['a', 1], ['b', null]])).toBe('\uFEFFa,1\r\nb,\r\n');
    expect(csvFileName('../my project', 'trend', '2026-01-01')).toBe('my-project-trend-2026-01-01.csv');
    expect(csvFileName('โครงการที่ 1', 'trend')).toBe('โครงการที่-1-trend.csv');
  });
});

import { describe, expect, it } from 'vitest';
import { DEFAULT_VIEW, formatView, MAX_STEPS, parseView, type View } from './view';

describe('the address bar', () => {
  it('says nothing about the default page', () => {
    expect(formatView(DEFAULT_VIEW)).toBe('');
    expect(parseView('')).toEqual(DEFAULT_VIEW);
  });

  it('brings back every member it wrote', () => {
    const view: View = {
      project: 'a & b',
      page: 'boards',
      board: 'b1',
      range: { from: '2025-01-01', to: '2025-12-31' },
      interval: 'quarter',
      timezone: 'America/New_York',
      start: 'Signed Up',
      back: null,
      match: 'on_or_after',
      cohort: 'every',
      steps: ['Signed Up', 'สร้าง=โครงการ', 'A&B?'],
      window: '90d',
      event: null,
      math: 'events',
      by: 'plan',
      life: 'Logged In',
    };
    expect(parseView(formatView(view))).toEqual(view);
  });

  it('keeps "any event" apart from "not chosen"', () => {
    expect(parseView(formatView({ ...DEFAULT_VIEW, start: null })).start).toBeNull();
    expect(parseView(formatView({ ...DEFAULT_VIEW, start: undefined })).start).toBeUndefined();
  });

  it('falls back to the default where the text is wrong', () => {
    const view = parseView(
      '?range=2026-02-30..2026-03-01&interval=fortnight&tz=Nowhere&match=x&cohort=y&window=2y&math=sum&step=',
    );
    expect(view).toEqual(DEFAULT_VIEW);
    expect(parseView('?range=2026-03-01..2026-02-01').range).toEqual(DEFAULT_VIEW.range);
  });

  it('takes no more steps than the page can show', () => {
    const search = '?' + Array.from({ length: 20 }, (_, i) => `step=s${i}`).join('&');
    expect(parseView(search).steps).toHaveLength(MAX_STEPS);
  });
});

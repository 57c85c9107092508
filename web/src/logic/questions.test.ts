import { describe, expect, it } from 'vitest';
import { pickDefaults } from './defaults';
import { funnelQuestion, impactQuestion, lifecycleQuestion, retentionQuestion, trendQuestion } from './questions';

const span = { from: '2026-08-31', to: '2026-11-21', interval: 'week', asOf: undefined } as const;

describe('questions', () => {
  it('of retention name every choice and ask for no more periods than there are', () => {
    const choice = { start: 'Signed Up', back: null, cohort: 'every', match: 'on' } as const;
    expect(retentionQuestion(span, 'Asia/Bangkok', 'monday', choice)).toEqual({
      insight: 'retention', from: '2026-08-31', to: '2026-11-21', timezone: 'Asia/Bangkok',
      interval: 'week', periods: 12, start: { event: 'Signed Up' }, return: { event: null },
      cohort: 'every', match: 'on',
    });
    const long = { ...span, from: '2024-01-01' };
    expect(retentionQuestion(long, 'UTC', 'monday', choice).periods).toBe(13);
    const short = { ...span, from: '2026-11-20' };
    expect(retentionQuestion(short, 'UTC', 'monday', choice).periods).toBe(2);
  });

  it('of a funnel list the steps', () => {
    expect(funnelQuestion(span, 'UTC', ['A', 'B'], '14d')).toEqual({
      insight: 'funnel', from: '2026-08-31', to: '2026-11-21', timezone: 'UTC',
      steps: [{ event: 'A' }, { event: 'B' }], window: '14d',
    });
  });

  it('of an impact look at behaviour before the time of the goal', () => {
    const question = impactQuestion(span, 'UTC', { start: 'A', back: null });
    expect(question.goal.retained).toEqual({
      start: { event: 'A' }, return: { event: null }, interval: span.interval, period: 4,
    });
    expect(question.within).toBe('7d');
  });

  it('of a lifecycle name the event, or any', () => {
    expect(lifecycleQuestion(span, 'UTC', null)).toEqual({
      insight: 'lifecycle', from: '2026-08-31', to: '2026-11-21', timezone: 'UTC',
      interval: 'week', event: null,
    });
    expect(lifecycleQuestion(span, 'UTC', 'A').event).toBe('A');
  });

  it('of a trend carry a breakdown only when one is chosen', () => {
    const plain = trendQuestion(span, 'UTC', { event: null, math: 'people', by: undefined });
    expect(plain).toEqual({
      insight: 'trends', from: '2026-08-31', to: '2026-11-21', timezone: 'UTC', interval: 'week',
      series: [{ event: null, math: 'people' }],
    });
    const split = trendQuestion(span, 'UTC', { event: 'A', math: 'events', by: 'plan' });
    expect(split.breakdown).toEqual([{ property: 'plan', of: 'event' }]);
    expect(split.limit).toBe(6);
  });

  it('state the instant that stands for now where the data has ended', () => {
    const ended = { ...span, asOf: '2026-11-21T00:00:00.000Z' };
    expect(funnelQuestion(ended, 'UTC', ['A', 'B'], '1d').as_of).toBe('2026-11-21T00:00:00.000Z');
  });
});

describe('default events', () => {
  it('follow the words of a product where it has them', () => {
    const picked = pickDefaults([
      { name: 'Task Completed', count: 900 },
      { name: 'Teammate Invited', count: 30 },
      { name: 'signed_up', count: 50 },
      { name: 'Project Created', count: 60 },
    ]);
    expect(picked.start).toBe('signed_up');
    expect(picked.back).toBeNull();
    expect(picked.steps).toEqual(['signed_up', 'Project Created', 'Teammate Invited']);
  });

  it('are the most frequent ones otherwise', () => {
    const picked = pickDefaults([
      { name: 'acked', count: 5 },
      { name: 'commit', count: 50 },
      { name: 'reviewed', count: 20 },
      { name: 'reported', count: 1 },
    ]);
    expect(picked.start).toBe('commit');
    expect(picked.steps).toEqual(['commit', 'reviewed', 'acked']);
  });

  it('ask for the same event twice where there is only one', () => {
    expect(pickDefaults([{ name: 'ping', count: 1 }]).steps).toEqual(['ping', 'ping']);
    expect(pickDefaults([]).steps).toEqual([]);
  });
});

// What the page shows, and its form in the address bar. A member that has its default value is not
// written, so a plain "/" is the default page and a link stays readable.
import { isCivil, isInterval, isTimezone, type Interval } from './dates';

export const PRESETS = ['30d', '12w', '6mo', '12mo', 'all'] as const;
export type Preset = (typeof PRESETS)[number];
export type Range = { preset: Preset } | { from: string; to: string };

/** `undefined`: what the page picks; `null`: any event. */
export type EventChoice = string | null | undefined;

export const WINDOWS = ['1h', '1d', '7d', '14d', '30d', '90d', '365d'] as const;
export type Window = (typeof WINDOWS)[number];
export const MAX_STEPS = 8;

export const PAGES = ['charts', 'saved', 'boards', 'alerts'] as const;
export type Page = (typeof PAGES)[number];

export interface View {
  project: string | undefined;
  page: Page;
  /** The dashboard that is open, on the page of dashboards. */
  board: string | undefined;
  range: Range;
  /** `undefined`: chosen by the length of the range. */
  interval: Interval | undefined;
  /** `undefined`: the project's. */
  timezone: string | undefined;
  start: EventChoice;
  back: EventChoice;
  match: 'on' | 'on_or_after';
  cohort: 'first_matching' | 'every';
  /** `undefined`: what the page picks. */
  steps: string[] | undefined;
  window: Window;
  event: EventChoice;
  math: 'people' | 'events';
  by: string | undefined;
  /** Whose lifecycle; any event unless chosen. */
  life: string | undefined;
}

export const DEFAULT_VIEW: View = {
  project: undefined,
  page: 'charts',
  board: undefined,
  range: { preset: '6mo' },
  interval: undefined,
  timezone: undefined,
  start: undefined,
  back: undefined,
  match: 'on',
  cohort: 'first_matching',
  steps: undefined,
  window: '30d',
  event: undefined,
  math: 'people',
  by: undefined,
  life: undefined,
};

function oneOf<T extends string>(values: readonly T[], text: string | null, otherwise: T): T {
  return values.includes(text as T) ? (text as T) : otherwise;
}

function readRange(text: string | null): Range {
  if (text && PRESETS.includes(text as Preset)) return { preset: text as Preset };
  const [from, to] = (text ?? '').split('..');
  if (from && to && isCivil(from) && isCivil(to) && from <= to) return { from, to };
  return DEFAULT_VIEW.range;
}

function readChoice(params: URLSearchParams, name: string): EventChoice {
  const value = params.get(name);
  return value === null ? undefined : value === '' ? null : value;
}

export function parseView(search: string): View {
  const params = new URLSearchParams(search);
  const interval = params.get('interval');
  const timezone = params.get('tz');
  const steps = params.getAll('step').filter((s) => s !== '').slice(0, MAX_STEPS);
  return {
    project: params.get('project') || undefined,
    page: oneOf(PAGES, params.get('page'), DEFAULT_VIEW.page),
    board: params.get('board') || undefined,
    range: readRange(params.get('range')),
    interval: isInterval(interval) ? interval : undefined,
    timezone: timezone && isTimezone(timezone) ? timezone : undefined,
    start: readChoice(params, 'start'),
    back: readChoice(params, 'return'),
    match: oneOf(['on', 'on_or_after'], params.get('match'), 'on'),
    cohort: oneOf(['first_matching', 'every'], params.get('cohort'), 'first_matching'),
    steps: steps.length > 0 ? steps : undefined,
    window: oneOf(WINDOWS, params.get('window'), DEFAULT_VIEW.window),
    event: readChoice(params, 'event'),
    math: oneOf(['people', 'events'], params.get('math'), 'people'),
    by: params.get('by') || undefined,
    life: params.get('life') || undefined,
  };
}

export function formatView(view: View): string {
  const params = new URLSearchParams();
  const put = (name: string, value: string | undefined, otherwise?: string) => {
    if (value !== undefined && value !== otherwise) params.set(name, value);
  };
  const choice = (name: string, value: EventChoice) => {
    if (value !== undefined) params.set(name, value ?? '');
  };
  put('project', view.project);
  put('page', view.page, DEFAULT_VIEW.page);
  put('board', view.board);
  put(
    'range',
    'preset' in view.range ? view.range.preset : `${view.range.from}..${view.range.to}`,
    '6mo',
  );
  put('interval', view.interval);
  put('tz', view.timezone);
  choice('start', view.start);
  choice('return', view.back);
  put('match', view.match, DEFAULT_VIEW.match);
  put('cohort', view.cohort, DEFAULT_VIEW.cohort);
  for (const step of view.steps ?? []) params.append('step', step);
  put('window', view.window, DEFAULT_VIEW.window);
  choice('event', view.event);
  put('math', view.math, DEFAULT_VIEW.math);
  put('by', view.by);
  put('life', view.life);
  const text = params.toString();
  return text === '' ? '' : '?' + text;
}

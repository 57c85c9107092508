// What is saved in a project, and what the pages derive from it.
import { civilIn } from './dates';
import type { Range } from './view';

export const KINDS = ['insights', 'dashboards', 'annotations', 'alerts'] as const;
export type Kind = (typeof KINDS)[number];

/** A question of the query contract, whoever wrote it. */
export type AnyQuestion = Record<string, unknown> & { insight: string };

interface Document {
  id: string;
  version: number;
  created: string;
  changed: string;
}

export interface SavedInsight extends Document {
  name: string;
  description?: string;
  question: AnyQuestion;
}

export interface Tile {
  id?: string;
  title?: string;
  w?: number;
  h?: number;
  insight?: string;
  question?: AnyQuestion;
  text?: string;
}

export interface Board extends Document {
  name: string;
  description?: string;
  range?: { last?: string; from?: string; to?: string };
  tiles: Tile[];
}

export interface Annotation extends Document {
  at?: string;
  from?: string;
  to?: string;
  text: string;
}

export const ALERT_STATES = ['ok', 'firing', 'no_data', 'error'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export interface Finding {
  state: AlertState;
  ended: string;
  evaluated?: string;
  start?: string;
  number: number | null;
  before: number | null;
  error?: { message: string };
}

export const CONDITIONS = ['below', 'above', 'falls_by_percent', 'rises_by_percent'] as const;
export type Condition = (typeof CONDITIONS)[number];

export interface AlertDraft {
  name: string;
  question: AnyQuestion;
  number: Record<string, unknown>;
  when: Partial<Record<Condition, number>>;
}

export interface Alert extends Document, AlertDraft {
  enabled: boolean;
  latest: Finding | null;
}

export interface DocumentOf {
  insights: SavedInsight;
  dashboards: Board;
  annotations: Annotation;
  alerts: Alert;
}

/**
 * A question as it is saved: where the page counts back from now, so does the saved question.
 * Data that ended long ago has an end of its own, and keeps it.
 */
export function keptQuestion(question: object, range: Range | undefined): AnyQuestion {
  const kept: AnyQuestion = { ...(question as AnyQuestion) };
  if (!range || !('preset' in range) || kept['as_of'] !== undefined) return kept;
  delete kept['to'];
  if (range.preset === 'all') return kept;
  delete kept['from'];
  kept['last'] = range.preset;
  return kept;
}

/** An alert's question ends with the intervals that end. */
export function moves(question: AnyQuestion): boolean {
  return ['from', 'to', 'as_of'].every((member) => question[member] === undefined);
}

export const WATCHED = ['trends', 'retention', 'funnel', 'lifecycle'] as const;

/** The number that a new alert watches first. */
export function firstNumber(question: AnyQuestion): Record<string, unknown> | undefined {
  switch (question.insight) {
    case 'trends':
      return question['breakdown'] ? undefined : { series: 0 };
    case 'retention':
      return { period: 1 };
    case 'funnel': {
      const steps = Array.isArray(question['steps']) ? question['steps'].length : 0;
      return question['show'] === 'over_time' ? {} : { step: Math.max(steps, 1) };
    }
    case 'lifecycle':
      return { state: 'active' };
    default:
      return undefined;
  }
}

/** Does the number of the coordinates lie between 0 and 1? */
export function isRate(question: AnyQuestion, number: Record<string, unknown>): boolean {
  const as = number['as'];
  if (question.insight === 'retention') return as === undefined || as === 'rate';
  if (question.insight !== 'funnel') return false;
  return as === undefined || as === 'rate' || as === 'conversion' || as === 'from_previous';
}

export const COLUMNS = 12;
export const WIDTHS = [4, 6, 12] as const;

export const widthOf = (tile: Tile) => Math.min(COLUMNS, Math.max(1, tile.w ?? 6));

/** The tile moved by so many places; the same list where there is no such place. */
export function movedTile(tiles: readonly Tile[], at: number, by: number): Tile[] {
  const next = [...tiles];
  const to = at + by;
  if (to < 0 || to >= next.length) return next;
  const [tile] = next.splice(at, 1);
  if (tile) next.splice(to, 0, tile);
  return next;
}

export interface Mark {
  /** Places among the intervals; equal for a moment. */
  from: number;
  to: number;
  annotation: Annotation;
}

/** The last interval that does not begin after the moment; -1: before all of them. */
function placeOf(intervals: readonly string[], moment: string, timezone: string): number {
  const day = moment.length > 10 ? civilIn(timezone, Date.parse(moment)) : moment;
  let place = -1;
  intervals.forEach((start, i) => {
    const begun =
      start.length > 10 && moment.length > 10
        ? Date.parse(start) <= Date.parse(moment)
        : start.slice(0, 10) <= day;
    // A day among hours is its first hour.
    if (begun && !(start.length > 10 && moment.length === 10 && intervals[place]?.startsWith(day))) {
      place = i;
    }
  });
  return place;
}

/** Annotations that touch the intervals, by time. `end`: the last day of the range. */
export function marksOf(
  annotations: readonly Annotation[],
  intervals: readonly string[],
  end: string,
  timezone: string,
): Mark[] {
  const marks = annotations.flatMap((annotation) => {
    const first = annotation.at ?? annotation.from ?? '';
    const last = annotation.at ?? annotation.to ?? first;
    const day = first.length > 10 ? civilIn(timezone, Date.parse(first)) : first;
    const to = placeOf(intervals, last, timezone);
    if (to < 0 || day > end) return [];
    return [{ from: Math.max(0, placeOf(intervals, first, timezone)), to, annotation, day }];
  });
  return marks
    .sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : 0))
    .map(({ from, to, annotation }) => ({ from, to, annotation }));
}

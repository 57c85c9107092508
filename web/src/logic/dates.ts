// Civil dates ("2026-01-31") without a zone: enough to place a range, no clock and no Date pitfalls.

export const INTERVALS = ['hour', 'day', 'week', 'month', 'quarter', 'year'] as const;
export type Interval = (typeof INTERVALS)[number];
export type WeekStart = 'monday' | 'sunday';

const DAY_MS = 86_400_000;

export function isCivil(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const at = Date.parse(text + 'T00:00:00Z');
  return !Number.isNaN(at) && new Date(at).toISOString().slice(0, 10) === text;
}

export function isInterval(text: string | null): text is Interval {
  return INTERVALS.includes(text as Interval);
}

export function civilMs(date: string): number {
  return Date.parse(date + 'T00:00:00Z');
}

function fromMs(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

export function addDays(date: string, days: number): string {
  return fromMs(civilMs(date) + days * DAY_MS);
}

/** The same day `months` later; the last day of the month where that day does not exist. */
export function addMonths(date: string, months: number): string {
  const [y, m, d] = date.split('-').map(Number) as [number, number, number];
  const first = new Date(Date.UTC(y, m - 1 + months, 1));
  const last = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + 1, 0)).getUTCDate();
  return fromMs(Date.UTC(first.getUTCFullYear(), first.getUTCMonth(), Math.min(d, last)));
}

export function daysBetween(from: string, to: string): number {
  return Math.round((civilMs(to) - civilMs(from)) / DAY_MS);
}

/** First day of the interval that holds `date`. */
export function startOf(interval: Interval, date: string, weekStart: WeekStart): string {
  const [y, m] = date.split('-') as [string, string];
  switch (interval) {
    case 'hour':
    case 'day':
      return date;
    case 'week': {
      const weekday = new Date(civilMs(date)).getUTCDay();
      const back = weekStart === 'sunday' ? weekday : (weekday + 6) % 7;
      return addDays(date, -back);
    }
    case 'month':
      return `${y}-${m}-01`;
    case 'quarter':
      return `${y}-${String(Math.floor((Number(m) - 1) / 3) * 3 + 1).padStart(2, '0')}-01`;
    case 'year':
      return `${y}-01-01`;
  }
}

/** How many intervals the days `from`..`to` (both included) touch. */
export function countIntervals(
  interval: Interval,
  from: string,
  to: string,
  weekStart: WeekStart,
): number {
  const a = startOf(interval, from, weekStart);
  const b = startOf(interval, to, weekStart);
  const months = (Number(b.slice(0, 4)) - Number(a.slice(0, 4))) * 12 +
    Number(b.slice(5, 7)) - Number(a.slice(5, 7));
  switch (interval) {
    case 'hour':
      return (daysBetween(a, b) + 1) * 24;
    case 'day':
      return daysBetween(a, b) + 1;
    case 'week':
      return daysBetween(a, b) / 7 + 1;
    case 'month':
      return months + 1;
    case 'quarter':
      return months / 3 + 1;
    case 'year':
      return months / 12 + 1;
  }
}

/** The civil date of an instant in a time zone. */
export function civilIn(timezone: string, instant: number): string {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  }).formatToParts(instant);
  const get = (type: string) => parts.find((p) => p.type === type)?.value ?? '';
  return `${get('year').padStart(4, '0')}-${get('month')}-${get('day')}`;
}

export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return name !== '';
  } catch {
    return false;
  }
}

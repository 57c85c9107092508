// Numbers, dates and durations in the reader's language. Thai dates show the Buddhist era; only
// the display does, questions and files keep Gregorian ISO dates.
import type { Interval } from './dates';

export type Language = 'en' | 'th';

const LOCALES: Record<Language, string> = { en: 'en-GB', th: 'th-TH-u-ca-buddhist-nu-latn' };

export interface Format {
  count(value: number): string;
  percent(ratio: number): string;
  /** Without decimals: the ends of a scale. */
  wholePercent(ratio: number): string;
  signedPercent(ratio: number): string;
  duration(seconds: number): string;
  date(civil: string): string;
  instant(iso: string, timezone: string): string;
  /** The name of a bucket that starts at `start`, as short as its interval allows. */
  bucket(start: string, interval: Interval): string;
  /** The same for an axis or a table head that states the year elsewhere. */
  shortBucket(start: string, interval: Interval): string;
  milliseconds(value: number): string;
}

function bucketDate(start: string): Date {
  // "2026-01-05" or "2026-01-05T13:00:00+07:00": the wall clock in the answer is what to show.
  const [day, clock] = start.split('T') as [string, string | undefined];
  return new Date(`${day}T${(clock ?? '00:00:00').slice(0, 5)}:00Z`);
}

const DURATION_UNITS = [
  { unit: 'second', seconds: 1, below: 60 },
  { unit: 'minute', seconds: 60, below: 3600 },
  { unit: 'hour', seconds: 3600, below: 48 * 3600 },
  { unit: 'day', seconds: 86_400, below: Number.POSITIVE_INFINITY },
] as const;

export function makeFormat(language: Language): Format {
  const locale = LOCALES[language];
  const dates = new Map<string, Intl.DateTimeFormat>();
  const show = (options: Intl.DateTimeFormatOptions, at: Date): string => {
    const key = JSON.stringify(options);
    let format = dates.get(key);
    if (!format) {
      format = new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options });
      dates.set(key, format);
    }
    return format.format(at);
  };
  const number = new Intl.NumberFormat(locale);
  const percent = new Intl.NumberFormat(locale, {
    style: 'percent',
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  });
  const whole = new Intl.NumberFormat(locale, { style: 'percent' });
  const signed = new Intl.NumberFormat(locale, {
    style: 'percent',
    maximumFractionDigits: 1,
    signDisplay: 'exceptZero',
  });
  const units = new Map(
    DURATION_UNITS.map(({ unit }) => [
      unit,
      new Intl.NumberFormat(locale, {
        style: 'unit',
        unit,
        unitDisplay: language === 'th' ? 'short' : 'long',
        maximumFractionDigits: 1,
      }),
    ]),
  );
  const millis = new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: 'millisecond',
    unitDisplay: language === 'th' ? 'long' : 'short',
    maximumSignificantDigits: 2,
  });
  const quarter = (at: Date, year: string) =>
    language === 'th'
      ? `ไตรมาส ${Math.floor(at.getUTCMonth() / 3) + 1}${year}`
      : `Q${Math.floor(at.getUTCMonth() / 3) + 1}${year}`;
  // The bare number of the year: Thai formatting of a lone year adds the era's name.
  const year = (at: Date) =>
    String(language === 'th' ? at.getUTCFullYear() + 543 : at.getUTCFullYear());

  return {
    count: (value) => number.format(value),
    percent: (ratio) => (ratio === 0 || ratio === 1 ? whole : percent).format(ratio),
    wholePercent: (ratio) => whole.format(ratio),
    // A minus is as wide as a plus; the hyphen that Intl writes is not.
    signedPercent: (ratio) => signed.format(ratio).replace('-', '\u2212'),
    duration: (seconds) => {
      const at = DURATION_UNITS.find((u) => seconds < u.below) ?? DURATION_UNITS[3];
      return units.get(at.unit)?.format(seconds / at.seconds) ?? '';
    },
    date: (civil) => show({ dateStyle: 'medium' }, bucketDate(civil)),
    instant: (iso, timeZone) =>
      new Intl.DateTimeFormat(locale, { timeZone, dateStyle: 'medium', timeStyle: 'short' }).format(
        Date.parse(iso),
      ),
    bucket: (start, interval) => {
      const at = bucketDate(start);
      switch (interval) {
        case 'hour':
          return show(
            {
              day: 'numeric',
              month: 'short',
              year: 'numeric',
              hour: '2-digit',
              minute: '2-digit',
              hourCycle: 'h23',
            },
            at,
          );
        case 'day':
        case 'week':
          return show({ day: 'numeric', month: 'short', year: 'numeric' }, at);
        case 'month':
          return show({ month: 'short', year: 'numeric' }, at);
        case 'quarter':
          return quarter(at, (language === 'th' ? '/' : ' ') + year(at));
        case 'year':
          return year(at);
      }
    },
    shortBucket: (start, interval) => {
      const at = bucketDate(start);
      switch (interval) {
        case 'hour':
          return show({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }, at);
        case 'day':
        case 'week':
          return show({ day: 'numeric', month: 'short' }, at);
        case 'month':
          return show({ month: 'short' }, at) + ' ' + year(at).slice(2);
        case 'quarter':
          return quarter(at, (language === 'th' ? '/' : ' ’') + year(at).slice(2));
        case 'year':
          return year(at);
      }
    },
    milliseconds: (value) => millis.format(value),
  };
}

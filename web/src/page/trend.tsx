import { Select, Skeleton } from '@mantine/core';
import { lazy, Suspense, useMemo, useState } from 'react';
import type { Answered } from '../api';
import { useWords, type Words } from '../i18n';
import { lastChange, type TrendAnswer, type TrendSeries } from '../logic/answers';
import type { Cell } from '../logic/csv';
import type { Interval } from '../logic/dates';
import { trendQuestion, type TrendQuestion } from '../logic/questions';
import { Notes, useMarks } from './annotations';
import { CardFrame, Figure, NoAnswer, useAnswer, type CardProps } from './card';
import { EventSelect } from './event_select';
import page from './page.module.css';
import { Pills } from './pills';
import styles from './trend.module.css';

// The chart library is the largest part of the page and comes after the tables.
const LineChart = lazy(() => import('./chart'));

const NO_SPLIT = '\u0000none';
const COLOURS = 7;

const whatOf = (question: TrendQuestion, { t }: Words) =>
  question.series[0].event ?? t('event.any');

function seriesName(series: TrendSeries, what: string, { t }: Words): string {
  if (!series.breakdown) return what;
  return series.breakdown
    .map((value) =>
      value === null || value === ''
        ? t('trend.empty')
        : value === 'Other'
          ? t('trend.other')
          : String(value),
    )
    .join(' · ');
}

function csvOf({ answer, question }: Answered<TrendQuestion>, words: Words): Cell[][] {
  const what = whatOf(question, words);
  const names = answer.series.map((s) => seriesName(s, what, words));
  return [
    [words.t(`interval.${question.interval}`), ...names],
    ...answer.intervals.map((start, i) => [start, ...answer.series.map((s) => s.values[i] ?? null)]),
    [words.t('trend.totalRow'), ...answer.series.map((s) => s.total)],
  ];
}

function Table(props: { answer: TrendAnswer; names: string[]; interval: Interval }) {
  const { t, format } = useWords();
  const { answer, names, interval } = props;
  const number = (value: number | null | undefined) =>
    value === null || value === undefined ? '–' : format.count(value);
  return (
    <div className={styles.tableScroll} tabIndex={0} role="region" aria-label={t('trend.tableLabel')}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t(`interval.${interval}`)}</th>
            {names.map((name, i) => (
              <th key={i} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr className={styles.totalRow}>
            <th scope="row">{t('trend.totalRow')}</th>
            {answer.series.map((s, i) => (
              <td key={i}>{number(s.total)}</td>
            ))}
          </tr>
          {answer.intervals.map((start, i) => (
            <tr key={start}>
              <th scope="row">
                {format.bucket(start, interval)}
                {answer.series[0]?.final[i] === false && (
                  <span className={styles.running}>{t('trend.running')}</span>
                )}
              </th>
              {answer.series.map((s, k) => (
                <td key={k}>{number(s.values[i])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Answer(props: {
  answered: Answered<TrendQuestion>;
  mode: 'chart' | 'table';
  project: string;
}) {
  const words = useWords();
  const { t, format } = words;
  const { mode } = props;
  const { answer, question } = props.answered;
  const { interval } = question;
  const marks = useMarks(props.project, answer.intervals, question.to, question.timezone);
  const what = whatOf(question, words);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const names = useMemo(
    () => answer.series.map((s) => seriesName(s, what, words)),
    [answer, what, words],
  );
  const sum = answer.series.reduce((a, s) => a + (s.total ?? 0), 0);
  if (sum === 0) return <NoAnswer text={t('trend.none')} hint={t('retention.noneHint')} />;
  const only = answer.series.length === 1 ? answer.series[0] : undefined;
  const last = only && lastChange(only);
  return (
    <>
      {only && (
        <dl className={page.figures}>
          {only.total !== null && (
            <Figure label={t(`trend.total.${question.series[0].math}`)} value={format.count(only.total)} />
          )}
          {last && (
            <Figure
              label={t('trend.last', {
                bucket: format.bucket(answer.intervals[last.index] ?? '', interval),
              })}
              value={format.count(last.value)}
              note={
                last.change !== null &&
                t('trend.change', { change: format.signedPercent(last.change) })
              }
            />
          )}
        </dl>
      )}
      {answer.series.length > 1 && mode === 'chart' && (
        <ul className={styles.legend} aria-label={t('trend.legend')}>
          {names.map((name, i) => (
            <li key={i}>
              <button
                type="button"
                aria-pressed={!hidden.has(name)}
                onClick={() => {
                  const next = new Set(hidden);
                  if (!next.delete(name)) next.add(name);
                  setHidden(next);
                }}
              >
                <i data-colour={i % COLOURS} aria-hidden="true" />
                {name}
                <span className={styles.legendTotal}>
                  {format.count(answer.series[i]?.total ?? 0)}
                </span>
              </button>
            </li>
          ))}
        </ul>
      )}
      {mode === 'table' ? (
        <Table answer={answer} names={names} interval={interval} />
      ) : (
        <Suspense fallback={<Skeleton height={300} />}>
          <LineChart
            answer={answer}
            names={names}
            hidden={hidden}
            interval={interval}
            marks={marks}
            label={t('trend.chart', {
              what,
              interval: t(`interval.${interval}`),
              from: format.bucket(answer.intervals[0] ?? '', interval),
              to: format.bucket(answer.intervals.at(-1) ?? '', interval),
            })}
          />
        </Suspense>
      )}
      <Notes
        project={props.project}
        marks={marks}
        day={question.to}
        timezone={question.timezone}
      />
    </>
  );
}

export function TrendCard(props: CardProps) {
  const words = useWords();
  const { t } = words;
  const { project, view, change, definitions, defaults, span, timezone } = props;
  const [mode, setMode] = useState<'chart' | 'table'>('chart');
  const event = view.event === undefined ? defaults.event : view.event;
  const question = trendQuestion(span, timezone, { event, math: view.math, by: view.by });
  const asked = useAnswer(project.name, question);
  const properties = useMemo(() => {
    const names = definitions.properties.map((p) => p.name);
    if (view.by && !names.includes(view.by)) names.unshift(view.by);
    return [
      { value: NO_SPLIT, label: t('trend.by.none') },
      ...names.map((name) => ({ value: name, label: name })),
    ];
  }, [definitions, view.by, t]);
  return (
    <CardFrame
      id="trend"
      title={t('trend.title')}
      about={t('trend.about')}
      project={project.name}
      question={question}
      range={view.range}
      asked={asked}
      height={300}
      tools={
        <Pills
          label={t('trend.view')}
          hideLabel
          value={mode}
          options={[
            { value: 'chart', label: t('trend.line') },
            { value: 'table', label: t('trend.table') },
          ]}
          onChange={setMode}
        />
      }
      csv={(answered) => csvOf(answered, words)}
      controls={
        <>
          <EventSelect
            events={definitions.events}
            value={event}
            any
            label={t('event.label')}
            onChange={(next) => change({ event: next })}
          />
          <Select
            label={t('trend.math')}
            size="xs"
            allowDeselect={false}
            value={view.math}
            data={(['people', 'events'] as const).map((value) => ({
              value,
              label: t(`trend.math.${value}`),
            }))}
            onChange={(value) => change({ math: value === 'events' ? value : 'people' })}
          />
          <Select
            label={t('trend.by')}
            size="xs"
            searchable={properties.length > 8}
            limit={200}
            allowDeselect={false}
            nothingFoundMessage={t('select.nothing')}
            value={view.by ?? NO_SPLIT}
            data={properties}
            onChange={(value) =>
              change({ by: value === null || value === NO_SPLIT ? undefined : value })
            }
          />
        </>
      }
    >
      {(answered) => <Answer answered={answered} mode={mode} project={project.name} />}
    </CardFrame>
  );
}

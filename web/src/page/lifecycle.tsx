import { Skeleton } from '@mantine/core';
import { lazy, Suspense, useState } from 'react';
import type { Answered } from '../api';
import { useWords, type Words } from '../i18n';
import { lastLife, STATES, type LifecycleAnswer } from '../logic/answers';
import type { Cell } from '../logic/csv';
import type { Interval } from '../logic/dates';
import { lifecycleQuestion, type LifecycleQuestion } from '../logic/questions';
import { CardFrame, Figure, NoAnswer, useAnswer, type CardProps } from './card';
import { EventSelect } from './event_select';
import page from './page.module.css';
import { Pills } from './pills';
import styles from './trend.module.css';

// The chart library comes after the tables, as in the trend.
const LifeChart = lazy(() => import('./life_chart'));

const COLUMNS = ['active', ...STATES] as const;

function csvOf({ answer, question }: Answered<LifecycleQuestion>, { t }: Words): Cell[][] {
  return [
    [t(`interval.${question.interval}`), ...COLUMNS.map((name) => t(`lifecycle.${name}`))],
    ...answer.intervals.map((start, i) => [start, ...COLUMNS.map((name) => answer[name][i] ?? null)]),
  ];
}

function Table(props: { answer: LifecycleAnswer; interval: Interval }) {
  const { t, format } = useWords();
  const { answer, interval } = props;
  return (
    <div
      className={styles.tableScroll}
      tabIndex={0}
      role="region"
      aria-label={t('lifecycle.tableLabel')}
    >
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">{t(`interval.${interval}`)}</th>
            {COLUMNS.map((name) => (
              <th key={name} scope="col">
                {t(`lifecycle.${name}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {answer.intervals.map((start, i) => (
            <tr key={start}>
              <th scope="row">
                {format.bucket(start, interval)}
                {answer.final[i] === false && (
                  <span className={styles.running}>{t('trend.running')}</span>
                )}
              </th>
              {COLUMNS.map((name) => {
                const value = answer[name][i];
                return (
                  <td key={name} data-state={name}>
                    {value === null || value === undefined ? '–' : format.count(value)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Answer(props: { answered: Answered<LifecycleQuestion>; mode: 'chart' | 'table' }) {
  const { t, format } = useWords();
  const { answer, question } = props.answered;
  const { interval } = question;
  if (!answer.active.some((v) => v)) {
    return <NoAnswer text={t('trend.none')} hint={t('retention.noneHint')} />;
  }
  const last = lastLife(answer);
  const bucket = (i: number) => format.bucket(answer.intervals[i] ?? '', interval);
  return (
    <>
      {last && (
        <dl className={page.figures}>
          <Figure
            label={t('trend.last', { bucket: bucket(last.index) })}
            value={format.count(last.active)}
            note={t('lifecycle.active')}
          />
          <Figure
            label={t('lifecycle.change')}
            value={(last.change > 0 ? '+' : '') + format.count(last.change).replace('-', '\u2212')}
            note={
              last.perLost !== null &&
              t('lifecycle.perLost', { percent: format.percent(last.perLost) })
            }
          />
        </dl>
      )}
      {props.mode === 'table' ? (
        <Table answer={answer} interval={interval} />
      ) : (
        <>
          <ul className={styles.legend} aria-label={t('lifecycle.legend')}>
            {STATES.map((name, i) => (
              <li key={name} className={styles.key}>
                <i data-colour={i} aria-hidden="true" />
                {t(`lifecycle.${name}`)}
              </li>
            ))}
          </ul>
          <Suspense fallback={<Skeleton height={300} />}>
            <LifeChart
              answer={answer}
              interval={interval}
              label={t('lifecycle.chart', {
                interval: t(`interval.${interval}`),
                from: bucket(0),
                to: bucket(answer.intervals.length - 1),
              })}
            />
          </Suspense>
        </>
      )}
    </>
  );
}

export function LifecycleCard(props: CardProps) {
  const words = useWords();
  const { t } = words;
  const { project, view, change, definitions, span, timezone } = props;
  const [mode, setMode] = useState<'chart' | 'table'>('chart');
  const event = view.life === undefined ? null : view.life;
  const question = lifecycleQuestion(span, timezone, event);
  const asked = useAnswer(project.name, question);
  return (
    <CardFrame
      id="lifecycle"
      title={t('lifecycle.title')}
      about={t('lifecycle.about')}
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
        <EventSelect
          events={definitions.events}
          value={event}
          any
          label={t('event.label')}
          onChange={(next) => change({ life: next ?? undefined })}
        />
      }
    >
      {(answered) => <Answer answered={answered} mode={mode} />}
    </CardFrame>
  );
}

import { Button, Select } from '@mantine/core';
import { useState } from 'react';
import { useWords, type Words } from '../i18n';
import { gridCells, gridTop, type RetentionAnswer } from '../logic/answers';
import type { Cell } from '../logic/csv';
import type { Interval } from '../logic/dates';
import { retentionQuestion } from '../logic/questions';
import { CardFrame, Figure, NoAnswer, useAnswer, type CardProps } from './card';
import { EventSelect } from './event_select';
import { RetentionGrid } from './grid';
import styles from './page.module.css';

// As many rows as a weekly grid has columns: the newest ones fill the triangle.
const NEWEST = 13;

function csvOf(answer: RetentionAnswer, words: Words, interval: Interval): Cell[][] {
  const periods = answer.average.pooled.map((_, k) => k);
  return [
    [words.t(`retention.cohortHead.${interval}`), words.t('retention.people'), ...periods],
    ...answer.cohorts.map((c) => [c.start, c.size, ...c.counts]),
    [words.t('retention.average'), null, ...answer.average.pooled],
    [words.t('retention.cohortsRow'), null, ...answer.average.cohorts],
  ];
}

/** Up to three averages worth reading first: the next interval, the middle, the last one. */
function figurePeriods(answer: RetentionAnswer): number[] {
  const known = answer.average.pooled.flatMap((ratio, k) => (k > 0 && ratio !== null ? [k] : []));
  const last = known.at(-1);
  if (last === undefined) return [];
  return [...new Set([1, Math.min(4, last), last])].filter((k) => known.includes(k));
}

function Answer(props: { answer: RetentionAnswer; interval: Interval; start: string | null }) {
  const words = useWords();
  const { t, plural, format } = words;
  const [all, setAll] = useState(false);
  const { answer, interval } = props;
  if (!answer.cohorts.some((c) => c.size > 0)) {
    return (
      <NoAnswer
        text={
          props.start === null ? t('retention.noneAny') : t('retention.none', { event: props.start })
        }
        hint={t('retention.noneHint')}
      />
    );
  }
  const periods = figurePeriods(answer);
  const long = answer.cohorts.length > NEWEST + 2;
  const shown = long && !all ? answer.cohorts.slice(-NEWEST) : answer.cohorts;
  return (
    <>
      {periods.length > 0 && (
        <dl className={styles.figures}>
          {periods.map((k) => (
            <Figure
              key={k}
              label={plural(`retention.later.${interval}`, k)}
              value={format.percent(answer.average.pooled[k] ?? 0)}
              note={plural('retention.cohorts', answer.average.cohorts[k] ?? 0)}
            />
          ))}
        </dl>
      )}
      <RetentionGrid
        cohorts={shown.map((c) => ({ start: c.start, size: c.size, cells: gridCells(c) }))}
        average={answer.average}
        interval={interval}
        top={gridTop(answer)}
      />
      {long && (
        <p className={styles.more}>
          {!all && (
            <span className={styles.quiet}>
              {t('retention.older', {
                shown: format.count(NEWEST),
                all: format.count(answer.cohorts.length),
              })}
            </span>
          )}
          <Button size="compact-sm" variant="default" onClick={() => setAll(!all)}>
            {all ? t('retention.showLess') : plural('retention.showAll', answer.cohorts.length)}
          </Button>
        </p>
      )}
    </>
  );
}

export function RetentionCard(props: CardProps) {
  const words = useWords();
  const { t } = words;
  const { project, view, change, definitions, defaults, span, timezone } = props;
  const start = view.start === undefined ? defaults.start : view.start;
  const back = view.back === undefined ? defaults.back : view.back;
  const question = retentionQuestion(span, timezone, project.week_start, {
    start,
    back,
    cohort: view.cohort,
    match: view.match,
  });
  const asked = useAnswer(project.name, question);
  return (
    <CardFrame
      id="retention"
      title={t('retention.title')}
      about={t('retention.about')}
      project={project.name}
      question={question}
      range={view.range}
      asked={asked}
      height={440}
      csv={({ answer, question: { interval } }) => csvOf(answer, words, interval)}
      controls={
        <>
          <EventSelect
            events={definitions.events}
            value={start}
            any
            label={view.cohort === 'every' ? t('retention.startEvery') : t('retention.start')}
            onChange={(event) => change({ start: event })}
          />
          <EventSelect
            events={definitions.events}
            value={back}
            any
            label={t('retention.back')}
            onChange={(event) => change({ back: event })}
          />
          <Select
            label={t('retention.match')}
            size="xs"
            allowDeselect={false}
            value={view.match}
            data={(['on', 'on_or_after'] as const).map((value) => ({
              value,
              label: t(`retention.match.${value}`),
            }))}
            onChange={(value) => change({ match: value === 'on_or_after' ? value : 'on' })}
          />
          <Select
            label={t('retention.cohort')}
            size="xs"
            allowDeselect={false}
            value={view.cohort}
            data={(['first_matching', 'every'] as const).map((value) => ({
              value,
              label: t(`retention.cohort.${value}`),
            }))}
            onChange={(value) => change({ cohort: value === 'every' ? value : 'first_matching' })}
          />
        </>
      }
    >
      {({ answer, question: { interval, start } }) => (
        <Answer answer={answer} interval={interval} start={start.event} />
      )}
    </CardFrame>
  );
}

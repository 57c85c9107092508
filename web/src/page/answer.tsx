import { Skeleton } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { useWords } from '../i18n';
import {
  gridCells,
  gridTop,
  STATES,
  type FunnelAnswer,
  type LifecycleAnswer,
  type RetentionAnswer,
  type TrendAnswer,
} from '../logic/answers';
import { isInterval } from '../logic/dates';
import type { LineAnswer } from '../logic/lines';
import type { AnyQuestion } from '../logic/saved';
import { NoAnswer } from './card';
import { FunnelSteps } from './funnel';
import { RetentionGrid } from './grid';
import { AnswerTable } from './search';
import styles from './saved.module.css';

const LineChart = lazy(() => import('./chart'));
const LifeChart = lazy(() => import('./life_chart'));

/** Which colour is what. */
function Keys(props: { names: readonly string[] }) {
  return (
    <ul className={styles.keys}>
      {props.names.map((name, i) => (
        <li key={i}>
          <i data-colour={i % 7} aria-hidden="true" />
          {name}
        </li>
      ))}
    </ul>
  );
}

/** Any answer, drawn as its insight is; what has no drawing is a table. */
export function AnyAnswer(props: { question: AnyQuestion; answer: LineAnswer; name: string }) {
  const { t, format } = useWords();
  const { answer, name } = props;
  const interval = isInterval(answer.interval ?? null) ? (answer.interval as 'day') : 'day';
  const table = <AnswerTable answer={answer} />;
  const ends = (starts: string[]) => ({
    from: format.bucket(starts[0] ?? '', interval),
    to: format.bucket(starts.at(-1) ?? '', interval),
    interval: t(`interval.${interval}`),
  });
  switch (answer.insight) {
    case 'trends': {
      const trend = answer as unknown as TrendAnswer;
      if (!trend.series.some((s) => s.total)) return <NoAnswer text={t('trend.none')} />;
      const names = trend.series.map((s) =>
        [s.name, ...(s.breakdown ?? []).map((v) => String(v ?? t('trend.empty')))].join(' · '),
      );
      return (
        <>
          {names.length > 1 && <Keys names={names} />}
          <Suspense fallback={<Skeleton height={240} />}>
            <LineChart
              answer={trend}
              names={names}
              hidden={new Set()}
              interval={interval}
              label={t('saved.chart', { name, ...ends(trend.intervals) })}
            />
          </Suspense>
        </>
      );
    }
    case 'lifecycle': {
      const life = answer as unknown as LifecycleAnswer;
      return (
        <>
          <Keys names={STATES.map((state) => t(`lifecycle.${state}`))} />
          <Suspense fallback={<Skeleton height={240} />}>
            <LifeChart
              answer={life}
              interval={interval}
              label={t('saved.chart', { name, ...ends(life.intervals) })}
            />
          </Suspense>
        </>
      );
    }
    case 'retention': {
      const grid = answer as unknown as RetentionAnswer;
      const measured = props.question['measure'] ?? 'people';
      if (measured !== 'people' || !grid.cohorts.some((c) => c.size > 0)) return table;
      return (
        <RetentionGrid
          cohorts={grid.cohorts
            .slice(-13)
            .map((c) => ({ start: c.start, size: c.size, cells: gridCells(c) }))}
          average={grid.average}
          interval={interval}
          top={gridTop(grid)}
        />
      );
    }
    case 'funnel':
      if (!answer['steps']) return table;
      return <FunnelSteps answer={answer as unknown as FunnelAnswer} />;
    default:
      return table;
  }
}

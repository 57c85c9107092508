import type { Answered } from '../api';
import { useWords, type Words } from '../i18n';
import {
  forestPlace,
  forestReach,
  impactRows,
  type ImpactAnswer,
  type ImpactRow,
} from '../logic/answers';
import type { Cell } from '../logic/csv';
import { impactQuestion, type ImpactQuestion } from '../logic/questions';
import { CardFrame, Figure, NoAnswer, useAnswer, type CardProps } from './card';
import { EventSelect } from './event_select';
import impact from './impact.module.css';
import page from './page.module.css';
import styles from './trend.module.css';

const MOST = 15;
const WIDTH = 150;

function csvOf({ answer }: Answered<ImpactQuestion>): Cell[][] {
  return [
    ['event', 'count', 'did', 'did_reached', 'did_not', 'did_not_reached', 'lift', 'lift_low', 'lift_high', 'phi', 'p', 'q', 'warnings'],
    ...answer.rows.map((row) => [
      row.event, row.count, row.did.units, row.did.reached, row.did_not.units, row.did_not.reached,
      row.lift, row.lift_interval?.[0], row.lift_interval?.[1], row.phi, row.p, row.q,
      row.warnings.join(' '),
    ]),
  ];
}

/** The ratio as a point, its interval as a line, "no difference" in the middle. */
function Forest(props: { row: ImpactRow; reach: number; label: string }) {
  const { row, reach } = props;
  const at = (ratio: number) => forestPlace(ratio, reach) * (WIDTH - 8) + 4;
  const ends = row.lift_interval;
  return (
    <svg
      className={impact.forest}
      viewBox={`0 0 ${WIDTH} 16`}
      width={WIDTH}
      height={16}
      role="img"
      aria-label={props.label}
    >
      <line className={impact.middle} x1={WIDTH / 2} x2={WIDTH / 2} y1={0} y2={16} />
      {ends && <line className={impact.range} x1={at(ends[0])} x2={at(ends[1])} y1={8} y2={8} />}
      {row.lift !== null && <circle className={impact.point} cx={at(row.lift)} cy={8} r={4} />}
    </svg>
  );
}

function chance(q: number | null): string {
  if (q === null) return '–';
  return q < 0.001 ? '< 0.001' : q.toFixed(3);
}

function Row(props: { row: ImpactRow; reach: number }) {
  const { t, format } = useWords();
  const { row, reach } = props;
  const rate = (v: number | null) => (v === null ? '–' : format.percent(v));
  const times = (v: number) => v.toFixed(2);
  return (
    <tr>
      <th scope="row">
        {row.event}
        {row.count > 1 && (
          <span className={impact.count}>
            {t('impact.atLeast', { formatted: format.count(row.count) })}
          </span>
        )}
        {row.warnings.length > 0 && (
          <span className={impact.notes}>
            {row.warnings.map((name) => t(`impact.warning.${name}`)).join(' · ')}
          </span>
        )}
      </th>
      <td>
        <Forest
          row={row}
          reach={reach}
          label={
            row.lift !== null && row.lift_interval
              ? t('impact.interval', {
                  number: times(row.lift),
                  low: times(row.lift_interval[0]),
                  high: times(row.lift_interval[1]),
                })
              : t('impact.warning.few')
          }
        />
      </td>
      <td>{row.lift === null ? '–' : t('impact.times', { number: times(row.lift) })}</td>
      <td>{format.count(row.did.units)}</td>
      <td>{rate(row.did.rate)}</td>
      <td>{rate(row.did_not.rate)}</td>
      <td>{chance(row.q)}</td>
    </tr>
  );
}

function Answer(props: { answer: ImpactAnswer }) {
  const { t, format } = useWords();
  const { answer } = props;
  const { units } = answer;
  const rows = impactRows(answer, MOST);
  if (units.counted === 0) return <NoAnswer text={t('impact.none')} hint={t('retention.noneHint')} />;
  const reach = forestReach(rows);
  return (
    <>
      <dl className={page.figures}>
        <Figure
          label={t('impact.counted')}
          value={format.count(units.counted)}
          note={units.open > 0 && t('impact.open', { formatted: format.count(units.open) })}
        />
        <Figure label={t('impact.rate')} value={format.percent(units.rate ?? 0)} />
      </dl>
      <div
        className={styles.tableScroll}
        tabIndex={0}
        role="region"
        aria-label={t('impact.tableLabel')}
      >
        <table className={styles.table}>
          <thead>
            <tr>
              <th scope="col">{t('impact.event')}</th>
              <th scope="col">
                <span className={impact.ends}>
                  <span>{t('impact.less')}</span>
                  <span>{t('impact.more')}</span>
                </span>
              </th>
              <th scope="col">{t('impact.lift')}</th>
              <th scope="col">{t('impact.did')}</th>
              <th scope="col">{t('impact.ofThem')}</th>
              <th scope="col">{t('impact.ofOthers')}</th>
              <th scope="col">{t('impact.chance')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <Row key={`${row.event} ${row.count}`} row={row} reach={reach} />
            ))}
          </tbody>
        </table>
      </div>
      <p className={page.quiet}>{t('impact.note')}</p>
    </>
  );
}

function goalOf(question: ImpactQuestion, { t }: Words): string {
  const { interval, period } = question.goal.retained;
  return t('impact.goal', {
    period: String(period),
    interval: t(`interval.${interval}`),
    within: question.within,
  });
}

/** The retention of the first card, and what goes with it. */
export function ImpactCard(props: CardProps) {
  const words = useWords();
  const { t } = words;
  const { project, view, change, definitions, defaults, span, timezone } = props;
  const start = view.start === undefined ? defaults.start : view.start;
  const back = view.back === undefined ? defaults.back : view.back;
  const question = impactQuestion(span, timezone, { start, back });
  const asked = useAnswer(project.name, question);
  return (
    <CardFrame
      id="impact"
      title={t('impact.title')}
      about={t('impact.about')}
      project={project.name}
      question={question}
      range={view.range}
      asked={asked}
      height={340}
      csv={csvOf}
      controls={
        <>
          <EventSelect
            events={definitions.events}
            value={start}
            any
            label={t('retention.start')}
            onChange={(next) => change({ start: next })}
          />
          <EventSelect
            events={definitions.events}
            value={back}
            any
            label={t('retention.back')}
            onChange={(next) => change({ back: next })}
          />
          <p className={page.quiet}>{goalOf(question, words)}</p>
        </>
      }
    >
      {(answered) => <Answer answer={answered.answer} />}
    </CardFrame>
  );
}

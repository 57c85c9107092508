import { ActionIcon, Button, Select } from '@mantine/core';
import { useWords, type Words } from '../i18n';
import { biggestLoss, type FunnelAnswer } from '../logic/answers';
import type { Cell } from '../logic/csv';
import { funnelQuestion } from '../logic/questions';
import { DEFAULT_VIEW, MAX_STEPS, WINDOWS, type Window } from '../logic/view';
import { CardFrame, Figure, NoAnswer, useAnswer, type CardProps } from './card';
import { EventSelect } from './event_select';
import styles from './funnel.module.css';
import { CrossIcon, DownArrow, PlusIcon } from './icons';
import page from './page.module.css';

function csvOf(answer: FunnelAnswer, { t }: Words): Cell[][] {
  return [
    [
      t('funnel.csv.step'),
      t('funnel.csv.event'),
      t('funnel.csv.people'),
      t('funnel.csv.conversion'),
      t('funnel.csv.fromPrevious'),
      t('funnel.csv.median'),
      t('funnel.csv.average'),
    ],
    ...answer.steps.map((s, i) => [
      i + 1,
      s.name,
      s.count,
      s.conversion,
      s.from_previous,
      s.median_seconds,
      s.average_seconds,
    ]),
  ];
}

export function FunnelSteps({ answer }: { answer: FunnelAnswer }) {
  const { t, format } = useWords();
  const { steps } = answer;
  const first = steps[0];
  const last = steps.at(-1);
  if (!first || !last || first.count === 0) {
    return (
      <NoAnswer
        text={t('funnel.none', { event: first?.name ?? '' })}
        hint={t('retention.noneHint')}
      />
    );
  }
  const worst = biggestLoss(steps);
  const worstStep = worst === null ? undefined : steps[worst];
  return (
    <>
      <dl className={page.figures}>
        <Figure
          label={t('funnel.overall')}
          value={last.conversion === null ? '–' : format.percent(last.conversion)}
          note={t('funnel.overallOf', {
            count: format.count(last.count),
            all: format.count(first.count),
          })}
        />
        {worstStep && worstStep.from_previous !== null && (
          <Figure
            label={t('funnel.loss')}
            value={format.percent(1 - worstStep.from_previous)}
            note={t('funnel.lossAt', { step: worstStep.name })}
          />
        )}
      </dl>
      <ol className={styles.steps}>
        {steps.map((step, i) => {
          const before = steps[i - 1];
          return (
            <li key={i} className={styles.step} data-count={step.count}>
              {before && before.count > 0 && (
                <p className={styles.lost} data-worst={i === worst || undefined}>
                  <DownArrow />
                  {t('funnel.lost', {
                    count: format.count(before.count - step.count),
                    percent: format.percent(1 - step.count / before.count),
                  })}
                </p>
              )}
              <div className={styles.line}>
                <h3>
                  <span className={styles.number}>{format.count(i + 1)}</span>
                  {step.name}
                </h3>
                <p className={styles.count}>
                  <strong>{format.count(step.count)}</strong> {t('funnel.people')}
                </p>
              </div>
              <div className={styles.track} aria-hidden="true">
                <div style={{ width: `${100 * (step.conversion ?? 0)}%` }} />
              </div>
              {i > 0 && (
                <p className={styles.facts}>
                  {step.conversion !== null && (
                    <span>
                      <b>{format.percent(step.conversion)}</b> {t('funnel.conversion')}
                    </span>
                  )}
                  {step.from_previous !== null && (
                    <span>
                      <b>{format.percent(step.from_previous)}</b> {t('funnel.fromPrevious')}
                    </span>
                  )}
                  {step.median_seconds !== null && (
                    <span>
                      {t('funnel.median')} <b>{format.duration(step.median_seconds)}</b>
                    </span>
                  )}
                </p>
              )}
            </li>
          );
        })}
      </ol>
    </>
  );
}

export function FunnelCard(props: CardProps) {
  const words = useWords();
  const { t, format } = words;
  const { project, view, change, definitions, defaults, span, timezone } = props;
  const steps = view.steps ?? defaults.steps;
  const question = funnelQuestion(span, timezone, steps, view.window);
  const asked = useAnswer(project.name, question);
  const nextStep =
    definitions.events.find((e) => !steps.includes(e.name))?.name ?? steps.at(-1) ?? '';
  return (
    <CardFrame
      id="funnel"
      title={t('funnel.title')}
      about={t('funnel.about')}
      project={project.name}
      question={question}
      range={view.range}
      asked={asked}
      height={300}
      csv={({ answer }) => csvOf(answer, words)}
      controls={
        <>
          {steps.map((step, i) => (
            <div key={i} className={styles.stepChoice}>
              <EventSelect
                className={styles.stepSelect}
                events={definitions.events}
                value={step}
                label={t('funnel.step', { number: format.count(i + 1) })}
                onChange={(event) => {
                  if (event !== null) change({ steps: steps.with(i, event) });
                }}
              />
              {steps.length > 2 && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={30}
                  aria-label={t('funnel.remove', { number: format.count(i + 1) })}
                  title={t('funnel.remove', { number: format.count(i + 1) })}
                  onClick={() => change({ steps: steps.filter((_, k) => k !== i) })}
                >
                  <CrossIcon />
                </ActionIcon>
              )}
            </div>
          ))}
          <Select
            label={t('funnel.window')}
            size="xs"
            allowDeselect={false}
            value={view.window}
            data={WINDOWS.map((value) => ({ value, label: t(`funnel.window.${value}`) }))}
            onChange={(value) => change({ window: (value ?? DEFAULT_VIEW.window) as Window })}
          />
          {steps.length < MAX_STEPS && (
            <Button
              className={styles.add ?? ''}
              size="xs"
              variant="default"
              leftSection={<PlusIcon />}
              onClick={() => change({ steps: [...steps, nextStep] })}
            >
              {t('funnel.add')}
            </Button>
          )}
        </>
      }
    >
      {({ answer }) => <FunnelSteps answer={answer} />}
    </CardFrame>
  );
}

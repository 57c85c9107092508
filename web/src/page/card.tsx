import { ActionIcon } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useId, type ReactNode } from 'react';
import { api, type Answered, type Definitions, type Project } from '../api';
import { useWords } from '../i18n';
import { csvFileName, csvText, type Cell } from '../logic/csv';
import type { Defaults } from '../logic/defaults';
import type { Question } from '../logic/questions';
import type { Span } from '../logic/range';
import type { Range, View } from '../logic/view';
import type { Change } from '../use_view';
import { FailureNote } from './failure';
import { CodeIcon, DownloadIcon } from './icons';
import { LoadingBlock } from './loading';
import styles from './page.module.css';
import { QuestionDialog } from './question';
import { SaveButton } from './save';

/** What every card gets. */
export interface CardProps {
  project: Project;
  view: View;
  change: Change;
  definitions: Definitions;
  defaults: Defaults;
  span: Span;
  timezone: string;
}

export function useAnswer<Q extends Question>(project: string, question: Q) {
  return useQuery({
    queryKey: ['query', project, question],
    queryFn: ({ signal }) => api.ask(project, question, signal),
    placeholderData: keepPreviousData,
  });
}

function download(name: string, rows: readonly (readonly Cell[])[]): void {
  const address = URL.createObjectURL(new Blob([csvText(rows)], { type: 'text/csv;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

interface FrameProps<Q extends Question> {
  id: string;
  title: string;
  about: string;
  project: string;
  question: Q;
  range: Range;
  asked: {
    data: Answered<Q> | undefined;
    error: unknown;
    isFetching: boolean;
    isPlaceholderData: boolean;
    refetch: () => unknown;
  };
  height: number;
  controls: ReactNode;
  tools?: ReactNode;
  /** Rows of the file, and the part of its name that tells the chart. */
  csv: (answered: Answered<Q>) => Cell[][];
  children: (answered: Answered<Q>) => ReactNode;
}

/** Title, controls, the answer or why there is none, and the ways to take it along. */
export function CardFrame<Q extends Question>(props: FrameProps<Q>) {
  const { t, format } = useWords();
  const [opened, { open, close }] = useDisclosure(false);
  const titleId = useId();
  const { asked } = props;
  const data = asked.error ? undefined : asked.data;
  return (
    <section className={styles.card} data-card={props.id} aria-labelledby={titleId}>
      <header className={styles.cardHead}>
        <div>
          <h2 id={titleId}>{props.title}</h2>
          <p className={styles.quiet}>{props.about}</p>
        </div>
        <div className={styles.cardTools}>
          {props.tools}
          <SaveButton
            project={props.project}
            question={props.question}
            range={props.range}
            title={props.title}
          />
          <ActionIcon
            variant="subtle"
            color="gray"
            size={34}
            aria-label={t('card.question')}
            title={t('card.question')}
            onClick={open}
          >
            <CodeIcon />
          </ActionIcon>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={34}
            aria-label={t('card.csv')}
            title={t('card.csv')}
            disabled={!data}
            onClick={() => {
              if (!data) return;
              const { from, to } = data.question;
              download(csvFileName(props.project, props.id, from, to), props.csv(data));
            }}
          >
            <DownloadIcon />
          </ActionIcon>
        </div>
      </header>
      <div className={styles.controls}>{props.controls}</div>
      <div
        className={styles.cardBody}
        aria-busy={asked.isFetching}
        data-stale={asked.isPlaceholderData || undefined}
      >
        {asked.error ? (
          <FailureNote error={asked.error} retry={() => void asked.refetch()} />
        ) : data ? (
          <>
            {data.answer.unseen && data.answer.unseen.length > 0 && (
              <p className={styles.notice} role="status">
                {t('card.unseen', { names: data.answer.unseen.join('”, “') })}
              </p>
            )}
            {props.children(data)}
          </>
        ) : (
          <LoadingBlock height={props.height} />
        )}
      </div>
      <p className={styles.cardFoot} aria-live="off">
        {asked.isFetching
          ? t('card.updating')
          : data && t('card.answered', { time: format.milliseconds(data.milliseconds) })}
      </p>
      {opened && (
        <QuestionDialog project={props.project} question={props.question} onClose={close} />
      )}
    </section>
  );
}

/** A figure that sums a chart up. */
export function Figure(props: { label: string; value: string; note?: ReactNode }) {
  return (
    <div className={styles.figure}>
      <dt>{props.label}</dt>
      <dd>
        <strong>{props.value}</strong>
        {props.note && <span>{props.note}</span>}
      </dd>
    </div>
  );
}

export function NoAnswer(props: { text: string; hint?: string }) {
  return (
    <div className={styles.noAnswer}>
      <p>{props.text}</p>
      {props.hint && <p className={styles.quiet}>{props.hint}</p>}
    </div>
  );
}

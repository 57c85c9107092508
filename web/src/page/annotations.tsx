import { ActionIcon, Button } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useWords } from '../i18n';
import { civilIn } from '../logic/dates';
import { marksOf, type Annotation, type Mark } from '../logic/saved';
import { useChanges, useSaved } from '../use_saved';
import { Dialog } from './dialog';
import { FailureText } from './failure';
import { CrossIcon } from './icons';
import styles from './saved.module.css';

/** Annotations that touch a chart's intervals. They are an addition: without them the chart stands. */
export function useMarks(project: string, intervals: readonly string[], end: string, timezone: string): Mark[] {
  const saved = useSaved(project, 'annotations');
  return useMemo(
    () => marksOf(saved.data ?? [], intervals, end, timezone),
    [saved.data, intervals, end, timezone],
  );
}

function AddForm(props: { project: string; day: string; close: () => void }) {
  const { t } = useWords();
  const { make } = useChanges(props.project, 'annotations');
  const [from, setFrom] = useState(props.day);
  const [to, setTo] = useState('');
  const [text, setText] = useState('');
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        const time = to && to !== from ? { from, to } : { at: from };
        void make.mutateAsync({ ...time, text: text.trim() }).then(props.close, () => undefined);
      }}
    >
      <div className={styles.pair}>
        <label>
          <span>{t('notes.day')}</span>
          <input type="date" required value={from} onChange={(event) => setFrom(event.target.value)} />
        </label>
        <label>
          <span>{t('notes.until')}</span>
          <input type="date" value={to} min={from} onChange={(event) => setTo(event.target.value)} />
        </label>
      </div>
      <label>
        <span>{t('notes.text')}</span>
        <input value={text} required maxLength={300} data-autofocus onChange={(event) => setText(event.target.value)} />
      </label>
      <FailureText error={make.error} />
      <Button type="submit" loading={make.isPending}>
        {t('saved.save')}
      </Button>
    </form>
  );
}

/** The annotations below a chart, by the numbers that stand in it. */
export function Notes(props: { project: string; marks: readonly Mark[]; day: string; timezone: string }) {
  const { t, format } = useWords();
  const { remove } = useChanges(props.project, 'annotations');
  const [adding, setAdding] = useState(false);
  const dayOf = (moment: string) =>
    format.date(moment.length > 10 ? civilIn(props.timezone, Date.parse(moment)) : moment);
  const timeOf = ({ at, from, to }: Annotation) =>
    at !== undefined ? dayOf(at) : `${dayOf(from ?? '')} – ${dayOf(to ?? '')}`;
  return (
    <>
      <ul className={styles.notes} aria-label={t('notes.title')}>
        {props.marks.map(({ annotation }, i) => (
          <li key={annotation.id} data-note={annotation.text}>
            <b>{format.count(i + 1)}</b>
            <span>
              {timeOf(annotation)}: {annotation.text}
            </span>
            <ActionIcon
              variant="subtle"
              color="gray"
              size={24}
              aria-label={`${t('saved.remove')}: ${annotation.text}`}
              title={t('saved.remove')}
              onClick={() => remove.mutate(annotation.id)}
            >
              <CrossIcon />
            </ActionIcon>
          </li>
        ))}
        <li>
          <Button size="compact-sm" variant="default" onClick={() => setAdding(true)}>
            {t('notes.add')}
          </Button>
        </li>
      </ul>
      <FailureText error={remove.error} />
      {adding && (
        <Dialog title={t('notes.add')} onClose={() => setAdding(false)}>
          {(close) => <AddForm project={props.project} day={props.day} close={close} />}
        </Dialog>
      )}
    </>
  );
}

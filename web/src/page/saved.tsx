import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { api } from '../api';
import { useWords } from '../i18n';
import type { SavedInsight } from '../logic/saved';
import { useChanges, useSaved } from '../use_saved';
import { AnyAnswer } from './answer';
import { Dialog } from './dialog';
import { FailureNote, FailureText } from './failure';
import { LoadingBlock } from './loading';
import styles from './saved.module.css';
import page from './page.module.css';

/** Title of a page, and what can be done on it. */
export function PageHead(props: { title: string; children?: ReactNode }) {
  return (
    <div className={styles.head}>
      <h2>{props.title}</h2>
      {props.children && <div className={styles.headTools}>{props.children}</div>}
    </div>
  );
}

/** Asks before something is removed for good. */
export function RemoveButton(props: {
  name: string;
  onRemove: () => void;
  children: ReactNode;
  'aria-label'?: string;
}) {
  const { t } = useWords();
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        aria-label={props['aria-label']}
        onClick={() => setAsking(true)}
      >
        {props.children}
      </Button>
      {asking && (
        <Dialog title={t('saved.removeTitle')} onClose={() => setAsking(false)}>
          {(close) => (
            <div className={styles.form}>
              <p>{t('saved.removeSure', { name: props.name })}</p>
              <Button
                color="red"
                onClick={() => {
                  props.onRemove();
                  close();
                }}
              >
                {t('saved.remove')}
              </Button>
            </div>
          )}
        </Dialog>
      )}
    </>
  );
}

function Opened(props: { project: string; insight: SavedInsight }) {
  const { project, insight } = props;
  const asked = useQuery({
    queryKey: ['insight', project, insight.id, insight.version],
    queryFn: ({ signal }) => api.insightAnswer(project, insight.id, signal),
  });
  return (
    <div className={styles.inside} aria-busy={asked.isFetching}>
      {asked.error ? (
        <FailureNote error={asked.error} retry={() => void asked.refetch()} />
      ) : asked.data ? (
        <AnyAnswer {...asked.data} name={insight.name} />
      ) : (
        <LoadingBlock height={220} />
      )}
    </div>
  );
}

function Row(props: { project: string; insight: SavedInsight; onRemove: () => void }) {
  const { t, format } = useWords();
  const [open, setOpen] = useState(false);
  const { insight } = props;
  return (
    <li className={styles.item} data-saved={insight.name}>
      <div className={styles.row}>
        <div>
          <h3>{insight.name}</h3>
          <p className={page.quiet}>
            {t('saved.about', {
              insight: insight.question.insight,
              date: format.date(insight.changed.slice(0, 10)),
            })}
          </p>
        </div>
        <div className={styles.actions}>
          <Button
            size="compact-sm"
            variant="default"
            aria-expanded={open}
            aria-label={`${t(open ? 'saved.hide' : 'saved.show')}: ${insight.name}`}
            onClick={() => setOpen(!open)}
          >
            {t(open ? 'saved.hide' : 'saved.show')}
          </Button>
          <RemoveButton
            name={insight.name}
            aria-label={`${t('saved.remove')}: ${insight.name}`}
            onRemove={props.onRemove}
          >
            {t('saved.remove')}
          </RemoveButton>
        </div>
      </div>
      {open && <Opened project={props.project} insight={insight} />}
    </li>
  );
}

/** All saved insights; each can be asked where it stands. */
export function SavedPage(props: { project: string }) {
  const { t } = useWords();
  const saved = useSaved(props.project, 'insights');
  const { remove } = useChanges(props.project, 'insights');
  return (
    <>
      <PageHead title={t('saved.title')} />
      <FailureText error={remove.error} />
      {saved.error ? (
        <FailureNote error={saved.error} retry={() => void saved.refetch()} />
      ) : !saved.data ? (
        <LoadingBlock height={200} />
      ) : saved.data.length === 0 ? (
        <p className={page.noAnswer}>{t('saved.none')}</p>
      ) : (
        <ul className={styles.list}>
          {saved.data.map((insight) => (
            <Row
              key={insight.id}
              project={props.project}
              insight={insight}
              onRemove={() => remove.mutate(insight.id)}
            />
          ))}
        </ul>
      )}
    </>
  );
}

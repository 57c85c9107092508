import { CloseButton } from '@mantine/core';
import { useEffect, useId, useRef } from 'react';
import { queryPath } from '../api';
import { useWords } from '../i18n';
import type { Question } from '../logic/questions';
import { CopyBlock } from './copy';
import styles from './page.module.css';

/**
 * The question behind a chart, to copy. The browser's own dialog: it keeps the focus, closes on
 * Escape, gives the focus back, and needs no <style> element, which the page's policy refuses.
 */
export function QuestionDialog(props: {
  project: string;
  question: Question;
  onClose: () => void;
}) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={titleId}
      onClose={props.onClose}
      onClick={(event) => {
        // The backdrop belongs to the dialog; its content lies in the element inside.
        if (event.target === dialog.current) dialog.current.close();
      }}
    >
      <div className={styles.dialogBody}>
        <div className={styles.dialogHead}>
          <h2 id={titleId}>{t('card.questionTitle')}</h2>
          <CloseButton aria-label={t('card.close')} onClick={() => dialog.current?.close()} />
        </div>
        <p className={styles.quiet}>
          {t('card.questionIntro', { path: `POST ${queryPath(props.project)}` })}
        </p>
        <CopyBlock text={JSON.stringify(props.question, null, 2)} label={t('card.questionTitle')} />
      </div>
    </dialog>
  );
}

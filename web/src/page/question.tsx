import { queryPath } from '../api';
import { useWords } from '../i18n';
import { CopyBlock } from './copy';
import { Dialog } from './dialog';
import styles from './page.module.css';

/** The question behind a chart, to copy. */
export function QuestionDialog(props: { project: string; question: object; onClose: () => void }) {
  const { t } = useWords();
  return (
    <Dialog title={t('card.questionTitle')} onClose={props.onClose}>
      {() => (
        <>
          <p className={styles.quiet}>
            {t('card.questionIntro', { path: `POST ${queryPath(props.project)}` })}
          </p>
          <CopyBlock
            text={JSON.stringify(props.question, null, 2)}
            label={t('card.questionTitle')}
          />
        </>
      )}
    </Dialog>
  );
}

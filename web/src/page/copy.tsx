import { Button } from '@mantine/core';
import { useClipboard } from '@mantine/hooks';
import { useWords } from '../i18n';
import { CheckIcon, CopyIcon } from './icons';
import styles from './page.module.css';

/** Text to take away: a command, a request, a question. */
export function CopyBlock(props: { text: string; label: string }) {
  const { t } = useWords();
  const clipboard = useClipboard({ timeout: 2_000 });
  return (
    <div className={styles.copyBlock}>
      <pre tabIndex={0} role="region" aria-label={props.label} lang="en">
        <code>{props.text}</code>
      </pre>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={clipboard.copied ? <CheckIcon /> : <CopyIcon />}
        onClick={() => clipboard.copy(props.text)}
      >
        <span aria-live="polite">{clipboard.copied ? t('copy.copied') : t('copy.copy')}</span>
      </Button>
    </div>
  );
}

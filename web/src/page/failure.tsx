import { Button } from '@mantine/core';
import { Component, type ReactNode } from 'react';
import { Failure } from '../api';
import { useWords } from '../i18n';
import styles from './page.module.css';

/** Title, sentence, hint and place of a failure; nothing where there is none. */
export function FailureText(props: { error: unknown; children?: ReactNode }) {
  const { t } = useWords();
  if (!props.error) return null;
  const failure = props.error instanceof Failure ? props.error : null;
  const message =
    failure?.message ||
    (failure?.code === 'network'
      ? t('error.network')
      : failure?.code === 'not_json'
        ? t('error.notJson')
        : t('error.status', { status: failure?.status ?? '?' }));
  const hint = failure?.hint ?? (failure?.code === 'network' ? t('error.networkHint') : undefined);
  return (
    <div className={styles.failure} role="alert">
      <p className={styles.failureTitle}>
        {failure?.status === 412 || failure?.status === 409
          ? t('error.notSaved')
          : t('error.title')}
      </p>
      {/* The server speaks English; a screen reader should too when it reads this out. */}
      <p lang={failure?.message ? 'en' : undefined}>{message}</p>
      {hint && (
        <p className={styles.failureHint} lang={failure?.hint ? 'en' : undefined}>
          {hint}
        </p>
      )}
      {failure?.status === 422 && <p className={styles.failureHint}>{t('error.choose')}</p>}
      {failure?.at && (
        <p className={styles.failureHint}>
          <code>{failure.at}</code>
        </p>
      )}
      {props.children}
    </div>
  );
}

export function FailureNote(props: { error: unknown; retry: () => void }) {
  const { t } = useWords();
  return (
    <FailureText error={props.error}>
      <Button size="compact-sm" variant="default" onClick={props.retry}>
        {t('card.retry')}
      </Button>
    </FailureText>
  );
}

function Crash(props: { message: string }) {
  const { t } = useWords();
  return (
    <main className={styles.main}>
      <div className={styles.failure} role="alert">
        <p className={styles.failureTitle}>{t('error.crash')}</p>
        <p>{props.message}</p>
        <p className={styles.failureHint}>{t('error.crashHint')}</p>
        <Button size="compact-sm" variant="default" onClick={() => window.location.reload()}>
          {t('error.reload')}
        </Button>
      </div>
    </main>
  );
}

/** A fault of ours in one place leaves a sentence, not a white page. */
export class Fence extends Component<{ children: ReactNode }, { message: string | null }> {
  override state = { message: null };

  static getDerivedStateFromError(error: unknown) {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    return this.state.message === null ? this.props.children : <Crash message={this.state.message} />;
  }
}

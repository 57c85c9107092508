import { Skeleton } from '@mantine/core';
import { useWords } from '../i18n';
import styles from './page.module.css';

export function LoadingBlock(props: { height: number }) {
  const { t } = useWords();
  return (
    <div role="status" className={styles.skeleton}>
      <span className="visually-hidden">{t('app.loading')}</span>
      <Skeleton height={20} width="40%" />
      <Skeleton height={props.height} />
    </div>
  );
}

export function LoadingPage(props: { bare?: boolean }) {
  const { t } = useWords();
  const body = (
    <div role="status" className={styles.skeleton}>
      <span className="visually-hidden">{t('app.loading')}</span>
      <Skeleton height={44} />
      <Skeleton height={420} />
      <Skeleton height={320} />
    </div>
  );
  return props.bare ? body : <main className={styles.main}>{body}</main>;
}

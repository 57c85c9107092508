import { useWords } from '../i18n';
import { CopyBlock } from './copy';
import { LanguageSwitch, SchemeMenu } from './header';
import { Mark } from './icons';
import styles from './page.module.css';

export function SignIn() {
  const { t } = useWords();
  // The server answers a link that it no longer takes with this page.
  const old = window.location.pathname === '/signin';
  return (
    <main className={styles.alone}>
      <div className={styles.aloneCard}>
        <p className={styles.brand}>
          <Mark size={36} />
          <span>Tenure</span>
        </p>
        <p className={styles.tagline}>{t('app.tagline')}</p>
        <h1>{t(old ? 'signin.oldTitle' : 'signin.title')}</h1>
        <p>{t(old ? 'signin.oldBody' : 'signin.body')}</p>
        <CopyBlock text="tenure signin" label={t('signin.title')} />
        <p className={styles.quiet}>{t('signin.note')}</p>
        <div className={styles.aloneFoot}>
          <LanguageSwitch />
          <SchemeMenu />
        </div>
      </div>
    </main>
  );
}

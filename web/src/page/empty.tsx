import { Button } from '@mantine/core';
import type { Project } from '../api';
import { useWords } from '../i18n';
import { CopyBlock } from './copy';
import type { Change } from '../use_view';
import styles from './page.module.css';

export function EmptyState(props: { project: string }) {
  const { t } = useWords();
  const project = /^[\w.-]+$/.test(props.project)
    ? props.project
    : `'${props.project.replaceAll("'", "'\\''")}'`;
  const curl = [
    `curl ${window.location.origin}/api/v1/events \\`,
    `  -H 'Authorization: Bearer WRITE_KEY' \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d '{"events":[{"event":"Signed Up","person":"u_1"}]}'`,
  ].join('\n');
  return (
    <section className={styles.empty} aria-labelledby="empty-title">
      <h1 id="empty-title">{t('empty.title')}</h1>
      <p>{t('empty.body')}</p>
      <h2>{t('empty.import')}</h2>
      <CopyBlock text={`tenure import events.jsonl --project ${project}`} label={t('empty.import')} />
      <p className={styles.quiet}>{t('empty.importNote')}</p>
      <h2>{t('empty.send')}</h2>
      <CopyBlock text={curl} label={t('empty.send')} />
      <p className={styles.quiet}>{t('empty.sendNote')}</p>
      <p className={styles.waiting} role="status">
        <span aria-hidden="true" />
        {t('empty.waiting')}
      </p>
    </section>
  );
}

/** An address of a project that is not here: say so, rather than show another one's numbers. */
export function UnknownProject(props: {
  name: string;
  projects: readonly Project[];
  change: Change;
}) {
  const { t } = useWords();
  return (
    <section className={styles.empty} aria-labelledby="unknown-title">
      <h1 id="unknown-title">{t('unknown.title', { name: props.name })}</h1>
      <p>{t(props.projects.length > 0 ? 'unknown.body' : 'unknown.none')}</p>
      <p className={styles.more}>
        {props.projects.map((project) => (
          <Button
            key={project.name}
            size="compact-sm"
            variant="default"
            onClick={() => props.change({ project: project.name })}
          >
            {project.name}
          </Button>
        ))}
      </p>
    </section>
  );
}

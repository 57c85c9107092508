import {
  ActionIcon,
  Menu,
  Select,
  useMantineColorScheme,
  type MantineColorScheme,
} from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, Failure, type Project } from '../api';
import { setLanguage, useWords } from '../i18n';
import { formatView, PAGES, type View } from '../logic/view';
import type { Change } from '../use_view';
import { CheckIcon, LeaveIcon, Mark, MoonIcon, ScreenIcon, SunIcon } from './icons';
import styles from './page.module.css';
import { Pills } from './pills';
import saved from './saved.module.css';

export function LanguageSwitch() {
  const { t, language } = useWords();
  return (
    <Pills
      label={t('header.language')}
      hideLabel
      value={language}
      options={[
        { value: 'en', label: 'EN', title: 'English', lang: 'en' },
        { value: 'th', label: 'ไทย', title: 'ภาษาไทย', lang: 'th' },
      ]}
      onChange={(value) => setLanguage(value)}
    />
  );
}

const SCHEMES = [
  { value: 'light', key: 'header.scheme.light', icon: SunIcon },
  { value: 'dark', key: 'header.scheme.dark', icon: MoonIcon },
  { value: 'auto', key: 'header.scheme.auto', icon: ScreenIcon },
] as const;

export function SchemeMenu() {
  const { t } = useWords();
  // Without keepTransitions Mantine would add a <style> element, which the page's policy refuses.
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const now = SCHEMES.find((s) => s.value === colorScheme) ?? SCHEMES[2];
  return (
    <Menu position="bottom-end" width={210} shadow="md" transitionProps={{ duration: 0 }}>
      <Menu.Target>
        <ActionIcon
          variant="default"
          size={34}
          aria-label={`${t('header.scheme')}: ${t(now.key)}`}
          title={`${t('header.scheme')}: ${t(now.key)}`}
        >
          <now.icon />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown aria-label={t('header.scheme')}>
        <Menu.RadioGroup
          value={colorScheme}
          onChange={(value) => setColorScheme(value as MantineColorScheme)}
        >
          {SCHEMES.map((scheme) => (
            <Menu.RadioItem
              key={scheme.value}
              value={scheme.value}
              closeMenuOnClick
              rightSection={<scheme.icon />}
              checkIcon={<CheckIcon />}
            >
              {t(scheme.key)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}

/** The pages of a project; a page keeps what it covers when one comes back to it. */
function Pages(props: { view: View; change: Change }) {
  const { t } = useWords();
  const { view, change } = props;
  return (
    <nav className={saved.nav} aria-label={t('nav.label')}>
      {PAGES.map((page) => (
        <a
          key={page}
          href={formatView({ ...view, page, board: undefined }) || '/'}
          aria-current={view.page === page ? 'page' : undefined}
          onClick={(event) => {
            if (event.metaKey || event.ctrlKey || event.shiftKey) return;
            event.preventDefault();
            change({ page, board: undefined });
          }}
        >
          {t(`nav.${page}`)}
        </a>
      ))}
    </nav>
  );
}

export function Header(props: {
  project: Project | undefined;
  projects: readonly Project[];
  view: View;
  change: Change;
}) {
  const { t, format } = useWords();
  const { project, projects } = props;
  const queries = useQueryClient();
  const [stillIn, setStillIn] = useState(false);
  const signOut = async () => {
    try {
      await api.signOut();
    } catch (error) {
      // Without a session there is nothing to end; all else leaves this browser signed in.
      if (!(error instanceof Failure && error.status === 401)) {
        setStillIn(true);
        return;
      }
    }
    queries.clear();
    window.location.assign('/');
  };
  return (
    <header className={styles.header}>
      <div className={styles.headerInner}>
        <a className={styles.brand} href="/">
          <Mark />
          <span>Tenure</span>
        </a>
        <div className={styles.project}>
          {projects.length > 1 && project ? (
            <>
              <h1 className="visually-hidden">{project.name}</h1>
              <Select
                aria-label={t('header.project')}
                className={styles.projectSelect ?? ''}
                size="xs"
                data={projects.map((p) => p.name)}
                value={project.name}
                allowDeselect={false}
                onChange={(name) =>
                  props.change({
                    project: name ?? undefined,
                    board: undefined,
                    timezone: undefined,
                    start: undefined,
                    back: undefined,
                    steps: undefined,
                    event: undefined,
                    by: undefined,
                  })
                }
              />
            </>
          ) : (
            project && <h1 className={styles.projectName}>{project.name}</h1>
          )}
          {project?.simulated && (
            <span className={styles.badge} title={t('header.simulatedHint')}>
              {t('header.simulated')}
            </span>
          )}
          {project && project.events > 0 && (
            <span className={styles.summary}>
              {t('header.summary', {
                events: format.count(project.events),
                people: format.count(project.people),
              })}
            </span>
          )}
        </div>
        <div className={styles.headerTools}>
          <LanguageSwitch />
          <SchemeMenu />
          <ActionIcon
            variant="default"
            size={34}
            aria-label={t('header.signOut')}
            title={t('header.signOut')}
            onClick={() => void signOut()}
          >
            <LeaveIcon />
          </ActionIcon>
        </div>
      </div>
      {project && project.events > 0 && <Pages view={props.view} change={props.change} />}
      {stillIn && (
        <p className={styles.headerNote} role="alert">
          {t('header.signOutFailed')}
        </p>
      )}
    </header>
  );
}

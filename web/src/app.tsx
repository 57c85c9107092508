import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo } from 'react';
import { api, Failure, type Definitions, type Me, type Project } from './api';
import { useWords } from './i18n';
import { pickDefaults } from './logic/defaults';
import { resolveRange } from './logic/range';
import { AlertsPage } from './page/alerts';
import { BoardsPage } from './page/boards';
import { EmptyState, UnknownProject } from './page/empty';
import { FailureNote } from './page/failure';
import { FunnelCard } from './page/funnel';
import { Header } from './page/header';
import { ImpactCard } from './page/impact';
import { LifecycleCard } from './page/lifecycle';
import { LoadingPage } from './page/loading';
import styles from './page/page.module.css';
import { RetentionCard } from './page/retention';
import { SavedPage } from './page/saved';
import { Search } from './page/search';
import { SignIn } from './page/signin';
import { Toolbar } from './page/toolbar';
import { TrendCard } from './page/trend';
import { useView, type Change } from './use_view';
import type { View } from './logic/view';

/** The project of the address; without one, the first that has something to show. */
function shownOf(me: Me, view: View): Project | undefined {
  if (view.project !== undefined) return me.projects.find((p) => p.name === view.project);
  return me.projects.find((p) => p.events > 0) ?? me.projects[0];
}

export function App() {
  const { t } = useWords();
  const [view, change] = useView();
  const me = useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => api.me(signal),
    // Somebody who signed in elsewhere comes back to a page that knows.
    refetchOnWindowFocus: true,
    // An empty project is asked again, so that the first events show by themselves.
    refetchInterval: (query) =>
      query.state.data && !(shownOf(query.state.data, view)?.events ?? 0) ? 5_000 : false,
  });
  const isIn = me.data !== undefined;
  useEffect(() => {
    // An old link in a browser that is signed in already.
    if (isIn && window.location.pathname === '/signin') window.history.replaceState(null, '', '/');
  }, [isIn]);

  if (me.error instanceof Failure && me.error.status === 401) return <SignIn />;
  if (me.isPending) return <LoadingPage />;
  const projects = me.data?.projects ?? [];
  const project = me.data && shownOf(me.data, view);
  const unknown = me.data && view.project !== undefined && !project ? view.project : undefined;
  return (
    <>
      <a className="skip" href="#charts">
        {t('app.skip')}
      </a>
      <Header project={project} projects={projects} view={view} change={change} />
      <main id="charts" className={styles.main} tabIndex={-1}>
        {me.error ? (
          <FailureNote error={me.error} retry={() => void me.refetch()} />
        ) : unknown !== undefined ? (
          <UnknownProject name={unknown} projects={projects} change={change} />
        ) : project && project.events > 0 ? (
          <Page key={project.name} project={project} view={view} change={change} />
        ) : (
          <EmptyState project={project?.name ?? 'main'} />
        )}
      </main>
    </>
  );
}

function Page(props: { project: Project; view: View; change: Change }) {
  const { project, view, change } = props;
  switch (view.page) {
    case 'saved':
      return <SavedPage project={project.name} />;
    case 'boards':
      return <BoardsPage project={project.name} view={view} change={change} />;
    case 'alerts':
      return <AlertsPage project={project.name} />;
    case 'charts':
      return <Charts {...props} />;
  }
}

function Charts(props: { project: Project; view: View; change: Change }) {
  const { project } = props;
  const definitions = useQuery({
    queryKey: ['definitions', project.name],
    queryFn: ({ signal }) => api.definitions(project.name, signal),
  });
  if (definitions.error) {
    return <FailureNote error={definitions.error} retry={() => void definitions.refetch()} />;
  }
  if (!definitions.data) return <LoadingPage bare />;
  return <ChartPage {...props} definitions={definitions.data} />;
}

function ChartPage(props: {
  project: Project;
  view: View;
  change: Change;
  definitions: Definitions;
}) {
  const { project, view, change, definitions } = props;
  const defaults = useMemo(() => pickDefaults(definitions.events), [definitions]);
  const timezone = view.timezone ?? project.timezone;
  // "Now" moves with the view, not with the clock: the same question keeps its answer in the cache.
  const span = useMemo(
    () => resolveRange(view.range, view.interval, project, timezone, Date.now()),
    [view.range, view.interval, project, timezone],
  );
  const shared = { project, view, change, definitions, defaults, span, timezone };
  return (
    <>
      <Search project={project.name} />
      <Toolbar project={project} view={view} change={change} span={span} timezone={timezone} />
      <div className={styles.cards}>
        <RetentionCard {...shared} />
        <FunnelCard {...shared} />
        <TrendCard {...shared} />
        <LifecycleCard {...shared} />
        <ImpactCard {...shared} />
      </div>
    </>
  );
}

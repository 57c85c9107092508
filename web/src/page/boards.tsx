import { ActionIcon, Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api';
import { useWords } from '../i18n';
import { movedTile, WIDTHS, widthOf, type Board, type Tile } from '../logic/saved';
import { formatView, type View } from '../logic/view';
import type { Change } from '../use_view';
import { useChanges, useSaved } from '../use_saved';
import { AnyAnswer } from './answer';
import { Dialog } from './dialog';
import { FailureNote, FailureText } from './failure';
import { BackIcon, CrossIcon, ForthIcon, WidthIcon } from './icons';
import { LoadingBlock } from './loading';
import page from './page.module.css';
import { Pills } from './pills';
import { PageHead, RemoveButton } from './saved';
import styles from './saved.module.css';

const LASTS = ['own', '30d', '12w', '6mo', '12mo'] as const;
type Last = (typeof LASTS)[number];

function NameForm(props: { label: string; pending: boolean; error: unknown; save: (name: string) => void }) {
  const { t } = useWords();
  const [name, setName] = useState('');
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        props.save(name.trim());
      }}
    >
      <label>
        <span>{t('saved.name')}</span>
        <input
          value={name}
          required
          maxLength={100}
          data-autofocus
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <FailureText error={props.error} />
      <Button type="submit" loading={props.pending}>
        {props.label}
      </Button>
    </form>
  );
}

function AddTile(props: { project: string; board: Board; change: (tiles: Tile[]) => Promise<unknown>; error: unknown }) {
  const { t } = useWords();
  const [opened, setOpened] = useState(false);
  const [insight, setInsight] = useState('');
  const [text, setText] = useState('');
  const saved = useSaved(props.project, 'insights');
  return (
    <>
      <Button size="compact-sm" variant="default" onClick={() => setOpened(true)}>
        {t('boards.add')}
      </Button>
      {opened && (
        <Dialog title={t('boards.add')} onClose={() => setOpened(false)}>
          {(close) => (
            <form
              className={styles.form}
              onSubmit={(event) => {
                event.preventDefault();
                const words = text.trim();
                const added: Tile[] = [
                  ...(insight ? [{ insight, w: 6 }] : []),
                  ...(words ? [{ text: words, w: 12 }] : []),
                ];
                if (added.length === 0) return;
                void props.change([...props.board.tiles, ...added]).then(
                  () => {
                    setInsight('');
                    setText('');
                    close();
                  },
                  () => undefined, // shown below
                );
              }}
            >
              <label>
                <span>{t('boards.insight')}</span>
                <select value={insight} onChange={(event) => setInsight(event.target.value)}>
                  <option value="">{t('boards.choose')}</option>
                  {(saved.data ?? []).map((s) => (
                    <option key={s.id} value={s.id}>
                      {s.name}
                    </option>
                  ))}
                </select>
              </label>
              <label>
                <span>{t('boards.text')}</span>
                <textarea value={text} maxLength={2000} onChange={(event) => setText(event.target.value)} />
              </label>
              <FailureText error={props.error} />
              <Button type="submit">{t('boards.addThis')}</Button>
            </form>
          )}
        </Dialog>
      )}
    </>
  );
}

function TileBody(props: { project: string; board: Board; tile: Tile; name: string; last: Last }) {
  const { project, board, tile, last } = props;
  const asked = useQuery({
    queryKey: ['tile', project, board.id, board.version, tile.id, last],
    queryFn: ({ signal }) =>
      api.tile(project, board.id, tile.id ?? '', last === 'own' ? undefined : last, signal),
    enabled: tile.text === undefined,
  });
  if (tile.text !== undefined) return <p className={styles.words}>{tile.text}</p>;
  if (asked.error) return <FailureNote error={asked.error} retry={() => void asked.refetch()} />;
  if (!asked.data) return <LoadingBlock height={220} />;
  const { answer, question, error } = asked.data;
  if (!answer || !question) {
    return (
      <div className={page.failure} role="alert">
        <p lang="en">{error?.message}</p>
        {error?.at && <code>{error.at}</code>}
      </div>
    );
  }
  return <AnyAnswer question={question} answer={answer} name={props.name} />;
}

function TileBox(props: {
  project: string;
  board: Board;
  at: number;
  last: Last;
  names: Map<string, string>;
  change: (tiles: Tile[]) => Promise<unknown>;
}) {
  const { t, format } = useWords();
  const { board, at } = props;
  const tile = board.tiles[at] ?? {};
  const name =
    tile.title ??
    (tile.insight !== undefined && props.names.get(tile.insight)) ??
    tile.question?.insight;
  const title = name || t(tile.text === undefined ? 'boards.tile' : 'boards.note', { number: format.count(at + 1) });
  const apply = (tiles: Tile[]) => void props.change(tiles).catch(() => undefined);
  const width = widthOf(tile);
  const wider = WIDTHS[(WIDTHS.findIndex((w) => w >= width) + 1) % WIDTHS.length] ?? 6;
  const tools = [
    { key: 'boards.earlier', icon: <BackIcon />, off: at === 0, run: () => apply(movedTile(board.tiles, at, -1)) },
    {
      key: 'boards.later',
      icon: <ForthIcon />,
      off: at === board.tiles.length - 1,
      run: () => apply(movedTile(board.tiles, at, 1)),
    },
    {
      key: 'boards.width',
      icon: <WidthIcon />,
      off: false,
      run: () => apply(board.tiles.map((other, i) => (i === at ? { ...other, w: wider } : other))),
    },
    {
      key: 'boards.take',
      icon: <CrossIcon />,
      off: false,
      run: () => apply(board.tiles.filter((_, i) => i !== at)),
    },
  ] as const;
  return (
    <li className={styles.tile} data-width={width} data-tile={tile.id}>
      <div className={styles.tileHead}>
        <h3 className={tile.text !== undefined && !tile.title ? 'visually-hidden' : undefined}>{title}</h3>
        <div className={styles.tileTools}>
          {tools.map((tool) => (
            <ActionIcon
              key={tool.key}
              variant="subtle"
              color="gray"
              size={30}
              disabled={tool.off}
              aria-label={`${t(tool.key)}: ${title}`}
              title={t(tool.key)}
              onClick={tool.run}
            >
              {tool.icon}
            </ActionIcon>
          ))}
        </div>
      </div>
      <div className={styles.tileBody}>
        <TileBody project={props.project} board={board} tile={tile} name={title} last={props.last} />
      </div>
    </li>
  );
}

function BoardView(props: { project: string; board: Board; change: Change }) {
  const { t } = useWords();
  const { project, board } = props;
  const [last, setLast] = useState<Last>('own');
  const saved = useSaved(project, 'insights');
  const { replace, remove } = useChanges(project, 'dashboards');
  const change = (tiles: Tile[]) => replace.mutateAsync({ ...board, tiles });
  const names = new Map((saved.data ?? []).map((s) => [s.id, s.name]));
  return (
    <>
      <PageHead title={board.name}>
        <Pills<Last>
          label={t('toolbar.range')}
          value={last}
          options={LASTS.map((value) => ({
            value,
            label: value === 'own' ? t('boards.own') : t(`range.${value}`),
          }))}
          onChange={setLast}
        />
        <AddTile project={project} board={board} change={change} error={replace.error} />
        <RemoveButton
          name={board.name}
          onRemove={() =>
            void remove.mutateAsync(board.id).then(
              () => props.change({ board: undefined }),
              () => undefined,
            )
          }
        >
          {t('boards.remove')}
        </RemoveButton>
      </PageHead>
      <FailureText error={replace.error ?? remove.error} />
      {board.tiles.length === 0 ? (
        <p className={page.noAnswer}>{t('boards.empty')}</p>
      ) : (
        <ul className={styles.tiles}>
          {board.tiles.map((tile, at) => (
            <TileBox
              key={tile.id}
              project={project}
              board={board}
              at={at}
              last={last}
              names={names}
              change={change}
            />
          ))}
        </ul>
      )}
    </>
  );
}

/** The dashboards of a project, or the one that is open. */
export function BoardsPage(props: { project: string; view: View; change: Change }) {
  const { t, plural } = useWords();
  const { project, view, change } = props;
  const boards = useSaved(project, 'dashboards');
  const { make } = useChanges(project, 'dashboards');
  const [naming, setNaming] = useState(false);
  if (boards.error) return <FailureNote error={boards.error} retry={() => void boards.refetch()} />;
  if (!boards.data) return <LoadingBlock height={240} />;
  const open = boards.data.find((b) => b.id === view.board);
  if (open) return <BoardView key={open.id} project={project} board={open} change={change} />;
  return (
    <>
      <PageHead title={t('boards.title')}>
        <Button size="compact-sm" variant="default" onClick={() => setNaming(true)}>
          {t('boards.make')}
        </Button>
      </PageHead>
      {boards.data.length === 0 && <p className={page.noAnswer}>{t('boards.none')}</p>}
      <ul className={styles.list}>
        {boards.data.map((board) => (
          <li key={board.id} className={styles.item}>
            <h3 className={styles.row}>
              <a
                href={formatView({ ...view, board: board.id })}
                onClick={(event) => {
                  if (event.metaKey || event.ctrlKey || event.shiftKey) return;
                  event.preventDefault();
                  change({ board: board.id });
                }}
              >
                {board.name}
              </a>
            </h3>
            <p className={page.quiet}>{plural('boards.tiles', board.tiles.length)}</p>
          </li>
        ))}
      </ul>
      {naming && (
        <Dialog title={t('boards.make')} onClose={() => setNaming(false)}>
          {(close) => (
            <NameForm
              label={t('saved.save')}
              pending={make.isPending}
              error={make.error}
              save={(name) =>
                void make.mutateAsync({ name, tiles: [] }).then(
                  (made) => {
                    close();
                    change({ board: made.id });
                  },
                  () => undefined,
                )
              }
            />
          )}
        </Dialog>
      )}
    </>
  );
}

import { ActionIcon, Button } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useState } from 'react';
import { useWords } from '../i18n';
import { keptQuestion } from '../logic/saved';
import type { Range } from '../logic/view';
import { useChanges, useSaved } from '../use_saved';
import { Dialog } from './dialog';
import { FailureText } from './failure';
import { BookmarkIcon } from './icons';
import styles from './saved.module.css';

interface Props {
  project: string;
  question: object;
  range: Range;
  /** What the card is called: the first proposal for a name. */
  title: string;
}

function SaveForm(props: Props & { close: () => void }) {
  const { t } = useWords();
  const [name, setName] = useState(props.title);
  const [board, setBoard] = useState('');
  const boards = useSaved(props.project, 'dashboards');
  const insights = useChanges(props.project, 'insights');
  const tiles = useChanges(props.project, 'dashboards');
  const save = async () => {
    const question = keptQuestion(props.question, props.range);
    const made = await insights.make.mutateAsync({ name: name.trim(), question });
    const chosen = boards.data?.find((b) => b.id === board);
    if (chosen) {
      await tiles.replace.mutateAsync({
        ...chosen,
        tiles: [...chosen.tiles, { insight: made.id, w: 6 }],
      });
    }
    props.close();
  };
  const error = insights.make.error ?? tiles.replace.error;
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        void save().catch(() => undefined); // shown below
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
      {boards.data && boards.data.length > 0 && (
        <label>
          <span>{t('saved.toBoard')}</span>
          <select value={board} onChange={(event) => setBoard(event.target.value)}>
            <option value="">{t('saved.noBoard')}</option>
            {boards.data.map((b) => (
              <option key={b.id} value={b.id}>
                {b.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <FailureText error={error} />
      <Button type="submit" loading={insights.make.isPending || tiles.replace.isPending}>
        {t('saved.save')}
      </Button>
    </form>
  );
}

/** Keeps the question of a card under a name, and puts it on a dashboard. */
export function SaveButton(props: Props) {
  const { t } = useWords();
  const [opened, { open, close }] = useDisclosure(false);
  return (
    <>
      <ActionIcon
        variant="subtle"
        color="gray"
        size={34}
        aria-label={t('saved.saveInsight')}
        title={t('saved.saveInsight')}
        onClick={open}
      >
        <BookmarkIcon />
      </ActionIcon>
      {opened && (
        <Dialog title={t('saved.saveInsight')} onClose={close}>
          {(end) => <SaveForm {...props} close={end} />}
        </Dialog>
      )}
    </>
  );
}

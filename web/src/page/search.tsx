import { Button } from '@mantine/core';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { api } from '../api';
import { useWords } from '../i18n';
import { lineTable, remembered, type LineAnswer } from '../logic/lines';
import { FailureNote } from './failure';
import page from './page.module.css';
import styles from './search.module.css';
import table from './trend.module.css';

const STORE = 'tenure.lines';

function storedLines(): string[] {
  try {
    const kept: unknown = JSON.parse(window.localStorage.getItem(STORE) ?? '[]');
    return Array.isArray(kept) ? kept.filter((v): v is string => typeof v === 'string') : [];
  } catch {
    return []; // a browser without storage, or somebody else's value
  }
}

function storeLines(lines: string[]): void {
  try {
    window.localStorage.setItem(STORE, JSON.stringify(lines));
  } catch {
    // The history is a convenience: the answer comes without it.
  }
}

export function AnswerTable(props: { answer: LineAnswer }) {
  const { t, format } = useWords();
  const { head, rows, bars } = lineTable(props.answer);
  const top = Math.max(0, ...rows.map((row) => Number(row[bars] ?? 0)));
  if (rows.length === 0) return <p className={page.quiet}>{t('search.none')}</p>;
  return (
    <div className={table.tableScroll} tabIndex={0} role="region" aria-label={t('search.table')}>
      <table className={table.table}>
        <thead>
          <tr>
            {head.map((name, i) => (
              <th key={i} scope="col">
                {name}
              </th>
            ))}
            {top > 0 && <th scope="col">{t('search.bars', { name: head[bars] ?? '' })}</th>}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, r) => (
            <tr key={r}>
              {row.map((value, i) => {
                const shown =
                  typeof value === 'number'
                    ? format.count(Math.round(value * 1000) / 1000)
                    : String(value ?? '–');
                return i === 0 ? (
                  <th key={i} scope="row">
                    {shown}
                  </th>
                ) : (
                  <td key={i}>{shown}</td>
                );
              })}
              {top > 0 && (
                <td>
                  <svg className={styles.bar} viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                    <rect width={(100 * Math.max(0, Number(row[bars] ?? 0))) / top} height="10" />
                  </svg>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** A question as a line of words, and its answer below. */
export function Search(props: { project: string }) {
  const { t, format } = useWords();
  const [line, setLine] = useState('');
  const [said, setSaid] = useState('');
  const [lines, setLines] = useState(storedLines);
  const input = useId();
  const past = useId();
  const asked = useQuery({
    queryKey: ['line', props.project, said],
    queryFn: ({ signal }) => api.askLine(props.project, said, signal),
    enabled: said !== '',
    placeholderData: keepPreviousData,
    retry: false,
  });
  const submit = () => {
    const next = line.trim();
    if (next === '') {
      setSaid('');
      return;
    }
    const kept = remembered(lines, next);
    setLines(kept);
    storeLines(kept);
    if (next === said) void asked.refetch();
    else setSaid(next);
  };
  return (
    <section className={styles.search} data-card="search" aria-label={t('search.label')}>
      <form
        role="search"
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <label className={styles.field} htmlFor={input}>
          <span className={page.label}>{t('search.label')}</span>
          <input
            id={input}
            className={styles.input}
            type="text"
            list={past}
            value={line}
            autoComplete="off"
            spellCheck={false}
            lang="en"
            placeholder={'retention of "Signed Up" weekly 12'}
            onChange={(event) => setLine(event.target.value)}
          />
        </label>
        <datalist id={past}>
          {lines.map((other) => (
            <option key={other} value={other} />
          ))}
        </datalist>
        <Button type="submit" variant="default">
          {t('search.ask')}
        </Button>
      </form>
      {said !== '' && (
        <div aria-busy={asked.isFetching} className={styles.answer}>
          {asked.error ? (
            <FailureNote error={asked.error} retry={() => void asked.refetch()} />
          ) : (
            asked.data && (
              <>
                <AnswerTable answer={asked.data.answer} />
                <p className={page.cardFoot} role="status">
                  {t('card.answered', { time: format.milliseconds(asked.data.milliseconds) })}
                </p>
              </>
            )
          )}
        </div>
      )}
    </section>
  );
}

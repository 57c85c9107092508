import { useEffect, useId, useRef, useState, type KeyboardEvent, type SyntheticEvent } from 'react';
import { useWords } from '../i18n';
import { shadeOf, type GridCell, type RetentionAnswer } from '../logic/answers';
import type { Interval } from '../logic/dates';
import { SHADES } from '../theme/tokens';
import styles from './grid.module.css';

interface Row {
  start: string;
  size: number;
  cells: GridCell[];
}

interface Props {
  cohorts: Row[];
  average: RetentionAnswer['average'];
  interval: Interval;
  top: number;
}

interface Place {
  row: number;
  column: number;
}

interface Bubble extends Place {
  left: number;
  top: number;
}

const MOVES: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

function placeOf(target: EventTarget | null): { cell: HTMLElement; place: Place } | null {
  const cell = (target as HTMLElement | null)?.closest<HTMLElement>('[data-row]');
  if (!cell) return null;
  return { cell, place: { row: Number(cell.dataset.row), column: Number(cell.dataset.column) } };
}

/**
 * The shaded table. One cell takes part in the tab order, arrow keys move between cells (the grid
 * pattern of ARIA); row 0 is the average.
 */
export function RetentionGrid(props: Props) {
  const { t, plural, format } = useWords();
  const { cohorts, average, interval, top } = props;
  const periods = average.pooled.length;
  const table = useRef<HTMLTableElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const bubbleId = useId();
  const [active, setActive] = useState<Place>({ row: 0, column: 1 });
  const [bubble, setBubble] = useState<Bubble | null>(null);
  const home: Place = {
    row: Math.min(active.row, cohorts.length),
    column: Math.min(active.column, periods - 1),
  };

  useEffect(() => {
    setBubble(null);
  }, [cohorts, interval]);

  const explain = (event: SyntheticEvent) => {
    const found = placeOf(event.target);
    const box = frame.current?.getBoundingClientRect();
    if (!found || !box) {
      setBubble(null);
      return;
    }
    const cell = found.cell.getBoundingClientRect();
    const half = Math.min(130, box.width / 2);
    setBubble({
      ...found.place,
      left: Math.min(box.width - half, Math.max(half, cell.left + cell.width / 2 - box.left)),
      top: cell.top - box.top,
    });
  };

  const move = (event: KeyboardEvent) => {
    if (event.key === 'Escape') setBubble(null);
    const found = placeOf(event.target);
    if (!found) return;
    const by = MOVES[event.key];
    const next = { ...found.place };
    if (by) {
      next.row = Math.min(cohorts.length, Math.max(0, next.row + by[0]));
      next.column = Math.min(periods - 1, Math.max(1, next.column + by[1]));
    } else if (event.key === 'Home') {
      next.column = 1;
      if (event.ctrlKey) next.row = 0;
    } else if (event.key === 'End') {
      next.column = periods - 1;
      if (event.ctrlKey) next.row = cohorts.length;
    } else {
      return;
    }
    event.preventDefault();
    setActive(next);
    table.current
      ?.querySelector<HTMLElement>(`[data-row="${next.row}"][data-column="${next.column}"]`)
      ?.focus();
  };

  const sentence = (place: Place): string => {
    const later = plural(`retention.later.${interval}`, place.column);
    if (place.row === 0) {
      const ratio = average.pooled[place.column];
      if (ratio === null || ratio === undefined) return t('retention.cellEmpty');
      return t('retention.averageCell', {
        percent: format.percent(ratio),
        later,
        cohorts: plural('retention.cohorts', average.cohorts[place.column] ?? 0),
      });
    }
    const row = cohorts[place.row - 1];
    const cell = row?.cells[place.column];
    if (!row || !cell || cell.count === null) return t('retention.cellEmpty');
    const text = t('retention.cell', {
      count: format.count(cell.count),
      size: format.count(row.size),
      cohort: format.bucket(row.start, interval),
      later,
    });
    return cell.state === 'running' ? `${text} ${t('retention.cellRunning')}` : text;
  };

  const cellProps = (row: number, column: number) => ({
    'data-row': row,
    'data-column': column,
    tabIndex: row === home.row && column === home.column ? 0 : -1,
    'aria-describedby':
      bubble?.row === row && bubble.column === column ? bubbleId : undefined,
  });

  const columns = Array.from({ length: periods - 1 }, (_, i) => i + 1);
  return (
    <div className={styles.frame} ref={frame}>
      <div className={styles.scroll} onScroll={() => setBubble(null)}>
        <table
          ref={table}
          className={styles.grid}
          role="grid"
          onKeyDown={move}
          onFocus={(event) => {
            const found = placeOf(event.target);
            if (found) setActive(found.place);
            explain(event);
          }}
          onBlur={() => setBubble(null)}
          onPointerOver={explain}
          onPointerLeave={() => setBubble(null)}
        >
          <caption className="visually-hidden">
            {t('retention.caption', { interval: t(`interval.${interval}`) })}
          </caption>
          <thead>
            <tr>
              <th scope="col" rowSpan={2} className={styles.cohort}>
                {t(`retention.cohortHead.${interval}`)}
              </th>
              <th scope="col" rowSpan={2} className={styles.size}>
                {t('retention.people')}
              </th>
              <th scope="colgroup" colSpan={periods - 1} className={styles.span}>
                {t(`retention.after.${interval}`)}
              </th>
            </tr>
            <tr>
              {columns.map((k) => (
                <th key={k} scope="col">
                  {format.count(k)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <tr className={styles.average}>
              <th scope="row" className={styles.cohort}>
                {t('retention.average')}
              </th>
              <td className={styles.size} />
              {columns.map((k) => {
                const ratio = average.pooled[k] ?? null;
                return (
                  <td
                    key={k}
                    {...cellProps(0, k)}
                    data-shade={ratio === null ? undefined : shadeOf(ratio, top, SHADES)}
                  >
                    {ratio === null ? (
                      <span className="visually-hidden">{t('retention.cellEmpty')}</span>
                    ) : (
                      format.percent(ratio)
                    )}
                  </td>
                );
              })}
            </tr>
            <tr className={styles.cohortCounts}>
              <th scope="row" className={styles.cohort}>
                {t('retention.cohortsRow')}
              </th>
              <td className={styles.size} />
              {columns.map((k) => (
                <td key={k}>{format.count(average.cohorts[k] ?? 0)}</td>
              ))}
            </tr>
            {cohorts.map((cohort, i) => (
              <tr key={cohort.start}>
                <th scope="row" className={styles.cohort}>
                  {format.bucket(cohort.start, interval)}
                </th>
                <td className={styles.size}>{format.count(cohort.size)}</td>
                {columns.map((k) => {
                  const cell = cohort.cells[k];
                  const shown = cell && cell.ratio !== null;
                  return (
                    <td
                      key={k}
                      {...cellProps(i + 1, k)}
                      data-state={cell?.state ?? 'empty'}
                      data-count={cell?.count ?? undefined}
                      data-shade={shown ? shadeOf(cell.ratio, top, SHADES) : undefined}
                    >
                      {shown ? (
                        <>
                          {format.percent(cell.ratio ?? 0)}
                          <span className="visually-hidden">
                            {', '}
                            {format.count(cell.count ?? 0)}
                            {cell.state === 'running' && `, ${t('retention.cellRunning')}`}
                          </span>
                        </>
                      ) : (
                        cell?.state !== 'empty' && '–'
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {bubble && (
        <div
          id={bubbleId}
          role="tooltip"
          className={styles.bubble}
          style={{ left: bubble.left, top: bubble.top }}
        >
          {sentence(bubble)}
        </div>
      )}
      <Legend top={top} />
    </div>
  );
}

function Legend(props: { top: number }) {
  const { t, format } = useWords();
  return (
    <p className={styles.legend}>
      <span>{t('retention.legend')}</span>
      <span className={styles.scale}>
        {format.wholePercent(0)}
        <span className={styles.swatches} aria-hidden="true">
          {Array.from({ length: SHADES }, (_, i) => (
            <i key={i} data-shade={i} />
          ))}
        </span>
        {format.wholePercent(props.top)}
      </span>
      <span className={styles.scale}>
        <i className={styles.dashed} aria-hidden="true" />
        {t('retention.legendRunning')}
      </span>
    </p>
  );
}

import { ActionIcon, Select } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useMemo, useState } from 'react';
import type { Project } from '../api';
import { useWords } from '../i18n';
import { INTERVALS, isCivil, isInterval } from '../logic/dates';
import { allowedIntervals, autoInterval, type Span } from '../logic/range';
import { PRESETS, type Preset, type View } from '../logic/view';
import type { Change } from '../use_view';
import { RefreshIcon } from './icons';
import styles from './page.module.css';
import { Pills } from './pills';

interface Props {
  project: Project;
  view: View;
  change: Change;
  span: Span;
  timezone: string;
}

function CustomDates(props: Props) {
  const { t } = useWords();
  const { span, change } = props;
  const [from, setFrom] = useState(span.from);
  const [to, setTo] = useState(span.to);
  // The back button changes the range from outside.
  useEffect(() => {
    setFrom(span.from);
    setTo(span.to);
  }, [span.from, span.to]);
  const wrong = isCivil(from) && isCivil(to) && from > to;
  const apply = (a: string, b: string) => {
    // While a year is being typed the field passes through years such as 0002.
    if (isCivil(a) && isCivil(b) && a <= b && a >= '1970-01-01') {
      change({ range: { from: a, to: b } }, 'replace');
    }
  };
  return (
    <div className={styles.dates}>
      <label>
        <span className={styles.label}>{t('range.from')}</span>
        <input
          type="date"
          value={from}
          min="1970-01-01"
          max="2199-12-31"
          aria-invalid={wrong}
          aria-describedby={wrong ? 'range-wrong' : undefined}
          onChange={(e) => {
            setFrom(e.target.value);
            apply(e.target.value, to);
          }}
        />
      </label>
      <label>
        <span className={styles.label}>{t('range.to')}</span>
        <input
          type="date"
          value={to}
          min="1970-01-01"
          max="2199-12-31"
          aria-invalid={wrong}
          aria-describedby={wrong ? 'range-wrong' : undefined}
          onChange={(e) => {
            setTo(e.target.value);
            apply(from, e.target.value);
          }}
        />
      </label>
      {wrong && (
        <p id="range-wrong" className={styles.wrong} role="alert">
          {t('range.wrong')}
        </p>
      )}
    </div>
  );
}

export function Toolbar(props: Props) {
  const { t, format } = useWords();
  const { project, view, change, span, timezone } = props;
  const queries = useQueryClient();
  const chosen = 'preset' in view.range ? view.range.preset : 'custom';
  const allowed = allowedIntervals(span.from, span.to, project.week_start);
  const zones = useMemo(() => {
    const all = new Set([project.timezone, 'UTC', ...Intl.supportedValuesOf('timeZone')]);
    return [...all].map((zone) => ({
      value: zone,
      label: zone === project.timezone ? t('toolbar.timezoneProject', { zone }) : zone,
    }));
  }, [project.timezone, t]);
  return (
    <section className={styles.toolbar} aria-label={t('toolbar.label')}>
      <Pills<Preset | 'custom'>
        label={t('toolbar.range')}
        value={chosen}
        wide
        options={[...PRESETS, 'custom' as const].map((value) => ({
          value,
          label: t(`range.${value}`),
        }))}
        onChange={(value) =>
          change({
            range: value === 'custom' ? { from: span.from, to: span.to } : { preset: value },
          })
        }
      />
      {chosen === 'custom' && <CustomDates {...props} />}
      <Select
        className={styles.toolbarInterval}
        label={t('toolbar.interval')}
        size="xs"
        allowDeselect={false}
        value={view.interval && view.interval === span.interval ? view.interval : 'auto'}
        data={[
          {
            value: 'auto',
            label: t('interval.auto', {
              interval: t(`interval.${autoInterval(span.from, span.to)}`),
            }),
          },
          ...INTERVALS.map((interval) => ({
            value: interval,
            disabled: !allowed.includes(interval),
            label: allowed.includes(interval)
              ? t(`interval.${interval}`)
              : t('interval.tooMany', { interval: t(`interval.${interval}`) }),
          })),
        ]}
        onChange={(value) => change({ interval: isInterval(value) ? value : undefined })}
      />
      <Select
        className={styles.toolbarZone}
        label={t('toolbar.timezone')}
        size="xs"
        searchable
        limit={80}
        allowDeselect={false}
        nothingFoundMessage={t('select.nothing')}
        value={timezone}
        data={zones}
        onChange={(zone) =>
          change({ timezone: zone === null || zone === project.timezone ? undefined : zone })
        }
      />
      <div className={styles.covered}>
        <p>
          <span>
            {format.date(span.from)} – {format.date(span.to)}
          </span>
          {span.asOf && 'preset' in view.range && (
            <span className={styles.quiet}>{t('range.settled', { date: format.date(span.to) })}</span>
          )}
        </p>
        <ActionIcon
          variant="default"
          size={30}
          aria-label={t('toolbar.refresh')}
          title={t('toolbar.refresh')}
          onClick={() => void queries.invalidateQueries()}
        >
          <RefreshIcon />
        </ActionIcon>
      </div>
    </section>
  );
}

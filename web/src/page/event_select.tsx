import { Select } from '@mantine/core';
import { useMemo, type ReactNode } from 'react';
import { useWords } from '../i18n';
import type { EventDefinition } from '../logic/defaults';

// A Select holds text only; no event can have this name, since names hold no control characters.
const ANY = '\u0000any';

/** Chooses an event; `null` is any event, where the question allows it. */
export function EventSelect(props: {
  events: readonly EventDefinition[];
  value: string | null;
  onChange: (value: string | null) => void;
  label?: ReactNode;
  ariaLabel?: string;
  any?: boolean;
  className?: string | undefined;
}) {
  const { t } = useWords();
  const { events, value, any } = props;
  const data = useMemo(() => {
    const names = [...events].sort((a, b) => b.count - a.count).map((e) => e.name);
    // A link may name an event that this project does not have; show it and let the server say so.
    if (value !== null && !names.includes(value)) names.unshift(value);
    const options = names.map((name) => ({ value: name, label: name }));
    return any ? [{ value: ANY, label: t('event.any') }, ...options] : options;
  }, [events, value, any, t]);
  return (
    <Select
      className={props.className ?? ''}
      label={props.label}
      aria-label={props.ariaLabel}
      size="xs"
      searchable={events.length > 8}
      limit={200}
      allowDeselect={false}
      nothingFoundMessage={t('select.nothing')}
      value={value ?? (any ? ANY : null)}
      data={data}
      onChange={(next) => {
        if (next !== null) props.onChange(next === ANY ? null : next);
      }}
    />
  );
}

import { useId } from 'react';
import styles from './page.module.css';

export interface PillOption<T extends string> {
  value: T;
  label: string;
  title?: string;
  lang?: string;
}

/** One choice of a few, side by side: plain radio buttons, so keyboards and readers know them. */
export function Pills<T extends string>(props: {
  label: string;
  hideLabel?: boolean;
  value: T;
  options: readonly PillOption<T>[];
  onChange: (value: T) => void;
  wide?: boolean;
}) {
  const name = useId();
  return (
    <fieldset className={styles.pillSet}>
      <legend className={props.hideLabel ? 'visually-hidden' : styles.label}>{props.label}</legend>
      <div className={styles.pills} data-wide={props.wide || undefined}>
        {props.options.map((option) => (
          <label key={option.value} className={styles.pill} title={option.title} lang={option.lang}>
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === props.value}
              onChange={() => props.onChange(option.value)}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

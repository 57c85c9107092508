import { CloseButton } from '@mantine/core';
import { useEffect, useId, useRef, type ReactNode } from 'react';
import { useWords } from '../i18n';
import styles from './page.module.css';

/**
 * The browser's own dialog: it keeps the focus, closes on Escape, gives the focus back, and needs
 * no <style> element, which the page's policy refuses. What is inside gets a way to close it.
 */
export function Dialog(props: {
  title: string;
  onClose: () => void;
  children: (close: () => void) => ReactNode;
}) {
  const { t } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    dialog.current?.showModal();
    // It would choose the first that can have the focus: the cross.
    dialog.current?.querySelector<HTMLElement>('[data-autofocus]')?.focus();
  }, []);
  const close = () => dialog.current?.close();
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      aria-labelledby={titleId}
      onClose={props.onClose}
      onMouseDown={(event) => {
        // The backdrop belongs to the dialog; its content lies in the element inside.
        if (event.target === dialog.current) close();
      }}
    >
      <div className={styles.dialogBody}>
        <div className={styles.dialogHead}>
          <h2 id={titleId}>{props.title}</h2>
          <CloseButton aria-label={t('card.close')} onClick={close} />
        </div>
        {props.children(close)}
      </div>
    </dialog>
  );
}

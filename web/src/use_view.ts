import { useCallback, useSyncExternalStore } from 'react';
import { formatView, parseView, type View } from './logic/view';

// The address bar is the store: the back button is undo, and a copied link is the page.
const listeners = new Set<() => void>();
let seen = { search: window.location.search, view: parseView(window.location.search) };

function current(): View {
  if (seen.search !== window.location.search) {
    seen = { search: window.location.search, view: parseView(window.location.search) };
  }
  return seen.view;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

export type Change = (patch: Partial<View>, how?: 'push' | 'replace') => void;

export function useView(): [View, Change] {
  const view = useSyncExternalStore(subscribe, current);
  const change = useCallback<Change>((patch, how = 'push') => {
    const search = formatView({ ...current(), ...patch });
    if (search === window.location.search) return;
    const address = window.location.pathname + search;
    if (how === 'push') window.history.pushState(null, '', address);
    else window.history.replaceState(null, '', address);
    for (const listener of listeners) listener();
  }, []);
  return [view, change];
}

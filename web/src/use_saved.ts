import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useRef } from 'react';
import { api } from './api';
import type { DocumentOf, Kind } from './logic/saved';

/** crypto.randomUUID is there over https only; this is there always. */
const freshKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');

const keyOf = (project: string, kind: Kind) => ['saved', project, kind];

/** All saved documents of a kind. */
export function useSaved<K extends Kind>(project: string, kind: K) {
  return useQuery({
    queryKey: keyOf(project, kind),
    queryFn: ({ signal }) => api.saved(project, kind, signal),
  });
}

/** Making, changing and removing; the list is read again after each, also after one that failed. */
export function useChanges<K extends Kind>(project: string, kind: K) {
  const queries = useQueryClient();
  // The same document sent again, since no reply came, is the same document.
  const attempt = useRef({ body: '', key: '' });
  const onSettled = () => queries.invalidateQueries({ queryKey: keyOf(project, kind) });
  const make = useMutation({
    mutationFn: (body: object) => {
      const text = JSON.stringify(body);
      if (attempt.current.body !== text) {
        attempt.current = { body: text, key: freshKey() };
      }
      return api.save(project, kind, body, attempt.current.key);
    },
    onSuccess: () => {
      attempt.current = { body: '', key: '' };
    },
    onSettled,
  });
  const replace = useMutation({
    mutationFn: (document: DocumentOf[K]) => api.replace(project, kind, document),
    onSettled,
  });
  const remove = useMutation({
    mutationFn: (id: string) => api.remove(project, kind, id),
    onSettled,
  });
  return { make, replace, remove };
}

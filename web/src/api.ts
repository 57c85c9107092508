// The server's HTTP interface, as this page uses it.
import type { EventDefinition } from './logic/defaults';
import type {
  FunnelAnswer,
  ImpactAnswer,
  LifecycleAnswer,
  RetentionAnswer,
  TrendAnswer,
} from './logic/answers';
import type {
  FunnelQuestion,
  ImpactQuestion,
  LifecycleQuestion,
  Question,
  RetentionQuestion,
  TrendQuestion,
} from './logic/questions';
import type { WeekStart } from './logic/dates';
import type { LineAnswer } from './logic/lines';
import type { AlertDraft, AnyQuestion, DocumentOf, Finding, Kind } from './logic/saved';

export interface Project {
  name: string;
  simulated: boolean;
  timezone: string;
  week_start: WeekStart;
  first_event: string | null;
  last_event: string | null;
  events: number;
  people: number;
}

export interface Me {
  projects: Project[];
}

export interface PropertyDefinition {
  name: string;
  types: string[];
  values: (string | number | boolean | null)[];
}

export interface Definitions {
  events: EventDefinition[];
  properties: PropertyDefinition[];
}

/** A refusal of the server, or `status` 0 when no answer came at all. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint: string | undefined,
    readonly at: string | undefined,
  ) {
    super(message);
  }
}

function failureOf(status: number, body: unknown): Failure {
  const error = (body as { error?: Record<string, unknown> } | null)?.error ?? {};
  const text = (name: string) => (typeof error[name] === 'string' ? error[name] : undefined);
  return new Failure(status, text('code') ?? '', text('message') ?? '', text('hint'), text('at'));
}

/** What the server took, where it says so: the clock here also counts a busy browser. */
function serverTime(response: Response): number | undefined {
  const said = /\bdur=([\d.]+)/.exec(response.headers.get('Server-Timing') ?? '')?.[1];
  return said === undefined ? undefined : Number(said);
}

async function call<T>(
  path: string,
  options: RequestInit,
  seen?: (response: Response) => void,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, {
      credentials: 'same-origin',
      ...options,
      headers: { Accept: 'application/json', ...options.headers },
    });
  } catch (cause) {
    if ((cause as Error).name === 'AbortError') throw cause;
    throw new Failure(0, 'network', '', undefined, undefined);
  }
  seen?.(response);
  const body: unknown = await response.json().catch(() => null);
  if (!response.ok) throw failureOf(response.status, body);
  if (body === null) throw new Failure(response.status, 'not_json', '', undefined, undefined);
  return body as T;
}

export type AnswerOf<Q extends Question> = Q extends RetentionQuestion
  ? RetentionAnswer
  : Q extends FunnelQuestion
    ? FunnelAnswer
    : Q extends TrendQuestion
      ? TrendAnswer
      : Q extends LifecycleQuestion
        ? LifecycleAnswer
        : Q extends ImpactQuestion
          ? ImpactAnswer
          : never;

/** An answer with the question it belongs to: while a new one is on its way, the old one is shown. */
export interface Answered<Q extends Question> {
  question: Q;
  answer: AnswerOf<Q>;
  milliseconds: number;
}

export const queryPath = (project: string) =>
  `/api/v1/projects/${encodeURIComponent(project)}/query`;

/** A tile of a dashboard with its answer, or why there is none. */
export interface TileAnswer {
  id: string;
  name?: string;
  question?: AnyQuestion;
  answer?: LineAnswer;
  error?: { code: string; message: string; hint?: string; at?: string };
}

const savedPath = (project: string, kind: Kind, id?: string) =>
  `/api/v1/projects/${encodeURIComponent(project)}/${kind}` +
  (id === undefined ? '' : `/${encodeURIComponent(id)}`);

const sending = (method: string, body: unknown, version?: number): RequestInit => ({
  method,
  headers: {
    'Content-Type': 'application/json',
    ...(version === undefined ? {} : { 'If-Match': `"${version}"` }),
  },
  ...(body === undefined ? {} : { body: JSON.stringify(body) }),
});

export const api = {
  me: (signal: AbortSignal) => call<Me>('/api/v1/me', { signal }),

  definitions: (project: string, signal: AbortSignal) =>
    call<Definitions>(`/api/v1/projects/${encodeURIComponent(project)}/definitions`, { signal }),

  ask: async <Q extends Question>(
    project: string,
    question: Q,
    signal: AbortSignal,
  ): Promise<Answered<Q>> => {
    const began = performance.now();
    let took: number | undefined;
    const answer = await call<AnswerOf<Q>>(
      queryPath(project),
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(question),
        signal,
      },
      (response) => (took = serverTime(response)),
    );
    return { question, answer, milliseconds: took ?? performance.now() - began };
  },

  askLine: async (project: string, text: string, signal: AbortSignal) => {
    const began = performance.now();
    let took: number | undefined;
    const answer = await call<LineAnswer>(
      queryPath(project),
      {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ text }),
        signal,
      },
      (response) => (took = serverTime(response)),
    );
    return { answer, milliseconds: took ?? performance.now() - began };
  },

  /** All of a kind, the oldest first. */
  saved: async <K extends Kind>(
    project: string,
    kind: K,
    signal: AbortSignal,
  ): Promise<DocumentOf[K][]> => {
    const all: DocumentOf[K][] = [];
    let cursor = '';
    for (;;) {
      const path = `${savedPath(project, kind)}?limit=1000${cursor}`;
      const page = await call<Record<string, unknown> & { cursor: string | null }>(path, { signal });
      all.push(...(page[kind] as DocumentOf[K][]));
      if (page.cursor === null) return all;
      cursor = `&cursor=${encodeURIComponent(page.cursor)}`;
    }
  },

  /** `key`: sending the same again, since no reply came, makes nothing new. */
  save: <K extends Kind>(project: string, kind: K, body: object, key: string) => {
    const options = sending('POST', body);
    return call<DocumentOf[K]>(savedPath(project, kind), {
      ...options,
      headers: { ...options.headers, 'Idempotency-Key': key },
    });
  },

  /** Only while nobody else has changed it. */
  replace: <K extends Kind>(project: string, kind: K, document: DocumentOf[K]) =>
    call<DocumentOf[K]>(
      savedPath(project, kind, document.id),
      sending('PUT', { ...document, latest: undefined }, document.version),
    ),

  remove: (project: string, kind: Kind, id: string) =>
    call<{ removed: true }>(savedPath(project, kind, id), sending('DELETE', undefined)),

  tile: async (
    project: string,
    board: string,
    tile: string,
    last: string | undefined,
    signal: AbortSignal,
  ) => {
    const over = last === undefined ? '' : `&last=${encodeURIComponent(last)}`;
    const path = `${savedPath(project, 'dashboards', board)}/answers?tile=${encodeURIComponent(tile)}`;
    return (await call<{ tiles: TileAnswer[] }>(path + over, { signal })).tiles[0];
  },

  insightAnswer: (project: string, id: string, signal: AbortSignal) =>
    call<{ question: AnyQuestion; answer: LineAnswer }>(
      `${savedPath(project, 'insights', id)}/answer`,
      { signal },
    ),

  tryAlert: (project: string, body: AlertDraft) =>
    call<Finding>(`${savedPath(project, 'alerts')}/try`, sending('POST', body)),

  alertHistory: (project: string, id: string, signal: AbortSignal) =>
    call<{ history: Finding[] }>(`${savedPath(project, 'alerts', id)}/history?limit=30`, { signal }),

  signOut: () =>
    call<{ signed_in: false }>('/api/v1/signout', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{}',
    }),
};

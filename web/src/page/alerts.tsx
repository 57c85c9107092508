import { Button } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api';
import { useWords, type Words } from '../i18n';
import { isInterval } from '../logic/dates';
import {
  CONDITIONS,
  firstNumber,
  isRate,
  moves,
  type Alert,
  type AlertDraft,
  type AnyQuestion,
  type Condition,
  type Finding,
} from '../logic/saved';
import { useChanges, useSaved } from '../use_saved';
import { Dialog } from './dialog';
import { FailureNote, FailureText } from './failure';
import { LoadingBlock } from './loading';
import page from './page.module.css';
import { PageHead, RemoveButton } from './saved';
import styles from './saved.module.css';

const STATES = ['new', 'returning', 'resurrecting', 'dormant', 'active'] as const;

function shown(value: number | null, rate: boolean, { format }: Words): string {
  if (value === null) return '–';
  return rate ? format.percent(value) : format.count(Math.round(value * 1000) / 1000);
}

function when(finding: Finding, interval: unknown, { format }: Words): string {
  const known = typeof interval === 'string' && isInterval(interval) ? interval : 'day';
  return finding.start ? format.bucket(finding.start, known) : format.date(finding.ended.slice(0, 10));
}

/** "falls below 30 %": what the alert waits for. */
function ruleText(alert: AlertDraft, words: Words): string {
  const rate = isRate(alert.question, alert.number);
  return CONDITIONS.flatMap((condition) => {
    const value = alert.when[condition];
    if (value === undefined) return [];
    const percent = condition.endsWith('_percent');
    return [
      words.t(`alerts.rule.${condition}`, {
        value: percent ? words.format.percent(value / 100) : shown(value, rate, words),
      }),
    ];
  }).join(` ${words.t('alerts.or')} `);
}

/** Which number of the question: "1 week later". */
function numberText(alert: AlertDraft, { t, plural }: Words): string {
  const { period, step, state } = alert.number;
  const { interval } = alert.question;
  if (typeof period === 'number') {
    const known = typeof interval === 'string' && isInterval(interval) ? interval : 'day';
    return t('alerts.of.period', { later: plural(`retention.later.${known}`, period) });
  }
  if (typeof step === 'number') return t('alerts.of.step', { step });
  if (typeof state === 'string' && (STATES as readonly string[]).includes(state)) {
    return t(`lifecycle.${state as (typeof STATES)[number]}`);
  }
  return t('alerts.of.number');
}

function StateBadge(props: { state: Finding['state'] | 'waiting' | 'off' }) {
  const { t } = useWords();
  return (
    <span className={styles.state} data-state={props.state}>
      {t(`alerts.state.${props.state}`)}
    </span>
  );
}

function History(props: { project: string; alert: Alert }) {
  const words = useWords();
  const { t } = words;
  const { project, alert } = props;
  const asked = useQuery({
    queryKey: ['history', project, alert.id, alert.latest?.ended],
    queryFn: ({ signal }) => api.alertHistory(project, alert.id, signal),
  });
  const rate = isRate(alert.question, alert.number);
  if (asked.error) return <FailureNote error={asked.error} retry={() => void asked.refetch()} />;
  if (!asked.data) return <LoadingBlock height={120} />;
  return (
    <div className={styles.history} tabIndex={0} role="region" aria-label={t('alerts.history')}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t('alerts.interval')}</th>
            <th scope="col">{t('alerts.state')}</th>
            <th scope="col">{t('alerts.number')}</th>
          </tr>
        </thead>
        <tbody>
          {asked.data.history.map((finding) => (
            <tr key={finding.ended}>
              <th scope="row">{when(finding, alert.question['interval'], words)}</th>
              <td>
                <StateBadge state={finding.state} />
              </td>
              <td>{finding.error ? <span lang="en">{finding.error.message}</span> : shown(finding.number, rate, words)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row(props: { project: string; alert: Alert; onRemove: () => void; onChange: (alert: Alert) => void }) {
  const words = useWords();
  const { t } = words;
  const { alert } = props;
  const [open, setOpen] = useState(false);
  const { latest } = alert;
  const rate = isRate(alert.question, alert.number);
  return (
    <li className={styles.item} data-alert={alert.name}>
      <div className={styles.row}>
        <div>
          <h3>{alert.name}</h3>
          <p className={page.quiet}>
            {numberText(alert, words)} · {ruleText(alert, words)}
          </p>
          <p className={page.quiet}>
            {latest
              ? t('alerts.latest', {
                  number: shown(latest.number, rate, words),
                  interval: when(latest, alert.question['interval'], words),
                })
              : t('alerts.notYet')}
          </p>
        </div>
        <StateBadge state={!alert.enabled ? 'off' : (latest?.state ?? 'waiting')} />
        <div className={styles.actions}>
          <Button
            size="compact-sm"
            variant="default"
            aria-expanded={open}
            aria-label={`${t('alerts.history')}: ${alert.name}`}
            onClick={() => setOpen(!open)}
          >
            {t('alerts.history')}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={`${t(alert.enabled ? 'alerts.pause' : 'alerts.resume')}: ${alert.name}`}
            onClick={() => props.onChange({ ...alert, enabled: !alert.enabled })}
          >
            {t(alert.enabled ? 'alerts.pause' : 'alerts.resume')}
          </Button>
          <RemoveButton
            name={alert.name}
            aria-label={`${t('saved.remove')}: ${alert.name}`}
            onRemove={props.onRemove}
          >
            {t('saved.remove')}
          </RemoveButton>
        </div>
      </div>
      {open && <History project={props.project} alert={alert} />}
    </li>
  );
}

interface Draft {
  name: string;
  insight: string;
  period: number;
  step: number;
  state: (typeof STATES)[number];
  condition: Condition;
  value: string;
}

/** Shares are typed in percent. */
function alertOf(draft: Draft, question: AnyQuestion): AlertDraft {
  const number = { ...firstNumber(question) };
  if ('period' in number) number['period'] = draft.period;
  if ('step' in number) number['step'] = draft.step;
  if ('state' in number) number['state'] = draft.state;
  const typed = Number(draft.value);
  const percent = draft.condition.endsWith('_percent') || !isRate(question, number);
  return { name: draft.name.trim(), question, number, when: { [draft.condition]: percent ? typed : typed / 100 } };
}

function MakeForm(props: { project: string; close: () => void }) {
  const words = useWords();
  const { t } = words;
  const { project } = props;
  const saved = useSaved(project, 'insights');
  const { make } = useChanges(project, 'alerts');
  const tried = useMutation({ mutationFn: (body: AlertDraft) => api.tryAlert(project, body) });
  const [draft, setDraft] = useState<Draft>({
    name: '',
    insight: '',
    period: 1,
    step: 2,
    state: 'active',
    condition: 'below',
    value: '',
  });
  const change = (patch: Partial<Draft>) => {
    tried.reset();
    setDraft({ ...draft, ...patch });
  };
  const list = (saved.data ?? []).filter((s) => firstNumber(s.question) !== undefined);
  const question = list.find((s) => s.id === draft.insight)?.question;
  const number = question ? (firstNumber(question) ?? {}) : {};
  const steps = Array.isArray(question?.['steps']) ? question['steps'].length : 0;
  const rate = question !== undefined && isRate(question, number);
  const percent = rate || draft.condition.endsWith('_percent');
  const body = question && draft.value !== '' ? alertOf(draft, question) : undefined;
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (body) void make.mutateAsync(body).then(props.close, () => undefined);
      }}
    >
      <label>
        <span>{t('saved.name')}</span>
        <input value={draft.name} required maxLength={100} data-autofocus onChange={(e) => change({ name: e.target.value })} />
      </label>
      <label>
        <span>{t('boards.insight')}</span>
        <select
          value={draft.insight}
          required
          onChange={(e) => {
            const chosen = list.find((s) => s.id === e.target.value)?.question;
            const last = Array.isArray(chosen?.['steps']) ? chosen['steps'].length : 2;
            change({ insight: e.target.value, step: last });
          }}
        >
          <option value="">{t('boards.choose')}</option>
          {list.map((s) => (
            <option key={s.id} value={s.id} disabled={!moves(s.question)}>
              {moves(s.question) ? s.name : t('alerts.fixed', { name: s.name })}
            </option>
          ))}
        </select>
      </label>
      {saved.data && list.length === 0 && <p className={page.quiet}>{t('alerts.saveFirst')}</p>}
      {'period' in number && (
        <label>
          <span>{t('alerts.period')}</span>
          <input
            type="number"
            min={1}
            max={Number(question?.['periods'] ?? 12) - 1}
            value={draft.period}
            onChange={(e) => change({ period: Number(e.target.value) })}
          />
        </label>
      )}
      {'step' in number && (
        <label>
          <span>{t('alerts.step')}</span>
          <input
            type="number"
            min={1}
            max={steps}
            value={draft.step}
            onChange={(e) => change({ step: Number(e.target.value) })}
          />
        </label>
      )}
      {'state' in number && (
        <label>
          <span>{t('alerts.who')}</span>
          <select value={draft.state} onChange={(e) => change({ state: e.target.value as Draft['state'] })}>
            {STATES.map((state) => (
              <option key={state} value={state}>
                {t(`lifecycle.${state}`)}
              </option>
            ))}
          </select>
        </label>
      )}
      <div className={styles.pair}>
        <label>
          <span>{t('alerts.when')}</span>
          <select value={draft.condition} onChange={(e) => change({ condition: e.target.value as Condition })}>
            {CONDITIONS.map((condition) => (
              <option key={condition} value={condition}>
                {t(`alerts.when.${condition}`)}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>{t(percent ? 'alerts.valuePercent' : 'alerts.value')}</span>
          <input type="number" step="any" required value={draft.value} onChange={(e) => change({ value: e.target.value })} />
        </label>
      </div>
      {tried.data && (
        <p role="status">
          <StateBadge state={tried.data.state} />{' '}
          {t('alerts.latest', {
            number: shown(tried.data.number, rate, words),
            interval: when(tried.data, question?.['interval'], words),
          })}
        </p>
      )}
      <FailureText error={make.error ?? tried.error} />
      <div className={styles.pair}>
        <Button
          variant="default"
          disabled={!body}
          loading={tried.isPending}
          onClick={() => body && tried.mutate({ ...body, name: body.name || 'x' })}
        >
          {t('alerts.try')}
        </Button>
        <Button type="submit" loading={make.isPending}>
          {t('saved.save')}
        </Button>
      </div>
    </form>
  );
}

/** What is watched, and how it stands. */
export function AlertsPage(props: { project: string }) {
  const { t } = useWords();
  const { project } = props;
  const alerts = useSaved(project, 'alerts');
  const { remove, replace } = useChanges(project, 'alerts');
  const [making, setMaking] = useState(false);
  return (
    <>
      <PageHead title={t('alerts.title')}>
        <Button size="compact-sm" variant="default" onClick={() => void alerts.refetch()}>
          {t('alerts.again')}
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setMaking(true)}>
          {t('alerts.make')}
        </Button>
      </PageHead>
      <FailureText error={remove.error ?? replace.error} />
      {alerts.error ? (
        <FailureNote error={alerts.error} retry={() => void alerts.refetch()} />
      ) : !alerts.data ? (
        <LoadingBlock height={200} />
      ) : alerts.data.length === 0 ? (
        <p className={page.noAnswer}>{t('alerts.none')}</p>
      ) : (
        <ul className={styles.list}>
          {alerts.data.map((alert) => (
            <Row
              key={alert.id}
              project={project}
              alert={alert}
              onRemove={() => remove.mutate(alert.id)}
              onChange={(next) => replace.mutate(next)}
            />
          ))}
        </ul>
      )}
      {making && (
        <Dialog title={t('alerts.make')} onClose={() => setMaking(false)}>
          {(close) => <MakeForm project={project} close={close} />}
        </Dialog>
      )}
    </>
  );
}

// DuckDB's half: the table sorted by (user, time), ENUMs for the strings, two threads.
import { DuckDBInstance } from '@duckdb/node-api';
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as q from './questions.mjs';

const day = `(time - ${q.START_MS}) // ${q.DAY_MS}`;
const week = `(time - ${q.START_MS}) // ${q.WEEK_MS}`;

// One step of the funnel: each event of the step with the latest step-1 time that a run reaching the
// step before could have begun with. A later run never begins earlier, so the nearest one before is
// the best one, and ASOF finds it.
const next = (event, before) => `
  SELECT x.u, x.time, p.began FROM (SELECT u, time FROM t WHERE event = '${event}') x
  ASOF JOIN ${before} p ON x.u = p.u AND x.time >= p.time WHERE x.time - p.began <= ${q.WINDOW_MS}`;

const sql = {
  daily_people_of_one: `SELECT ${day} d, count(DISTINCT u) FROM t WHERE event = '${q.ONE_EVENT}' GROUP BY d`,
  daily_people_of_any: `SELECT ${day} d, count(DISTINCT u) FROM t GROUP BY d`,
  events_by_day_and_country: `SELECT (${day})::UTINYINT d, country, count(*) FROM t GROUP BY ALL`,
  funnel: `WITH s1 AS (SELECT u, time, time AS began FROM t WHERE event = '${q.FUNNEL[0]}'),
    s2 AS (${next(q.FUNNEL[1], 's1')}), s3 AS (${next(q.FUNNEL[2], 's2')}), s4 AS (${next(q.FUNNEL[3], 's3')})
    SELECT ${['s1', 's2', 's3', 's4'].map((s) => `(SELECT count(DISTINCT u) FROM ${s})`).join(', ')}`,
  // One bit a week and person: no join, no set.
  retention: `WITH p AS (
      SELECT u, (min(CASE WHEN event = '${q.START_EVENT}' THEN time END) - ${q.START_MS}) // ${q.WEEK_MS} c,
        bit_or(1::BIGINT << (${week})::INT) AS weeks FROM t GROUP BY u)
    SELECT c, k, count(*) FILTER (k = 0 OR (weeks >> (c + k)::INT) & 1 = 1) FROM p, range(${q.PERIODS}) r(k)
    WHERE c IS NOT NULL AND c + k < ${q.WEEKS} GROUP BY ALL`,
};
export async function run(csv, dir) {
  const file = join(dir, 'duckdb.db');
  const done = join(dir, 'duckdb.done');
  const isNew = !existsSync(done);
  if (isNew) for (const ending of ['', '.wal']) rmSync(file + ending, { force: true });
  const instance = await DuckDBInstance.create(file, { threads: '2' });
  const db = await instance.connect();
  let loadSeconds = isNew ? 0 : Number(readFileSync(done, 'utf8'));
  if (isNew) {
    const started = performance.now();
    for (const name of ['event', 'country', 'plan']) {
      await db.run(`CREATE TYPE ${name}_enum AS ENUM (SELECT DISTINCT ${name} FROM read_csv('${csv}') ORDER BY 1)`);
    }
    await db.run(`CREATE TABLE t AS SELECT "user"::UINTEGER AS u, event::event_enum AS event, time::BIGINT AS time,
      country::country_enum AS country, plan::plan_enum AS plan FROM read_csv('${csv}') ORDER BY u, time`);
    await db.run('CHECKPOINT');
    loadSeconds = (performance.now() - started) / 1000;
    writeFileSync(done, String(loadSeconds));
  }
  const results = {};
  for (const { key } of q.questions) {
    const { answer, times } = await q.timed(async () => (await db.run(sql[key])).getRowsJS());
    results[key] = { answer: q.fromRows[key](answer.map((row) => row.map((v) => (typeof v === 'bigint' ? Number(v) : v)))), times };
  }
  const count = Number((await (await db.run('SELECT count(*) FROM t')).getRowsJS())[0][0]);
  const name = (await (await db.run('SELECT version()')).getRowsJS())[0][0];
  return { name: `DuckDB ${String(name).replace(/^v/, '')}`, events: count, bytes: statSync(file).size, loadSeconds, results };
}

// ClickHouse's half, in process: MergeTree ORDER BY (user, time), LowCardinality strings, two threads.
import { Session } from 'chdb';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as q from './questions.mjs';

const columns = `user UInt32, event LowCardinality(String), time Int64,
  country LowCardinality(String), plan LowCardinality(String)`;
const day = `intDiv(time - ${q.START_MS}, ${q.DAY_MS})`;
const week = `intDiv(time - ${q.START_MS}, ${q.WEEK_MS})`;
const steps = q.FUNNEL.map((event) => `event = '${event}'`).join(', ');

const sql = {
  daily_people_of_one: `SELECT ${day} d, uniqExact(user) FROM bench.t WHERE event = '${q.ONE_EVENT}' GROUP BY d`,
  daily_people_of_any: `SELECT ${day} d, uniqExact(user) FROM bench.t GROUP BY d`,
  events_by_day_and_country: `SELECT toUInt8(${day}) d, country, count() FROM bench.t GROUP BY d, country`,
  // windowFunnel keeps, for each step, the latest start that reached it, and sorts equal times in
  // funnel order: for counts of people that is the rule Tenure answers by.
  funnel: `SELECT countIf(l >= 1), countIf(l >= 2), countIf(l >= 3), countIf(l >= 4) FROM (
    SELECT windowFunnel(${q.WINDOW_MS})(toUInt64(time), ${steps}) l FROM bench.t
    WHERE event IN (${q.FUNNEL.map((e) => `'${e}'`).join(', ')}) GROUP BY user
    SETTINGS optimize_aggregation_in_order = 1)`,
  // One bit a week and person: no join, no set.
  retention: `SELECT c, k, countIf(k = 0 OR bitTest(weeks, c + k)) FROM (
      SELECT intDiv(minIf(time, event = '${q.START_EVENT}') - ${q.START_MS}, ${q.WEEK_MS}) c,
        groupBitOr(bitShiftLeft(toUInt64(1), ${week})) weeks
      FROM bench.t GROUP BY user HAVING countIf(event = '${q.START_EVENT}') > 0
      SETTINGS optimize_aggregation_in_order = 1)
    ARRAY JOIN range(${q.PERIODS}) AS k WHERE c + k < ${q.WEEKS} GROUP BY c, k`,
};

export async function run(csv, dir) {
  const home = join(dir, 'clickhouse');
  const done = join(home, 'done');
  const isNew = !existsSync(done);
  if (isNew) rmSync(home, { recursive: true, force: true });
  const db = new Session(home);
  const rows = (text) => JSON.parse(db.query(text, 'JSONCompact')).data.map((row) => row.map((v) => (/^\d+$/.test(v) ? Number(v) : v)));
  db.query('SET max_threads = 2');
  let loadSeconds = isNew ? 0 : Number(readFileSync(done, 'utf8'));
  if (isNew) {
    const started = performance.now();
    db.query('CREATE DATABASE bench ENGINE = Atomic');
    db.query(`CREATE TABLE bench.t (${columns}) ENGINE = MergeTree ORDER BY (user, time)`);
    db.query(`INSERT INTO bench.t SELECT * FROM file('${csv}', CSVWithNames, '${columns}') SETTINGS max_insert_threads = 2`);
    db.query('OPTIMIZE TABLE bench.t FINAL');
    loadSeconds = (performance.now() - started) / 1000;
    writeFileSync(done, String(loadSeconds));
  }
  const results = {};
  for (const { key } of q.questions) {
    const { answer, times } = await q.timed(() => rows(sql[key]));
    results[key] = { answer: q.fromRows[key](answer), times };
  }
  const [[events, bytes]] = rows("SELECT sum(rows), sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'bench' AND table = 't'");
  const [[version]] = rows('SELECT version()');
  db.close();
  return { name: `ClickHouse ${version} (in process)`, events, bytes, loadSeconds, results };
}

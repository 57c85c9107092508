// A peer for more.mjs, in a process of its own. usage: node more_peer.mjs duckdb|clickhouse EVENTS.csv DIR
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beside, dialects } from './more_questions.mjs';
import { timed } from './questions.mjs';

const [name, csv, dir] = process.argv.slice(2);
const home = join(dir, name);
const done = join(dir, `${name}.done`);
const isNew = !existsSync(done);
if (isNew) for (const ending of ['', '.wal']) rmSync(home + ending, { recursive: true, force: true });

const engines = {
  async duckdb() {
    const { DuckDBInstance } = await import('@duckdb/node-api');
    const db = await (await DuckDBInstance.create(home, { threads: '2' })).connect();
    if (isNew) {
      const columns = "columns = {'u': 'UINTEGER', 'event': 'VARCHAR', 'time': 'BIGINT', 'country': 'VARCHAR', 'plan': 'VARCHAR', 't3': 'VARCHAR', 'n1': 'UINTEGER'}";
      const read = `read_csv('${csv}', header = true, ${columns})`;
      for (const what of ['event', 'country', 'plan', 't3']) await db.run(`CREATE TYPE ${what}_enum AS ENUM (SELECT DISTINCT ${what} FROM ${read} WHERE ${what} IS NOT NULL ORDER BY 1)`);
      await db.run(`CREATE TABLE t AS SELECT u, event::event_enum AS event, time, country::country_enum AS country, plan::plan_enum AS plan, t3::t3_enum AS t3, n1 FROM ${read} ORDER BY u, time`);
      await db.run('CHECKPOINT');
    }
    const [[version]] = await (await db.run('SELECT version()')).getRowsJS();
    // lag(event, 1, '') wants text where the column is an ENUM
    const asText = (sql) => sql.replaceAll("lag(event, 1, '')", "lag(event::VARCHAR, 1, '')").replaceAll("lead(event, 1, '')", "lead(event::VARCHAR, 1, '')");
    return { title: `DuckDB ${String(version).replace(/^v/, '')}`, ask: async (sql) => (await (await db.run(asText(sql))).getRowsJS()).map((row) => row.map((v) => (typeof v === 'bigint' ? Number(v) : v))) };
  },
  async clickhouse() {
    const { Session } = await import('chdb');
    const db = new Session(home);
    db.query('SET max_threads = 2');
    db.query('SET prefer_column_name_to_alias = 1');
    if (isNew) {
      const columns = 'u UInt32, event LowCardinality(String), time Int64, country LowCardinality(String), plan LowCardinality(String), t3 LowCardinality(String), n1 Nullable(UInt32)';
      db.query('CREATE DATABASE bench ENGINE = Atomic');
      db.query(`CREATE TABLE bench.t (${columns}) ENGINE = MergeTree ORDER BY (u, time)`);
      db.query(`INSERT INTO bench.t SELECT * FROM file('${csv}', CSVWithNames, '${columns.replace('u UInt32', 'user UInt32')}') SETTINGS max_insert_threads = 2`);
      db.query('OPTIMIZE TABLE bench.t FINAL');
    }
    db.query('USE bench');
    const ask = (sql) => {
      const { meta, data } = JSON.parse(db.query(sql, 'JSONCompact'));
      const isNumber = meta.map(({ type }) => /Int|Float/.test(type));
      return data.map((row) => row.map((v, n) => (isNumber[n] && v !== null ? Number(v) : v)));
    };
    return { title: `ClickHouse ${ask('SELECT version()')[0][0]} (in process)`, ask };
  },
};

const engine = await engines[name]();
if (isNew) writeFileSync(done, '');
const results = {};
for (const { key, sql, rows } of beside) {
  const { answer, times } = await timed(() => engine.ask(sql(dialects[name])));
  results[key] = { answer: rows(answer), times };
}
process.stdout.write(JSON.stringify({ name: engine.title, results }) + '\n');
process.exit(0);

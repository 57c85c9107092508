// A peer for peers.py, in a process of its own. usage: node peer.mjs duckdb|clickhouse DIR
// Each line in is a JSON list of SQL texts; each line out is {"rows":[rows of each]} or {"error":…}.
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';

const [name, dir] = process.argv.slice(2);
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const from = createRequire(join(root, 'bench', 'package.json')); // where make bench installs them
const load = (what) => import(pathToFileURL(from.resolve(what)).href);
const plain = (v) => (typeof v === 'bigint' ? Number(v) : v);

async function duckdb() {
  const { DuckDBInstance } = await load('@duckdb/node-api');
  const db = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  await db.run("SET TimeZone = 'UTC'");
  return async (sql) => (await (await db.run(sql)).getRowsJS()).map((row) => row.map(plain));
}

async function clickhouse() {
  const { Session } = await load('chdb');
  const db = new Session(join(dir, 'clickhouse'));
  db.query('SET max_threads = 1');
  for (const what of ['expressions', 'aggregate_expressions']) db.query(`SET compile_${what} = 0`); // rows are few
  db.query('SET join_use_nulls = 1');
  db.query('SET prefer_column_name_to_alias = 1'); // as SQL has it: min(time) AS time hides nothing
  db.query('CREATE DATABASE IF NOT EXISTS rig ENGINE = Atomic');
  db.query('USE rig');
  return (sql) => {
    const text = db.query(sql, 'JSONCompact');
    if (!text) return [];
    const { meta, data } = JSON.parse(text); // 64-bit numbers come as texts
    const isNumber = meta.map(({ type }) => /Int|Float/.test(type));
    return data.map((row) => row.map((v, n) => (isNumber[n] && v !== null ? Number(v) : v)));
  };
}

const ask = await { duckdb, clickhouse }[name]();
for await (const line of createInterface({ input: process.stdin })) {
  let reply, last;
  try {
    const rows = [];
    for (last of JSON.parse(line)) rows.push(await ask(last));
    reply = { rows };
  } catch (error) {
    reply = { error: `${error}\n${last}` };
  }
  process.stdout.write(JSON.stringify(reply) + '\n');
}
process.exit(0);

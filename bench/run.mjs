// make bench: the same events in Tenure, DuckDB and ClickHouse; equal answers, then times.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median, questions } from './questions.mjs';
import * as tenure from './tenure.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const events = Number(process.env.BENCH_EVENTS ?? 20_000_000);
const people = events / 100;
const dir = join(root, 'build', 'bench', String(events));
const programs = join(root, 'build', 'c', 'bench');
const say = (line) => process.stderr.write(`bench: ${line}\n`);
// The funnel and retention against each peer; a trend against the faster of the two.
const goals = { funnel: { clickhouse: 6, duckdb: 25 }, retention: { clickhouse: 8, duckdb: 15 } };
const TREND_GOAL = 4;
const LIMIT_GOAL = 4; // times what copying the columns takes

if (!Number.isInteger(people) || people < 100) {
  say('BENCH_EVENTS must be a multiple of 100 and at least 10000');
  process.exit(2);
}

// From profiles (perf record) of each question; to be looked at again when the kernels change.
const WHERE_THE_REST_GOES = `Where the rest goes: the funnel spends nearly half of its time in the state of each person (the newest run at
each step, for 3.1 million events), a tenth each in matching names, bringing times and masks together, and finding where each
person's events end; a twentieth in exact quantiles and the HTTP reply, on one thread. Retention spends half in gathering each
person's weeks, a fifth in turning times into weeks (bound by memory), a sixth in matching names.`;

function generate() {
  const [jsonl, csv, stamp] = ['events.jsonl', 'events.csv', 'made'].map((name) => join(dir, name));
  const source = readFileSync(join(root, 'bench', 'generate.c'), 'utf8');
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== source) {
    say(`making ${events} events of ${people} people`);
    execFileSync('rm', ['-rf', dir]);
    mkdirSync(dir, { recursive: true });
    execFileSync(join(programs, 'generate'), [String(events), String(people), jsonl, csv], { stdio: 'inherit' });
    writeFileSync(`${stamp}.new`, source);
    renameSync(`${stamp}.new`, stamp);
  }
  return { jsonl, csv };
}

function peer(name, csv) {
  say(`loading and asking ${name}`);
  const out = execFileSync(process.execPath, [join(root, 'bench', 'peer.mjs'), name, csv, dir], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(out.trim().split('\n').at(-1));
}

function firstDifference(a, b, at = '') {
  if (a === b) return null;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return `${at}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = firstDifference(a[key], b[key], `${at}/${key}`);
    if (found) return found;
  }
  return null;
}

const ms = (result) => median(result.times);
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const mib = (bytes) => `${(bytes / (1 << 20)).toFixed(1)} MiB`;
const thousands = (n) => Math.round(n).toLocaleString('en-US');

function machine() {
  const os = /PRETTY_NAME="(.*)"/.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  const cpu = cpus();
  return `${cpu[0].model.trim()}, ${cpu.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB, ${os}`;
}

// Each question's time beside that of copying the columns it reads, measured in the same run.
function limits(own, memory) {
  return questions.map(({ key, title, needs }) => {
    const { rows, matched, bytes } = own.results[key].read;
    const took = ms(own.results[key]) / 1000;
    const least = bytes / memory.copy;
    const goal = key === 'funnel' || key === 'retention' ? `${LIMIT_GOAL}×: ${took <= LIMIT_GOAL * least ? 'met' : 'not met'}` : '';
    return `| ${title} | ${mb(needs(rows, matched))} | ${mb(bytes)} | ${(bytes / took / 1e9).toFixed(1)} GB/s | ${(least * 1000).toFixed(1)} ms | ${(took / least).toFixed(1)}× | ${goal} |`;
  });
}

function report(all, intake, memory) {
  const [own, duckdb, clickhouse] = all;
  const rows = questions.map(({ key, title }) => {
    const t = all.map((engine) => ms(engine.results[key]));
    const versus = { duckdb: t[1] / t[0], clickhouse: t[2] / t[0] };
    const goal = goals[key]
      ? `${goals[key].clickhouse}× / ${goals[key].duckdb}×` : `${TREND_GOAL}× the faster`;
    const isMet = goals[key]
      ? versus.clickhouse >= goals[key].clickhouse && versus.duckdb >= goals[key].duckdb
      : Math.min(versus.clickhouse, versus.duckdb) >= TREND_GOAL;
    return `| ${title} | ${t.map((x) => `${x.toFixed(1)} ms`).join(' | ')} | ${versus.clickhouse.toFixed(1)}× | ${versus.duckdb.toFixed(1)}× | ${goal}: ${isMet ? 'met' : 'not met'} |`;
  });
  const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim();
  return `# Benchmarks

Written by \`make bench\`; run it again to get your own. Commit ${commit}, ${new Date().toISOString().slice(0, 10)}.

Machine: ${machine()}.
Data: ${thousands(events)} events of ${thousands(people)} people over 180 days, 50 event names with a Zipf shape, two string properties
(\`bench/generate.c\`). The same rows in all three; the peers hold them sorted by (user, time), with numbers for user ids and
dictionary types for strings, and get two threads. Their SQL is in \`bench/duckdb.mjs\` and \`bench/clickhouse.mjs\`: the fastest
correct form that we found; a faster one is welcome. Before any time is believed, all three answers must be equal, number by number.

Times are medians of five runs after two that warm the page cache. Tenure is asked through its HTTP endpoint (parsing the
question, the scan, and the JSON answer are in the figure); the peers are asked inside the measuring process.

| question | ${all.map((e) => e.name).join(' | ')} | against ClickHouse | against DuckDB | goal |
|---|---|---|---|---|---|---|
${rows.join('\n')}

| | ${all.map((e) => e.name).join(' | ')} |
|---|---|---|---|
| bytes per event on disk | ${all.map((e) => (e.bytes / e.events).toFixed(2)).join(' | ')} |
| loading the file, events/s | ${all.map((e) => thousands(e.events / e.loadSeconds)).join(' | ')} |

Tenure reads ${(statSync(join(dir, 'events.jsonl')).size / events).toFixed(0)} bytes of JSON an event, keeps what a second import of the file needs to add nothing, and must be durable; the peers
read a CSV file of ${(statSync(join(dir, 'events.csv')).size / events).toFixed(0)} bytes an event and sort it.

How near to the limit: memory copies ${(memory.copy / 1e9).toFixed(1)} GB/s here with as many threads as questions get (it reads ${(memory.read / 1e9).toFixed(1)} GB/s),
measured in this run. "Needed" counts a byte of name for each row and the other columns only where the name matched; "read" counts
the columns whole, which is what comes through the caches: a line of 64 bytes holds 16 times, and one match among them brings all.

| question | needed | read | at | copying that takes | Tenure takes | goal |
|---|---|---|---|---|---|---|
${limits(own, memory).join('\n')}

${WHERE_THE_REST_GOES}

| Tenure alone | figure | goal |
|---|---|---|
| bytes per event on disk, everything in the data directory | ${(own.bytes / own.events).toFixed(2)} | at most 8 |
| import, events/s | ${thousands(own.events / own.loadSeconds)} | 700,000 |
| HTTP batches of 100 Segment events, acknowledged (durable) events/s | ${thousands(intake.events_per_second)} (p50 ${intake.p50_ms} ms, p99 ${intake.p99_ms} ms, 16 connections, client on the same machine) | 150,000 |
| memory of a query beyond mapped segments | ${mib(own.memory.queryOwn)} | 64 MiB |
| memory of the idle server, empty | ${mib(intake.idleWhole)} (${mib(intake.idleOwn)} its own) | 40 MiB |
| memory of the idle server, with this data | ${mib(own.memory.idleWhole)} (${mib(own.memory.idleOwn)} its own) | |
`;
}

const files = generate();
say('importing into Tenure and asking');
const own = await tenure.run(files.jsonl, dir, events);
if (process.env.BENCH_ONLY === 'tenure') { // for work on Tenure: no peers, no page
  for (const { key, title } of questions) say(`${title}: ${own.results[key].times.map((t) => t.toFixed(1)).join(' ')} ms`);
  say(`${(own.bytes / events).toFixed(2)} bytes an event, ${thousands(events / own.loadSeconds)} events/s imported, ${mib(own.memory.queryOwn)} for questions`);
  process.exit(0);
}
const duckdb = peer('duckdb', files.csv);
const clickhouse = peer('clickhouse', files.csv);
const all = [own, duckdb, clickhouse];
let differ = false;
for (const { key, title } of questions) {
  for (const other of [duckdb, clickhouse]) {
    const found = firstDifference(own.results[key].answer, other.results[key].answer);
    if (found) {
      differ = true;
      say(`${title}: Tenure and ${other.name} differ at ${found}`);
    }
  }
}
if (differ) process.exit(1);
say('all answers are equal');
say('sending Segment batches over HTTP');
const intake = await tenure.intake(dir, join(programs, 'http_load'), Math.min(30_000, Math.ceil(events / 100)));
const memory = JSON.parse(execFileSync(join(programs, 'bandwidth'), ['128', String(cpus().length)], { encoding: 'utf8' }));
const page = report(all, intake, memory);
if (process.env.BENCH_OUT !== 'none') {
  const out = process.env.BENCH_OUT ?? join(root, 'docs', 'benchmarks.md');
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, page);
}
process.stdout.write(page);

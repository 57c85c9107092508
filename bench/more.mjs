// make bench BENCH_FLAGS=--more: the further questions, on the same people with 20 properties and two
// people in five under two ids. Equal answers, then times; writes docs/benchmarks-more.md.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PEOPLE_OF_GOAL, alone, beside, peopleOf } from './more_questions.mjs';
import { median, timed } from './questions.mjs';
import { ask, command, serve, settle } from './tenure.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const events = Number(process.env.BENCH_EVENTS ?? 20_000_000);
const people = events / 100;
const dir = join(root, 'build', 'bench', `${events}-more`);
const say = (line) => process.stderr.write(`bench: ${line}\n`);
const FASTER_GOAL = 6; // than the faster of the two
const [jsonl, csv, stamp, data] = ['events.jsonl', 'events.csv', 'made', 'tenure'].map((name) => join(dir, name));

function generate() {
  const source = readFileSync(join(root, 'bench', 'generate.c'), 'utf8') + statSync(command).mtimeMs;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8').startsWith(source)) return readFileSync(stamp, 'utf8').slice(source.length);
  say(`making ${events} events of ${people} people with 20 properties, and importing them`);
  rmSync(dir, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  execFileSync(join(root, 'build', 'c', 'bench', 'generate'), [String(events), String(people), jsonl, csv, 'more'], { stdio: 'inherit' });
  const keys = JSON.parse(execFileSync(command, ['project', 'create', 'bench', '--data', data, '--json'], { encoding: 'utf8' }));
  execFileSync(command, ['import', jsonl, '--data', data, '--project', 'bench', '--format', 'events'], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(stamp, source + keys.secret_key);
  return keys.secret_key;
}

function peer(name) {
  say(`loading and asking ${name}`);
  const out = execFileSync(process.execPath, [join(root, 'bench', 'more_peer.mjs'), name, csv, dir], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(out.trim().split('\n').at(-1));
}

const ms = (times) => `${median(times).toFixed(1)} ms`;
const verdict = (isMet) => (isMet ? 'met' : 'not met');

async function tenure(key) {
  const server = await serve(data);
  const out = { results: {}, alone: [], peopleOf: [] };
  try {
    await settle(data);
    for (const { key: name, ask: question, read } of beside) {
      const { answer, times } = await timed(() => ask(server, key, question));
      out.results[name] = { answer: read(answer), times };
    }
    for (const { title, goal, ask: question } of alone) {
      const { times } = await timed(() => ask(server, key, question));
      out.alone.push({ title, goal, times });
    }
    for (const { title, ask: question, of } of peopleOf) {
      const plain = await timed(() => ask(server, key, question));
      const listed = await timed(() => ask(server, key, { ...question, people_of: of }));
      out.peopleOf.push({ title, plain: plain.times, listed: listed.times });
    }
  } finally {
    await server.stop();
  }
  return out;
}

const key = generate();
say('asking Tenure');
const own = await tenure(key);
const all = process.env.BENCH_ONLY === 'tenure' ? [] : [peer('duckdb'), peer('clickhouse')];
let differ = false;
for (const other of all) {
  for (const { key: name, title } of beside) {
    const [a, b] = [own.results[name].answer, other.results[name].answer].map((x) => JSON.stringify(x));
    if (a === b) continue;
    differ = true;
    say(`${title}: Tenure and ${other.name} differ\n  ${a.slice(0, 600)}\n  ${b.slice(0, 600)}`);
  }
}
if (differ) process.exit(1);
if (all.length) say('all answers are equal');

const cpu = cpus();
const thousands = (n) => n.toLocaleString('en-US');
const commit = execFileSync('git', ['describe', '--always', '--dirty'], { cwd: root, encoding: 'utf8' }).trim();
const sideBySide = beside.map(({ key: name, title }) => {
  const mine = median(own.results[name].times);
  const theirs = all.map((p) => median(p.results[name].times));
  const times = Math.min(...theirs) / mine;
  return `| ${title} | ${ms(own.results[name].times)} | ${theirs.map((t) => `${t.toFixed(1)} ms`).join(' | ')} | ${times.toFixed(1)}× | ${FASTER_GOAL}×: ${verdict(times >= FASTER_GOAL)} |`;
});
const page = `# Benchmarks: the further questions

Written by \`make bench BENCH_FLAGS=--more\`. Commit ${commit}, ${new Date().toISOString().slice(0, 10)}, ${cpu[0].model.trim()}, ${cpu.length} cores, ${Math.round(totalmem() / 2 ** 30)} GiB.
Data: ${thousands(events)} events of ${thousands(people)} people over 180 days with 20 properties; two people in five come under two ids, merged at
the end. The peers hold people already merged, and only the columns that are asked for, sorted by (person, time). Medians of five runs after two;
Tenure over HTTP, the peers in process (\`bench/more_questions.mjs\`).

${all.length ? `| question | Tenure | ${all.map((p) => p.name).join(' | ')} | faster than the faster one | goal |
|---|---|---|---|---|---|
${sideBySide.join('\n')}
` : ''}
| Tenure alone | time | goal |
|---|---|---|
${own.alone.map((r) => `| ${r.title} | ${ms(r.times)} | ${r.goal} ms: ${verdict(median(r.times) <= r.goal)} |`).join('\n')}

| the people behind a number | the question | with \`people_of\` | more | goal |
|---|---|---|---|---|
${own.peopleOf.map((r) => {
    const more = median(r.listed) / median(r.plain) - 1;
    return `| ${r.title} | ${ms(r.plain)} | ${ms(r.listed)} | ${(more * 100).toFixed(0)} % | ${PEOPLE_OF_GOAL * 100} %: ${verdict(more <= PEOPLE_OF_GOAL)} |`;
  }).join('\n')}
`;
if (process.env.BENCH_OUT !== 'none' && all.length) writeFileSync(process.env.BENCH_OUT ?? join(root, 'docs', 'benchmarks-more.md'), page);
process.stdout.write(page);

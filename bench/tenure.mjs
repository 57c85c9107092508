// Tenure's half: the file goes in through `tenure import`, the questions through the HTTP endpoint.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import * as q from './questions.mjs';

export const command = process.env.TENURE;
const text = (args) => execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

function bytesUnder(path) {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name) => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)[1]);
  return { whole: kib('VmRSS') * 1024, own: kib('RssAnon') * 1024 };
}

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

export async function serve(data) {
  const port = await freePort();
  const child = spawn(command, ['serve', '--data', data, '--listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'ignore', 'inherit'] });
  const base = `http://127.0.0.1:${port}`;
  for (let i = 0; i < 600; i++) {
    if (child.exitCode !== null) throw new Error(`tenure serve ended with ${child.exitCode}`);
    const ready = await fetch(`${base}/readyz`).catch(() => null);
    if (ready?.ok) return { port, base, pid: child.pid, stop: () => new Promise((done) => { child.on('exit', done); child.kill('SIGTERM'); }) };
    await sleep(50);
  }
  throw new Error('tenure serve was not ready within 30 s');
}

// Sealing and compaction go on after an import; figures are taken once the files lie still.
export async function settle(data) {
  let before = -1;
  for (let still = 0; still < 6;) {
    const now = bytesUnder(data);
    still = now === before ? still + 1 : 0;
    before = now;
    await sleep(500);
  }
}

export async function ask(server, key, question) {
  const reply = await fetch(`${server.base}/api/v1/projects/bench/query`, {
    method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body: JSON.stringify(question),
  });
  const body = await reply.text();
  if (!reply.ok) throw new Error(`query: ${reply.status} ${body}`);
  return JSON.parse(body);
}

// What `tenure query --explain` says was read.
function readOf(data, question) {
  const said = spawnSync(command, ['query', JSON.stringify(question), '--data', data, '--project', 'bench', '--json', '--explain'], { encoding: 'utf8', maxBuffer: 1 << 26 });
  const [, rows, matched, megabytes] = /(\d+) rows looked at, (\d+) matched, ([\d.]+) MB read/.exec(said.stderr);
  return { rows: Number(rows), matched: Number(matched), bytes: Number(megabytes) * 1e6 };
}

export async function run(jsonl, dir, events) {
  const data = join(dir, 'tenure');
  const done = join(dir, 'tenure.done');
  const stamp = String(statSync(command).mtimeMs);
  let made = existsSync(done) ? JSON.parse(readFileSync(done, 'utf8')) : {};
  if (made.stamp !== stamp) {
    rmSync(done, { force: true });
    rmSync(data, { recursive: true, force: true });
    const keys = JSON.parse(text(['project', 'create', 'bench', '--data', data, '--json']));
    const started = performance.now();
    text(['import', jsonl, '--data', data, '--project', 'bench', '--format', 'events']);
    made = { stamp, key: keys.secret_key, loadSeconds: (performance.now() - started) / 1000 };
    writeFileSync(done, JSON.stringify(made));
  }
  const server = await serve(data);
  try {
    await settle(data);
    const bytes = bytesUnder(join(data));
    const idle = memory(server.pid);
    let ownMax = 0;
    const watch = setInterval(() => { ownMax = Math.max(ownMax, memory(server.pid).own); }, 2);
    const results = {};
    for (const { key, ask: question, read } of q.questions) {
      const { answer, times } = await q.timed(() => ask(server, made.key, question));
      results[key] = { answer: read(answer), times };
    }
    clearInterval(watch);
    for (const { key, ask: question } of q.questions) results[key].read = readOf(data, question);
    const version = text(['--version']).trim();
    return { name: /^tenure/i.test(version) ? version.replace(/^t/, 'T') : `Tenure ${version}`, events, bytes, loadSeconds: made.loadSeconds, results,
      memory: { idleWhole: idle.whole, idleOwn: idle.own, queryOwn: ownMax - idle.own } };
  } finally {
    await server.stop();
  }
}

// Acknowledged events a second over HTTP, and what an empty server takes, in a directory of its own.
export async function intake(dir, client, batches) {
  const data = join(dir, 'intake');
  rmSync(data, { recursive: true, force: true });
  const keys = JSON.parse(text(['project', 'create', 'load', '--data', data, '--json']));
  const server = await serve(data);
  try {
    await sleep(1000);
    const idle = memory(server.pid);
    const out = execFileSync(client, [String(server.port), keys.write_key, '16', String(batches)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    return { ...JSON.parse(out), idleWhole: idle.whole, idleOwn: idle.own };
  } finally {
    await server.stop();
    rmSync(data, { recursive: true, force: true });
  }
}

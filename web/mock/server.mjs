// A stand-in for the server while the dashboard is worked on: `node mock/server.mjs [port]` serves
// dist/ under the real content security policy and answers questions with made-up numbers that obey
// the query contract. Everything is a function of the question, so a page looks the same twice.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};
const DAY = 86_400_000;
const NOW = Date.now();

const PROJECT = {
  name: process.env.MOCK_PROJECT ?? 'demo',
  simulated: true,
  timezone: 'Asia/Bangkok',
  week_start: 'monday',
  first_event: new Date(NOW - 730 * DAY).toISOString(),
  last_event: new Date(NOW).toISOString(),
  events: 5_014_233,
  people: 40_127,
};

const EVENTS = [
  ['Task Completed', 1_820_332], ['Page Viewed', 1_402_118], ['Report Viewed', 604_221],
  ['File Uploaded', 401_876], ['Project Created', 96_408], ['Signed Up', 40_127],
  ['Teammate Invited', 33_990], ['Checklist Completed', 21_466], ['Subscription Started', 6_120],
  ['Payment Failed', 4_411], ['Exported', 98_020],
];

const PROPERTIES = [
  { name: 'plan', types: ['text'], values: ['free', 'pro', 'team'] },
  { name: 'country', types: ['text'], values: ['TH', 'SG', 'VN', 'MY', 'JP', 'US'] },
  { name: 'seats', types: ['number'], values: [1, 2, 4] },
];

function noise(text) {
  let h = 2166136261;
  for (const c of text) h = Math.imul(h ^ c.codePointAt(0), 16777619);
  h ^= h >>> 15;
  h = Math.imul(h, 0x2c1b3c6d);
  return ((h ^ (h >>> 13)) >>> 0) / 2 ** 32;
}

const iso = (ms) => new Date(ms).toISOString().slice(0, 10);

function edges(question) {
  const out = [];
  const from = Date.parse(question.from);
  const to = Math.min(Date.parse(question.to) + DAY, NOW + DAY);
  let at = new Date(from);
  const month = { month: 1, quarter: 3, year: 12 }[question.interval];
  if (month) at = new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - (at.getUTCMonth() % month), 1));
  while (at.getTime() < to) {
    out.push(at.getTime());
    at = month
      ? new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + month, 1))
      : new Date(at.getTime() + { hour: DAY / 24, day: DAY, week: 7 * DAY }[question.interval]);
  }
  return out;
}

function label(ms, interval) {
  return interval === 'hour' ? new Date(ms).toISOString().slice(0, 19) + '+07:00' : iso(ms);
}

function retention(question) {
  const starts = edges(question);
  const n = question.periods;
  const every = question.match === 'on_or_after' ? 1.35 : 1;
  const cohorts = starts.map((ms, i) => {
    const size = Math.round(360 + 160 * Math.sin(i / 4) + 90 * noise('size' + ms));
    const reach = starts.length - i;
    const counts = Array.from({ length: n }, (_, k) => {
      if (k >= reach) return null;
      if (k === 0) return size;
      const rate = (0.18 + 0.36 / (1 + 0.55 * k) + i * 0.0025) * every * (0.93 + 0.14 * noise(ms + '/' + k));
      return Math.round(size * Math.min(0.97, rate) * (k === reach - 1 ? 0.6 : 1));
    });
    return { start: label(ms, question.interval), size, counts, final: Math.max(0, Math.min(n, reach - 1)) };
  });
  const pooled = [];
  const counted = [];
  for (let k = 0; k < n; k++) {
    const done = cohorts.filter((c) => k < c.final && c.size > 0);
    const size = done.reduce((a, c) => a + c.size, 0);
    counted.push(done.length);
    pooled.push(size ? done.reduce((a, c) => a + c.counts[k], 0) / size : null);
  }
  return { cohorts, average: { pooled, weighted: pooled, cohorts: counted } };
}

function funnel(question) {
  let count = Math.round(9_800 + 2_000 * noise(question.from));
  const first = count;
  const steps = question.steps.map((step, i) => {
    const before = count;
    if (i > 0) count = Math.round(count * (0.32 + 0.5 * noise(step.event + i)));
    const seconds = i === 0 ? null : 3_600 * (0.4 + 60 * noise('t' + step.event + i));
    return {
      name: step.event,
      count,
      conversion: count / first,
      from_previous: i === 0 ? 1 : count / before,
      average_seconds: seconds && seconds * 1.6,
      median_seconds: seconds,
      p90_seconds: seconds && seconds * 4,
      stopped: 0,
    };
  });
  return { steps };
}

function trends(question) {
  const starts = edges(question);
  const values = question.breakdown
    ? [...(PROPERTIES.find((p) => p.name === question.breakdown[0].property)?.values ?? []), null]
    : [undefined];
  const scale = question.series[0].math === 'people' ? 2_900 : 61_000;
  const series = values.map((value, s) => {
    const points = starts.map((ms, i) => {
      const rate = (0.62 + (0.38 * i) / starts.length) * (0.94 + 0.12 * noise(String(value) + ms));
      return Math.round((scale * rate * (i === starts.length - 1 ? 0.7 : 1)) / (s * 1.7 + 1));
    });
    return {
      name: question.series[0].event ?? 'Any event',
      ...(value === undefined ? {} : { breakdown: [value] }),
      values: points,
      total: Math.round(points.reduce((a, b) => a + b, 0) * (scale > 10_000 ? 1 : 0.4)),
      final: starts.map((_, i) => i < starts.length - 1),
    };
  });
  return { intervals: starts.map((ms) => label(ms, question.interval)), series };
}

const KINDS = { retention, funnel, trends };

function answer(question) {
  const kind = KINDS[question.insight];
  if (!kind) return { error: { code: 'query.unknown_insight', message: 'There is no such insight.', hint: 'use trends, funnel or retention' } };
  return {
    from: question.from + 'T00:00:00+07:00',
    to: question.to + 'T23:59:59+07:00',
    as_of: new Date(NOW).toISOString(),
    timezone: question.timezone,
    week_start: 'monday',
    rules: {},
    ...kind(question),
  };
}

function send(response, status, type, body, headers = {}) {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

const json = (response, status, value, headers) =>
  send(response, status, 'application/json', JSON.stringify(value), headers);

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://mock');
  if (url.pathname === '/healthz') return void json(response, 200, {});
  if (url.pathname === '/signin') {
    response.writeHead(303, { Location: '/', 'Set-Cookie': 'session=1; HttpOnly; Path=/; SameSite=Lax' });
    response.end();
    return;
  }
  if (url.pathname.startsWith('/api/')) {
    if (!/session=1/.test(request.headers.cookie ?? '')) {
      json(response, 401, { error: { code: 'unauthorized', message: 'Sign in first.' } });
    } else if (url.pathname === '/api/v1/me') {
      json(response, 200, { projects: [PROJECT] });
    } else if (url.pathname.endsWith('/definitions')) {
      const events = EVENTS.map(([name, count]) => ({
        name, count, first_seen: PROJECT.first_event, last_seen: PROJECT.last_event,
      }));
      json(response, 200, { events, properties: PROPERTIES });
    } else if (url.pathname.endsWith('/query')) {
      const result = answer(JSON.parse(await read(request)));
      json(response, result.error ? 400 : 200, result);
    } else if (url.pathname === '/api/v1/signout') {
      json(response, 200, {}, { 'Set-Cookie': 'session=; Max-Age=0; Path=/' });
    } else {
      json(response, 404, { error: { code: 'not_found', message: 'There is no such address.' } });
    }
    return;
  }
  const path = normalize(url.pathname === '/' ? '/index.html' : url.pathname);
  try {
    send(response, 200, TYPES[extname(path)] ?? 'application/octet-stream', await readFile(join(DIST, path)));
  } catch {
    send(response, 404, 'text/plain', 'not found');
  }
}

const port = Number(process.argv[2] ?? 8099);
createServer((request, response) => {
  handle(request, response).catch((error) => send(response, 500, 'text/plain', String(error)));
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}/signin?token=mock`));

// What every test here needs: the real binary with a small project it imported itself, a browser,
// and a page that keeps count of everything it should not do.
import { chromium } from 'playwright-core';
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expectedPeople, makeEvents } from './people.mjs';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
export const BINARY = resolve(process.env.TENURE ?? join(ROOT, 'build/tenure'));
export const PROJECT = 'shop';

export async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

export async function tenure(data, ...args) {
  const { stdout, stderr } = await run(BINARY, [...args, '--data', data], { timeout: 60_000 });
  return stdout + stderr;
}

export function linkIn(text) {
  const link = /https?:\/\/\S+\/signin\?token=[\w.~%-]+/.exec(text)?.[0];
  if (!link) throw new Error(`no sign-in link in: ${text}`);
  return link;
}

/** What a browser keeps after opening the link. */
async function signIn(link) {
  const reply = await fetch(link, { redirect: 'manual' });
  const [name, value] = (reply.headers.getSetCookie()[0] ?? '').split(';')[0].split('=');
  if (reply.status !== 303 || !value) throw new Error(`the sign-in link was answered ${reply.status}`);
  const cookie = { name, value, domain: new URL(link).hostname, path: '/', expires: -1 };
  return { cookies: [{ ...cookie, httpOnly: true, secure: false, sameSite: 'Lax' }], origins: [] };
}

/** A server over a fresh data directory; `empty` makes a project without an event. */
export async function startServer({ empty = false, events = makeEvents() } = {}) {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is not there: build it, or set TENURE`);
  const data = await mkdtemp(join(tmpdir(), 'tenure-browser-'));
  await tenure(data, 'project', 'create', PROJECT);
  const fill = async () => {
    const file = data + '.jsonl';
    await writeFile(file, events.map((e) => JSON.stringify(e) + '\n').join(''));
    await tenure(data, 'import', file, '--project', PROJECT);
    await rm(file);
  };
  if (!empty) await fill();
  const port = await freePort();
  const child = spawn(BINARY, ['serve', '--listen', `127.0.0.1:${port}`, '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (part) => (said += part));
  child.stderr.on('data', (part) => (said += part));
  const origin = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries++) {
    if (await fetch(`${origin}/healthz`).then((r) => r.ok, () => false)) break;
    if (child.exitCode !== null || tries > 300) throw new Error(`the server did not start: ${said}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  const link = async () => linkIn(await tenure(data, 'signin'));
  let session;
  return {
    origin,
    data,
    fill,
    expected: expectedPeople(),
    link,
    // One session for all pages that do not end it.
    session: () => (session ??= link().then(signIn)),
    stop: async () => {
      const ended = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await ended;
      await rm(data, { recursive: true, force: true });
    },
  };
}

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
/** Why the tests here cannot run, or false. */
export const skip = existsSync(CHROMIUM)
  ? false
  : `${CHROMIUM} is not there: install Debian's chromium, or set CHROMIUM`;

export const startBrowser = () =>
  chromium.launch({
    executablePath: CHROMIUM,
    // Chromium's own sandbox needs rights that a container or root does not have.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });

/**
 * A signed-in page. `page.sins` collects what no page may do: refused by the content security
 * policy, errors on the console, a request to another host.
 */
export async function openPage(browser, server, options = {}) {
  const { signedIn = true, path = '/', storage = {}, ...context } = options;
  const made = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    locale: 'en-GB',
    colorScheme: 'light',
    reducedMotion: 'reduce',
    storageState: signedIn ? await server.session() : undefined,
    ...context,
  });
  const page = await made.newPage();
  page.setDefaultTimeout(60_000); // a busy machine is slow, not wrong
  page.sins = [];
  page.asked = [];
  page.on('console', (message) => {
    const text = message.text();
    // Chromium itself reports every refused request; the tests that cause one expect it.
    if (/Failed to load resource/.test(text)) return;
    if (['error', 'warning'].includes(message.type())) page.sins.push(text);
  });
  page.on('pageerror', (error) => page.sins.push(String(error)));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== server.origin) {
      page.sins.push(`request to ${url.origin}`);
    }
  });
  page.on('response', async (response) => {
    if (!response.url().endsWith('/query') || !response.ok()) return;
    const question = response.request().postDataJSON();
    page.asked.push({ question, answer: await response.json().catch(() => null) });
  });
  await page.addInitScript((items) => {
    document.addEventListener('securitypolicyviolation', (event) => {
      console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
    });
    for (const [key, value] of Object.entries(items)) {
      if (localStorage.getItem(key) === null) localStorage.setItem(key, value);
    }
  }, storage);
  await page.goto(server.origin + path);
  return page;
}

export const card = (page, id) => page.locator(`[data-card="${id}"]`);

/** Waits until all cards show answers. */
export async function settled(page) {
  await card(page, 'retention').locator('table td[data-count]').first().waitFor();
  await card(page, 'funnel').locator('li[data-count]').first().waitFor();
  await card(page, 'trend').locator('canvas, table').first().waitFor();
  await card(page, 'lifecycle').locator('canvas, table').first().waitFor();
  await page.locator('[aria-busy="true"]').first().waitFor({ state: 'detached' });
}

/** Asks the server itself, past the page's own code but with its session. */
export async function ask(page, question) {
  const [status, text] = await page.evaluate(
    async ([path, body]) => {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetch(path, { method: 'POST', headers, body });
      return [response.status, await response.text()];
    },
    [`/api/v1/projects/${PROJECT}/query`, JSON.stringify(question)],
  );
  if (status !== 200) throw new Error(`${status}: ${text}`);
  return JSON.parse(text);
}

import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { after, before, describe as group, test } from 'node:test';
import { card, openPage, PROJECT, settled, skip, startBrowser, startServer, tenure } from './house.mjs';

const TOGETHER = { concurrency: 2 };

// A skipped group counts as no test at all; one skipped test says what is missing.
const describe = skip ? () => {} : group;
if (skip) test('saved things in Chromium', { skip }, () => {});

let browser;
let server;

before(async () => {
  if (skip) return;
  [browser, server] = await Promise.all([startBrowser(), startServer()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

async function withPage(options, body) {
  const page = await openPage(browser, server, options);
  try {
    await body(page);
    assert.deepEqual(page.sins, [], 'errors, policy violations or requests to other hosts');
  } finally {
    await page.context().close();
  }
}

async function axe(page, where) {
  const { violations } = await new AxeBuilder({ page })
    .options({ resultTypes: ['violations'] })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);
  assert.deepEqual(found, [], `axe: ${where}`);
}

/** Pictures for people, where a folder is named. */
async function picture(page, name) {
  const folder = process.env.PICTURES;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

/** Nothing is wider than the window. */
async function fits(page, where) {
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.equal(over, 0, `${where} is ${over} px too wide`);
}

const api = (page, method, path, body) =>
  page.evaluate(
    async ([how, where, what]) => {
      const headers = { 'Content-Type': 'application/json' };
      const response = await fetch(where, { method: how, headers, body: what && JSON.stringify(what) });
      return { status: response.status, body: await response.json() };
    },
    [method, `/api/v1/projects/${PROJECT}/${path}`, body],
  );

const TREND = { insight: 'trends', interval: 'week', last: '12w', series: [{ event: 'Signed Up', math: 'people' }] };
const KEPT = {
  insight: 'retention',
  interval: 'week',
  last: '12w',
  periods: 8,
  start: { event: 'Signed Up' },
  return: { event: 'Task Completed' },
};
const FUNNEL = {
  insight: 'funnel',
  last: '12w',
  steps: [{ event: 'Signed Up' }, { event: 'Project Created' }, { event: 'Teammate Invited' }],
};
const LIFE = { insight: 'lifecycle', interval: 'week', last: '12w', event: null };

/** A dashboard with everything on it, made past the page. */
async function makeBoard(page, name) {
  const made = await api(page, 'POST', 'insights', { name: `${name}: retention`, question: KEPT });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const board = await api(page, 'POST', 'dashboards', {
    name,
    tiles: [
      { insight: made.body.id, w: 12 },
      { title: 'Sign-ups', question: TREND, w: 6 },
      { title: 'First steps', question: FUNNEL, w: 6 },
      { title: 'Lifecycle', question: LIFE, w: 6 },
      { text: 'Read from left to right.', w: 6 },
    ],
  });
  assert.equal(board.status, 201, JSON.stringify(board.body));
  return board.body;
}

async function boardSettled(page) {
  await page.locator('[data-tile="t1"] td[data-count]').first().waitFor();
  await page.locator('[data-tile="t2"] canvas').first().waitFor();
  await page.locator('[data-tile="t3"] li[data-count]').first().waitFor();
  await page.locator('[data-tile="t4"] canvas').first().waitFor();
}

const choose = async (page, label, text) => page.getByRole('combobox', { name: label }).selectOption({ label: text });

describe('saving', TOGETHER, () => {
  test('a card’s question is kept, moves with time, and is shown on its page', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      await card(page, 'retention').getByRole('button', { name: 'Save this question' }).click();
      await page.getByLabel('Name').fill('Weekly retention');
      await axe(page, 'the dialog');
      await picture(page, 'save');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      const { body } = await api(page, 'GET', 'insights');
      const kept = body.insights.find((i) => i.name === 'Weekly retention');
      assert.deepEqual([kept.question.insight, kept.question.last, kept.question.from], ['retention', '12w', undefined]);

      // A name that is taken: the server's words, and the dialog stays.
      await card(page, 'trend').getByRole('button', { name: 'Save this question' }).click();
      await page.getByLabel('Name').fill('Weekly retention');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('there is an insight "Weekly retention" already').waitFor();
      await page.keyboard.press('Escape');

      await page.getByRole('link', { name: 'Saved' }).click();
      assert.match(page.url(), /page=saved/);
      await page.getByRole('button', { name: 'Show: Weekly retention' }).click();
      await page.locator('[data-saved="Weekly retention"] td[data-count]').first().waitFor();
      await axe(page, 'saved insights');
      await picture(page, 'saved');
      await page.getByRole('button', { name: 'Remove: Weekly retention' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await page.locator('[data-saved="Weekly retention"]').waitFor({ state: 'detached' });
      await page.goBack();
      await settled(page);
    });
  });

  test('with the keyboard alone, onto a dashboard', async () => {
    await withPage({}, async (page) => {
      await settled(page);
      const board = await api(page, 'POST', 'dashboards', { name: 'By keyboard', tiles: [] });
      await page.reload();
      await settled(page);
      await card(page, 'funnel').getByRole('button', { name: 'Save this question' }).focus();
      await page.keyboard.press('Enter');
      await page.getByLabel('Put it on a dashboard').waitFor();
      await page.keyboard.press('Control+A');
      await page.keyboard.type('Keyed funnel');
      await page.keyboard.press('Tab');
      await page.keyboard.type('By k');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
      const focus = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
      assert.equal(focus, 'Save this question');
      const after = await api(page, 'GET', `dashboards/${board.body.id}`);
      assert.equal(after.body.tiles.length, 1);
      assert.equal(after.body.version, 2);
    });
  });
});

describe('dashboards', TOGETHER, () => {
  test('show every kind of tile under one range', async () => {
    await withPage({ path: '/?page=boards' }, async (page) => {
      await page.getByRole('heading', { name: 'Dashboards' }).waitFor();
      const board = await makeBoard(page, 'Monday');
      await page.reload();
      await page.getByRole('link', { name: 'Monday' }).click();
      assert.match(page.url(), new RegExp(`board=${board.id}`));
      await boardSettled(page);
      const steps = () => page.locator('[data-tile="t3"] li[data-count]').evaluateAll((l) => l.map((x) => x.dataset.count));
      assert.deepEqual(await steps(), ['120', '60', '20']);
      await axe(page, 'a dashboard');
      await picture(page, 'board-1440-light-en');
      await page.getByLabel('30 days').check();
      await page.locator('[data-tile="t3"] li[data-count="120"]').waitFor({ state: 'detached' });
      await page.locator('[data-tile="t3"] li[data-count]').first().waitFor();
      const [signedUp, created, invited] = (await steps()).map(Number);
      assert.ok(signedUp > 30 && signedUp < 40, String(signedUp)); // two a day, up to twelve days ago
      assert.ok(Math.abs(created * 2 - signedUp) <= 1 && invited > 0 && invited < created);
    });
  });

  test('are made, changed by buttons, and kept; who is late is told', async () => {
    await withPage({ path: '/?page=boards' }, async (page) => {
      await page.getByRole('button', { name: 'New dashboard' }).click();
      await page.getByLabel('Name').fill('Mine');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Mine' }).waitFor();
      for (const words of ['First', 'Second']) {
        await page.getByRole('button', { name: 'Add a tile' }).click();
        await page.getByRole('textbox', { name: 'Text' }).fill(words);
        await page.getByRole('button', { name: 'Add', exact: true }).click();
        await page.getByText(words, { exact: true }).waitFor();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
      }
      await page.getByRole('button', { name: 'Move forward: Text 2' }).click();
      await page.locator('li[data-tile]').first().getByText('Second').waitFor();
      await page.getByRole('button', { name: 'Change the width: Text 1' }).click();
      await page.locator('li[data-tile][data-width="4"]').waitFor();
      await page.reload();
      await page.getByText('Second').waitFor();
      assert.deepEqual(await page.locator('li[data-tile] p').allInnerTexts(), ['Second', 'First']);

      // Somebody else changes it meanwhile.
      const id = new URL(page.url()).searchParams.get('board');
      const now = (await api(page, 'GET', `dashboards/${id}`)).body;
      assert.equal((await api(page, 'PUT', `dashboards/${id}`, { ...now, name: 'Ours' })).status, 200);
      await page.getByRole('button', { name: 'Take off the dashboard: Text 1' }).click();
      await page.getByRole('alert').getByText('was changed meanwhile').waitFor();
      await page.getByRole('heading', { name: 'Ours' }).waitFor();
      assert.equal(await page.locator('li[data-tile]').count(), 2);
      await page.getByRole('button', { name: 'Remove this dashboard' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await page.getByRole('heading', { name: 'Dashboards' }).waitFor();
      assert.equal(await page.getByRole('link', { name: 'Ours' }).count(), 0);
    });
  });

  for (const [width, scheme, language] of [[390, 'dark', 'th'], [390, 'light', 'en'], [1440, 'dark', 'th']]) {
    test(`fit ${width} px, ${scheme}, ${language}`, async () => {
      const options = {
        path: '/?page=boards',
        viewport: { width, height: 844 },
        colorScheme: scheme,
        storage: { 'tenure-language': language },
      };
      await withPage(options, async (page) => {
        await page.locator('h2').first().waitFor();
        const board = await makeBoard(page, `B ${width} ${scheme} ${language}`);
        const name = `${width}-${scheme}-${language}`;
        await page.goto(`${server.origin}/?page=boards&board=${board.id}`);
        await boardSettled(page);
        await fits(page, 'a dashboard');
        await axe(page, `a dashboard, ${name}`);
        await picture(page, `board-${name}`);
        for (const where of ['saved', 'alerts', 'boards']) {
          await page.goto(`${server.origin}/?page=${where}`);
          await page.locator('main h2').first().waitFor();
          await page.locator('main li, main p').first().waitFor();
          await fits(page, where);
          await axe(page, `${where}, ${name}`);
          await picture(page, `${where}-${name}`);
        }
      });
    });
  }
});

describe('annotations', () => {
  test('stand on the trend and below it', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const trend = card(page, 'trend');
      await trend.getByRole('button', { name: 'Add an annotation' }).click();
      const day = new Date(Date.now() - 20 * 86_400_000).toISOString().slice(0, 10);
      const end = new Date(Date.now() - 9 * 86_400_000).toISOString().slice(0, 10);
      await page.getByLabel('Day', { exact: true }).fill(day);
      await page.getByLabel('Until (if it lasted)').fill(end);
      await page.getByLabel('What happened').fill('A price rise');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await trend.getByText(': A price rise').waitFor();
      const made = (await api(page, 'GET', 'annotations')).body.annotations;
      assert.deepEqual(made.map((a) => [a.from, a.to, a.text]), [[day, end, 'A price rise']]);
      await axe(page, 'a chart with an annotation');
      await trend.scrollIntoViewIfNeeded();
      await picture(page, 'annotation');
      await trend.getByRole('button', { name: 'Remove: A price rise' }).click();
      await trend.getByText(': A price rise').waitFor({ state: 'detached' });
    });
  });
});

describe('alerts', () => {
  test('are made from a saved insight, tried, evaluated, paused and removed', async () => {
    await withPage({ path: '/?page=alerts' }, async (page) => {
      await page.getByRole('heading', { name: 'Alerts' }).waitFor();
      assert.equal((await api(page, 'POST', 'insights', { name: 'Kept', question: KEPT })).status, 201);
      await page.getByRole('button', { name: 'New alert' }).click();
      await page.getByLabel('Name').fill('Retention fell');
      await choose(page, 'Saved insight', 'Kept');
      await page.getByLabel('Value in percent').fill('120');
      await page.getByRole('button', { name: 'How is it now?' }).click();
      await page.getByRole('status').getByText('Firing').waitFor();
      await axe(page, 'a new alert');
      await picture(page, 'alert-new');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      const row = page.locator('[data-alert="Retention fell"]');
      await row.getByText('when it is below 120.0%').waitFor();
      const made = (await api(page, 'GET', 'alerts')).body.alerts[0];
      assert.deepEqual([made.number, made.when], [{ period: 1 }, { below: 1.2 }]);

      await tenure(server.data, 'alerts', 'check');
      await page.getByRole('button', { name: 'Look again' }).click();
      await row.getByText('Firing').first().waitFor();
      await row.getByRole('button', { name: 'History: Retention fell' }).click();
      await row.locator('tbody tr').first().waitFor();
      const { history } = (await api(page, 'GET', `alerts/${made.id}/history`)).body;
      assert.equal(await row.locator('tbody tr').count(), history.length);
      await axe(page, 'alerts');
      await picture(page, 'alerts');
      await row.getByRole('button', { name: 'Pause: Retention fell' }).click();
      await row.getByText('Paused').waitFor();
      assert.equal((await api(page, 'GET', `alerts/${made.id}`)).body.enabled, false);
      await row.getByRole('button', { name: 'Remove: Retention fell' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
      await row.waitFor({ state: 'detached' });
    });
  });
});

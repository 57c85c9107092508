import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';
import { ask, card, openPage, settled, startBrowser, startServer } from './house.mjs';

let browser;
let server;

before(async () => {
  [browser, server] = await Promise.all([startBrowser(), startServer()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a page, hands it over, and checks afterwards that it did nothing it should not. */
async function withPage(options, body) {
  const page = await openPage(browser, options.server ?? server, options);
  try {
    await body(page);
    assert.deepEqual(page.sins, [], 'errors, policy violations or requests to other hosts');
  } finally {
    await page.context().close();
  }
}

async function axe(page, where) {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);
  assert.deepEqual(found, [], `axe: ${where}`);
}

const numbers = (text) => Number(text.replace(/[^\d.-]/g, ''));
const asked = (page, insight) => page.asked.findLast((a) => a.question.insight === insight);

describe('signing in', () => {
  test('without a session the page says how to get a link', async () => {
    await withPage({ signedIn: false }, async (page) => {
      await page.getByRole('heading', { name: 'Ask for a sign-in link' }).waitFor();
      assert.match(await page.locator('pre').innerText(), /^tenure signin/);
      await axe(page, 'sign-in');
    });
  });

  test('signing out ends the session', async () => {
    await withPage({}, async (page) => {
      await settled(page);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Ask for a sign-in link' }).waitFor();
      const status = await page.evaluate(() => fetch('/api/v1/me').then((r) => r.status));
      assert.equal(status, 401);
    });
  });
});

describe('the numbers', () => {
  test('of the retention grid are the answer’s', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const { question } = asked(page, 'retention');
      assert.equal(question.start.event, 'Signed Up');
      const answer = await ask(page, question);
      const rows = card(page, 'retention').locator('tbody tr');
      const offset = 2; // the average and how many cohorts it is over
      assert.equal(await rows.count(), answer.cohorts.length + offset);
      let people = 0;
      for (const [i, cohort] of answer.cohorts.entries()) {
        people += cohort.size;
        const row = rows.nth(i + offset);
        assert.equal(numbers(await row.locator('td').first().innerText()), cohort.size);
        for (let k = 1; k < cohort.counts.length; k++) {
          const cell = row.locator(`td[data-column="${k}"]`);
          const state =
            cohort.counts[k] === null ? 'empty' : k < cohort.final ? 'done' : 'running';
          assert.equal(await cell.getAttribute('data-state'), state, `row ${i}, period ${k}`);
          if (cohort.counts[k] === null) {
            assert.equal(await cell.innerText(), '');
          } else {
            assert.equal(await cell.getAttribute('data-count'), String(cohort.counts[k]));
            if (cohort.size > 0) {
              const ratio = (100 * cohort.counts[k]) / cohort.size;
              const shown = Number.parseFloat(await cell.innerText());
              assert.ok(Math.abs(shown - ratio) <= 0.051, `${shown} for ${ratio}`);
            }
          }
        }
      }
      assert.equal(people, server.expected['Signed Up']);
      const average = rows.nth(0);
      for (const [k, ratio] of answer.average.pooled.entries()) {
        if (k === 0) continue;
        const cell = average.locator(`td[data-column="${k}"]`);
        const shown = Number.parseFloat(await cell.innerText());
        if (ratio !== null) assert.ok(Math.abs(shown - 100 * ratio) <= 0.051);
        const counted = await rows.nth(1).locator('td').nth(k).innerText();
        assert.equal(numbers(counted), answer.average.cohorts[k]);
      }
    });
  });

  test('of the funnel are the answer’s, and those worked out on paper', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const { question } = asked(page, 'funnel');
      const answer = await ask(page, question);
      const steps = card(page, 'funnel').locator('li[data-count]');
      assert.equal(await steps.count(), answer.steps.length);
      for (const [i, step] of answer.steps.entries()) {
        const text = await steps.nth(i).innerText();
        assert.equal(await steps.nth(i).getAttribute('data-count'), String(step.count));
        assert.ok(text.includes(step.name));
        if (server.expected[step.name] !== undefined) {
          assert.equal(step.count, server.expected[step.name], step.name);
        }
        if (i > 0) assert.ok(text.includes(`${+(100 * step.from_previous).toFixed(1)}`), text);
      }
    });
  });

  test('of the trend are the answer’s', async () => {
    await withPage({ path: '/?range=12w&event=Signed+Up&by=plan' }, async (page) => {
      await settled(page);
      const { question } = asked(page, 'trends');
      const answer = await ask(page, question);
      assert.equal(answer.series.length, 3);
      const box = card(page, 'trend');
      await box.getByLabel('Table', { exact: true }).check();
      const heads = await box.locator('thead th').allInnerTexts();
      assert.deepEqual(heads.slice(1), answer.series.map((s) => s.breakdown[0]));
      const rows = box.locator('tbody tr');
      assert.equal(await rows.count(), answer.intervals.length + 1);
      const totals = await rows.nth(0).locator('td').allInnerTexts();
      assert.deepEqual(totals.map(numbers), answer.series.map((s) => s.total));
      assert.equal(totals.map(numbers).reduce((a, b) => a + b, 0), server.expected['Signed Up']);
      for (let i = 0; i < answer.intervals.length; i++) {
        const cells = await rows.nth(i + 1).locator('td').allInnerTexts();
        assert.deepEqual(cells.map(numbers), answer.series.map((s) => s.values[i]));
      }
      assert.match(await rows.last().innerText(), /not over yet/);
    });
  });

  test('leave as a CSV file that a spreadsheet does not run', async () => {
    await withPage({ path: '/?range=12w&by=note' }, async (page) => {
      await settled(page);
      const [file] = await Promise.all([
        page.waitForEvent('download'),
        card(page, 'trend').getByRole('button', { name: 'Download CSV' }).click(),
      ]);
      const text = await readFile(await file.path(), 'utf8');
      const { answer } = asked(page, 'trends');
      assert.match(file.suggestedFilename(), /^shop-trend-.*\.csv$/);
      assert.match(text, /"'=1\+1"/);
      const lines = text.trimEnd().split('\r\n');
      assert.equal(lines.length, answer.intervals.length + 2);
      assert.equal(
        lines[1],
        [answer.intervals[0], ...answer.series.map((s) => s.values[0])].join(','),
      );
    });
  });
});

describe('choosing', () => {
  test('asks anew, is kept in the address, and the back button undoes it', async () => {
    await withPage({}, async (page) => {
      await settled(page);
      assert.equal(new URL(page.url()).search, '');
      await page.getByLabel('30 days').check();
      await page.waitForURL(/range=30d/);
      await settled(page);
      assert.equal(asked(page, 'trends').question.interval, 'day');
      await card(page, 'retention').getByRole('combobox', { name: 'Counted as back' }).click();
      await page.getByRole('option', { name: 'in that interval or later' }).click();
      await page.waitForURL(/match=on_or_after/);
      await settled(page);
      assert.equal(asked(page, 'retention').question.match, 'on_or_after');
      await page.goBack();
      await page.goBack();
      assert.equal(new URL(page.url()).search, '');
      assert.ok(await page.getByLabel('6 months').isChecked());
      await page.goto(`${server.origin}/?range=30d&tz=America%2FNew_York&interval=week`);
      await settled(page);
      assert.equal(asked(page, 'funnel').question.timezone, 'America/New_York');
      assert.equal(asked(page, 'trends').question.interval, 'week');
    });
  });

  test('steps, a window and a time zone', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const funnel = card(page, 'funnel');
      const steps = asked(page, 'funnel').question.steps.length;
      await funnel.getByRole('button', { name: 'Remove step 3' }).click();
      await page.waitForURL(/step=/);
      await funnel.getByRole('button', { name: 'Add a step' }).click();
      await funnel.getByRole('combobox', { name: `Step ${steps}` }).click();
      await page.getByRole('option', { name: 'Task Completed' }).click();
      await settled(page);
      assert.equal(asked(page, 'funnel').question.steps.at(-1).event, 'Task Completed');
      const zone = page.getByRole('combobox', { name: 'Time zone' });
      await zone.click();
      await zone.fill('honolulu');
      await page.getByRole('option', { name: 'Pacific/Honolulu' }).click();
      await settled(page);
      assert.equal(asked(page, 'trends').question.timezone, 'Pacific/Honolulu');
    });
  });

  test('own dates', async () => {
    await withPage({}, async (page) => {
      await settled(page);
      await page.getByLabel('Custom').check();
      await page.getByLabel('From').fill('2099-01-01');
      await page.getByText('The first day must not be after the last day.').waitFor();
      await page.getByLabel('To', { exact: true }).fill('2099-02-01');
      await page.waitForURL(/range=2099-01-01..2099-02-01/);
      await card(page, 'retention').getByText('Nobody did').waitFor();
      await card(page, 'funnel').getByText('Nobody did').waitFor();
      await card(page, 'trend').getByText('Nothing happened').waitFor();
      await axe(page, 'nothing in the range');
    });
  });

  test('the question is shown as it was asked', async () => {
    await withPage({}, async (page) => {
      await settled(page);
      const button = card(page, 'funnel').getByRole('button', { name: 'Show the question' });
      await button.focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.waitFor();
      assert.deepEqual(
        JSON.parse(await dialog.locator('pre').innerText()),
        asked(page, 'funnel').question,
      );
      await axe(page, 'question');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      assert.ok(await button.evaluate((b) => b === document.activeElement));
    });
  });
});

describe('language, scheme, size, keyboard', () => {
  test('Thai: texts, Buddhist era, and it stays', async () => {
    await withPage({ path: '/?range=12mo' }, async (page) => {
      await settled(page);
      await page.getByLabel('ไทย').check();
      await page.getByRole('heading', { name: 'การกลับมาใช้งาน' }).waitFor();
      assert.equal(await page.locator('html').getAttribute('lang'), 'th');
      const cohort = await card(page, 'retention').locator('tbody th').last().innerText();
      assert.match(cohort, new RegExp(String(new Date().getFullYear() + 543)));
      await page.reload();
      await page.getByRole('heading', { name: 'แนวโน้ม' }).waitFor();
      // Questions keep Gregorian dates whatever is shown.
      await settled(page);
      assert.match(asked(page, 'trends').question.to, /^20\d\d-/);
    });
  });

  test('the scheme follows the system, can be chosen, and stays', async () => {
    await withPage({ colorScheme: 'dark' }, async (page) => {
      await settled(page);
      const root = page.locator('html');
      assert.equal(await root.getAttribute('data-mantine-color-scheme'), 'dark');
      await page.getByRole('button', { name: /Colour scheme/ }).click();
      await page.getByRole('menuitemradio', { name: 'Light' }).click();
      assert.equal(await root.getAttribute('data-mantine-color-scheme'), 'light');
      await page.reload();
      assert.equal(await root.getAttribute('data-mantine-color-scheme'), 'light');
      await settled(page);
    });
  });

  for (const width of [320, 390]) {
    for (const language of ['en', 'th']) {
      test(`${width} px, ${language}: nothing sticks out`, async () => {
        await withPage(
          {
            viewport: { width, height: 800 },
            storage: { 'tenure-language': language },
            path: '/?by=plan&range=12w',
          },
          async (page) => {
            await settled(page);
            const size = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(size <= width, `${size} px wide`);
            // The grid scrolls inside its own frame.
            const table = await card(page, 'retention').locator('table').evaluate((t) => t.offsetWidth);
            assert.ok(table > width);
          },
        );
      });
    }
  }

  test('the keyboard reaches everything and the grid explains its cells', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      await page.keyboard.press('Tab');
      assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the charts');
      const reached = new Set();
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        const name = await page.evaluate(() => {
          const at = document.activeElement;
          return (
            at.getAttribute('aria-label') ?? at.labels?.[0]?.textContent ??
            at.closest('td')?.tagName ?? at.textContent
          );
        });
        reached.add(name.trim());
      }
      for (const name of [
        'EN', 'Sign out', 'Interval', 'Time zone', 'People who first did', 'Show the question', 'TD',
        'Step 1', 'Add a step', 'Event', 'Split by', 'Download CSV',
      ]) {
        assert.ok(reached.has(name), `${name} not among ${[...reached].join(', ')}`);
      }
      const grid = card(page, 'retention').getByRole('grid');
      await grid.locator('td[tabindex="0"]').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowRight');
      const tip = await card(page, 'retention').getByRole('tooltip').innerText();
      const { answer } = asked(page, 'retention');
      const cohort = answer.cohorts[1];
      assert.ok(
        tip.startsWith(`${cohort.counts[2]} of ${cohort.size} people`) || cohort.counts[2] === null,
        tip,
      );
      await page.keyboard.press('Escape');
      assert.equal(await card(page, 'retention').getByRole('tooltip').count(), 0);
      assert.equal(await grid.locator('td[tabindex="0"]').count(), 1);
    });
  });

  for (const language of ['en', 'th']) {
    for (const colorScheme of ['light', 'dark']) {
      test(`axe finds nothing: ${language}, ${colorScheme}`, async () => {
        await withPage(
          { colorScheme, storage: { 'tenure-language': language }, path: '/?range=12w&by=plan' },
          async (page) => {
            await settled(page);
            await axe(page, 'charts');
            await card(page, 'trend').locator('input[value="table"]').check();
            await card(page, 'trend').locator('table').waitFor();
            await axe(page, 'trend as a table');
            await page.setViewportSize({ width: 390, height: 844 });
            await axe(page, 'phone');
          },
        );
      });
    }
  }
});

describe('when things go wrong', () => {
  test('the server’s sentence and hint are shown, and one can try again', async () => {
    await withPage({ path: '/?step=No+such+event&step=Signed+Up' }, async (page) => {
      const note = card(page, 'funnel').getByRole('alert');
      await note.waitFor();
      const text = await note.innerText();
      assert.match(text, /No such event/);
      await axe(page, 'error');
      // The other cards are not touched by it.
      await card(page, 'retention').locator('td[data-count]').first().waitFor();
    });
  });

  for (const [status, body, shown] of [
    [400, { error: { code: 'query.x', message: 'The window is too long.', hint: 'use at most 365d', at: '/window' } }, ['The window is too long.', 'use at most 365d', '/window']],
    [500, null, ['status 500']],
  ]) {
    test(`status ${status}`, async () => {
      const page = await openPage(browser, server, { signedIn: false, path: '/healthz' });
      await page.route('**/query', (route) =>
        route.fulfill({ status, contentType: 'application/json', body: body ? JSON.stringify(body) : '' }),
      );
      await page.goto(await server.link());
      const note = card(page, 'trend').getByRole('alert');
      await note.waitFor();
      for (const part of shown) assert.ok((await note.innerText()).includes(part), part);
      await page.unroute('**/query');
      await note.getByRole('button', { name: 'Try again' }).click();
      await card(page, 'trend').locator('canvas').waitFor();
      assert.deepEqual(page.sins, []);
      await page.context().close();
    });
  }

  test('a server that is gone', async () => {
    const page = await openPage(browser, server, { path: '/' });
    await settled(page);
    await page.route('**/query', (route) => route.abort());
    await page.getByLabel('30 days').check();
    await card(page, 'trend').getByText('The server did not answer').waitFor();
    await page.context().close();
  });

  test('no events yet: says what to do, and notices when they come', async () => {
    const empty = await startServer({ empty: true });
    try {
      await withPage({ server: empty }, async (page) => {
        await page.getByRole('heading', { name: 'No events yet' }).waitFor();
        const blocks = await page.locator('pre').allInnerTexts();
        assert.match(blocks[0], /^tenure import .*--project shop/);
        assert.ok(blocks[1].includes(`${empty.origin}/api/v1/events`));
        await axe(page, 'empty');
        await empty.fill();
        await settled(page);
      });
    } finally {
      await empty.stop();
    }
  });
});

import { AxeBuilder } from '@axe-core/playwright';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe as group, test } from 'node:test';
import { ask, card, openPage, settled, skip, startBrowser, startServer } from './house.mjs';

// Much of a test is waiting for the browser: two at a time keep a small machine busy, not more.
const TOGETHER = { concurrency: 2 };

// A skipped group counts as no test at all; one skipped test says what is missing.
const describe = skip ? () => {} : group;
if (skip) test('the page in Chromium', { skip }, () => {});

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

async function axe(page, where, part) {
  const builder = new AxeBuilder({ page });
  if (part) builder.include(part);
  const { violations } = await builder
    .options({ resultTypes: ['violations'] })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' ')}`);
  assert.deepEqual(found, [], `axe: ${where}`);
}

const numbers = (text) => Number(text.replace(/[^\d.-]/g, ''));
const asked = (page, insight) => page.asked.findLast((a) => a.question.insight === insight);

describe('signing in', TOGETHER, () => {
  test('without a session the page says how to get a link', async () => {
    await withPage({ signedIn: false }, async (page) => {
      await page.getByRole('heading', { name: 'Ask for a sign-in link' }).waitFor();
      assert.match(await page.locator('pre').innerText(), /^tenure signin/);
      await axe(page, 'sign-in');
    });
  });

  test('with the link that the command prints, once', async () => {
    const link = await server.link();
    await withPage({ signedIn: false, path: link.slice(server.origin.length) }, async (page) => {
      await settled(page);
      assert.equal(page.url(), `${server.origin}/`);
      // Who is signed in already is not stopped by an old link.
      await page.goto(link);
      await settled(page);
      assert.equal(page.url(), `${server.origin}/`);
    });
    await withPage({ signedIn: false, path: link.slice(server.origin.length) }, async (page) => {
      await page.getByRole('heading', { name: 'This sign-in link no longer works' }).waitFor();
      assert.match(await page.locator('pre').innerText(), /^tenure signin/);
      await page.getByLabel('ไทย').check();
      await page.getByRole('heading', { name: 'ลิงก์ลงชื่อเข้าใช้นี้ใช้ไม่ได้แล้ว' }).waitFor();
      await axe(page, 'old link');
    });
  });

  test('signing out ends the session; a failure says that it did not', async () => {
    const link = await server.link();
    await withPage({ signedIn: false, path: link.slice(server.origin.length) }, async (page) => {
      await settled(page);
      await page.route('**/signout', (route) => route.fulfill({ status: 503, body: '' }));
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('You are still signed in').waitFor();
      await page.unroute('**/signout');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByRole('heading', { name: 'Ask for a sign-in link' }).waitFor();
      const status = await page.evaluate(() => fetch('/api/v1/me').then((r) => r.status));
      assert.equal(status, 401);
    });
  });

  test('a session that ends while the page is open leads to the sign-in page', async () => {
    await withPage({}, async (page) => {
      await settled(page);
      await page.context().clearCookies();
      await page.getByLabel('30 days').check();
      await page.getByRole('heading', { name: 'Ask for a sign-in link' }).waitFor();
    });
  });
});

describe('the numbers', TOGETHER, () => {
  test('of the retention grid are the answer’s', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const { question } = asked(page, 'retention');
      assert.equal(question.start.event, 'Signed Up');
      const answer = await ask(page, question);
      // All at once: a question to the browser for each cell takes longer than the rest of the test.
      const rows = await card(page, 'retention').locator('tbody tr').evaluateAll((list) =>
        list.map((row) =>
          [...row.querySelectorAll('td')].map((cell) => ({
            text: cell.innerText,
            state: cell.dataset.state,
            count: cell.dataset.count,
          })),
        ),
      );
      const [average, finished, ...cohorts] = rows;
      const near = (text, ratio) => {
        const shown = Number.parseFloat(text);
        assert.ok(Math.abs(shown - 100 * ratio) <= 0.051, `${text} for ${ratio}`);
      };
      assert.equal(cohorts.length, answer.cohorts.length);
      let people = 0;
      for (const [i, cohort] of answer.cohorts.entries()) {
        people += cohort.size;
        assert.equal(numbers(cohorts[i][0].text), cohort.size);
        for (let k = 1; k < cohort.counts.length; k++) {
          const cell = cohorts[i][k];
          const count = cohort.counts[k];
          const state = count === null ? 'empty' : k < cohort.final ? 'done' : 'running';
          assert.equal(cell.state, state, `row ${i}, period ${k}`);
          if (count === null) {
            assert.equal(cell.text, '');
          } else {
            assert.equal(cell.count, String(count));
            if (cohort.size > 0) near(cell.text, count / cohort.size);
          }
        }
      }
      assert.equal(people, server.expected['Signed Up']);
      for (const [k, ratio] of answer.average.pooled.entries()) {
        if (k === 0) continue;
        if (ratio !== null) near(average[k].text, ratio);
        assert.equal(numbers(finished[k].text), answer.average.cohorts[k]);
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

  test('of a line of words are the answer’s; what is wrong in it is said', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const input = page.getByRole('combobox', { name: 'Ask in words' });
      await input.fill('funnel "Signed Up" > any event within 7d');
      await input.press('Enter');
      const box = card(page, 'search');
      await box.locator('tbody tr').nth(1).waitFor();
      await axe(page, 'search', '[data-card="search"]');
      const answer = await ask(page, { text: 'funnel "Signed Up" > any event within 7d' });
      const rows = await box.locator('tbody tr').all();
      for (const [i, step] of answer.steps.entries()) {
        assert.equal(await rows[i].locator('th').innerText(), step.name);
        assert.equal(numbers(await rows[i].locator('td').first().innerText()), step.count);
      }
      await input.fill('trend "Signed Up" dayly');
      await input.press('Enter');
      await box.getByText('did you mean daily?').waitFor();
      await box.getByText('character 19').waitFor();
      await axe(page, 'search refused', '[data-card="search"]');
      const kept = await page.locator('datalist option').evaluateAll((all) => all.map((o) => o.value));
      assert.deepEqual(kept, ['trend "Signed Up" dayly', 'funnel "Signed Up" > any event within 7d']);
    });
  });

  test('of the impact are the answer’s, the strongest count of each event', async () => {
    await withPage({ path: '/?range=6mo' }, async (page) => {
      await settled(page);
      const box = card(page, 'impact');
      await box.locator('tbody tr').first().waitFor();
      await axe(page, 'impact', '[data-card="impact"]');
      const { question } = asked(page, 'impact');
      assert.equal(question.goal.retained.interval, 'week');
      const answer = await ask(page, question);
      const strongest = answer.rows.filter((row) => row.best);
      const best = (strongest.length > 0 ? strongest : answer.rows).slice(0, 15);
      const rows = box.locator('tbody tr');
      assert.equal(await rows.count(), best.length);
      for (let i = 0; i < best.length; i++) {
        assert.match(await rows.nth(i).locator('th').innerText(), new RegExp('^' + best[i].event));
        const cells = await rows.nth(i).locator('td').allInnerTexts();
        assert.equal(numbers(cells[2]), best[i].did.units);
      }
      assert.match(await box.innerText(), /not what causes it/);
    });
  });

  test('of the lifecycle are the answer’s, and add up', async () => {
    await withPage({ path: '/?range=12w' }, async (page) => {
      await settled(page);
      const box = card(page, 'lifecycle');
      await box.locator('canvas').waitFor();
      await axe(page, 'lifecycle', '[data-card="lifecycle"]');
      const { question } = asked(page, 'lifecycle');
      assert.equal(question.event, null);
      const answer = await ask(page, question);
      await box.getByLabel('Table', { exact: true }).check();
      const rows = box.locator('tbody tr');
      assert.equal(await rows.count(), answer.intervals.length);
      const names = ['active', 'new', 'returning', 'resurrecting', 'dormant'];
      let before = null;
      for (let i = 0; i < answer.intervals.length; i++) {
        const cells = (await rows.nth(i).locator('td').allInnerTexts()).map(numbers);
        assert.deepEqual(cells.map(Math.abs), names.map((name) => Math.abs(answer[name][i])));
        const [active, fresh, returning, back] = names.map((name) => answer[name][i]);
        assert.equal(active, fresh + returning + back);
        if (before !== null) assert.equal(active - before, fresh + back + answer.dormant[i]);
        before = active;
      }
      assert.match(await rows.last().innerText(), /not over yet/);
      await box.getByRole('combobox', { name: 'Event' }).click();
      await page.getByRole('option', { name: 'Signed Up' }).click();
      await page.waitForURL(/life=Signed\+Up/);
      await settled(page);
      assert.equal(asked(page, 'lifecycle').question.event, 'Signed Up');
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

describe('choosing', TOGETHER, () => {
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

describe('language, scheme, size, keyboard', TOGETHER, () => {
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
            colorScheme: language === 'th' ? 'dark' : 'light',
          },
          async (page) => {
            await settled(page);
            const size = await page.evaluate(() => document.documentElement.scrollWidth);
            assert.ok(size <= width, `${size} px wide`);
            // The grid scrolls inside its own frame.
            const table = await card(page, 'retention').locator('table').evaluate((t) => t.offsetWidth);
            assert.ok(table > width);
            if (width === 390) await axe(page, 'phone');
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
      for (let i = 0; i < 80; i++) {
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
            await axe(page, 'trend as a table', '[data-card="trend"]');
          },
        );
      });
    }
  }
});

describe('when things go wrong', TOGETHER, () => {
  test('the server’s sentence and hint are shown, and choosing another event helps', async () => {
    await withPage({ path: '/?step=Signd+Up&step=Project+Created' }, async (page) => {
      const note = card(page, 'funnel').getByRole('alert');
      await note.waitFor();
      const text = await note.textContent();
      assert.match(text, /Signd Up/);
      assert.match(text, /did you mean "Signed Up"\?/);
      await axe(page, 'error', '[data-card="funnel"]');
      // The other cards are not touched by it.
      await card(page, 'retention').locator('td[data-count]').first().waitFor();
      await card(page, 'funnel').getByRole('combobox', { name: 'Step 1' }).click();
      await page.getByRole('option', { name: 'Signed Up' }).click();
      await settled(page);
    });
  });

  test('an event that nobody has done is called that', async () => {
    await withPage({ path: '/?range=12w&step=Signed+Up&step=Bought+a+boat' }, async (page) => {
      await settled(page);
      const note = card(page, 'funnel').getByRole('status');
      assert.match(await note.innerText(), /Nobody has done “Bought a boat” so far/);
      const counts = card(page, 'funnel').locator('li[data-count]');
      assert.equal(await counts.nth(1).getAttribute('data-count'), '0');
    });
  });

  test('a project that is not there', async () => {
    await withPage({ path: '/?project=ghost' }, async (page) => {
      await page.getByRole('heading', { name: 'There is no project “ghost” here' }).waitFor();
      await axe(page, 'unknown project');
      await page.getByRole('button', { name: 'shop' }).click();
      await settled(page);
    });
  });

  test('an address that makes no sense opens what it can', async () => {
    const search = '?range=2026-02-30..x&interval=fortnight&tz=Nowhere&match=x&window=9y&step=';
    await withPage({ path: '/' + search }, async (page) => {
      await settled(page);
      assert.equal(asked(page, 'trends').question.timezone, 'UTC');
      await page.goto(`${server.origin}/?range=0001-01-01..9999-12-31&interval=hour`);
      await card(page, 'trend').locator('canvas, [role="alert"]').first().waitFor();
    });
  });

  for (const [status, body, shown] of [
    [400, { error: { code: 'query.x', message: 'The window is too long.', hint: 'use at most 365d', at: '/window' } }, ['The window is too long.', 'use at most 365d', '/window']],
    [500, null, ['status 500']],
  ]) {
    test(`status ${status}`, async () => {
      const page = await openPage(browser, server, { path: '/healthz' });
      await page.route('**/query', (route) =>
        route.fulfill({ status, contentType: 'application/json', body: body ? JSON.stringify(body) : '' }),
      );
      await page.goto(server.origin);
      const note = card(page, 'trend').getByRole('alert');
      await note.waitFor();
      for (const part of shown) assert.ok((await note.textContent()).includes(part), part);
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

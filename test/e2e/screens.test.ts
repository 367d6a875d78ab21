/** The screens in a real Chromium: what a person sees and does. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { after, before, type TestContext, test } from 'node:test';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { groupOfUrl } from '../../lib/stack/ingest/scrape-targets.ts';
import { eventually, metricsServer, runningStack, sendSample } from '../stack/running-stack.ts';
import { bulkOf, CORRELATION_ID, TRACE_ID } from '../stack/sample-request.ts';

const CHROMIUM = [
  process.env['CHROMIUM_PATH'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));
const skip =
  CHROMIUM === undefined ? 'skipped: no Chromium is installed; apt-get install chromium, or set CHROMIUM_PATH' : false;

let browser: Browser;
before(async () => {
  if (skip !== false) return;
  const { chromium } = await import('playwright-core');
  browser = await chromium.launch({ executablePath: CHROMIUM!, args: ['--no-sandbox', '--headless=new'] });
});
after(async () => browser?.close());

/** Opens a page and collects everything that went wrong in it. */
async function open(
  t: TestContext,
  url: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; troubles: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1300, height: 800 }, ...options });
  t.after(() => context.close());
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on('pageerror', (error) => troubles.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' && !message.text().includes('404')) troubles.push(message.text());
  });
  page.on('dialog', (dialog) => {
    troubles.push(`a dialog: ${dialog.message()}`);
    dialog.dismiss().catch(() => {});
  });
  page.setDefaultTimeout(5000);
  await page.goto(url);
  return { page, troubles };
}

/** Runs in the page: how far it overflows, and texts with too little contrast (WCAG 2.2, 1.4.3: 4.5 to 1). */
const LEGIBILITY = readFileSync(new URL('./legibility.js', import.meta.url), 'utf8');

const CORRELATION_PATH = `/correlation/${encodeURIComponent(CORRELATION_ID)}`;
const selected = (page: Page) => page.locator('[aria-selected=true]');

test('searching an ID: the keyboard, the address, the facts, the time line', { skip }, async (t) => {
  await using metrics = await metricsServer();
  await using stack = await runningStack({ scrape: [groupOfUrl(metrics.url)], scrapeMillis: 200 });
  await sendSample(stack.url, Date.now() * 1000);
  await eventually(
    async () =>
      ((await (await fetch(`${stack.url}/api/sightline${CORRELATION_PATH}`)).json()) as { exemplars: unknown[] })
        .exemplars.length > 0,
    'the exemplar',
  );
  const { page, troubles } = await open(t, stack.url);
  await page.locator('.request').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type(CORRELATION_ID);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'POST /checkout' }).waitFor();
  assert.equal(new URL(page.url()).pathname, CORRELATION_PATH);
  assert.deepEqual(await page.locator('.facts dt').allTextContents(), [
    'Started',
    'Duration',
    'Services',
    'Spans',
    'Log lines',
    'Errors',
    'Exemplars',
  ]);
  assert.deepEqual((await page.locator('.facts dd').allTextContents()).slice(1), ['184 ms', '3', '5', '6', '6', '1']);
  assert.deepEqual(await page.locator('.row .name').allTextContents(), [
    'storefront POST /checkout',
    'POST',
    'orders POST /orders',
    'POST',
    'payments POST /charges',
  ]);
  assert.equal(await page.locator('.log').count(), 6);
  // The bars lie where their times are.
  const lane = (await page.locator('.row .lane').last().boundingBox())!;
  const bar = (await page.locator('.row .span-bar').last().boundingBox())!;
  assert.ok(Math.abs((bar.x - lane.x) / lane.width - 16 / 184) < 0.01, 'begins at 16 of 184 ms');
  assert.ok(Math.abs(bar.width / lane.width - 150 / 184) < 0.01, 'is 150 of 184 ms long');
  const tick = (await page.locator('.row').last().locator('.tick.error').boundingBox())!;
  assert.ok(Math.abs((tick.x + tick.width / 2 - lane.x) / lane.width - 165 / 184) < 0.01, 'the error is at its moment');
  await page.goBack();
  await page.locator('.request').first().waitFor();
  assert.deepEqual(troubles, []);
});

test('j, k, e, Enter, Escape and ?; the chosen row is in the address', { skip }, async (t) => {
  await using stack = await runningStack();
  await sendSample(stack.url, Date.now() * 1000);
  const { page, troubles } = await open(t, `${stack.url}/?id=${encodeURIComponent(CORRELATION_ID)}`);
  await page.locator('.row').first().waitFor();
  assert.equal(new URL(page.url()).pathname, CORRELATION_PATH, '/?id= is the same page');
  await page.keyboard.press('j');
  assert.match(
    (await selected(page).getAttribute('aria-label'))!,
    /^storefront POST, 176 ms, starts at 4\.0 ms, error$/,
  );
  await page.keyboard.press('k');
  assert.match(
    (await selected(page).getAttribute('aria-label'))!,
    /^storefront POST \/checkout, 184 ms.*error, 2 log lines$/,
  );
  for (let press = 0; press < 4; press += 1) await page.keyboard.press('e');
  assert.match((await selected(page).textContent())!, /the bank gave 503 twice/, 'past the spans come the lines');
  assert.equal(
    await page.locator('.details pre').textContent(),
    'BankUnavailable: the bank gave 503 twice\n    at charge (payments/bank.js:41:11)\n    at POST /charges (payments/server.js:18:20)',
  );
  assert.equal(new URL(page.url()).hash, '#l-4');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate('document.activeElement?.className'), 'side');
  await page.keyboard.press('Escape');
  assert.equal(await page.evaluate('document.activeElement?.getAttribute("role")'), 'listbox');
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.reload();
  await page.locator('.log[aria-selected=true]').waitFor();
  assert.match((await selected(page).textContent())!, /charge failed/, 'the address brings the row back');
  assert.deepEqual(troubles, []);
});

test('hostile text is shown, never run', { skip }, async (t) => {
  await using stack = await runningStack();
  const hostile = '<img src=x onerror=alert(1)><script>alert(2)</script>"`';
  const id = 'a+b/c=~:@';
  const spans = [
    {
      traceId: TRACE_ID,
      id: 'a1',
      name: hostile,
      timestamp: Date.now() * 1000,
      duration: 5,
      localEndpoint: { serviceName: hostile },
      tags: { 'correlation.id': id, error: hostile, [hostile]: hostile, 'exception.stacktrace': hostile },
    },
  ];
  await fetch(`${stack.url}/zipkin/api/v2/spans`, { method: 'POST', body: JSON.stringify(spans) });
  await fetch(`${stack.url}/elasticsearch/_bulk`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: bulkOf([
      {
        '@timestamp': new Date().toISOString(),
        message: hostile,
        'log.level': hostile,
        'service.name': hostile,
        'correlation.id': id,
        [hostile]: { ['__proto__x']: hostile },
      },
    ]),
  });
  const { page, troubles } = await open(t, stack.url);
  await page.locator('.request').first().click();
  await page.locator('.row').first().waitFor();
  assert.equal(await page.locator('h1').textContent(), hostile);
  assert.equal(decodeURIComponent(new URL(page.url()).pathname), `/correlation/${id}`);
  await page.locator('.log').first().click();
  assert.ok((await page.locator('.details').first().textContent())!.includes(hostile));
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.deepEqual(troubles, []);
});

test('nothing yet, nothing known, nothing there: each says what to do, and the page fills itself', {
  skip,
}, async (t) => {
  await using stack = await runningStack();
  const { page } = await open(t, stack.url);
  await page.getByText('node --import sightline/register server.js').waitFor();
  const missing = await open(t, stack.url + CORRELATION_PATH);
  await missing.page.getByRole('heading', { name: 'Nothing is known under this ID' }).waitFor();
  await missing.page.getByText('SIGHTLINE_STACK_URL=').waitFor();
  await sendSample(stack.url, Date.now() * 1000);
  await page.locator('.request').first().waitFor();
  await missing.page.getByRole('heading', { level: 1, name: 'POST /checkout' }).waitFor();
  await stack.close();
  const gone = await missing.page.context().newPage();
  await gone.route('**/api/sightline/**', (route) => route.abort());
  assert.equal(await missing.page.locator('.row').count(), 5, 'what was there stays');
  await gone.close();
});

test('new requests do not move what is under the pointer', { skip }, async (t) => {
  await using stack = await runningStack();
  const send = (number: number) =>
    sendSample(stack.url, Date.now() * 1000, {
      traceId: String(number).repeat(32),
      correlationId: `request-${number}`,
    });
  await send(1);
  const { page } = await open(t, stack.url);
  const first = page.locator('.request').first();
  await first.hover();
  const place = (await first.boundingBox())!;
  await send(2);
  const fresh = page.getByRole('button', { name: '1 new request, show' });
  await fresh.waitFor();
  assert.equal(await first.getAttribute('href'), '/correlation/request-1');
  assert.deepEqual(await first.boundingBox(), place);
  await fresh.click();
  await page.locator('.request').nth(1).waitFor();
  assert.equal(await first.getAttribute('href'), '/correlation/request-2');
  await page.keyboard.press('j');
  assert.equal(await page.evaluate('document.activeElement?.getAttribute("href")'), '/correlation/request-2');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'POST /checkout' }).waitFor();
  await send(3);
});

for (const [name, width, colorScheme] of [
  ['wide and light', 1300, 'light'],
  ['wide and dark', 1300, 'dark'],
  ['360 px', 360, 'light'],
] as const) {
  test(`nothing overflows and everything can be read: ${name}`, { skip }, async (t) => {
    await using stack = await runningStack();
    await sendSample(stack.url, Date.now() * 1000);
    const { page } = await open(t, stack.url + CORRELATION_PATH, { viewport: { width, height: 740 }, colorScheme });
    await page.locator('.row').first().waitFor();
    const facts = await page.evaluate(LEGIBILITY);
    assert.deepEqual(facts, { overflow: 0, poor: [] });
  });
}

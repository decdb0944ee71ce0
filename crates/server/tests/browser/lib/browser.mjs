// Chromium, accessibility checks, screenshots.

import { mkdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import assert from 'node:assert/strict';

import { chromium } from 'playwright-core';

const FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Where screenshots are kept; `artefacts/` at the top is not committed. */
export const ARTEFACTS = process.env.TEST_ARTEFACTS
  ?? new URL('../../../../../artefacts/', import.meta.url).pathname;

/** A browser. */
export async function launch() {
  const known = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'];
  const executablePath = known.find(file => file && existsSync(file));
  return chromium.launch({ executablePath, headless: true, args: FLAGS });
}

/** Axe tries inline styles, which our policy refuses, rightly; the browser says so when it likes. */
const INLINE_STYLE = /^Applying inline style violates/;
/** A new person: own cookies. What a page's scripts get wrong fails the test. */
export async function person(browser, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 }, permissions: ['clipboard-read', 'clipboard-write'], ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  const errors = [];
  page.on('pageerror', error => errors.push(String(error)));
  page.on('console', message => {
    const refused = /status of (401|404|409|412|422|429)/.test(message.text());
    const expected = refused || INLINE_STYLE.test(message.text());
    if (message.type() === 'error' && !expected) errors.push(message.text());
  });
  // So that pages themselves have none.
  page.on('response', async response => {
    if (!response.headers()['content-type']?.startsWith('text/html')) return;
    const html = await response.text().catch(() => '');
    if (/<style|\sstyle=/.test(html)) errors.push(`${response.url()} has inline styles`);
  });
  return { context, page, errors };
}

/** No violation that axe knows of, one `h1`, every control has a label of its own. */
export async function accessible(page, name) {
  // CSP forbids injected script elements; evaluation through the debugger is not one.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
  }));
  const violations = found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.html).slice(0, 3).join(' | ')}`);
  assert.deepEqual(violations, [], `${name}: ${page.url()}`);
  const unnamed = await page.evaluate(() => [...document.querySelectorAll('input, select, textarea')]
    .filter(e => e.type !== 'hidden' && !e.labels?.length && !e.ariaLabel && !e.getAttribute('aria-labelledby'))
    .map(e => e.outerHTML));
  assert.deepEqual(unnamed, [], `${name}: controls without a label`);
  assert.equal(await page.locator('h1').count(), 1, `${name}: one h1`);
}

/** Pictures of a page as people see it: wide, medium, narrow; light and dark. Nothing may stick out. */
export async function pictures(page, name, { fullPage = true } = {}) {
  await mkdir(ARTEFACTS, { recursive: true });
  const before = page.viewportSize();
  for (const [width, scheme] of [[1440, 'light'], [1440, 'dark'], [900, 'light'], [390, 'light'], [390, 'dark']]) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    const file = path.join(ARTEFACTS, `${name}-${width}-${scheme}.png`);
    await page.screenshot({ path: file, fullPage, animations: 'disabled' });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= width, `${name} is ${wide} px wide at ${width} px`);
  }
  await page.emulateMedia({ colorScheme: null });
  await page.setViewportSize(before);
}

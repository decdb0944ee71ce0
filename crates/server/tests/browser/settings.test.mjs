// Settings in a real browser: a key for some networks, a webhook that is told, the audit log with
// its proof, and a call tried from the API reference.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { curl } from './lib/api.mjs';
import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { BIN, embedded, freePort, run, temporaryFolder } from './lib/product.mjs';

const PASSWORD = 'the weaving of algebraic patterns';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

/** Takes deliveries; gives the next one. */
async function receiver(t) {
  const got = [];
  let arrived;
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const data of request) body += data;
    got.push({ headers: request.headers, body: JSON.parse(body) });
    response.writeHead(204).end();
    arrived?.();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  const first = () => got.length ? got[0] : new Promise(resolve => { arrived = () => resolve(got[0]); });
  return { url: `http://127.0.0.1:${server.address().port}/hook`, first };
}

test('keys, webhooks, audit log and the reference', { timeout: 180_000 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const { page, errors, context } = await person(browser);
  t.after(() => context.close());
  await page.goto(`${product.url}/signup`);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Email').fill('ada@example.com');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Organisation').fill('Engines');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/o/engines/**');
  const at = rest => page.goto(`${product.url}/o/engines/settings/${rest}`);
  let token;

  await t.test('a key is made for some networks', async () => {
    await at('api-keys');
    await page.getByLabel('Name').fill('deploy');
    await page.getByLabel('Role').selectOption('admin');
    await page.getByLabel('Allowed addresses').fill('127.0.0.0/8, 2001:db8::/32');
    await page.getByRole('button', { name: 'Create API key' }).click();
    token = (await page.locator('#token').textContent()).trim();
    await page.getByText('127.0.0.0/8, 2001:db8::/32').waitFor();
    await accessible(page, 'api-keys');
    await pictures(page, 'api-keys');
  });

  await t.test('a webhook is told what happens', async () => {
    const { url, first } = await receiver(t);
    await at('webhooks');
    await pictures(page, 'webhooks-empty');
    await page.getByLabel('Address').fill(url);
    await page.getByLabel('Events', { exact: true }).fill('webhook policy');
    await page.getByRole('button', { name: 'Create webhook' }).click();
    await page.getByText('Secret of this webhook').waitFor();
    await accessible(page, 'webhook');
    const told = await first();
    assert.equal(told.body.type, 'webhook.created');
    assert.match(told.headers['drawbridge-signature'], /^v1=[0-9a-f]{64}$/);
    await pictures(page, 'webhook-made');
    await at('webhooks');
    await page.getByRole('link', { name: url }).click();
    await page.getByText('delivered').first().waitFor();
    await accessible(page, 'webhook');
    await pictures(page, 'webhook');
    await at('webhooks');
    await accessible(page, 'webhooks');
    await pictures(page, 'webhooks');
  });

  await t.test('the audit log shows it, and its export verifies offline', async () => {
    await at('audit');
    await page.locator('th code', { hasText: 'webhook.created' }).waitFor();
    await page.locator('details.changes summary').first().click();
    await accessible(page, 'audit');
    await pictures(page, 'audit');
    const exported = await curl('GET', `${product.url}/api/v1/audit-events/export`, { token });
    assert.equal(exported.status, 200);
    const file = path.join(await temporaryFolder(t), 'events.ndjson');
    await writeFile(file, exported.text);
    assert.match(await run(BIN, ['audit', 'verify', file]), /rows, 1 to \d+, are as they were written/);
    await writeFile(file, exported.text.replace('deploy', 'forged'));
    await assert.rejects(run(BIN, ['audit', 'verify', file]), /row \d+ was changed/);
  });

  await t.test('a call is tried from the reference with a key', async () => {
    await page.goto(`${product.url}/docs/api`);
    await page.getByLabel('API key or access token').fill(token);
    const operation = page.locator('section[aria-labelledby="get-api-v1-me"]');
    await operation.getByText('Try it').click();
    await operation.getByRole('button', { name: 'Send' }).click();
    await operation.getByText('"role": "admin"').waitFor();
    await operation.scrollIntoViewIfNeeded();
    await pictures(page, 'docs-api', { fullPage: false });
  });

  assert.deepEqual(errors, []);
});

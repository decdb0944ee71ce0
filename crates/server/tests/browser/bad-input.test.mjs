// Bad input in the browser: a clear message each, and nothing that was typed is lost.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { signedUp } from './lib/api.mjs';
import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';
import { answering } from './lib/upstreams.mjs';

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test('bad input', { timeout: 240_000 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const org = await signedUp(product.url, 'Engines');
  const { page, context, errors } = await person(browser);
  t.after(() => context.close());

  const login = async () => {
    await page.getByLabel('Email').fill(org.email);
    await page.getByLabel('Password').fill(org.password);
    await page.getByRole('button', { name: 'Log in' }).click();
  };

  await t.test('a wrong password does not say whether the account exists', async () => {
    const said = async email => {
      await page.goto(`${product.url}/login`);
      await page.getByLabel('Email').fill(email);
      await page.getByLabel('Password').fill('not the right password');
      await page.getByRole('button', { name: 'Log in' }).click();
      await page.locator('.callout').first().waitFor();
      await accessible(page, 'login-refused');
      return page.locator('.callout').first().innerText();
    };
    assert.equal(await said(org.email), await said('nobody@example.com'));
    await pictures(page, 'login-refused');
  });

  await t.test('a page asked for before logging in is where login leads', async () => {
    await page.goto(`${product.url}/o/${org.slug}/servers/new`);
    await page.waitForURL('**/login?next=*');
    await login();
    await page.waitForURL('**/servers/new');
  });

  await t.test('a taken address is said beside its field', async () => {
    const other = await person(browser);
    await other.page.goto(`${product.url}/signup`);
    await other.page.getByLabel('Your name').fill('Eve');
    await other.page.getByLabel('Email').fill(org.email.toUpperCase());
    await other.page.getByLabel('Password').fill('the weaving of algebraic patterns');
    await other.page.getByLabel('Organisation').fill('Other');
    await other.page.getByRole('button', { name: 'Create account' }).click();
    await other.page.locator('#email-error').waitFor();
    assert.equal(await other.page.getByLabel('Your name').inputValue(), 'Eve');
    await other.context.close();
  });

  const upstreams = await Promise.all([
    answering(401, { 'www-authenticate': 'Bearer' }, ''),
    answering(200, { 'content-type': 'text/html' }, '<!doctype html><title>Hello</title>'),
    answering(200, { 'content-type': 'application/json' }, '{"hello":"world"}'),
  ]);
  t.after(() => upstreams.forEach(upstream => upstream.stop()));
  const dead = `http://127.0.0.1:${await freePort()}/mcp`;

  for (const [name, url, message] of [
    ['down', dead, /could not be reached|refused|unreachable/i],
    ['credentials', upstreams[0].url, /401/],
    ['html', upstreams[1].url, /HTML|web page/i],
    ['not-mcp', upstreams[2].url, /MCP/],
  ]) {
    await t.test(`a server that is ${name} is kept, with what is wrong and what to do`, async () => {
      await page.goto(`${product.url}/o/${org.slug}/servers/new`);
      await page.getByLabel('Server URL').fill(url);
      await page.getByLabel('Name').fill(name);
      await page.getByRole('button', { name: 'Add server' }).click();
      await page.waitForURL(`**/servers/${name}`);
      assert.match(await page.locator('.callout').first().innerText(), message);
      await accessible(page, `server-${name}`);
      await pictures(page, `server-${name}`);
    });
  }

  for (const url of ['http://10.0.0.1/mcp', 'http://169.254.169.254/latest', 'http://[fd00::1]/mcp',
    'ftp://example.com/', 'http://user:password@example.com/', 'not a url', product.url]) {
    await t.test(`the address ${url} is refused beside its field and kept`, async () => {
      await page.goto(`${product.url}/o/${org.slug}/servers/new`);
      await page.getByLabel('Server URL').fill(url);
      await page.getByLabel('Name').fill('refused');
      await page.getByRole('button', { name: 'Add server' }).click();
      await page.locator('#url-error').waitFor();
      assert.equal(await page.getByLabel('Server URL').inputValue(), url);
      assert.equal(await page.getByLabel('Name').inputValue(), 'refused');
    });
  }

  await t.test('an invalid policy says line and column, and keeps the text', async () => {
    const text = '{\n  "version": "1",\n  "tools": { "x": { "limits": [ { "counter": "c", "window": "fortnight", "max": 1 } ] } }\n}';
    await page.goto(`${product.url}/o/${org.slug}/policies/new`);
    await page.getByLabel('Name').fill('p');
    await page.getByText('Paste a document').click();
    await page.getByLabel('Policy document').fill(text);
    await page.getByRole('button', { name: 'Create policy' }).click();
    await page.getByText(/line 3/i).first().waitFor();
    assert.equal((await page.getByLabel('Policy document').inputValue()).trim(), text);
    await accessible(page, 'policy-refused');
    await pictures(page, 'policy-refused');
  });

  await t.test('an expired session leads back after login', async () => {
    await page.goto(`${product.url}/o/${org.slug}/grants`);
    await context.clearCookies();
    await page.goto(`${product.url}/o/${org.slug}/grants/new`);
    await page.waitForURL('**/login?next=*');
    await login();
    await page.waitForURL('**/grants/new');
  });

  await t.test('a stranger finds nothing, not even a refusal', async () => {
    const stranger = await signedUp(product.url, 'Strangers');
    const other = await person(browser);
    await other.page.goto(`${product.url}/login`);
    await other.page.getByLabel('Email').fill(stranger.email);
    await other.page.getByLabel('Password').fill(stranger.password);
    await other.page.getByRole('button', { name: 'Log in' }).click();
    await other.page.waitForURL(`**/o/${stranger.slug}/**`);
    const foreign = await other.page.goto(`${product.url}/o/${org.slug}/servers`);
    const absent = await other.page.goto(`${product.url}/o/no-such-org/servers`);
    assert.equal(foreign.status(), 404);
    assert.equal(absent.status(), 404);
    await other.context.close();
  });

  assert.deepEqual(errors, []);
});

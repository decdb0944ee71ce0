// The main path in a real browser, against a real server, ending with a real agent.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { agent, inspector } from './lib/agents.mjs';
import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';
import { spark } from './lib/upstreams.mjs';

// The published document, to the letter.
const PUBLISHED = `{"version":"1","default":"deny","tools":{"run_workflow":{"limits":[
  {"counter":"run_workflow_rate","window":"minute","max":10,"scope":"grant"}]}}}`;

let browser, upstream;
before(async () => { browser = await launch(); upstream = await spark(); });
after(async () => { await Promise.all([browser?.close(), upstream?.stop()]); });

/** A window of a minute with enough of it left that ten calls fit. */
async function earlyInTheMinute() {
  const seconds = new Date().getSeconds();
  if (seconds > 35) await new Promise(resolve => setTimeout(resolve, (61 - seconds) * 1_000));
}

test('from sign-up to the first call, and to the eleventh', { timeout: 300_000 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const { page, errors, context } = await person(browser);
  t.after(() => context.close());

  await t.test('the landing page leads to sign-up', async () => {
    await page.goto(product.url);
    await accessible(page, 'landing');
    await pictures(page, 'landing');
    await page.getByRole('link', { name: /sign up|start/i }).first().click();
    await page.waitForURL('**/signup');
  });

  await t.test('a weak password is refused and nothing typed is lost', async () => {
    await page.getByLabel('Your name').fill('Ada Lovelace');
    await page.getByLabel('Email').fill('ada@example.com');
    await page.getByLabel('Password').fill('short');
    await page.getByLabel('Organisation').fill('Analytical Engines');
    await accessible(page, 'sign-up');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.getByText('use at least 12 characters', { exact: false }).first().waitFor();
    assert.equal(await page.getByLabel('Email').inputValue(), 'ada@example.com');
    assert.equal(await page.getByLabel('Organisation').inputValue(), 'Analytical Engines');
    assert.equal(await page.getByLabel('Password').inputValue(), '');
    await accessible(page, 'sign-up-refused');
    await pictures(page, 'signup-refused');
  });

  await t.test('sign-up makes an organisation and shows what to do next', async () => {
    await page.getByLabel('Password').fill('the weaving of algebraic patterns');
    await page.getByRole('button', { name: 'Create account' }).click();
    await page.waitForURL('**/o/analytical-engines/**');
    await accessible(page, 'overview-empty');
    await pictures(page, 'overview-empty');
    const [cookie] = await context.cookies();
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Lax', JSON.stringify(cookie));
  });

  await t.test('a server is added by its URL, and its tools are read', async () => {
    await page.goto(`${product.url}/o/analytical-engines/servers/new`);
    await accessible(page, 'server-new');
    await pictures(page, 'server-new');
    await page.getByLabel('Server URL').fill(upstream.url);
    await page.getByLabel('Name').fill('Spark');
    await page.getByRole('button', { name: 'Add server' }).click();
    await page.waitForURL('**/servers/spark');
    await page.getByText('run_workflow', { exact: true }).first().waitFor();
    assert.equal(await page.getByRole('heading', { name: /^Tools/ }).innerText(), 'Tools 23');
    await accessible(page, 'server');
    await pictures(page, 'server');
  });

  let policy;
  await t.test('a recommended policy is made and shown in the builder', async () => {
    await page.getByRole('link', { name: 'Write a policy' }).click();
    await page.getByLabel('Name').fill('Spark policy');
    await accessible(page, 'policy-new');
    await pictures(page, 'policy-new');
    await page.getByRole('button', { name: 'Create policy' }).click();
    await page.waitForURL('**/policies/pol_*');
    policy = page.url();
    await accessible(page, 'builder');
    await pictures(page, 'builder', { fullPage: false });
  });

  const document = page.getByRole('textbox', { name: 'Policy document' });
  const segment = (tool, word) =>
    page.locator(`[data-tool="${tool}"]`).getByRole('radio', { name: word });

  await t.test('a change of the JSON moves the table, a click changes the JSON', async () => {
    await document.fill(PUBLISHED);
    assert.ok(await segment('run_workflow', 'Limit').isChecked());
    await page.locator('[data-tool="delete_schedule"]').getByText('Hide', { exact: true }).click();
    assert.deepEqual(JSON.parse(await document.inputValue()).hide, ['delete_schedule']);
  });

  await t.test('errors of the JSON are listed with their line as it is typed', async () => {
    const good = await document.inputValue();
    await document.fill('{\n  "version": "1",\n  "defualt": "deny"\n}');
    await page.locator('[data-problems]').getByText('default', { exact: false }).first().waitFor();
    await page.locator('[data-problems]').getByText('line 3', { exact: false }).first().waitFor();
    await accessible(page, 'builder-errors');
    await pictures(page, 'builder-errors', { fullPage: false });
    await document.fill(good);
  });

  await t.test('publishing makes a version', async () => {
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('Version 2').first().waitFor();
    assert.deepEqual(JSON.parse(await document.inputValue()).hide, ['delete_schedule']);
  });

  let token, tenantUrl, serverUrl, firstCall;
  const thisMinute = () => Math.floor(Date.now() / 60_000);
  await t.test('a grant is created; its token is shown once, with snippets', async () => {
    await page.goto(policy);
    await page.getByRole('link', { name: 'Create grant' }).click();
    await page.getByLabel('Label').fill('ada-laptop');
    await accessible(page, 'grant-new');
    await pictures(page, 'grant-new');
    await page.getByRole('button', { name: 'Create grant' }).click();
    await page.getByText('Waiting for your first call').waitFor();
    const html = await page.content();
    token = html.match(/dbg_[\w-]{49}/)[0];
    tenantUrl = `${product.url}/t/analytical-engines/mcp`;
    serverUrl = `${product.url}/t/analytical-engines/spark/mcp`;
    assert.ok(html.includes(tenantUrl) && html.includes(serverUrl));
    for (const client of ['Claude Code', 'Claude Desktop', 'Cursor', 'VS Code', 'Codex', 'curl']) {
      assert.ok(html.includes(client), client);
    }
    await page.getByRole('button', { name: /copy/i }).first().click();
    assert.match(await page.evaluate(() => navigator.clipboard.readText()), /dbg_/);
    await accessible(page, 'grant-created');
    await pictures(page, 'grant-created');
  });

  await t.test('the first call arrives on the page without a reload', async () => {
    firstCall = thisMinute();
    const [called] = await agent(serverUrl, token, [['call', 'run_workflow', { workflow_id: 'w1', input_text: 'hello' }]]);
    assert.equal(called.is_error, false, called.text);
    await page.getByRole('link', { name: 'Show this call' }).waitFor();
    assert.match(await page.locator('.verdict').innerText(), /run_workflow|initialize|tools\/list/);
    await accessible(page, 'first-call');
    await pictures(page, 'first-call');
  });

  await t.test('ten calls a minute pass, the eleventh says when to retry, the session goes on', async () => {
    await earlyInTheMinute();
    // The first call counts too, if it was made in this very minute.
    const left = thisMinute() === firstCall ? 9 : 10;
    const run = ['call', 'run_workflow', { workflow_id: 'w1', input_text: 'sesame-4711' }];
    const before = upstream.runs();
    const steps = [...Array(11).fill(run), ['call', 'delete_schedule', { schedule_id: 'x' }], ['call', 'no_such_tool', {}], ['list']];
    const results = await agent(serverUrl, token, steps);
    const passed = results.slice(0, 11).filter(result => result.is_error === false).length;
    assert.equal(upstream.runs() - before, passed);
    assert.equal(passed, left);
    const refused = results[10];
    assert.ok(refused.is_error);
    assert.match(refused.text, /^\[POLICY DENIED\] Rate limit of 10 per minute reached\. Try again in \d+ s\.$/);
    const [hidden, unknown, listed] = results.slice(11);
    assert.equal(hidden.text.replaceAll('delete_schedule', 'X'), unknown.text.replaceAll('no_such_tool', 'X'));
    assert.match(hidden.text, /Unknown tool/);
    assert.ok(listed.tools.includes('run_workflow') && !listed.tools.includes('delete_schedule'));
  });

  await t.test('the inspector sees the same lists, on both URLs', async () => {
    const own = await inspector(serverUrl, token, 'tools/list');
    assert.ok(own.tools.every(tool => tool.name !== 'delete_schedule'));
    const all = await inspector(tenantUrl, token, 'tools/list');
    assert.deepEqual(all.tools.map(tool => tool.name), own.tools.map(tool => `spark__${tool.name}`));
  });

  await t.test('every call is recorded, refusals with their rule', async () => {
    await page.goto(`${product.url}/o/analytical-engines/calls`);
    await accessible(page, 'calls');
    await pictures(page, 'calls');
    await page.goto(`${product.url}/o/analytical-engines/calls?outcome=limited`);
    await page.getByRole('link', { name: /run_workflow/ }).first().click();
    await page.getByText('/tools/run_workflow/limits/0').first().waitFor();
    const text = await page.locator('main').innerText();
    assert.ok(text.includes('workflow_id') && !text.includes('sesame-4711'), 'argument keys, never values');
    await accessible(page, 'call');
    await pictures(page, 'call');
  });

  await t.test('the other pages are whole too', async () => {
    for (const [path, name] of [
      ['/', 'overview'], ['/servers', 'servers'], ['/policies', 'policies'], ['/grants', 'grants'],
      ['/settings/organisation', 'settings-organisation'], ['/settings/api-keys', 'settings-api-keys'],
    ]) {
      await page.goto(`${product.url}/o/analytical-engines${path}`);
      await accessible(page, name);
      await pictures(page, name);
    }
    for (const [path, name] of [['/docs/', 'docs'], ['/docs/api', 'docs-api'], ['/nowhere', 'not-found']]) {
      await page.goto(`${product.url}${path}`);
      await accessible(page, name);
      await pictures(page, name);
    }
  });

  assert.deepEqual(errors, [], 'scripts and content security policy are clean');
});

test('the built-in demo server needs one click', { timeout: 120_000 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const { page, context } = await person(browser);
  t.after(() => context.close());
  await page.goto(`${product.url}/signup`);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Email').fill('ada@example.com');
  await page.getByLabel('Password').fill('the weaving of algebraic patterns');
  await page.getByLabel('Organisation').fill('Engines');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/o/engines/**');
  await page.goto(`${product.url}/o/engines/servers/new`);
  await page.getByRole('button', { name: 'Use the built-in demo server' }).click();
  await page.getByText('create_charge', { exact: true }).first().waitFor();
  await pictures(page, 'demo-server');
});

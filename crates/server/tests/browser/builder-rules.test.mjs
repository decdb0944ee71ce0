// The visual builder in a real browser: rules of any kind by fields, the JSON beside them, both
// ways; a thousand tools without lag; by keyboard alone.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { curl, organisation } from './lib/api.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';
import { manyTools } from './lib/upstreams.mjs';

const PASSWORD = 'the weaving of algebraic patterns';

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

async function signedUp(t, env) {
  const product = await embedded(await temporaryFolder(t), await freePort(), env);
  t.after(() => product.stop());
  const one = await person(browser);
  t.after(() => one.context.close());
  const { page } = one;
  await page.goto(`${product.url}/signup`);
  await page.getByLabel('Your name').fill('Ada');
  await page.getByLabel('Email').fill('ada@example.com');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByLabel('Organisation').fill('Engines');
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.waitForURL('**/o/engines/**');
  const login = await curl('POST', `${product.url}/api/v1/auth/token`, { body: { email: 'ada@example.com', password: PASSWORD } });
  const org = organisation({ base: product.url, token: login.json.access_token, slug: 'engines' });
  return { ...one, org, base: product.url };
}

const row = (page, tool) => page.locator(`.tool-row[data-tool="${tool}"]`);
const json = async page => JSON.parse(await page.getByRole('textbox', { name: 'Policy document' }).inputValue());
const quiet = page => page.evaluate(() => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve, 30))));

test('rules are made by fields, and the document says the same', { timeout: 240_000 }, async t => {
  const { page, errors, org, base } = await signedUp(t);
  await page.goto(`${base}/o/engines/servers/new`);
  await page.getByRole('button', { name: 'Use the built-in demo server' }).click();
  await page.getByText('create_charge', { exact: true }).first().waitFor();
  const [server] = (await org.call('GET', '/servers')).json.data;
  const policy = await org.made('/policies', { name: 'Charges', server_id: server.id, document: {
    version: '1', default: 'deny', tools: { list_customers: {},
      get_order: { deny_if: [{ conditions: [{ any: [{ path: 'args.id', op: 'eq', value: 1.50 }] }] }] } } } });
  const url = `${base}/o/engines/policies/${policy.id}`;
  await page.goto(url);
  const charge = row(page, 'create_charge');
  const rule = async () => (await json(page)).tools.create_charge;

  await t.test('Custom begins with what holds now', async () => {
    await charge.getByText('Custom', { exact: true }).click();
    await quiet(page);
    assert.deepEqual(await rule(), { deny_if: [{ conditions: [] }] }, 'denied before, denied still');
    await charge.getByText('Always.').waitFor();
  });

  await t.test('conditions are picked from the schema, with comparisons that fit', async () => {
    await charge.getByRole('button', { name: 'Add a condition' }).click();
    const field = charge.getByLabel(/^Field of condition 1/);
    await field.selectOption('args.amount');
    const comparison = charge.getByLabel(/^Comparison of condition 1/);
    const offered = await comparison.locator('option').allTextContents();
    assert.ok(offered.includes('is more than') && !offered.includes('starts with'), offered.join());
    await comparison.selectOption({ label: 'is more than' });
    const value = charge.getByLabel(/^Value of condition 1/);
    await value.fill('9007199254740993.10');
    await quiet(page);
    const text = await page.getByRole('textbox', { name: 'Policy document' }).inputValue();
    assert.match(text, /"value": 9007199254740993\.10/, 'every digit as typed');
    await value.fill('10000');
    await charge.getByRole('button', { name: 'Add a condition' }).click();
    await charge.getByLabel(/^Field of condition 2/).selectOption('args.currency');
    await charge.getByLabel(/^Comparison of condition 2/).selectOption({ label: 'is' });
    await charge.getByLabel(/^Value of condition 2/).selectOption('EUR');
    await charge.getByLabel(/^What the agent is told, deny if 1/).fill('Too large.');
    await quiet(page);
    assert.deepEqual((await rule()).deny_if, [{ conditions: [
      { path: 'args.amount', op: 'gt', value: 10000 }, { path: 'args.currency', op: 'eq', value: 'EUR' },
    ], on_deny: 'Too large.' }]);
  });

  await t.test('limits read as sentences', async () => {
    await charge.getByRole('button', { name: '+ Limit' }).click();
    const limit = charge.getByRole('group', { name: 'limit 1 of create_charge' });
    await limit.getByLabel(/^Most/).fill('50000');
    await limit.getByLabel(/^What is counted/).selectOption({ label: 'of amount' });
    await limit.getByLabel(/^Window/).selectOption('day');
    await limit.getByLabel(/^For whom/).selectOption({ label: 'the server' });
    await quiet(page);
    assert.deepEqual((await rule()).limits, [{ counter: 'create_charge_rate', window: 'day', max: 50000, scope: 'server', increment_from: 'args.amount' }]);
  });

  await t.test('answers are redacted by boxes', async () => {
    await charge.getByRole('button', { name: '+ Answers' }).click();
    await charge.getByLabel('card numbers').check();
    await charge.getByLabel('At most bytes').fill('20000');
    await charge.getByLabel('Arguments must fit').check();
    await quiet(page);
    assert.deepEqual((await rule()).response, { redact: ['secrets', 'cards'], max_bytes: 20000 });
    assert.equal((await rule()).validate_arguments, true);
    await accessible(page, 'rule editor');
    await charge.scrollIntoViewIfNeeded();
    await pictures(page, 'builder-rule', { fullPage: true });
  });

  await t.test('what is typed in the JSON moves the fields, and the focus stays', async () => {
    const area = page.getByRole('textbox', { name: 'Policy document' });
    const text = await area.inputValue();
    await area.fill(text.replace('"value": 10000', '"value": 777'));
    await quiet(page);
    assert.equal(await charge.getByLabel(/^Value of condition 1/).inputValue(), '777');
    assert.ok(await area.evaluate(element => element === document.activeElement));
  });

  await t.test('what fields cannot say is a chip, kept byte for byte', async () => {
    const order = row(page, 'get_order');
    await order.getByRole('button', { name: 'Edit' }).click();
    await order.getByRole('button', { name: 'any of 1 condition, in the JSON' }).waitFor();
    await order.getByRole('button', { name: '+ Limit' }).click();
    await quiet(page);
    const text = await page.getByRole('textbox', { name: 'Policy document' }).inputValue();
    assert.match(text, /"any": \[\s*\{\s*"path": "args\.id",\s*"op": "eq",\s*"value": 1\.5/);
    await order.getByRole('button', { name: 'any of 1 condition, in the JSON' }).click();
    const selected = await page.getByRole('textbox', { name: 'Policy document' }).evaluate(a => a.value.slice(a.selectionStart, a.selectionEnd));
    assert.match(selected, /^\{\s*"any"/);
  });

  await t.test('undo takes back one thing after the other', async () => {
    const before = await json(page);
    await row(page, 'get_order').getByRole('button', { name: /^Remove limit 1/ }).click();
    await quiet(page);
    assert.equal((await json(page)).tools.get_order.limits, undefined);
    await page.getByRole('button', { name: 'Undo' }).click();
    await quiet(page);
    assert.deepEqual(await json(page), before);
  });

  await t.test('the rest of the language has fields too', async () => {
    await page.getByText('Beyond single tools').click();
    const more = page.locator('.builder-sections');
    await more.getByLabel('Rule of Destructive').selectOption({ label: 'Approve' });
    await more.getByRole('group', { name: 'Rule of all tools' }).getByRole('button', { name: '+ Limit' }).click();
    await more.getByLabel('New rule in resources').fill('file:///docs/**');
    await page.keyboard.press('Enter');
    await more.getByLabel('Rule of file:///docs/**', { exact: true }).selectOption({ label: 'Allow' });
    await more.getByLabel('Ask the person a question').selectOption({ label: 'allowed' });
    await more.getByLabel('Refusals are').selectOption({ label: 'only recorded: everything passes' });
    await more.getByLabel('A call waits for it').fill('20s');
    await page.keyboard.press('Tab');
    await more.getByLabel('People who must approve').selectOption({ label: 'two different ones' });
    await quiet(page);
    const now = await json(page);
    assert.deepEqual(now.categories, { destructive: { approve_if: [{ conditions: [] }] } });
    assert.equal(now.all_tools.limits.length, 1);
    assert.deepEqual(now.resources.rules, { 'file:///docs/**': {} });
    assert.deepEqual([now.server_requests, now.mode, now.approvals], [{ elicitation: 'allow' }, 'observe', { hold: '20s', approvers: 2 }]);
    await accessible(page, 'builder sections');
    await pictures(page, 'builder-sections', { fullPage: true });
  });

  await t.test('what is hidden comes and goes name by name', async () => {
    const more = page.locator('.builder-sections');
    await more.getByLabel('To hide in prompts').fill('plain, with a comma');
    await page.keyboard.press('Enter');
    await more.getByLabel('To hide in prompts').fill('other_*');
    await more.getByRole('button', { name: 'Hide', exact: true }).first().click();
    await more.getByLabel('To hide in prompts').fill('kept while another is removed');
    await quiet(page);
    assert.deepEqual((await json(page)).prompts.hide, ['plain, with a comma', 'other_*']);
    await more.getByRole('button', { name: 'Hide other_* no longer' }).click();
    await quiet(page);
    assert.deepEqual((await json(page)).prompts.hide, ['plain, with a comma']);
    assert.equal(await more.getByLabel('To hide in prompts').inputValue(), 'kept while another is removed');
    await more.getByLabel('To hide in prompts').fill('');
  });

  await t.test('a path below a known field is typed to its end, and a plain number is a number', async () => {
    await charge.getByRole('button', { name: '+ Require something' }).click();
    const noun = 'condition 1, only if 1 of create_charge';
    await charge.getByLabel(`Field of ${noun}`).selectOption({ label: 'another field' });
    await charge.getByLabel(`Path of ${noun}`).press('End');
    await charge.getByLabel(`Path of ${noun}`).pressSequentially('currency.code');
    await charge.getByLabel(`Comparison of ${noun}`).selectOption({ label: 'is' });
    await charge.getByLabel(`Value of ${noun}`).pressSequentially('12.50');
    await quiet(page);
    const said = async () => (await rule()).require[0].conditions[0];
    assert.deepEqual(await said(), { path: 'args.currency.code', op: 'eq', value: 12.5 });
    assert.match(await page.getByRole('textbox', { name: 'Policy document' }).inputValue(), /"value": 12\.50/);
    await charge.getByLabel(`Type of ${noun}`).selectOption({ label: 'text' });
    await charge.getByLabel(`Value of ${noun}`).press('End');
    await charge.getByLabel(`Value of ${noun}`).pressSequentially('1');
    await quiet(page);
    assert.equal((await said()).value, '12.501');
    await pictures(page, 'builder-typed', { fullPage: true });
  });

  await t.test('a field that is no part of the document undoes by itself', async () => {
    const before = await json(page);
    await page.getByLabel('Comment on this version').pressSequentially('why');
    await page.keyboard.press('Control+z');
    await quiet(page);
    assert.deepEqual(await json(page), before);
    assert.notEqual(await page.getByLabel('Comment on this version').inputValue(), 'why');
  });

  await t.test('what publishing changes is said in words', async () => {
    await page.getByRole('button', { name: 'Review changes' }).click();
    const dialog = page.getByRole('dialog', { name: 'What publishing changes' });
    await dialog.getByText(/^.*create_charge/).waitFor();
    await dialog.getByText(/only observed/).waitFor();
    await accessible(page, 'review');
    await pictures(page, 'builder-review', { fullPage: false });
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  await t.test('it is valid, and published as it is', async () => {
    await page.locator('[data-part=status][data-state=warned], [data-part=status][data-state=good]').waitFor();
    const drafted = await json(page);
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText(/Version 2/).first().waitFor();
    await page.waitForURL(url);
    await page.reload();
    await page.locator('policy-builder[data-ready]').waitFor();
    assert.ok(await page.getByText('Your unpublished draft is back').isHidden());
    const live = (await org.call('GET', `/policies/${policy.id}`)).json.document;
    assert.deepEqual(live.tools.create_charge.deny_if, drafted.tools.create_charge.deny_if);
    assert.deepEqual(live.tools.create_charge.response, drafted.tools.create_charge.response);
    assert.deepEqual(live.approvals, { expires: '1h', hold: '20s', approvers: 2 });
  });

  await t.test('a draft does not replace what a colleague published, unseen', async () => {
    await page.goto(url);
    await row(page, 'refund_charge').getByText('Allow', { exact: true }).click();
    await quiet(page);
    const { document } = (await org.call('GET', `/policies/${policy.id}`)).json;
    document.tools.delete_customer = { deny_if: [{ conditions: [] }] };
    assert.equal((await org.call('PUT', `/policies/${policy.id}/document`, { document })).status, 200);
    await page.goto(url);
    await page.getByText('Your unpublished draft is back').waitFor();
    await page.getByText('Another version was published since then').waitFor();
    await page.getByRole('button', { name: 'Publish', exact: true }).click();
    await page.getByText('Someone published meanwhile').waitFor();
    const live = (await org.call('GET', `/policies/${policy.id}`)).json.document;
    assert.deepEqual(live, document, 'theirs is in force');
    assert.ok((await json(page)).tools.refund_charge, 'mine is kept');
    await page.goto(url);
    await page.getByRole('button', { name: 'Discard it' }).click();
    await quiet(page);
    assert.deepEqual(await json(page), document);
    await page.reload();
    assert.ok(await page.getByText('Your unpublished draft is back').isHidden());
  });

  await t.test('a rule is made by keyboard alone', async () => {
    await page.goto(url);
    const refund = row(page, 'refund_charge');
    await refund.locator('input[type=radio]').first().focus();
    for (let n = 0; n < 5; n += 1) await page.keyboard.press('ArrowRight');
    await refund.getByRole('group', { name: 'Rule of refund_charge' }).waitFor();
    for (let n = 0; n < 12; n += 1) {
      await page.keyboard.press('Tab');
      const label = await page.evaluate(() => document.activeElement.textContent);
      if (label === '+ Ask a person if…') break;
    }
    await page.keyboard.press('Enter');
    await quiet(page);
    assert.match(await page.evaluate(() => document.activeElement.ariaLabel ?? ''), /^Field of condition 1, ask a person if 1/, 'on what was added');
    const made = (await json(page)).tools.refund_charge;
    assert.equal(made.approve_if.length, 1);
  });

  assert.deepEqual(errors, [], 'scripts and content security policy are clean');
});

test('1 084 tools: no interaction lags', { timeout: 240_000 }, async t => {
  const upstream = await manyTools();
  t.after(() => upstream.stop());
  const { page, errors, org, base } = await signedUp(t);
  const server = await org.made('/servers', { name: 'Many', url: upstream.url });
  const tools = upstream.names;
  assert.equal(tools.length, 1_084);
  const policy = await org.made('/policies', { name: 'Many', server_id: server.id, document: { version: '1', default: 'deny' } });
  await page.goto(`${base}/o/engines/policies/${policy.id}`);
  await page.locator('policy-builder[data-ready]').waitFor();

  /** Time from an event to the frame after it, as the person waits for it. */
  const timed = async (name, deed) => {
    await page.evaluate(() => {
      window.longest = 0;
      window.watching?.disconnect();
      window.watching = new PerformanceObserver(list => {
        for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
      });
      window.watching.observe({ type: 'event', durationThreshold: 16 });
    });
    await deed();
    await page.waitForTimeout(250);
    const longest = await page.evaluate(() => window.longest);
    t.diagnostic(`${name}: ${longest} ms`);
    return [name, longest];
  };
  const name = tools[500];
  const figures = [
    await timed('a segment', () => row(page, name).getByText('Allow', { exact: true }).click()),
    await timed('a rule opened', () => row(page, name).getByText('Custom', { exact: true }).click()),
    await timed('a condition added', () => row(page, name).getByRole('button', { name: '+ Deny if…' }).click()),
    await timed('a word typed', () => row(page, name).getByLabel(/^What the agent is told/).pressSequentially('No.')),
    await timed('a search', () => page.locator('#tool-search').pressSequentially('issue')),
    await timed('all shown set', () => page.getByRole('group', { name: 'Set all shown' }).getByRole('button', { name: 'Limit' }).click()),
    await timed('undo', () => page.keyboard.press('Control+z')),
    await timed('sections opened', () => page.getByText('Beyond single tools').click()),
  ];
  // The figures are for people, on a quiet machine below 100; what lags on any is a fault.
  assert.deepEqual(figures.filter(([, ms]) => ms > 600), [], 'it lags');
  assert.deepEqual(errors, []);
});

// Backtest and learning in a real browser: agents call, a draft is tried on what they called, and
// what they needed becomes a policy.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { curl, mcp, organisation, session } from './lib/api.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';

const PASSWORD = 'the weaving of algebraic patterns';
const LIVE = { version: '1', default: 'allow', hide: ['delete_customer'] };
const DRAFT = {
  version: '1',
  default: 'deny',
  hide: ['delete_customer'],
  tools: {
    list_customers: { limits: [{ counter: 'list_customers_rate', window: 'minute', max: 3, scope: 'grant' }] },
    create_charge: { deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: 1000 }], on_deny: 'Too large.' }] },
  },
};

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

/** Signed in, with the demo server, a policy on it, and an agent that has called. */
async function prepared(t) {
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
  await page.goto(`${product.url}/o/engines/servers/new`);
  await page.getByRole('button', { name: 'Use the built-in demo server' }).click();
  await page.getByText('create_charge', { exact: true }).first().waitFor();
  const login = await curl('POST', `${product.url}/api/v1/auth/token`, { body: { email: 'ada@example.com', password: PASSWORD } });
  const org = organisation({ base: product.url, token: login.json.access_token, slug: 'engines' });
  const [server] = (await org.call('GET', '/servers')).json.data;
  const policy = await org.made('/policies', { name: 'Open', server_id: server.id, document: LIVE });
  const grant = await org.made('/grants', { label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }] });
  const address = `${product.url}/t/engines/${server.slug}/mcp`;
  const opened = await session(address, grant.token);
  const call = (id, name, args) => mcp(address, grant.token, { id, method: 'tools/call', params: { name, arguments: args } }, opened);
  for (let id = 1; id <= 6; id++) await call(id, 'list_customers', { limit: 5 });
  await call(7, 'create_charge', { customer_id: 'cus_1', amount: 12.5, currency: 'eur' });
  await call(8, 'refund_charge', { charge_id: 'ch_1' });
  await call(9, 'delete_customer', { customer_id: 'cus_1' });
  while ((await org.call('GET', '/calls')).json.data.filter(one => one.method === 'tools/call').length < 9) {
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  return { page, errors, org, server, policy, url: `${product.url}/o/engines/policies/${policy.id}`, base: `${product.url}/o/engines` };
}

test('a draft is tried on what was called, and what was called becomes a policy', { timeout: 180_000 }, async t => {
  const { page, errors, org, server, policy, url, base } = await prepared(t);

  await t.test('the builder sends its draft', async () => {
    await page.goto(url);
    await page.getByRole('textbox', { name: 'Policy document' }).fill(JSON.stringify(DRAFT));
    await page.getByRole('button', { name: 'Backtest' }).click();
    await page.getByRole('heading', { name: /would be newly denied/ }).waitFor();
    const found = await page.getByRole('heading', { name: /would be newly denied/ }).innerText();
    assert.match(found, /^1 of 9 calls would be newly denied, .*limited.*1 cannot be known/);
    await page.getByText('args.amount, of 1 call').waitFor();
    await page.getByText('/tools/list_customers/limits/0').waitFor();
    await accessible(page, 'backtest');
    await pictures(page, 'policy-backtest');
  });

  await t.test('an example leads to its call', async () => {
    const href = await page.getByRole('link', { name: 'refund_charge' }).first().getAttribute('href');
    const other = await page.context().newPage();
    await other.goto(`${org.base}${href}`);
    await other.getByRole('heading', { name: /refund_charge/ }).first().waitFor();
    await other.close();
  });

  await t.test('another time is tried with the same draft, and the draft goes on in the builder', async () => {
    await page.getByLabel('Time', { exact: true }).selectOption('90');
    await page.getByRole('button', { name: 'Run the backtest' }).click();
    await page.getByRole('heading', { name: /would be newly denied/ }).waitFor();
    await page.getByRole('button', { name: 'Back to the builder' }).click();
    await page.waitForURL('**/draft');
    assert.match(await page.getByRole('textbox', { name: 'Policy document' }).inputValue(), /Too large/);
    assert.equal((await org.call('GET', `/policies/${policy.id}`)).json.version, 1, 'nothing was published');
  });

  await t.test('nothing was called at that time', async () => {
    await page.goto(`${url}/backtest`);
    await page.getByLabel('From day').fill('2020-01-01');
    await page.getByLabel('To day').fill('2020-01-31');
    await page.getByRole('button', { name: 'Run the backtest' }).click();
    await page.getByRole('heading', { name: /No calls were recorded/ }).waitFor();
    await accessible(page, 'backtest, empty');
    await pictures(page, 'policy-backtest-empty');
  });

  await t.test('what was called is proposed as a policy and used', async () => {
    await page.goto(`${base}/policies/learn?server=${server.id}&policy=${policy.id}`);
    await accessible(page, 'learn, asked');
    await page.getByRole('button', { name: 'Propose a policy' }).click();
    await page.getByRole('heading', { name: /Learned from 8 calls/ }).waitFor();
    await accessible(page, 'learn');
    await pictures(page, 'policy-learn');
    await page.getByRole('button', { name: 'Use this document' }).click();
    await page.getByRole('button', { name: 'Create policy' }).waitFor();
    await accessible(page, 'new policy, filled in');
    await pictures(page, 'policy-new-learned');
    await page.getByRole('button', { name: 'Create policy' }).click();
    await page.waitForURL(/policies\/pol_/);
    assert.match(await page.getByRole('textbox', { name: 'Policy document' }).inputValue(), /list_customers_rate/);
  });

  assert.deepEqual(errors, [], 'scripts and content security policy are clean');
});

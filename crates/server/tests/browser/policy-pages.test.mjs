// A policy's other pages in a real browser: a call is tried, kept as a test, a draft that breaks it
// is refused, versions are compared and one is restored.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { curl, mcp, organisation, session } from './lib/api.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';

const PASSWORD = 'the weaving of algebraic patterns';
const document = (max, perMinute) => ({
  version: '1',
  default: 'deny',
  hide: ['delete_account'],
  tools: {
    list_customers: {},
    create_charge: {
      require: [{ conditions: [{ path: 'args.customer_id', op: 'exists', value: true }], on_deny: 'Say whom.' }],
      deny_if: [{ conditions: [{ path: 'args.amount', op: 'gt', value: max }], on_deny: `Over ${max}.` }],
      limits: [{ counter: 'create_charge_rate', window: 'minute', max: perMinute, scope: 'grant' }],
    },
  },
});

let browser;
before(async () => { browser = await launch(); });
after(async () => { await browser?.close(); });

/** Signed in, with the demo server and a policy on it. */
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
  const policy = await org.made('/policies', { name: 'Charges', server_id: server.id, document: document(10_000, 30) });
  return { page, errors, org, policy, url: `${product.url}/o/engines/policies/${policy.id}` };
}

test('a policy is tried, tested, changed and compared', { timeout: 180_000 }, async t => {
  const { page, errors, org, policy, url } = await prepared(t);

  await t.test('a call is tried with the fields of the tool', async () => {
    await page.goto(`${url}/try`);
    await page.getByLabel('Tool', { exact: true }).fill('create_charge');
    await page.getByRole('button', { name: 'Show the tool’s fields' }).click();
    await page.getByLabel(/^customer_id/).fill('cus_1');
    await page.getByLabel(/^amount/).fill('20000');
    await accessible(page, 'try a call, fields');
    await page.getByRole('button', { name: 'Try the call' }).click();
    await page.getByText('/tools/create_charge/deny_if/0').first().waitFor();
    await page.getByText('Over 10000.').first().waitFor();
    assert.match(await page.getByLabel('What the agent gets').innerText(), /POLICY DENIED/);
    await accessible(page, 'try a call, denied');
    await pictures(page, 'policy-try');
  });

  await t.test('what was tried is kept as a test', async () => {
    await page.getByLabel('Name of the test').fill('No charge over ten thousand');
    await page.getByRole('button', { name: /Save as test/ }).click();
    await page.waitForURL('**/tests');
    await page.getByText('1 of 1 passes').or(page.getByText('Passes')).first().waitFor();
    await accessible(page, 'tests');
  });

  await t.test('an empty form names its fields and keeps what was typed', async () => {
    await page.getByLabel('What it shows').fill('Second');
    await page.getByLabel('Arguments').fill('{"amount": }');
    await page.getByRole('button', { name: 'Add test' }).click();
    await page.getByText('this is not valid JSON').waitFor();
    assert.equal(await page.getByLabel('What it shows').inputValue(), 'Second');
    assert.equal(await page.getByLabel('Arguments').inputValue(), '{"amount": }');
    await accessible(page, 'tests, refused');
    await pictures(page, 'policy-tests');
  });

  await t.test('a draft that breaks a test is not published', async () => {
    const refused = await org.call('PUT', `/policies/${policy.id}/document`, { document: document(50_000, 30) });
    assert.equal(refused.status, 422, refused.text);
    assert.match(refused.text, /No charge over ten thousand/);
    await page.goto(url);
    await page.getByRole('textbox', { name: 'Policy document' }).fill(JSON.stringify(document(50_000, 30)));
    await page.getByRole('button', { name: /^Publish$/ }).click();
    await page.getByText('No charge over ten thousand').first().waitFor();
    assert.match(await page.getByRole('textbox', { name: 'Policy document' }).inputValue(), /50000/, 'the draft is still there');
    await pictures(page, 'policy-test-fails');
  });

  await t.test('versions are compared in words and lines', async () => {
    const saved = await org.call('PUT', `/policies/${policy.id}/document`, { document: document(9_000, 60), comment: 'More calls, smaller charges' });
    assert.equal(saved.status, 200, saved.text);
    await page.goto(`${url}/versions`);
    await page.getByText('More calls, smaller charges').waitFor();
    await accessible(page, 'versions');
    await pictures(page, 'policy-versions');
    await page.getByRole('button', { name: 'Show changes' }).click();
    await pictures(page, 'policy-diff');
    await page.getByText('create_charge: limit 30 → 60 calls a minute').first().waitFor();
    await accessible(page, 'diff');
  });

  await t.test('an older version comes back as a new one', async () => {
    await page.goto(`${url}/versions`);
    await page.getByRole('button', { name: 'Restore version 1' }).click();
    await page.getByText(/Version 3/).first().waitFor();
    const now = await org.call('GET', `/policies/${policy.id}`);
    assert.equal(now.json.version, 3);
    assert.deepEqual(now.json.document.tools.create_charge.limits[0].max, 30);
  });

  await t.test('a past call is tried with its keys', async () => {
    const [server] = (await org.call('GET', '/servers')).json.data;
    const grant = await org.made('/grants', { label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }] });
    const address = `${org.base}/t/engines/${server.slug}/mcp`;
    const called = await mcp(address, grant.token, {
      id: 1, method: 'tools/call', params: { name: 'create_charge', arguments: { amount: 1, note: 'unknown to the tool' } },
    }, await session(address, grant.token));
    assert.match(called.text, /Say whom/);
    while ((await org.call('GET', '/calls?tool=create_charge')).json.data.length === 0) {
      await new Promise(resolve => setTimeout(resolve, 50));
    }
    await page.goto(`${org.base}/o/engines/calls`);
    await page.getByRole('link', { name: 'create_charge' }).first().click();
    await page.getByRole('link', { name: 'Try this call' }).click();
    await page.getByLabel('note').fill('"x"');
    await page.getByLabel(/^customer_id/).fill('cus_1');
    await page.getByLabel(/^amount/).fill('12.50');
    await page.getByRole('button', { name: 'Try the call' }).click();
    await page.getByText(/create_charge would be forwarded/).waitFor();
    await accessible(page, 'try a past call');
  });

  assert.deepEqual(errors, [], 'scripts and content security policy are clean');
});

// The deployment: Postgres and Redis of one's own, one control plane, two gateways; everything by
// REST and curl.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { curl, mcp, session, signedUp } from './lib/api.mjs';
import { deployed, freePort, freshDatabase, migrate } from './lib/product.mjs';
import { spark } from './lib/upstreams.mjs';

let upstream;
before(async () => { upstream = await spark(); });
after(() => upstream?.stop());

/** Starts early enough in a minute that a few seconds of calls stay within it. */
async function earlyInTheMinute() {
  const seconds = new Date().getSeconds();
  if (seconds > 40) await new Promise(resolve => setTimeout(resolve, (61 - seconds) * 1_000));
}

test('two gateways share one limit, and a change reaches both', { timeout: 240_000 }, async t => {
  const database = await freshDatabase();
  await migrate(database);
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const [control, ...gateways] = await Promise.all(['control', 'gateway', 'gateway'].map((role, at) =>
    deployed({
      database, port: ports[at],
      env: { DRAWBRIDGE_ROLE: role, DRAWBRIDGE_GATEWAY_URL: `http://127.0.0.1:${ports[1]}` },
    })));
  t.after(() => Promise.all([control, ...gateways].map(each => each.stop())));

  const org = await signedUp(control.url);
  const server = await org.made('/servers', { name: 'Spark', url: upstream.url });
  assert.equal(server.status, 'ready', JSON.stringify(server));
  assert.equal(server.tools_count, 23);
  const document = {
    version: '1', default: 'deny',
    tools: { run_workflow: { limits: [{ counter: 'run_workflow_rate', window: 'minute', max: 10, scope: 'grant' }] } },
  };
  const policy = await org.made('/policies', { name: 'p', server_id: server.id, document });
  const grant = await org.made('/grants', { label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }] });
  const urls = gateways.map(gateway => `${gateway.url}/t/${org.slug}/${server.slug}/mcp`);
  const headers = await session(urls[0], grant.token);
  // A session's requests have ids of their own; servers mix up answers otherwise.
  let id = 10;
  const call = (url, name = 'run_workflow', args = { workflow_id: 'w', input_text: 'x' }) =>
    mcp(url, grant.token, { id: id += 1, method: 'tools/call', params: { name, arguments: args } }, headers);

  await t.test('10 + 10 parallel calls admit exactly 10', async () => {
    await earlyInTheMinute();
    const results = await Promise.all(Array.from({ length: 20 }, (_, at) => call(urls[at % 2])));
    const passed = results.filter(r => r.message.result.isError !== true).length;
    const limited = results.filter(r => r.message.result._meta?.['drawbridge/decision']?.outcome === 'limited');
    assert.equal(passed, 10);
    assert.equal(limited.length, 10);
    assert.equal(upstream.runs(), 10);
    const decision = limited[0].message.result._meta['drawbridge/decision'];
    assert.equal(decision.rule, '/tools/run_workflow/limits/0');
    assert.equal(decision.counter, 'run_workflow_rate');
    assert.equal(decision.remaining, 0);
    assert.ok(decision.retry_after_ms > 0 && decision.retry_after_ms <= 60_000);
  });

  await t.test('a session made at one gateway works at the other', async () => {
    const listed = await mcp(urls[1], grant.token, { id: 2, method: 'tools/list' }, headers);
    assert.deepEqual(listed.message.result.tools.map(tool => tool.name).includes('run_workflow'), true);
  });

  await t.test('a published policy is enforced by every gateway', async () => {
    const put = await org.call('PUT', `/policies/${policy.id}/document`, {
      document: { ...document, hide: ['run_workflow'], tools: {} }, comment: 'stop it',
    });
    assert.equal(put.status, 200, put.text);
    await new Promise(resolve => setTimeout(resolve, 500));
    for (const url of urls) {
      const answer = await call(url);
      assert.equal(answer.message.error?.message, 'Unknown tool: run_workflow', answer.text);
    }
  });

  await t.test('a revoked grant is refused by every gateway like a token that never was', async () => {
    assert.equal((await org.call('POST', `/grants/${grant.id}/revoke`)).status, 204);
    await new Promise(resolve => setTimeout(resolve, 500));
    for (const url of urls) {
      const revoked = await curl('POST', url, { token: grant.token, body: '{}' });
      const junk = await curl('POST', url, { token: 'dbg_junk', body: '{}' });
      assert.equal(revoked.status, 401);
      assert.equal(revoked.text, junk.text);
      assert.match(revoked.headers['www-authenticate'], /^Bearer resource_metadata="http/);
    }
  });

  await t.test('the calls of both gateways are in one audit', async () => {
    await new Promise(resolve => setTimeout(resolve, 500));
    const calls = await org.call('GET', '/calls?outcome=limited&limit=200');
    assert.equal(calls.json.data.length, 10, calls.text);
    const [row] = calls.json.data;
    assert.deepEqual(row.argument_keys, ['input_text', 'workflow_id']);
    assert.equal(row.grant.label, 'ci');
  });
});

test('with DATABASE_URL set, a schema that is not there stops the start and names the command', async () => {
  const database = await freshDatabase();
  await assert.rejects(deployed({ database, port: await freePort() }), /run `drawbridge migrate` first/);
});

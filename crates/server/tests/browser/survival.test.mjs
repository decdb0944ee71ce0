// Killed without warning, the product and its embedded Postgres come back with everything.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { curl, mcp, session, signedUp } from './lib/api.mjs';
import { embedded, freePort, postmaster, temporaryFolder } from './lib/product.mjs';

test('kill -9 of the product, then of its Postgres: everything is still there', { timeout: 240_000 }, async t => {
  const folder = await temporaryFolder(t);
  const port = await freePort();
  let product = await embedded(folder, port);
  t.after(() => product.stop());
  const org = await signedUp(product.url);
  const demo = `http://127.0.0.1:${port > 55_535 ? port - 10_000 : port + 10_000}/mcp`;
  const server = await org.made('/servers', { name: 'Demo', url: demo });
  const policy = await org.made('/policies', { name: 'p', document: {
    version: '1', default: 'allow',
    tools: { list_customers: { limits: [{ counter: 'daily', window: 'day', max: 3 }] } },
  } });
  const grant = await org.made('/grants', { label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }] });
  const url = `${product.url}/t/${org.slug}/demo/mcp`;

  const works = async () => {
    const headers = await session(url, grant.token);
    const answer = await mcp(url, grant.token, { id: 2, method: 'tools/list' }, headers);
    assert.ok(answer.message.result.tools.length >= 8, answer.text);
    const again = await curl('POST', `${product.url}/api/v1/auth/token`, {
      body: { email: org.email, password: org.password },
    });
    assert.equal(again.status, 200, again.text);
    const servers = await curl('GET', `${product.url}/api/v1/servers`, { token: again.json.access_token });
    assert.equal(servers.json.data.length, 1);
  };
  // What was counted of a long window is not forgotten with the process.
  const calls = async count => {
    const headers = await session(url, grant.token);
    const outcomes = [];
    for (let n = 0; n < count; n += 1) {
      const call = { id: n, method: 'tools/call', params: { name: 'list_customers', arguments: {} } };
      const answer = await mcp(url, grant.token, call, headers);
      outcomes.push(answer.message.result._meta?.['drawbridge/decision']?.outcome ?? 'allowed');
    }
    return outcomes;
  };
  await works();
  assert.deepEqual(await calls(2), ['allowed', 'allowed']);

  await product.kill('SIGKILL');
  product = await embedded(folder, port);
  await works();
  assert.deepEqual(await calls(2), ['allowed', 'limited']);

  await product.kill('SIGKILL');
  process.kill(await postmaster(folder), 'SIGKILL');
  product = await embedded(folder, port);
  await works();
  assert.deepEqual(await calls(1), ['limited']);
});

// A real stdio server behind the product: `drawbridge connect` serves it, a policy guards it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { curl, mcp, session, signedUp } from './lib/api.mjs';
import { BIN, embedded, freePort, started, temporaryFolder } from './lib/product.mjs';

const EVERYTHING = new URL(
  './node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url).pathname;

/** `drawbridge connect` of the reference server; its URL and the header it wants. */
async function connected() {
  const args = ['connect', '--stdio', '--', process.execPath, EVERYTHING, 'stdio'];
  const local = await started(BIN, args, { ready: /url: (\S+)\nheader: Authorization: (Bearer \S+)/ });
  const [, url, bearer] = local.match;
  return { ...local, url, bearer };
}

test('the reference server over its standard streams, under a policy', { timeout: 240_000 }, async t => {
  const local = await connected();
  t.after(() => local.stop());
  const page = await curl('POST', local.url, { body: {}, headers: { Origin: 'http://evil.example', Authorization: local.bearer } });
  assert.equal(page.status, 403, 'no web page');
  assert.equal((await curl('POST', local.url, { body: {} })).status, 401, 'nobody without the secret');

  const [folder, port] = [await temporaryFolder(t), await freePort()];
  const product = await embedded(folder, port);
  t.after(() => product.stop());
  const org = await signedUp(product.url);
  const server = await org.made('/servers', {
    name: 'Local', url: local.url, auth: { type: 'headers', headers: { Authorization: local.bearer } },
  });
  assert.equal(server.status, 'ready', JSON.stringify(server));
  assert.ok(server.tools_count >= 8, JSON.stringify(server));
  const document = { version: '1', default: 'deny', tools: { echo: {}, 'trigger-long-running-operation': {} } };
  const policy = await org.made('/policies', { name: 'p', server_id: server.id, document });
  const grant = await org.made('/grants', { label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }] });
  const url = `${product.url}/t/${org.slug}/${server.slug}/mcp`;

  const [ada, bob] = [await session(url, grant.token), await session(url, grant.token)];
  assert.notEqual(ada['Mcp-Session-Id'], bob['Mcp-Session-Id']);
  const call = (headers, id, name, args, meta) => mcp(url, grant.token, {
    id, method: 'tools/call', params: { name, arguments: args, ...(meta ? { _meta: meta } : {}) },
  }, headers);
  const echoes = await Promise.all([[ada, 'one'], [bob, 'two'], [ada, 'three']].map(
    ([headers, message], at) => call(headers, at + 2, 'echo', { message })));
  assert.deepEqual(
    echoes.map(echo => echo.message.result.content[0].text), ['Echo: one', 'Echo: two', 'Echo: three']);
  const denied = await call(ada, 9, 'get-sum', { a: 1, b: 2 });
  assert.match(denied.message.result.content[0].text, /^\[POLICY DENIED\]/);
  const long = await call(bob, 10, 'trigger-long-running-operation', { duration: 1, steps: 2 }, { progressToken: 'p' });
  assert.match(long.text, /notifications\/progress[\s\S]*"id":10/, 'progress, then the answer');
  const closed = await curl('DELETE', url, { token: grant.token, headers: ada });
  assert.equal(closed.status, 200);
  assert.equal((await call(ada, 11, 'echo', { message: 'x' })).status, 404, 'its process is gone');
  const other = await call(bob, 12, 'echo', { message: 'still' });
  assert.equal(other.message.result.content[0].text, 'Echo: still');
});

// What was forwarded is in the audit, whatever ends the process or the database meanwhile.

import assert from 'node:assert/strict';
import http from 'node:http';
import { test } from 'node:test';

import { curl, mcp, session, signedUp } from './lib/api.mjs';
import { embedded, freePort, postmaster, temporaryFolder } from './lib/product.mjs';

/** An upstream that answers `quick` at once and `slow` never, and knows what it was called with. */
async function upstream(t) {
  const seen = { quick: 0, slow: 0 };
  const tools = Object.keys(seen).map(name => ({ name, inputSchema: { type: 'object' } }));
  const results = {
    initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'u', version: '1' } }),
    'tools/list': () => ({ tools }),
    'tools/call': ({ name }) => {
      seen[name] += 1;
      return name === 'slow' ? null : { content: [{ type: 'text', text: 'done' }] };
    },
  };
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method !== 'POST') return response.writeHead(405).end();
    const { id, method, params } = JSON.parse(body);
    const result = results[method]?.(params);
    if (result === null) return;
    if (id === undefined) return response.writeHead(202).end();
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(result
      ? { jsonrpc: '2.0', id, result }
      : { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }));
  });
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, seen };
}

/** A product with one grant to that upstream. */
async function deployed(t) {
  const { url, seen } = await upstream(t);
  const [folder, port] = [await temporaryFolder(t), await freePort()];
  const state = { folder, port, seen, product: await embedded(folder, port) };
  t.after(() => state.product.stop());
  const org = await signedUp(state.product.url);
  const server = await org.made('/servers', { name: 'Up', url });
  const policy = await org.made('/policies', { name: 'p', document: { version: '1', default: 'allow' } });
  const grant = await org.made('/grants', { label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }] });
  const address = `${state.product.url}/t/${org.slug}/up/mcp`;
  const call = (name, headers) => mcp(address, grant.token, {
    id: 7, method: 'tools/call', params: { name, arguments: {} },
  }, headers);
  const start = () => session(address, grant.token);
  return Object.assign(state, { org, call, start });
}

/** All recorded calls of tools, once there are so many. */
async function recorded({ product, org }, atLeast) {
  const login = await curl('POST', `${product.url}/api/v1/auth/token`, { body: { email: org.email, password: org.password } });
  assert.equal(login.status, 200, login.text);
  for (let attempt = 0; ; attempt += 1) {
    const calls = [];
    for (let cursor = ''; cursor !== null;) {
      const page = await curl('GET', `${product.url}/api/v1/calls?limit=200${cursor}`, { token: login.json.access_token });
      assert.equal(page.status, 200, page.text);
      calls.push(...page.json.data.filter(call => call.method === 'tools/call'));
      cursor = page.json.next_cursor ? `&cursor=${encodeURIComponent(page.json.next_cursor)}` : null;
    }
    if (calls.length >= atLeast || attempt === 100) return calls;
    await new Promise(resolve => setTimeout(resolve, 100));
  }
}

test('kill -9 under load: every call that was forwarded is in the audit', { timeout: 240_000 }, async t => {
  const state = await deployed(t);
  const headers = await state.start();
  for (let i = 0; i < 5; i += 1) state.call('slow', headers).catch(() => {});
  let answered = 0;
  const loop = async () => {
    for (;;) {
      const answer = await state.call('quick', headers).catch(() => null);
      if (answer?.status !== 200) return;
      answered += 1;
    }
  };
  const loops = Array.from({ length: 8 }, loop);
  while (answered < 300 || state.seen.slow < 5) await new Promise(resolve => setTimeout(resolve, 10));
  await state.product.kill('SIGKILL');
  await Promise.all(loops);
  state.product = await embedded(state.folder, state.port);
  const calls = await recorded(state, state.seen.quick + 5);
  const of = name => calls.filter(call => call.tool === name);
  assert.ok(of('quick').length >= state.seen.quick, `${of('quick').length} of ${state.seen.quick}`);
  assert.ok(of('quick').length >= answered);
  assert.deepEqual([...new Set(of('slow').map(call => `${call.outcome}: ${call.message}`))],
    ['cancelled: The gateway stopped while the call was at the server.']);
  assert.equal(of('slow').length, 5);
  assert.equal(new Set(calls.map(call => call.id)).size, calls.length, 'each once');
});

test('without its database the gateway goes on, and nothing of it is lost', { timeout: 240_000 }, async t => {
  const state = await deployed(t);
  const headers = await state.start();
  assert.equal((await state.call('quick', headers)).status, 200);
  process.kill(await postmaster(state.folder), 'SIGKILL');
  for (let i = 0; i < 20; i += 1) {
    const answer = await state.call('quick', headers);
    assert.equal(answer.message.result?.content[0].text, 'done', answer.text);
  }
  await state.product.kill('SIGKILL');
  state.product = await embedded(state.folder, state.port);
  assert.equal((await recorded(state, 21)).length, 21);
});

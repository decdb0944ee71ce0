// What operators see of the product, and how it ends: metrics, traces, and SIGTERM with calls in
// flight.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { curl, mcp, session, signedUp } from './lib/api.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';

const wait = ms => new Promise(resolve => setTimeout(resolve, ms));

/** An HTTP server of one function, which gets the request and its body. */
async function serving(t, answer) {
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const data of request) body += data;
    answer(request, body, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => { server.closeAllConnections(); server.close(); });
  return `http://127.0.0.1:${server.address().port}`;
}

/** An MCP server with one tool that answers when it is let; remembers headers. */
async function slowServer(t) {
  const slow = { seen: [], held: [], arrived: null };
  slow.url = `${await serving(t, (request, body, response) => {
    const message = body ? JSON.parse(body) : {};
    const result = value => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, result: value }));
    };
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
    } else if (message.method === 'initialize') {
      result({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'slow', version: '1' } });
    } else if (message.method === 'tools/list') {
      result({ tools: [{ name: 'wait', inputSchema: { type: 'object' }, annotations: { readOnlyHint: true } }] });
    } else if (message.method === 'tools/call') {
      slow.seen.push(request.headers);
      const done = () => result({ content: [{ type: 'text', text: 'done' }] });
      if (message.params.arguments?.now) done(); else slow.held.push(done);
      slow.arrived?.();
    } else if (message.id !== undefined) {
      response.writeHead(404).end();
    } else {
      response.writeHead(202).end();
    }
  })}/mcp`;
  slow.next = () => new Promise(resolve => { slow.arrived = resolve; });
  return slow;
}

/** The product with that server behind one grant. */
async function behind(t, slow, env = {}) {
  const [folder, port] = [await temporaryFolder(t), await freePort()];
  const product = await embedded(folder, port, env);
  t.after(() => product.kill('SIGKILL'));
  const org = await signedUp(product.url);
  const server = await org.made('/servers', { name: 'Slow', url: slow.url });
  assert.equal(server.status, 'ready', JSON.stringify(server));
  const policy = await org.made('/policies', { name: 'p', document: { version: '1', default: 'allow' } });
  const grant = await org.made('/grants', {
    label: 'ci', bindings: [{ server_id: server.id, policy_id: policy.id }],
  });
  const url = `${product.url}/t/${org.slug}/${server.slug}/mcp`;
  const headers = await session(url, grant.token);
  let id = 10;
  const call = (args = {}, meta) => mcp(url, grant.token, {
    id: id += 1, method: 'tools/call',
    params: { name: 'wait', arguments: args, ...(meta ? { _meta: meta } : {}) },
  }, headers);
  return { product, org, grant, url, headers, call, folder, port };
}

/** Waits for the end; the exit code. */
async function ended(product) {
  if (product.child.exitCode !== null) return product.child.exitCode;
  const [code, signal] = await once(product.child, 'close');
  return code ?? signal;
}

test('metrics say what happens, of no tenant; traces join the client to the server', { timeout: 240_000 }, async t => {
  const spans = [];
  const collector = await serving(t, (request, body, response) => {
    assert.equal(request.url, '/v1/traces');
    assert.equal(request.headers['content-type'], 'application/json');
    for (const resource of JSON.parse(body).resourceSpans) {
      for (const scope of resource.scopeSpans) spans.push(...scope.spans);
    }
    response.end('{}');
  });
  const slow = await slowServer(t);
  const internal = await freePort();
  const { call, org, url } = await behind(t, slow, {
    DRAWBRIDGE_INTERNAL_LISTEN: `127.0.0.1:${internal}`, DRAWBRIDGE_OTLP_ENDPOINT: collector,
  });

  const trace = '0af7651916cd43dd8448eb211c80319c';
  const parent = 'b7ad6b7169203331';
  const answer = await call({ now: true }, { traceparent: `00-${trace}-${parent}-01` });
  assert.match(answer.headers['server-timing'], /^auth;dur=.*upstream;dur=.*total;dur=/);
  const toServer = slow.seen.at(-1).traceparent.split('-');
  assert.deepEqual([toServer[1], toServer[3]], [trace, '01'], 'the server is in the trace');
  const unrecorded = `00-${trace}-${parent}-00`;
  await call({ now: true }, { traceparent: unrecorded });
  assert.equal(slow.seen.at(-1).traceparent, undefined, 'a trace nobody records is left alone');

  for (let tries = 0; tries < 100 && !spans.some(span => span.traceId === trace); tries += 1) await wait(100);
  const ofTrace = spans.filter(span => span.traceId === trace);
  assert.equal(ofTrace.length, 2, JSON.stringify(spans));
  const [ours] = ofTrace.filter(span => span.parentSpanId === parent);
  assert.equal(ours.name, 'tools/call wait');
  assert.equal(ours.kind, 2);
  const [child] = ofTrace.filter(span => span.parentSpanId === ours.spanId);
  assert.equal(child.kind, 3);
  assert.equal(child.spanId, toServer[2], 'the span that the server was told of');
  assert.ok(BigInt(child.startTimeUnixNano) >= BigInt(ours.startTimeUnixNano));
  assert.ok(BigInt(child.endTimeUnixNano) <= BigInt(ours.endTimeUnixNano));
  assert.ok(spans.some(span => span.name === 'initialize' && span.parentSpanId === undefined));

  await mcp(url, 'dbg_nonsense', { id: 1, method: 'ping' });
  const metrics = await curl('GET', `http://127.0.0.1:${internal}/metrics`);
  assert.equal(metrics.status, 200);
  const value = name => {
    const line = metrics.text.split('\n').find(each => each.startsWith(`${name} `));
    assert.ok(line, `${name} in\n${metrics.text}`);
    return Number(line.slice(name.length + 1));
  };
  assert.equal(value('drawbridge_calls_total{outcome="allowed"}'), 3);
  assert.equal(value('drawbridge_unidentified_total'), 1);
  assert.equal(value('drawbridge_calls_in_flight'), 0);
  assert.equal(value('drawbridge_circuits_open'), 0);
  assert.equal(value('drawbridge_views'), 1);
  assert.equal(value('drawbridge_streams_open'), 0);
  assert.ok(value('drawbridge_audit_spool_bytes') >= 0, 'it is measured');
  for (const phase of ['auth', 'policy', 'limits', 'upstream', 'total']) {
    assert.equal(value(`drawbridge_call_seconds_count{phase="${phase}"}`), 3);
    assert.equal(value(`drawbridge_call_seconds_bucket{phase="${phase}",le="+Inf"}`), 3);
  }
  assert.ok(!metrics.text.includes(org.slug), 'no tenant in a label');
});

test('SIGTERM: not ready, no more accepted, calls finish, streams end, all is recorded', { timeout: 240_000 }, async t => {
  const slow = await slowServer(t);
  const { product, call, grant, url, headers, folder, port } =
    await behind(t, slow, { DRAWBRIDGE_DRAIN_NOTICE_SECS: '2' });
  const stream = fetch(url, {
    headers: { ...headers, accept: 'text/event-stream', authorization: `Bearer ${grant.token}` },
  }).then(async response => { assert.equal(response.status, 200); return response.text(); });
  await wait(300);
  const arrived = slow.next();
  const answer = call();
  await arrived;
  assert.equal((await curl('GET', `${product.url}/readyz`)).status, 200);
  const began = Date.now();
  product.child.kill('SIGTERM');
  await wait(300);
  assert.equal((await curl('GET', `${product.url}/readyz`)).status, 503, 'said first');
  assert.equal((await call({ now: true })).status, 200, 'still accepted while others find out');
  await stream;
  assert.ok(Date.now() - began >= 2_000, 'the stream went on until then');
  await wait(200);
  const refused = await new Promise(resolve => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(false); });
    socket.once('error', () => resolve(true));
  });
  assert.ok(refused, 'no more accepted');
  assert.equal(product.child.exitCode, null, 'it waits for the call');
  slow.held.shift()();
  const { message } = await answer;
  assert.equal(message.result.content[0].text, 'done');
  assert.equal(await ended(product), 0);

  const again = await embedded(folder, port);
  t.after(() => again.stop());
  const token = await curl('GET', `${again.url}/healthz`);
  assert.equal(token.status, 200);
});

test('SIGTERM: a call that does not finish is told so, recorded, and the process ends in time', { timeout: 240_000 }, async t => {
  const slow = await slowServer(t);
  const { product, call, org, folder, port } = await behind(t, slow);
  const arrived = slow.next();
  const answer = call();
  await arrived;
  const began = Date.now();
  product.child.kill('SIGTERM');
  const { status, message } = await answer;
  assert.equal(status, 200);
  assert.equal(message.result.isError, true);
  assert.match(message.result.content[0].text, /^\[UPSTREAM ERROR\] The gateway is being restarted/);
  assert.equal(await ended(product), 0);
  assert.ok(Date.now() - began < 27_000, `${Date.now() - began} ms`);

  const again = await embedded(folder, port);
  t.after(() => again.stop());
  const login = await curl('POST', `${again.url}/api/v1/auth/token`, {
    body: { email: org.email, password: org.password },
  });
  const calls = await curl('GET', `${again.url}/api/v1/calls`, { token: login.json.access_token });
  const outcomes = calls.json.data.filter(each => each.method === 'tools/call').map(each => each.outcome);
  assert.deepEqual(outcomes, ['cancelled'], calls.text);
});

// Clients that log in: real ones, with a person in a real browser, and the official suite's checks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import * as v1 from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as V1Http } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import * as v2 from '@modelcontextprotocol/client';

import { accessible, launch, person, pictures } from './lib/browser.mjs';
import { curl, mcp, session, signedUp } from './lib/api.mjs';
import { callback, consent, fastmcpLogsIn, inspectorLogsIn, provider, signedIn } from './lib/oauth.mjs';
import { deployed, embedded, freePort, freshDatabase, migrate, temporaryFolder } from './lib/product.mjs';
import { answering, fixture } from './lib/upstreams.mjs';

const ME = { name: 'oauth-test', version: '1.0.0' };
const SUITE = new URL('./node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;

let browser, upstream;
before(async () => { [browser, upstream] = await Promise.all([launch(), fixture()]); });
after(async () => { await browser?.close(); await upstream?.stop(); });

test('clients log in', { timeout: 300_000 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const org = await signedUp(product.url);
  await org.made('/servers', { name: 'Fixture', url: upstream.url });
  const { page, errors, context } = await person(browser);
  t.after(() => context.close());
  const own = new URL(`${product.url}/t/${org.slug}/fixture/mcp`);
  const all = new URL(`${product.url}/t/${org.slug}/mcp`);

  await t.test('in the browser: sign in, say yes, call, refresh in the same session, be disconnected', async t => {
    const waiting = await callback();
    t.after(() => waiting.stop());
    const auth = provider(waiting.url, 'Claude <b>Code</b>');
    const first = new V1Http(own, { authProvider: auth });
    await assert.rejects(new v1.Client(ME).connect(first), UnauthorizedError);
    await page.goto(auth.kept.url.href);
    await page.getByLabel('Email').fill(org.email);
    await page.getByLabel('Password').fill(org.password);
    await page.getByRole('button', { name: 'Log in' }).click();
    await page.getByRole('heading', { name: /Let .*Claude <b>Code<\/b>.* call Fixture\?/ }).waitFor();
    await page.getByText('127.0.0.1', { exact: true }).waitFor();
    await page.getByText('Did you start this yourself, on this computer?').waitFor();
    await accessible(page, 'consent');
    await pictures(page, 'consent');
    // A form that is refused keeps what was typed.
    await page.getByRole('textbox', { name: 'Label' }).fill('');
    await page.getByRole('button', { name: 'Allow' }).click();
    await page.getByText('This is required.').waitFor();
    await accessible(page, 'consent, refused');
    await page.getByRole('textbox', { name: 'Label' }).fill('claude-laptop');
    await page.getByRole('button', { name: 'Allow' }).click();
    const back = await waiting.called();
    assert.equal(back.searchParams.get('state'), auth.kept.state);
    assert.equal(back.searchParams.get('iss'), product.url);
    await first.finishAuth(back.searchParams.get('code'));
    assert.match(auth.kept.tokens.access_token, /^dbg_/);

    const transport = new V1Http(own, { authProvider: auth });
    const client = new v1.Client(ME);
    await client.connect(transport);
    const begun = transport.sessionId;
    const call = () => client.callTool({ name: 'test_simple_text', arguments: {} });
    assert.match((await call()).content[0].text, /simple text response/);
    // The hour is over: the client refreshes by itself, and its session goes on.
    const before = auth.kept.tokens;
    auth.kept.tokens = { ...before, access_token: 'dbg_expired' };
    assert.match((await call()).content[0].text, /simple text response/);
    assert.notEqual(auth.kept.tokens.refresh_token, before.refresh_token);
    assert.equal(transport.sessionId, begun);

    await page.goto(`${product.url}/o/${org.slug}/grants`);
    await page.getByRole('link', { name: 'claude-laptop' }).click();
    await page.getByRole('heading', { name: 'Clients that logged in' }).waitFor();
    await accessible(page, 'grant with clients');
    await pictures(page, 'grant-clients');
    await page.locator('summary', { hasText: 'Disconnect' }).click();
    await page.getByRole('button', { name: /^Disconnect Claude/ }).click();
    await page.getByText('Client disconnected.').first().waitFor();
    await assert.rejects(call(), UnauthorizedError, 'it has to ask again');
    await client.close();
  });

  await t.test('no is told to the client', async t => {
    const waiting = await callback();
    t.after(() => waiting.stop());
    const auth = provider(waiting.url, 'Denied');
    await assert.rejects(new v1.Client(ME).connect(new V1Http(all, { authProvider: auth })), UnauthorizedError);
    await page.goto(auth.kept.url.href);
    await page.getByRole('link', { name: 'Deny' }).click();
    const back = await waiting.called();
    assert.equal(back.searchParams.get('error'), 'access_denied');
    assert.equal(back.searchParams.get('code'), null);
  });

  const cookie = await signedIn(org);

  await t.test('the TypeScript SDK 2 at the address of all servers, by its own checks of the issuer', async () => {
    const auth = provider('http://127.0.0.1:9/callback', 'TypeScript 2');
    const first = new v2.StreamableHTTPClientTransport(all, { authProvider: auth });
    await assert.rejects(new v2.Client(ME).connect(first));
    const back = await consent(product.url, cookie, auth.kept.url);
    await first.finishAuth(back.searchParams);
    const client = new v2.Client(ME, { versionNegotiation: { mode: 'auto' } });
    await client.connect(new v2.StreamableHTTPClientTransport(all, { authProvider: auth }));
    const { tools } = await client.listTools();
    assert.ok(tools.some(tool => tool.name === 'fixture__test_simple_text'), JSON.stringify(tools));
    const token = auth.kept.tokens.access_token;
    const refused = await curl('POST', own.href, { token, body: '{}' });
    assert.equal(refused.status, 401, 'not at the address of one server');
    await client.close();
  });

  await t.test('fastmcp, with a token that is refreshed midway', async () => {
    const texts = await fastmcpLogsIn(
      own.href, async url => (await consent(product.url, cookie, url)).href,
      [['test_simple_text', {}], ['test_simple_text', {}]]);
    assert.equal(texts.length, 2);
    for (const text of texts) assert.match(text, /simple text response/);
  });

  await t.test('mcp-inspector, which waits for the browser on a port of its own', async t => {
    const folder = await temporaryFolder(t);
    const said = await inspectorLogsIn(
      own.href, await freePort(), folder, async url => (await consent(product.url, cookie, url)).href);
    assert.ok(said.result?.tools?.some(tool => tool.name === 'test_simple_text'), JSON.stringify(said));
  });

  await t.test('the official checks of authorization servers', async () => {
    const port = await freePort();
    const registered = await curl('POST', `${product.url}/register`, {
      body: { client_name: 'conformance', redirect_uris: [`http://127.0.0.1:${port}/callback`] },
    });
    assert.equal(registered.status, 201, registered.text);
    const child = spawn(process.execPath, [
      SUITE, 'authorization', '--url', product.url, '--client-id', registered.json.client_id,
      '--resource', own.href, '-p', String(port),
    ], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '', asked;
    const look = async data => {
      out += data;
      const url = out.match(/http:\/\/127\.0\.0\.1:\d+\/authorize\?\S+/);
      if (!url || asked) return;
      asked = true;
      const back = await consent(product.url, cookie, url[0], { label: 'conformance' });
      await fetch(back);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    const [code] = await once(child, 'close');
    assert.equal(code, 0, out);
    assert.ok(asked, out);
  });

  assert.deepEqual(errors, []);
});

test('with the planes apart, a token works at once everywhere and ends everywhere', { timeout: 240_000 }, async t => {
  const database = await freshDatabase();
  await migrate(database);
  const ports = await Promise.all([freePort(), freePort(), freePort()]);
  const [control, ...gateways] = await Promise.all(['control', 'gateway', 'gateway'].map((role, at) =>
    deployed({
      database, port: ports[at],
      env: {
        DRAWBRIDGE_ROLE: role, DRAWBRIDGE_PUBLIC_URL: `http://127.0.0.1:${ports[0]}`,
        DRAWBRIDGE_GATEWAY_URL: `http://127.0.0.1:${ports[1]}`,
      },
    })));
  t.after(() => Promise.all([control, ...gateways].map(each => each.stop())));
  const org = await signedUp(control.url);
  await org.made('/servers', { name: 'Fixture', url: upstream.url });
  const cookie = await signedIn(org);
  const path = `/t/${org.slug}/fixture/mcp`;
  const urls = gateways.map(gateway => `${gateway.url}${path}`);

  const metadata = await curl('GET', `${gateways[1].url}/.well-known/oauth-protected-resource${path}`);
  assert.deepEqual(metadata.json.authorization_servers, [control.url]);
  assert.equal(metadata.json.resource, urls[0]);
  const server = await curl('GET', `${control.url}/.well-known/oauth-authorization-server`);
  assert.equal(server.json.issuer, control.url);
  for (const base of [control.url, gateways[0].url]) {
    const absent = await curl('GET', `${base}/.well-known/openid-configuration`);
    assert.equal(absent.status, 404);
    assert.equal(absent.json.error, 'not_found');
  }

  const auth = provider('http://127.0.0.1:9/callback', 'Apart');
  const first = new V1Http(new URL(urls[0]), { authProvider: auth });
  await assert.rejects(new v1.Client(ME).connect(first), UnauthorizedError);
  const back = await consent(control.url, cookie, auth.kept.url);
  // Both gateways know the organisation, and not yet the token.
  for (const url of urls) assert.equal((await curl('POST', url, { token: 'dbg_junk', body: '{}' })).status, 401);
  await first.finishAuth(back.searchParams.get('code'));
  const { access_token: access, refresh_token: refresh } = auth.kept.tokens;
  const headers = await Promise.all(urls.map(url => session(url, access)));
  const list = at => mcp(urls[at], access, { id: 2, method: 'tools/list' }, headers[at]);
  assert.equal((await list(0)).status, 200);

  // A second use of the refresh token ends everything, at every gateway.
  const form = { grant_type: 'refresh_token', refresh_token: refresh, client_id: auth.kept.client.client_id };
  const exchange = () => fetch(`${control.url}/token`, { method: 'POST', body: new URLSearchParams(form) });
  const fresh = await exchange();
  assert.equal(fresh.status, 200);
  assert.equal((await exchange()).status, 400);
  await new Promise(resolve => setTimeout(resolve, 500));
  for (const at of [0, 1]) assert.equal((await list(at)).status, 401);
  const { access_token: renewed } = await fresh.json();
  for (const url of urls) assert.equal((await curl('POST', url, { token: renewed, body: '{}' })).status, 401);
});

test('a client is not sent to where a description does not say so', { timeout: 120_000 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const described = await answering(200, { 'content-type': 'application/json' }, '{"client_id":"x"}');
  t.after(() => described.stop());
  const { page, context } = await person(browser);
  t.after(() => context.close());
  const query = new URLSearchParams({ client_id: described.url, redirect_uri: 'https://evil.example/' });
  const answer = await page.goto(`${product.url}/authorize?${query}`);
  assert.equal(answer.status(), 400);
  await page.getByRole('heading', { name: 'This client cannot be connected' }).waitFor();
  await page.getByText('its client_id is not its own address').waitFor();
  await accessible(page, 'a client that is stopped');
  await pictures(page, 'consent-stopped');
});

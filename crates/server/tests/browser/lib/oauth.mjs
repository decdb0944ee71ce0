// Logging clients in: what a person does in the browser, done by hand; and clients that wait for it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';

import { PYTHON } from './upstreams.mjs';

/** The address where a client waits for its code: gives the URL it was called at. */
export async function callback(port = 0) {
  const calls = [];
  let arrived = () => {};
  const server = http.createServer((request, response) => {
    const url = new URL(request.url, `http://127.0.0.1:${server.address().port}`);
    if (url.pathname === '/callback') { calls.push(url); arrived(); }
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Done</title><link rel="icon" href="data:,"><p>You can close this.');
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/callback`,
    called: async () => {
      if (calls.length === 0) await new Promise(resolve => { arrived = resolve; });
      return calls.shift();
    },
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}

/** Signs in by the form; gives the cookie. */
export async function signedIn(org) {
  const answer = await fetch(`${org.base}/login`, {
    method: 'POST', redirect: 'manual', headers: { 'sec-fetch-site': 'same-origin' },
    body: new URLSearchParams({ email: org.email, password: org.password }),
  });
  if (answer.status !== 303) throw new Error(`login answers ${answer.status}`);
  return answer.headers.get('set-cookie').split(';')[0];
}

const unescaped = text => text.replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(code))
  .replaceAll('&quot;', '"').replaceAll('&amp;', '&');

/** Says yes on the consent page, as it stands but for what is given. Gives the URL that the client is called at. */
export async function consent(base, cookie, url, changes = {}) {
  const first = await fetch(url, { redirect: 'manual', headers: { cookie } });
  if (first.status !== 303) throw new Error(`/authorize answers ${first.status}: ${await first.text()}`);
  const page = new URL(first.headers.get('location'), base);
  if (page.origin !== new URL(base).origin) return page;
  const shown = await fetch(page, { redirect: 'manual', headers: { cookie } });
  const html = await shown.text();
  if (shown.status !== 200) throw new Error(`the consent page answers ${shown.status}: ${html}`);
  const form = new URLSearchParams({ request: unescaped(html.match(/name="request" value="([^"]*)"/)[1]) });
  form.set('grant', 'new');
  form.set('label', unescaped(html.match(/id="label" name="label"[^>]* value="([^"]*)"/)[1]));
  for (const [, server] of html.matchAll(/name="server" value="([^"]*)"/g)) {
    form.append('server', server);
    form.set(`policy[${server}]`, 'recommended');
  }
  for (const [name, value] of Object.entries(changes)) form.set(name, value);
  const answer = await fetch(page.origin + page.pathname, {
    method: 'POST', redirect: 'manual', headers: { cookie, 'sec-fetch-site': 'same-origin' }, body: form,
  });
  if (answer.status !== 303) throw new Error(`the consent form answers ${answer.status}: ${await answer.text()}`);
  return new URL(answer.headers.get('location'));
}

/** What a client of the TypeScript SDKs keeps between its steps. */
export function provider(redirectUrl, name) {
  const kept = {};
  return {
    kept, redirectUrl,
    clientMetadata: {
      client_name: name, redirect_uris: [redirectUrl, 'cursor://anysphere.cursor-mcp/oauth/callback'],
      grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], token_endpoint_auth_method: 'none',
    },
    state: () => (kept.state = `state-${Math.random().toString(36).slice(2)}`),
    clientInformation: () => kept.client,
    saveClientInformation: client => { kept.client = client; },
    tokens: () => kept.tokens,
    saveTokens: tokens => { kept.tokens = tokens; },
    redirectToAuthorization: url => { kept.url = url; },
    saveCodeVerifier: verifier => { kept.verifier = verifier; },
    codeVerifier: () => kept.verifier,
    invalidateCredentials: what => {
      if (what === 'all' || what === 'tokens') delete kept.tokens;
      if (what === 'all' || what === 'client') delete kept.client;
    },
  };
}

/** fastmcp logs in, calls, refreshes and calls again; `allow` stands for its person. */
export async function fastmcpLogsIn(url, allow, steps) {
  const file = new URL('./oauth.py', import.meta.url).pathname;
  const child = spawn(PYTHON, [file, url], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '', err = '';
  child.stdin.write(`${JSON.stringify(steps)}\n`);
  child.stdout.on('data', async data => {
    out += data;
    const asked = out.match(/^AUTHORIZE (\S+)\n/m);
    if (!asked) return;
    out = out.replace(asked[0], '');
    const answer = await allow(asked[1]).catch(error => { err += error; return 'http://failed/'; });
    child.stdin.write(`${answer}\n`);
  });
  child.stderr.on('data', data => { err += data; });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the client ended with ${code}:\n${err}`);
  return JSON.parse(out.split('\n').filter(Boolean).at(-1));
}

const INSPECTOR = new URL('../node_modules/@modelcontextprotocol/inspector/', import.meta.url).pathname;

/** `mcp-inspector --cli` logs in and lists the tools; it keeps what it gets in a folder of its own. */
export async function inspectorLogsIn(url, port, folder, allow) {
  const { default: manifest } = await import(`${INSPECTOR}package.json`, { with: { type: 'json' } });
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin['mcp-inspector'];
  const args = [
    `${INSPECTOR}${bin}`, '--cli', url, '--transport', 'http', '--method', 'tools/list',
    '--callback-url', `http://127.0.0.1:${port}/oauth/callback`,
  ];
  // Without a terminal it logs in only if it may open a browser: this one does nothing.
  const env = {
    ...process.env, HOME: folder, BROWSER: '/bin/true', MCP_AUTO_OPEN_ENABLED: 'true', MCP_INSPECTOR_SECRET_STORE: 'file',
  };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '', err = '', asked = false;
  child.stdout.on('data', data => { out += data; });
  child.stderr.on('data', async data => {
    err += data;
    const found = err.match(/http:\S+\/authorize\?\S+/);
    if (!found || asked) return;
    asked = true;
    await allow(found[0]).then(back => fetch(back)).catch(error => { err += error; child.kill(); });
  });
  await once(child, 'close');
  try {
    return { result: JSON.parse(out) };
  } catch {
    return { error: `${out}${err}` };
  }
}

// The admin REST API through curl, as somebody without our pages would use it.

import assert from 'node:assert/strict';

import { run } from './product.mjs';

/** One request by curl. Gives status, headers and the body, parsed where it is JSON. */
export async function curl(method, url, { token, body, headers = {} } = {}) {
  const args = ['-sS', '-i', '-X', method, url, '--max-time', '60'];
  if (token) args.push('-H', `Authorization: Bearer ${token}`);
  for (const [name, value] of Object.entries(headers)) args.push('-H', `${name}: ${value}`);
  if (body !== undefined) {
    args.push('-H', 'Content-Type: application/json');
    args.push('--data-binary', typeof body === 'string' ? body : JSON.stringify(body));
  }
  const out = await run('curl', args);
  const cut = out.indexOf('\r\n\r\n');
  const head = out.slice(0, cut).split('\r\n');
  const text = out.slice(cut + 4);
  let json;
  try { json = JSON.parse(text); } catch { /* an event stream, or nothing */ }
  return {
    status: Number(head[0].split(' ')[1]),
    headers: Object.fromEntries(head.slice(1).map(line => {
      const at = line.indexOf(':');
      return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    })),
    text, json,
  };
}

/** An organisation with its admin, through the API alone. */
export async function signedUp(base, name = 'Engines') {
  const email = `ada+${Math.random().toString(36).slice(2)}@example.com`;
  const password = 'the weaving of algebraic patterns';
  const signup = await curl('POST', `${base}/api/v1/auth/signup`, {
    body: { email, password, name: 'Ada', organisation: name },
  });
  assert.equal(signup.status, 201, signup.text);
  const session = await curl('POST', `${base}/api/v1/auth/token`, { body: { email, password } });
  assert.equal(session.status, 200, session.text);
  const token = session.json.access_token;
  return organisation({ base, email, password, token, slug: signup.json.organisation.slug });
}

/** The API as an admin of an organisation uses it; what is given names it and can be handed on. */
export function organisation(known) {
  const { base, token } = known;
  const call = async (method, path, body, headers) =>
    curl(method, `${base}/api/v1${path}`, { token, body, headers });
  const made = async (path, body) => {
    const answer = await call('POST', path, body);
    assert.equal(answer.status, 201, answer.text);
    return answer.json;
  };
  return { ...known, call, made };
}

/** One `tools/call` by curl, in the session-less way of a server that keeps none. */
export async function mcp(url, token, message, session) {
  const headers = { Accept: 'application/json, text/event-stream' };
  if (session) Object.assign(headers, session);
  const answer = await curl('POST', url, { token, body: { jsonrpc: '2.0', ...message }, headers });
  const data = answer.text.split('\n').filter(line => line.startsWith('data: ')).at(-1);
  return { ...answer, message: answer.json ?? (data ? JSON.parse(data.slice(6)) : undefined) };
}

/** A legacy session: `initialize` and what follows it. Gives the headers of later requests. */
export async function session(url, token) {
  const begun = await mcp(url, token, {
    id: 1, method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'curl', version: '8' } },
  });
  assert.equal(begun.status, 200, begun.text);
  const headers = { 'MCP-Protocol-Version': begun.message.result.protocolVersion };
  if (begun.headers['mcp-session-id']) headers['Mcp-Session-Id'] = begun.headers['mcp-session-id'];
  const ready = await mcp(url, token, { method: 'notifications/initialized' }, headers);
  assert.equal(ready.status, 202, ready.text);
  return headers;
}

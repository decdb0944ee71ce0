// One scripted conversation with an MCP server, in raw HTTP, and what must be the same of it.

import http from 'node:http';
import { once } from 'node:events';

const META = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
  'io.modelcontextprotocol/clientInfo': { name: 'script', version: '1.0.0' },
};

/** The members of `params` that the `Mcp-Name` header mirrors. */
const NAMED = { 'tools/call': 'name', 'prompts/get': 'name', 'resources/read': 'uri' };

/** One exchange, to the end of its answer; of an endless one only the head. */
async function exchange({ url, token }, method, headers, body) {
  const all = { accept: 'application/json, text/event-stream', ...headers };
  if (token) all.authorization = `Bearer ${token}`;
  if (body !== undefined) Object.assign(all, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  const request = http.request(url, { method, headers: all, agent: false }).end(body);
  const [answer] = await once(request, 'response');
  const type = answer.headers['content-type'];
  if (method === 'GET' && type?.startsWith('text/event-stream')) {
    request.destroy();
    return { answer, type, bytes: '(a stream)' };
  }
  return { answer, type, bytes: Buffer.concat(await answer.toArray()).toString() };
}

/** What is random in any two runs, each kind in one word. */
function masked(bytes, session) {
  const own = session ? bytes.replaceAll(session, 'SESSION') : bytes;
  return own
    .replaceAll(/[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/^id: \S+/gm, 'id: EVENT')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME');
}

/** Writes messages of one era: the body, and the headers that go with it. */
function writer(era) {
  if (era === 'legacy') return { headers: () => ({}), message: message => message };
  return {
    message: message => ({ ...message, params: { ...message.params, _meta: { ...META, ...message.params?._meta } } }),
    headers({ method, params }) {
      const name = params?.[NAMED[method]];
      return { 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...(name && { 'mcp-name': name }) };
    },
  };
}

/**
 * Says all of it, one after another; gives what came back, by the name of the step.
 * A step is [name, message] or [name, 'GET' | 'DELETE'].
 */
export async function said(target, era, steps) {
  const { headers, message } = writer(era);
  const known = {};
  const transcript = [];
  for (const [at, [name, what]] of steps.entries()) {
    const isMessage = typeof what === 'object';
    const isCall = isMessage && !what.method.startsWith('notifications/');
    const full = isMessage && message({ jsonrpc: '2.0', ...(isCall && { id: at }), ...what });
    const given = { ...known, ...(isMessage ? headers(what) : era === 'modern' && { 'mcp-protocol-version': '2026-07-28' }) };
    const { answer, type, bytes } = await exchange(
      target, isMessage ? 'POST' : what, given, isMessage ? JSON.stringify(full) : undefined);
    if (what.method === 'initialize') {
      known['mcp-protocol-version'] = '2025-11-25';
      if (answer.headers['mcp-session-id']) known['mcp-session-id'] = answer.headers['mcp-session-id'];
    }
    const isRefusal = !isMessage && answer.statusCode >= 400;
    transcript.push({
      step: name, status: answer.statusCode, allow: answer.headers.allow,
      // A session is announced once; some servers repeat it, which says nothing new.
      ...(what.method === 'initialize' && { session: 'mcp-session-id' in answer.headers }),
      // What no message asked for is refused by its status; the words are nobody's.
      ...(!isRefusal && { body: masked(bytes, known['mcp-session-id']) }),
      // Nothing has no type.
      ...(!isRefusal && bytes && { type }),
    });
  }
  return transcript;
}

/** What no request caused, and what may therefore come at any moment. */
const isNews = message => message.includes('/list_changed"');

/** The messages of an answer, without what carried them and without news. */
export function messages({ type, body }) {
  const isStream = type === 'text/event-stream';
  const all = isStream ? [...body.matchAll(/^data: (.+)$/gm)].map(match => match[1]) : [body];
  return all.filter(message => message && !isNews(message));
}

/** The data of each event of a stream. */
async function* events(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    const whole = (text + chunk).split(/\r?\n\r?\n/);
    text = whole.pop();
    for (const event of whole) yield event.match(/^data: ?(.*)$/m)?.[1] ?? '';
  }
}

/** Says all of it over the transport of 2024-11-05; gives the messages that came back at each step. */
export async function saidOnStream(url, steps) {
  const stream = http.get(url, { headers: { accept: 'text/event-stream' }, agent: false });
  const [answer] = await once(stream, 'response');
  const received = events(answer);
  const endpoint = new URL((await received.next()).value, url).href;
  const transcript = [];
  for (const [id, [step, message]] of steps.entries()) {
    const isCall = !message.method.startsWith('notifications/');
    const body = JSON.stringify({ jsonrpc: '2.0', ...(isCall && { id }), ...message });
    await exchange({ url: endpoint }, 'POST', {}, body);
    const said = [];
    while (isCall && !said.some(text => JSON.parse(text).id === id)) {
      const { value } = await received.next();
      if (!isNews(value)) said.push(value);
    }
    transcript.push({ step, messages: said.map(text => masked(text)) });
  }
  stream.destroy();
  return transcript;
}

const call = (name, args, meta) => ({ method: 'tools/call', params: { name, arguments: args, ...(meta && { _meta: meta }) } });
const LISTS = ['tools/list', 'resources/list', 'resources/templates/list', 'prompts/list'];

/** What both eras say in the middle; `server` names what there is to call, read and get. */
const middle = server => [
  ...LISTS.map(method => [method, { method }]),
  ...(server.calls ?? []).map(([name, args]) => [`call ${name}`, call(name, args)]),
  ...(server.calls ?? []).slice(0, 1).map(([name]) => ['call with bad arguments', call(name, { nonsense: [1, 2.50] })]),
  ...(server.slow ? [['call with progress', call(...server.slow, { progressToken: 'p-1' })]] : []),
  ...(server.reads ?? []).map(uri => [`read ${uri}`, { method: 'resources/read', params: { uri } }]),
  ['read what is not there', { method: 'resources/read', params: { uri: 'nowhere://x' } }],
  ...(server.prompts ?? []).map(([name, args]) => [`prompt ${name}`, { method: 'prompts/get', params: { name, arguments: args } }]),
  ...(server.complete ? [['complete', { method: 'completion/complete', params: server.complete }]] : []),
];

/** A conversation of 2025-11-25, from `initialize` to what comes after `DELETE`. */
export const legacyScript = server => [
  ['GET before a session', 'GET'],
  ['initialize', {
    method: 'initialize',
    params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'script', version: '1.0.0' } },
  }],
  ['initialized', { method: 'notifications/initialized' }],
  ['ping', { method: 'ping' }],
  ...(server.logs ? [['log level', { method: 'logging/setLevel', params: { level: 'debug' } }]] : []),
  ...middle(server),
  ['a cancellation of nothing', { method: 'notifications/cancelled', params: { requestId: 'none', reason: 'test' } }],
  ['GET', 'GET'],
  ['DELETE', 'DELETE'],
  ['after DELETE', { method: 'tools/list' }],
];

/** A conversation of 2026-07-28. */
export const modernScript = server => [
  ['discover', { method: 'server/discover' }],
  ...middle(server),
  ...(server.slow ? [['call with logging', call(...server.slow, { 'io.modelcontextprotocol/logLevel': 'debug' })]] : []),
  ['GET', 'GET'],
  ['DELETE', 'DELETE'],
];

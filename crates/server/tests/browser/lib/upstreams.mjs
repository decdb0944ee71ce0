// Real MCP servers on loopback: the published example's own, and the reference server.

import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';

import { freePort, started } from './product.mjs';

const python = process.env.TEST_PYTHON
  ?? new URL('../../../../../target/venv/bin/python', import.meta.url).pathname;

/** The Python with the pinned packages. */
export const PYTHON = python;

/** A stand-in of the API that `automagik-tools tool spark` fronts; counts the runs of workflows. */
async function sparkApi() {
  const api = { runs: 0 };
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      const match = request.url.match(/^\/api\/v1\/workflows\/([^/]+)\/run/);
      if (match && request.method === 'POST') api.runs += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(match ? { workflow_id: match[1], status: 'completed' } : []));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  api.url = `http://127.0.0.1:${server.address().port}`;
  api.stop = () => { server.closeAllConnections(); server.close(); };
  return api;
}

/** `automagik-tools tool spark` with its API. */
export async function spark() {
  const api = await sparkApi();
  const port = await freePort();
  const command = path.join(path.dirname(python), 'automagik-tools');
  const args = ['tool', 'spark', '-t', 'http', '--host', '127.0.0.1', '--port', String(port)];
  const env = { SPARK_BASE_URL: api.url, SPARK_API_KEY: 'test', NO_COLOR: '1' };
  const server = await started(command, args, { ready: /Uvicorn running/, env });
  return {
    url: `http://127.0.0.1:${port}/mcp`,
    runs: () => api.runs,
    stop: async () => { await server.stop(); api.stop(); },
  };
}

/** The reference server: `streamableHttp` with sessions, or `sse`, the transport of 2024-11-05. */
export async function everything(transport = 'streamableHttp') {
  const port = await freePort();
  const file = new URL(
    '../node_modules/@modelcontextprotocol/server-everything/dist/index.js', import.meta.url).pathname;
  const server = await started(process.execPath, [file, transport], {
    ready: /listening|running/i, env: { PORT: String(port) },
  });
  const path = transport === 'sse' ? 'sse' : 'mcp';
  return { url: `http://127.0.0.1:${port}/${path}`, stop: server.stop };
}

/** A server that answers everything in one way; for servers that are not what they should be. */
export async function answering(status, headers, body) {
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(status, headers).end(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}

/** The server of the conformance tests, of one era or of both. */
export async function fixture(era = 'dual') {
  const port = await freePort();
  const folder = new URL('../conformance/fixture', import.meta.url).pathname;
  const server = await started(python, [folder, '--era', era, '--port', String(port)], {
    ready: /Uvicorn running/,
  });
  return { url: `http://127.0.0.1:${port}/mcp`, log: server.log, stop: server.stop };
}

const PLAIN = {
  mcp: [python, 'plain_mcp.py', /Uvicorn running/],
  fastmcp: [python, 'plain_fastmcp.py', /Uvicorn running/],
  v2: [process.execPath, 'plain_v2.mjs', /listening/],
};

/** A small server as the users of an SDK write one: `mcp`, `fastmcp` or `v2`. */
export async function plain(kind) {
  const [command, name, ready] = PLAIN[kind];
  const port = await freePort();
  const file = new URL(`../servers/${name}`, import.meta.url).pathname;
  const server = await started(command, [file, String(port)], { ready });
  return { url: `http://127.0.0.1:${port}/mcp`, stop: server.stop };
}

/** A server with as many tools as the largest ones that people run. */
export async function manyTools(count = 1_084) {
  const verbs = ['list', 'get', 'create', 'update', 'delete', 'send', 'run'];
  const things = ['issue', 'invoice', 'contact', 'message', 'deployment', 'document'];
  const inputSchema = { type: 'object', properties: {
    id: { type: 'string', description: 'Which one.' }, limit: { type: 'integer' }, title: { type: 'string' },
    labels: { type: 'array', items: { type: 'string' } }, state: { type: 'string', enum: ['open', 'closed'] },
  }, required: ['id'] };
  const tools = Array.from({ length: count }, (_, n) => {
    const [verb, thing] = [verbs[n % verbs.length], things[Math.floor(n / verbs.length) % things.length]];
    return { name: `${verb}_${thing}_of_service_${n}`, description: `${verb} one ${thing} of service ${n}, with everything that belongs to it. `.repeat(4), inputSchema };
  });
  const results = {
    initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'many', version: '1' } },
    'tools/list': { tools },
  };
  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    if (request.method !== 'POST') return response.writeHead(405).end();
    const { id, method } = JSON.parse(body);
    if (id === undefined) return response.writeHead(202).end();
    const result = results[method];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(result ? { jsonrpc: '2.0', id, result } : { jsonrpc: '2.0', id, error: { code: -32601, message: 'Method not found' } }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/mcp`,
    names: tools.map(tool => tool.name),
    stop: () => { server.closeAllConnections(); server.close(); },
  };
}

// The client that the suite's client scenarios test: a real one, with the gateway in the middle.
// The suite names its server as the last argument; it is registered as any server would be.

import { once } from 'node:events';
import http from 'node:http';

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

import { organisation } from '../lib/api.mjs';
import { behind } from '../lib/gateway.mjs';

const { MCP_CONFORMANCE_SCENARIO: scenario, MCP_CONFORMANCE_PROTOCOL_VERSION: version } = process.env;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const org = organisation(JSON.parse(process.env.DRIVE_ORGANISATION));

/**
 * A server of 2026-07-28 with nothing in it, and from `open()` on a door to another one.
 *
 * One scenario's server counts every request it gets as the client's and refuses the first on purpose.
 * The gateway's own look at a new server is to meet this one instead.
 */
async function door(target) {
  let isOpen = false;
  const own = {
    'server/discover': { supportedVersions: [version], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'private' },
    'tools/list': { tools: [], ttlMs: 0, cacheScope: 'private' },
  };
  const server = http.createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray());
    if (!isOpen) {
      const { id, method } = JSON.parse(body);
      const result = own[method] && { resultType: 'complete', ...own[method] };
      const answer = result ? { result } : { error: { code: -32602, message: 'params._meta is missing' } };
      response.writeHead(result ? 200 : 400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
      return;
    }
    const { host, ...headers } = request.headers;
    http.request(new URL(request.url, target), { method: request.method, headers }, answer => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    }).end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  return { url: `http://127.0.0.1:${server.address().port}/mcp`, open: () => { isOpen = true; } };
}

const suite = process.argv.at(-1);
const upstream = scenario === 'request-metadata' ? await door(suite) : { url: suite, open() {} };
const { url, token } = await behind(org, `${scenario} ${version}`, upstream.url);
upstream.open();

const client = new Client({ name: 'drive', version: '1.0.0' }, {
  capabilities: { roots: {}, sampling: {}, elicitation: {} },
  versionNegotiation: { mode: version === '2026-07-28' ? { pin: version } : 'legacy' },
});
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
});
await client.connect(transport);

/** Arguments that a schema asks for. */
function sampleArguments(schema) {
  const samples = { string: 'text', integer: 1, number: 1, boolean: true, array: [], object: {}, null: null };
  const properties = Object.entries(schema.properties ?? {});
  return Object.fromEntries(properties.map(([name, { type }]) => [name, samples[type] ?? 'text']));
}

const { tools } = await client.listTools();

/** What each scenario asks of a client, beyond connecting and listing its tools. */
const acts = {
  async 'http-custom-headers'() {
    for (const call of context.toolCalls) await client.callTool(call);
  },
  async 'http-standard-headers'() {
    for (const tool of tools) await client.callTool({ name: tool.name, arguments: sampleArguments(tool.inputSchema) });
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
  },
  async 'json-schema-2020-12-preservation'() {
    const [focal, echo] = tools;
    await client.callTool({ name: echo.name, arguments: { schema: focal.inputSchema } });
  },
};

async function callEach() {
  for (const tool of tools) await client.callTool({ name: tool.name, arguments: sampleArguments(tool.inputSchema) });
}

await (acts[scenario] ?? callEach)();
await client.close();

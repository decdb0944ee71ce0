// The MCP clients of the world, all driven in one way: steps in, what came of each out.
//
// Steps are as for `agent`: ["list"] and ["call", TOOL, ARGUMENTS].

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import * as v1 from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as V1Http } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import * as v2 from '@modelcontextprotocol/client';

import { agent, inspection } from './agents.mjs';

const ME = { name: 'matrix', version: '1.0.0' };
const authorised = token => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } });

function outcome(result) {
  const text = (result.content ?? []).map(block => block.text ?? '').join('');
  return { is_error: Boolean(result.isError), text };
}

/** Each step in one session of a client of the TypeScript SDKs. */
async function stepped(client, transport, steps) {
  await client.connect(transport);
  const results = [];
  for (const [verb, name, args] of steps) {
    try {
      if (verb === 'list') results.push({ tools: (await client.listTools()).tools.map(tool => tool.name) });
      else results.push(outcome(await client.callTool({ name, arguments: args })));
    } catch (error) {
      results.push({ exception: error.constructor.name, text: String(error.message) });
    }
  }
  await client.close();
  return results;
}

const sdk1 = (url, token, steps) =>
  stepped(new v1.Client(ME), new V1Http(new URL(url), authorised(token)), steps);

const sdk2 = mode => (url, token, steps) => stepped(
  new v2.Client(ME, { versionNegotiation: { mode } }),
  new v2.StreamableHTTPClientTransport(new URL(url), authorised(token)),
  steps,
);

/** `mcp-remote`: a bridge of clients that only know standard input and output. */
function remote(url, token, steps) {
  const file = new URL('../node_modules/mcp-remote/dist/proxy.js', import.meta.url).pathname;
  const args = [file, url, '--header', `Authorization: Bearer ${token}`, '--allow-http'];
  const transport = new StdioClientTransport({ command: process.execPath, args, stderr: 'ignore' });
  return stepped(new v1.Client(ME), transport, steps);
}

/** `mcp-inspector --cli`, which runs once for each step. */
async function inspected(url, token, steps) {
  const results = [];
  for (const [verb, name, args] of steps) {
    const given = Object.entries(args ?? {}).flatMap(([key, value]) => ['--tool-arg', `${key}=${value}`]);
    const method = verb === 'list' ? ['tools/list'] : ['tools/call', '--tool-name', name, ...given];
    const { result, error } = await inspection(url, token, ...method, '--protocol-era', 'auto');
    if (!result) results.push({ exception: 'Inspector', text: error });
    else results.push(verb === 'list' ? { tools: result.tools.map(tool => tool.name) } : outcome(result));
  }
  return results;
}

const RMCP = fileURLToPath(new URL('../../clients/rmcp/', import.meta.url));
const RMCP_BUILT = fileURLToPath(new URL('../../../../../target/rmcp-client/', import.meta.url));

/** Builds the client of the Rust SDK, a package of its own. */
export async function builtRmcp() {
  await promisify(execFile)('cargo', ['build', '--locked', '--target-dir', RMCP_BUILT], { cwd: RMCP });
}

/** The client of the Rust SDK. */
const rmcp = mode => async (url, token, steps) => {
  const { stdout } = await promisify(execFile)(`${RMCP_BUILT}debug/rmcp-client`, [url, token, mode, JSON.stringify(steps)]);
  return JSON.parse(stdout);
};

/** By their names, with the eras of a server that each can speak to without help. */
export const CLIENTS = {
  'TypeScript v1': { eras: ['legacy'], run: sdk1 },
  'TypeScript v2 legacy': { eras: ['legacy'], run: sdk2('legacy') },
  'TypeScript v2 modern': { eras: ['modern'], run: sdk2({ pin: '2026-07-28' }) },
  'TypeScript v2 auto': { eras: ['legacy', 'modern'], run: sdk2('auto') },
  'Python mcp': { eras: ['legacy', 'modern'], run: (...given) => agent(...given, 'mcp') },
  'Python fastmcp': { eras: ['legacy', 'modern'], run: (...given) => agent(...given, 'fastmcp') },
  'Rust rmcp legacy': { eras: ['legacy'], run: rmcp('legacy') },
  'Rust rmcp auto': { eras: ['legacy', 'modern'], run: rmcp('auto') },
  'mcp-inspector': { eras: ['legacy', 'modern'], run: inspected },
  'mcp-remote': { eras: ['legacy'], run: remote },
};

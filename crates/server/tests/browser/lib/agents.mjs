// Real MCP clients, as an agent would run them.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { run } from './product.mjs';
import { PYTHON } from './upstreams.mjs';

/** Runs steps in one session of a Python client; gives what came of each. */
export async function agent(url, token, steps, kind = 'fastmcp') {
  const file = new URL('./agent.py', import.meta.url).pathname;
  const child = spawn(PYTHON, [file, url, token, kind], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '', err = '';
  child.stdout.on('data', data => { out += data; });
  child.stderr.on('data', data => { err += data; });
  child.stdin.end(JSON.stringify(steps));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the agent ended with ${code}:\n${err}`);
  return JSON.parse(out);
}

const inspectorFolder = new URL('../node_modules/@modelcontextprotocol/inspector/', import.meta.url).pathname;

/** One method through `mcp-inspector --cli`; its JSON. */
export async function inspector(url, token, ...method) {
  const { default: manifest } = await import(`${inspectorFolder}package.json`, { with: { type: 'json' } });
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin['mcp-inspector'];
  const out = await run(process.execPath, [
    `${inspectorFolder}${bin}`, '--cli', url, '--transport', 'http',
    '--header', `Authorization: Bearer ${token}`, '--method', ...method,
  ]);
  return JSON.parse(out);
}

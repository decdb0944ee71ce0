// Real MCP clients, as an agent would run them.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

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

const execute = promisify(execFile);
const inspectorFolder = new URL('../node_modules/@modelcontextprotocol/inspector/', import.meta.url).pathname;

/** One method through `mcp-inspector --cli`: the result it prints, or what it says instead. */
export async function inspection(url, token, ...method) {
  const { default: manifest } = await import(`${inspectorFolder}package.json`, { with: { type: 'json' } });
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin['mcp-inspector'];
  const args = [
    `${inspectorFolder}${bin}`, '--cli', url, '--transport', 'http',
    '--header', `Authorization: Bearer ${token}`, '--method', ...method,
  ];
  // It ends with an error of its own where a tool's result is one; that result is printed before it.
  const { stdout, stderr } = await execute(process.execPath, args).catch(ended => ended);
  try {
    return { result: JSON.parse(stdout) };
  } catch {
    return { error: `${stdout}${stderr}` };
  }
}

/** The result of one method through the inspector; anything else fails. */
export async function inspector(url, token, ...method) {
  const { result, error } = await inspection(url, token, ...method);
  if (!result) throw new Error(`the inspector says: ${error}`);
  return result;
}

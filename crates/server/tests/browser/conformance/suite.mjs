// The official conformance suite: runs a set of it, and reads what came of each scenario.

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const SUITE = new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;
const BEARER = new URL('./bearer.mjs', import.meta.url).pathname;

/** Runs the suite's program; its output. A failed check is no failure of the program. */
async function suite(args, { token, host, env = {} } = {}) {
  const preload = token ? ['--import', BEARER] : [];
  const child = spawn(process.execPath, [...preload, SUITE, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env, ...(token && { MCP_BEARER: token, MCP_BEARER_HOST: host }) },
  });
  let out = '';
  child.stdout.on('data', data => { out += data; });
  child.stderr.on('data', data => { out += data; });
  const [code] = await once(child, 'close');
  return { code, out };
}

/** The names of the scenarios that a revision requires of a server. */
export async function required(revision) {
  const { out } = await suite(['list', '--server', '--requirements', revision]);
  const [, section = ''] = out.split(/^Server scenarios.*$/m);
  const names = [...section.split('\n\n')[0].matchAll(/^ {2}- ([a-z0-9-]+)/gm)].map(match => match[1]);
  if (names.length < 20) throw new Error(`the suite lists too little:\n${out}`);
  return new Set(names);
}

/** What came of each scenario: its checks with their status, by its name. */
async function results(folder, prefix) {
  const found = new Map();
  for (const entry of await readdir(folder).catch(() => [])) {
    const match = entry.match(/^(.+)-\d{4}-\d\d-\d\dT[\d-]+Z$/);
    if (!match?.[1].startsWith(prefix)) continue;
    const file = await readFile(path.join(folder, entry, 'checks.json'), 'utf8').catch(() => '[]');
    const checks = JSON.parse(file).map(({ id, status, errorMessage }) => ({ id, status, message: errorMessage }));
    found.set(match[1].slice(prefix.length), checks);
  }
  return found;
}

/** Runs what a revision requires of a server against one address. */
export async function serverSet(revision, { url, token }, folder) {
  const args = ['server', '--url', url, '--requirements', revision, '-o', folder];
  const { out } = await suite(args, { token, host: new URL(url).host });
  const found = await results(folder, 'server-');
  if (found.size === 0) throw new Error(`the suite left no results for ${revision}:\n${out.slice(-2_000)}`);
  return found;
}

/** Runs one scenario for clients; the command gets the address of the suite's server. */
export async function clientScenario(name, revision, command, env, folder) {
  const args = ['client', '--command', command, '--scenario', name, '--spec-version', revision, '-o', folder];
  const { out } = await suite(args, { env });
  const checks = (await results(folder, '')).get(name);
  if (!checks) throw new Error(`the suite left no results for ${name}:\n${out.slice(-2_000)}`);
  return { checks, out };
}

/** The checks that failed. */
export const failed = checks => checks.filter(check => check.status === 'FAILURE');

/** The checks that came out differently, as they came out the second time. */
export function differing(first, second) {
  const statuses = (checks, id) => checks.filter(check => check.id === id).map(({ status }) => status).sort().join();
  const ids = new Set([...first, ...second].map(({ id }) => id));
  return [...ids].filter(id => statuses(first, id) !== statuses(second, id))
    .map(id => second.find(check => check.id === id) ?? { id, message: 'was not checked' });
}

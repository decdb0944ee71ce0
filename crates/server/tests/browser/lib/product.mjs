// Starts and stops the product under test: the real binary, with what the environment gives it.

import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';

/** The binary under test. */
export const BIN = process.env.DRAWBRIDGE_BIN
  ?? new URL('../../../../../target/debug/drawbridge', import.meta.url).pathname;

/** A port that is free now. */
export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** A database of its own in the Postgres that the tests were given. */
export async function freshDatabase() {
  const base = process.env.DATABASE_URL;
  if (!base) throw new Error('DATABASE_URL is not set; run `cargo xtask test browser`');
  const name = `browser_${process.pid}_${Date.now().toString(36)}`;
  const url = new URL(base);
  await run('psql', [base, '-qc', `create database ${name}`]);
  url.pathname = `/${name}`;
  return url.href;
}

/** Runs a command to its end; its output, or an error with it. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let out = '', err = '';
  child.stdout.on('data', data => { out += data; });
  child.stderr.on('data', data => { err += data; });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}:\n${out}${err}`);
  return out;
}

/** Starts a process and waits for a line of its output. */
export async function started(command, args, { ready, env = {}, cwd, timeout = 90_000 } = {}) {
  const child = spawn(command, args, {
    cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: true,
  });
  const log = [];
  const ended = new Promise(resolve => child.once('close', (...how) => resolve(how)));
  const seen = new Promise((resolve, reject) => {
    const look = data => {
      log.push(String(data));
      const match = log.join('').match(ready);
      if (match) resolve(match);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', reject);
    ended.then(([code]) => reject(new Error(`${command} ended with ${code}:\n${log.join('')}`)));
    setTimeout(() => reject(new Error(`${command} is not ready:\n${log.join('')}`)), timeout).unref();
  });
  const kill = async signal => {
    if (!child.pid) return;
    try { process.kill(-child.pid, signal); } catch { /* it ended already */ }
    await ended;
  };
  process.once('exit', () => { try { process.kill(-child.pid, 'SIGKILL'); } catch { /* gone */ } });
  try {
    const match = await seen;
    return { child, match, log, kill, stop: () => kill('SIGTERM') };
  } catch (error) {
    await kill('SIGKILL');
    throw error;
  }
}

/** The product, embedded: private Postgres, counters in process. Same folder, same data. */
export async function embedded(folder, port, env = {}) {
  const all = {
    DATABASE_URL: '', REDIS_URL: '', DRAWBRIDGE_DATA_DIR: folder,
    DRAWBRIDGE_LISTEN: `127.0.0.1:${port}`, ...env,
  };
  const process = await started(BIN, ['serve'], { ready: /ready: (http\S+)/, env: all });
  return { ...process, url: `http://127.0.0.1:${port}` };
}

const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');

/** One process of the deployment with Postgres and Redis. */
export async function deployed({ database, port, env = {} }) {
  const url = `http://127.0.0.1:${port}`;
  const folder = await mkdtemp(path.join(tmpdir(), 'drawbridge-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const all = {
    DATABASE_URL: database, DRAWBRIDGE_MASTER_KEY: MASTER_KEY, DRAWBRIDGE_DATA_DIR: folder,
    DRAWBRIDGE_LISTEN: `127.0.0.1:${port}`, ...env,
  };
  if (!all.REDIS_URL && !process.env.REDIS_URL) throw new Error('REDIS_URL is not set');
  const child = await started(BIN, ['serve'], { ready: /ready: (http\S+)/, env: all });
  return { ...child, url };
}

/** Brings a database to the schema. */
export async function migrate(database) {
  await run(BIN, ['migrate'], {
    env: { ...process.env, DATABASE_URL: database, DRAWBRIDGE_MASTER_KEY: MASTER_KEY },
  });
}

/** A folder that is removed in the end. */
export async function temporaryFolder(test) {
  const folder = await mkdtemp(path.join(tmpdir(), 'drawbridge-'));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The process id of the postmaster whose folder was made for this data folder. */
export async function postmaster(folder) {
  const places = [folder, '/var/lib/drawbridge', '/var/tmp/drawbridge'];
  const port = async file => readFile(file, 'utf8').then(text => Number(text.split('\n')[0]));
  for (const place of places) {
    const files = await readdir(place, { recursive: true }).catch(() => []);
    for (const file of files.filter(name => path.basename(name) === 'postmaster.pid')) {
      const pid = await port(path.join(place, file));
      const cwd = await run('ps', ['-o', 'args=', '-p', String(pid)]).catch(() => '');
      if (cwd.includes('postgres')) return pid;
    }
  }
  throw new Error('no postmaster found');
}

// The official conformance suite, through the product: `cargo xtask conformance`.
//
// 1. Each set against the fixture, directly and through the gateway: the same, check for check, but for
//    what `expected.json` says must differ, and why.
// 2. Each set through the gateway to a fixture of the other era alone: all of it, but for what
//    `expected.json` says cannot be bridged, and why.
// 3. The scenarios for clients, with the gateway between the suite's server and a real client.
//
// Arguments name what to run: `same`, `crossed`, `clients`; none means all.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { signedUp } from '../lib/api.mjs';
import { behind } from '../lib/gateway.mjs';
import { embedded, freePort } from '../lib/product.mjs';
import { fixture } from '../lib/upstreams.mjs';
import { clientScenario, differing, failed, required, serverSet } from './suite.mjs';

const LEGACY = '2025-11-25';
const MODERN = '2026-07-28';

const CLIENTS = [
  ['tools_call', LEGACY], ['sse-retry', LEGACY], ['json-schema-2020-12-preservation', LEGACY],
  ['tools_call', MODERN], ['request-metadata', MODERN], ['json-schema-2020-12-preservation', MODERN],
  ['http-standard-headers', MODERN], ['http-custom-headers', MODERN], ['http-invalid-tool-headers', MODERN],
];

const artefacts = process.env.TEST_ARTEFACTS
  ?? new URL('../../../../../artefacts/', import.meta.url).pathname;
const out = path.join(artefacts, 'conformance');
const problems = [];

const count = checks => {
  const passed = checks.filter(check => check.status === 'SUCCESS').length;
  return `${passed}/${passed + failed(checks).length}`;
};

function row(name, direct, through, note = '') {
  console.log(`  ${name.padEnd(46)} ${direct.padStart(7)} ${through.padStart(7)}  ${note}`.trimEnd());
}

function complain(what, checks) {
  problems.push(what);
  for (const { id, message } of checks) problems.push(`    ${id}: ${String(message).slice(0, 400)}`);
}

/** Holds what went wrong against what `expected.json` says must; gives a note for the table. */
function settled(what, wrong, reasons = {}) {
  const unexpected = wrong.filter(({ id }) => !(id in reasons));
  const healed = Object.keys(reasons).filter(known => wrong.every(({ id }) => id !== known));
  if (unexpected.length > 0) complain(what, unexpected);
  for (const id of healed) problems.push(`${what}: no longer ${id}; take it out of expected.json`);
  if (unexpected.length + healed.length > 0) return '<-- FAILED';
  return [...new Set(Object.values(reasons))].join('; ');
}

/** Runs one set, into a folder of its own. */
async function ran(label, revision, target) {
  const folder = path.join(out, label);
  await mkdir(folder, { recursive: true });
  return serverSet(revision, target, folder);
}

/** The same set, directly and through the gateway: nothing may differ, and what is scored passes. */
async function same(revision, { upstream, through }, expected) {
  const scored = await required(revision);
  const direct = await ran(`${revision}-direct`, revision, { url: upstream.url });
  const behindUs = await ran(`${revision}-gateway`, revision, through);
  console.log(`\n${revision}: ${direct.size} scenarios, ${scored.size} scored${' '.repeat(14)} direct gateway`);
  for (const [name, checks] of direct) {
    const ours = behindUs.get(name) ?? [];
    const what = `${revision} ${name} through the gateway`;
    const note = settled(what, differing(checks, ours), expected[name]);
    const bad = scored.has(name) ? failed(checks).concat(failed(ours)) : [];
    if (bad.length > 0) complain(`${what} is scored and fails`, bad);
    row(name + (scored.has(name) ? '' : ' (not scored)'), count(checks), count(ours), bad.length ? '<-- FAILED' : note);
  }
  for (const name of scored) if (!direct.has(name)) problems.push(`${revision} ${name} did not run`);
}

/** A set of one era through the gateway to a server of the other. */
async function crossed(label, revision, through, expected) {
  const scored = await required(revision);
  const results = await ran(label.replaceAll(' ', '-'), revision, through);
  console.log(`\n${label}: ${scored.size} scenarios${' '.repeat(24)} gateway`);
  for (const name of scored) {
    const checks = results.get(name) ?? [{ id: 'ran', status: 'FAILURE', message: 'did not run' }];
    row(name, '', count(checks), settled(`${label}: ${name}`, failed(checks), expected[name]));
  }
  for (const name of Object.keys(expected)) {
    if (!scored.has(name)) problems.push(`${label}: expected.json names ${name}, which is no scenario`);
  }
}

/** The suite's own servers behind the gateway, with a real client before it. */
async function clients(org) {
  console.log(`\nclients, with the gateway in the middle${' '.repeat(18)} gateway`);
  const drive = new URL('./drive.mjs', import.meta.url).pathname;
  const { base, token, slug } = org;
  const env = { DRIVE_ORGANISATION: JSON.stringify({ base, token, slug }) };
  for (const [name, revision] of CLIENTS) {
    const folder = path.join(out, `client-${revision}`);
    await mkdir(folder, { recursive: true });
    const command = `${process.execPath} ${drive}`;
    const { checks, out: log } = await clientScenario(name, revision, command, env, folder);
    const passed = checks.some(check => check.status === 'SUCCESS') && failed(checks).length === 0;
    const isGood = passed && !/CLIENT (EXITED|TIMED)/.test(log);
    if (!isGood) complain(`client ${name} ${revision} fails (see ${folder})`, failed(checks));
    row(`${name} ${revision}`, '', count(checks), isGood ? '' : '<-- FAILED');
  }
}

const chosen = process.argv.slice(2);
const wants = part => chosen.length === 0 || chosen.includes(part);

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
const expected = JSON.parse(await readFile(new URL('./expected.json', import.meta.url), 'utf8'));
// Told to stop, we go through our exit, which ends the servers.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));
const data = await mkdtemp(path.join(tmpdir(), 'drawbridge-'));
const [dual, legacy, modern, product] = await Promise.all([
  fixture('dual'), fixture('legacy'), fixture('modern'), embedded(data, await freePort()),
]);
try {
  const org = await signedUp(product.url, 'Conformance');
  if (wants('same')) {
    const through = await behind(org, 'dual', dual.url);
    for (const revision of [LEGACY, MODERN]) {
      await same(revision, { upstream: dual, through }, expected[`${revision} through the gateway`]);
    }
  }
  if (wants('crossed')) {
    const runs = [[LEGACY, 'modern', modern], [MODERN, 'legacy', legacy]];
    for (const [revision, era, upstream] of runs) {
      const label = `${revision} on ${era}`;
      await crossed(label, revision, await behind(org, era, upstream.url), expected[label]);
    }
  }
  if (wants('clients')) await clients(org);
} finally {
  await Promise.all([dual, legacy, modern, product].map(process => process.stop()));
  await rm(data, { recursive: true, force: true });
}
if (problems.length > 0) {
  console.error(`\n${problems.join('\n')}`);
  process.exitCode = 1;
}

// The official conformance suite, through the product: `cargo xtask conformance`.
//
// 1. Each set against the fixture, directly and through the gateway: the same, check for check, but for
//    what `expected.json` says must differ, and why.
// 2. Each set through the gateway to a fixture of the other era alone: all of it, but for what
//    `expected.json` says cannot be bridged, and why.
// 3. The scenarios for clients, with the gateway between the suite's server and a real client.
//
// Arguments name what to run: `same`, `crossed`, `clients`. Without any it is what every change must keep.

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { signedUp } from '../lib/api.mjs';
import { behind } from '../lib/gateway.mjs';
import { embedded, freePort } from '../lib/product.mjs';
import { fixture } from '../lib/upstreams.mjs';
import { clientScenario, failed, required, serverSet, verdict } from './suite.mjs';

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
  for (const { id, message } of failed(checks)) problems.push(`    ${id}: ${String(message).slice(0, 400)}`);
}

/** Runs one set, into a folder of its own. */
async function ran(label, revision, target) {
  const folder = path.join(out, label);
  await mkdir(folder, { recursive: true });
  return serverSet(revision, target, folder);
}

/** The same set, directly and through the gateway: nothing may differ. */
async function same(revision, { upstream, through }, expected) {
  const scored = await required(revision);
  const direct = await ran(`${revision}-direct`, revision, { url: upstream.url });
  const behindUs = await ran(`${revision}-gateway`, revision, through);
  console.log(`\n${revision}: ${direct.size} scenarios, ${scored.size} scored${' '.repeat(14)} direct gateway`);
  for (const [name, checks] of direct) {
    const ours = behindUs.get(name) ?? [];
    const isSame = verdict(checks) === verdict(ours);
    const reason = expected[name];
    if (isSame && reason) problems.push(`${revision} ${name} does not differ; take it out of expected.json`);
    const isGood = !scored.has(name) || failed(checks).length + failed(ours).length === 0;
    if (!isSame && !reason) complain(`${revision} ${name} differs through the gateway`, ours);
    if (!isGood) complain(`${revision} ${name} is scored and fails`, ours);
    const note = !isGood || !(isSame || reason) ? '<-- FAILED' : isSame ? '' : `differs: ${reason}`;
    row(name + (scored.has(name) ? '' : ' (not scored)'), count(checks), count(ours), note);
  }
  for (const name of scored) if (!direct.has(name)) problems.push(`${revision} ${name} did not run`);
}

/** A set of one era through the gateway to a server of the other. */
async function crossed(revision, era, through, expected) {
  const label = `${revision} on ${era}`;
  const scored = await required(revision);
  const results = await ran(label.replaceAll(' ', '-'), revision, through);
  console.log(`\n${label}: what cannot be bridged is in expected.json${' '.repeat(5)} gateway`);
  for (const name of scored) {
    const checks = results.get(name) ?? [];
    const isGood = checks.length > 0 && failed(checks).length === 0;
    const reason = expected[name];
    if (!isGood && !reason) complain(`${label}: ${name} fails`, checks);
    if (isGood && reason) problems.push(`${label}: ${name} passes; take it out of expected.json`);
    row(name, '', count(checks), reason ? `not bridged: ${reason}` : isGood ? '' : '<-- FAILED');
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
    if (!isGood) complain(`client ${name} ${revision} fails (see ${folder})`, checks);
    row(`${name} ${revision}`, '', count(checks), isGood ? '' : '<-- FAILED');
  }
}

const KEPT = ['same', 'clients'];
const chosen = process.argv.length > 2 ? process.argv.slice(2) : KEPT;
const wants = part => chosen.includes(part);

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
      const through = await behind(org, era, upstream.url);
      await crossed(revision, era, through, expected[`${revision} on ${era}`]);
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

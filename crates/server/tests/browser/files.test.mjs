// An organisation as files: exported, changed in an editor, applied; and policies in a shell.

import assert from 'node:assert/strict';
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

import { mcp, signedUp } from './lib/api.mjs';
import { BIN, embedded, freePort, temporaryFolder } from './lib/product.mjs';

/** Runs the binary to its end, whatever that is. */
function drawbridge(args, env = {}) {
  const clean = { PATH: process.env.PATH, HOME: process.env.HOME };
  const { status, stdout, stderr } = spawnSync(BIN, args, { encoding: 'utf8', env: { ...clean, ...env } });
  return { code: status, out: stdout, err: stderr };
}

/** Every file of a folder with its text. */
async function files(folder) {
  const names = (await readdir(folder, { recursive: true })).filter(name => name.endsWith('.json')).sort();
  return Object.fromEntries(await Promise.all(
    names.map(async name => [name, await readFile(path.join(folder, name), 'utf8')])));
}

const LIMITED = {
  version: '1', default: 'deny',
  tools: { list_customers: {}, create_charge: { limits: [{ counter: 'c', window: 'minute', max: 30 }] } },
};
const CASES = { version: '1', tests: [
  { name: 'the 31st is too many', tool: 'create_charge', arguments: { amount: 5 }, repeat: 31, expect: 'limit' },
] };

/** An organisation with a server that wants a header, a tested policy, and a grant. */
async function furnished(product, url) {
  const org = await signedUp(product.url, 'Engines');
  const server = await org.made('/servers', {
    name: 'Billing', url, auth: { type: 'headers', headers: { 'X-Secret': 'open sesame' } },
  });
  const policy = await org.made('/policies', { name: 'Billing, limited', server_id: server.id, document: LIMITED });
  const tests = await org.call('PUT', `/policies/${policy.id}/tests`, CASES);
  assert.equal(tests.status, 200, tests.text);
  await org.made('/grants', { label: 'ci-runner', bindings: [{ server_id: server.id, policy_id: policy.id }] });
  return org;
}

/** What the commands need to reach an organisation. */
async function access(org) {
  const key = await org.made('/api-keys', { name: 'files', role: 'admin' });
  return { DRAWBRIDGE_URL: org.base, DRAWBRIDGE_API_KEY: key.token };
}

test('an organisation is exported, applied elsewhere, and exported alike', { timeout: 240_000 }, async t => {
  const [port, data] = [await freePort(), await temporaryFolder(t)];
  const product = await embedded(data, port);
  t.after(() => product.stop());
  // The built-in demo server takes any header.
  const demo = `http://127.0.0.1:${port > 55_535 ? port - 10_000 : port + 10_000}/mcp`;
  const first = await furnished(product, demo);
  const [env, folder] = [await access(first), await temporaryFolder(t)];

  const out = drawbridge(['export', folder], env);
  assert.equal(out.code, 0, out.err);
  const exported = await files(folder);
  assert.deepEqual(Object.keys(exported), [
    'grants/ci-runner.json', 'organisation.json', 'policies/billing-limited.json',
    'policies/billing-limited.tests.json', 'servers/billing.json',
  ]);
  const all = Object.values(exported).join('');
  assert.ok(!all.includes('open sesame') && !all.includes('dbg_') && !all.includes('dbk_'), all);
  assert.match(exported['servers/billing.json'], /"X-Secret": "\$\{BILLING_X_SECRET\}"/);

  const nothing = drawbridge(['apply', folder, '--yes'], env);
  assert.equal(nothing.code, 0, nothing.err);
  assert.equal(nothing.out, 'Nothing to do.\n');

  // Another organisation becomes the same, and its files are the same.
  const second = await signedUp(product.url, 'Engines');
  const there = await access(second);
  const poor = drawbridge(['apply', folder, '--yes'], there);
  assert.equal(poor.code, 1);
  assert.match(poor.err, /BILLING_X_SECRET is not set/);
  assert.equal((await second.call('GET', '/servers')).json.data.length, 0, 'nothing was applied');

  const rich = { ...there, BILLING_X_SECRET: 'open sesame' };
  const plan = drawbridge(['apply', folder, '--dry-run'], rich);
  assert.match(plan.out, /\+ server billing[\s\S]*\+ policy Billing, limited[\s\S]*\+ grant ci-runner[\s\S]*3 changes\./);
  assert.equal((await second.call('GET', '/servers')).json.data.length, 0);
  const unasked = drawbridge(['apply', folder], rich);
  assert.equal(unasked.code, 1, 'nobody is there to say yes');
  assert.match(unasked.err, /--yes/);

  const tokens = path.join(await temporaryFolder(t), 'tokens.jsonl');
  const done = drawbridge(['apply', folder, '--yes', '--tokens', tokens], rich);
  assert.equal(done.code, 0, done.err);
  assert.ok(!done.out.includes('dbg_') && !done.out.includes('open sesame'), done.out);
  assert.equal((await stat(tokens)).mode & 0o777, 0o600);
  const { grant, token } = JSON.parse(await readFile(tokens, 'utf8'));
  assert.equal(grant, 'ci-runner');
  assert.equal(drawbridge(['apply', folder, '--yes'], there).out, 'Nothing to do.\n');
  const copy = await temporaryFolder(t);
  assert.equal(drawbridge(['export', copy], there).code, 0);
  assert.deepEqual(await files(copy), exported, 'byte for byte');

  const url = `${product.url}/t/${second.slug}/billing/mcp`;
  const called = await mcp(url, token, { id: 1, method: 'tools/list', params: {} });
  assert.notEqual(called.status, 401, 'the token is one of the gateway');

  await changed(t, { folder, env: there, org: second });
  await broken({ folder, env: there, org: second });
});

/** Files are edited; the plan says it in words, and it is so. */
async function changed(t, { folder, env, org }) {
  const file = path.join(folder, 'policies/billing-limited.json');
  const before = await readFile(file, 'utf8');
  await writeFile(file, before.replace('"max": 30', '"max": 60'));
  const failing = drawbridge(['apply', folder, '--yes'], env);
  assert.equal(failing.code, 1);
  assert.match(failing.err, /the test “the 31st is too many” fails/);
  const tests = path.join(folder, 'policies/billing-limited.tests.json');
  await writeFile(tests, (await readFile(tests, 'utf8')).replace('"repeat": 31', '"repeat": 61'));
  const plan = drawbridge(['apply', folder, '--yes', '--comment', 'Twice as many'], env);
  assert.equal(plan.code, 0, plan.err);
  assert.match(plan.out, /looser +create_charge: limit 30 → 60 calls a minute/);
  const [policy] = (await org.call('GET', '/policies')).json.data;
  assert.equal(policy.version, 2);
  assert.equal(drawbridge(['apply', folder, '--yes'], env).out, 'Nothing to do.\n');

  await rm(path.join(folder, 'grants/ci-runner.json'));
  const kept = drawbridge(['apply', folder, '--yes'], env);
  assert.match(kept.out, /Kept, .*grant ci-runner\nNothing to do\./);
  const gone = drawbridge(['apply', folder, '--yes', '--prune'], env);
  assert.match(gone.out, /- grant ci-runner[\s\S]*done {2}- grant ci-runner/);
  const [grant] = (await org.call('GET', '/grants')).json.data;
  assert.equal(grant.status, 'revoked');
}

/** A failure in the middle says what was done, and a second run does the rest. */
async function broken({ folder, env, org }) {
  await writeFile(path.join(folder, 'organisation.json'), '{ "name": "Engines & Sons" }');
  const refused = path.join(folder, 'servers/private.json');
  await writeFile(refused, '{ "name": "Private", "url": "http://169.254.169.254/mcp" }');
  const half = drawbridge(['apply', folder, '--yes'], env);
  assert.equal(half.code, 1);
  assert.match(half.out, /done {2}~ organisation/);
  assert.match(half.err, /\+ server private failed\. 1 of 2 changes were made and stay[\s\S]*\/url/);
  assert.equal((await org.call('GET', '/organisation')).json.name, 'Engines & Sons');
  await rm(refused);
  assert.equal(drawbridge(['apply', folder, '--yes'], env).out, 'Nothing to do.\n');

  const wrong = drawbridge(['apply', folder], { ...env, DRAWBRIDGE_API_KEY: 'dbk_wrong' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /You are not signed in/);
  assert.ok(!wrong.err.includes('dbk_wrong'));
  const help = drawbridge(['apply', '--help'], env);
  assert.ok(!help.out.includes(env.DRAWBRIDGE_API_KEY), 'help does not show the key');
}

test('policies in a shell', { timeout: 60_000 }, async t => {
  const folder = await temporaryFolder(t);
  const at = name => path.join(folder, name);
  const put = (name, text) => writeFile(at(name), typeof text === 'string' ? text : JSON.stringify(text));
  await put('good.json', LIMITED);
  await put('good.tests.json', CASES);
  await put('bad.json', '{\n  "version": "1",\n  "defualt": "deny"\n}\n');
  await put('intercept.yaml', 'version: "1"\ntools:\n  create_charge:\n    rules:\n      - rate_limit: 5/hour\n');

  const good = drawbridge(['policy', 'check', at('good.json'), at('good.tests.json')]);
  assert.equal(good.code, 0, good.err);
  assert.match(good.out, /good\.json: valid/);
  const bad = drawbridge(['policy', 'check', at('good.json'), at('bad.json')]);
  assert.equal(bad.code, 1);
  assert.match(bad.out, /bad\.json:3:3: error: "defualt" is not a key .*Did you mean "default"/);
  const json = JSON.parse(drawbridge(['policy', 'check', at('bad.json'), '--format', 'json']).out);
  assert.deepEqual(json.files[0].errors.map(error => error.pointer), ['', '/defualt']);
  const sarif = JSON.parse(drawbridge(['policy', 'check', at('bad.json'), '--format', 'sarif']).out);
  assert.equal(sarif.runs[0].results[1].locations[0].physicalLocation.region.startLine, 3);
  await put('tools.json', { tools: [{ name: 'create_charge', description: 'Charges a card.', inputSchema: { type: 'object' } }] });
  const warned = drawbridge(['policy', 'check', at('good.json'), '--tools', at('tools.json')]);
  assert.equal(warned.code, 0, 'warnings do not fail');
  assert.match(warned.out, /warning: .*list_customers/);

  const normal = drawbridge(['policy', 'normalise', at('intercept.yaml')]);
  assert.equal(normal.code, 0, normal.err);
  assert.equal(JSON.parse(normal.out).tools.create_charge.limits[0].max, 5);
  assert.match(normal.err, /intercept\.yaml:5: stricter: /);
  assert.equal(drawbridge(['policy', 'normalise', at('bad.json')]).code, 1);

  const passed = drawbridge(['policy', 'test', at('good.json')]);
  assert.equal(passed.code, 0, passed.err + passed.out);
  await put('failing.json', { version: '1', tests: [{ name: 'x', tool: 'create_charge', expect: 'deny' }] });
  const failed = drawbridge(['policy', 'test', at('good.json'), '--tests', at('failing.json')]);
  assert.equal(failed.code, 1);
  assert.match(failed.out, /failed {2}x: Expected denied, got allowed/);

  assert.equal(drawbridge(['policy', 'diff', at('good.json'), at('good.json')]).code, 0);
  const differs = drawbridge(['policy', 'diff', at('good.json'), at('intercept.yaml')]);
  assert.equal(differs.code, 1);
  assert.match(differs.out, /list_customers/);
  assert.equal(drawbridge(['policy', 'diff', at('good.json'), at('nowhere.json')]).code, 2);
});

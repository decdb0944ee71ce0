// Every client in use, with every kind of server behind the gateway: what each sees of a policy.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { signedUp } from './lib/api.mjs';
import { builtRmcp, CLIENTS } from './lib/clients.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';
import { fixture } from './lib/upstreams.mjs';

const ERAS = ['legacy', 'modern', 'dual'];

const POLICY = {
  version: '1', default: 'allow', hide: ['test_image_content'],
  tools: {
    test_audio_content: { deny_if: [{ conditions: [], on_deny: 'No sounds.' }] },
    test_embedded_resource: { limits: [{ counter: 'once', window: 'month', max: 1, scope: 'grant' }] },
  },
};

const STEPS = [
  ['list'],
  ['call', 'test_simple_text', {}],
  ['call', 'test_audio_content', {}],
  ['call', 'test_embedded_resource', {}],
  ['call', 'test_embedded_resource', {}],
  ['call', 'test_image_content', {}],
  ['call', 'test_no_such_tool', {}],
  ['call', 'test_simple_text', {}],
];

const SIMPLE = 'This is a simple text response for testing.';

/** What each client must have seen, whoever it is. */
function judged([list, call, denied, first, limited, hidden, unknown, again]) {
  assert.ok(list.tools.includes('test_simple_text'), JSON.stringify(list));
  assert.ok(list.tools.includes('test_audio_content'), 'a denied tool stays visible');
  assert.ok(!list.tools.includes('test_image_content'), 'a hidden one does not');
  assert.deepEqual(call, { is_error: false, text: SIMPLE });
  assert.deepEqual(denied, { is_error: true, text: '[POLICY DENIED] No sounds.' });
  assert.equal(first.is_error, false, JSON.stringify(first));
  assert.ok(limited.is_error, JSON.stringify(limited));
  assert.match(limited.text, /^\[POLICY DENIED\] Rate limit of 1 per month reached\. Try again in \d+ (s|m|h|d)/);
  // The inspector looks into the list first, and says so in its own words.
  assert.match(hidden.text, /Unknown tool: test_image_content|Tool 'test_image_content' not found/);
  const neutral = ({ text, ...rest }) => ({ ...rest, text: text.replaceAll(/test_(image_content|no_such_tool)/g, 'X') });
  assert.deepEqual(neutral(hidden), neutral(unknown));
  assert.deepEqual(again, call, 'a refusal ends nothing');
}

let upstreams;
before(async () => {
  await builtRmcp();
  upstreams = await Promise.all(ERAS.map(era => fixture(era)));
});
after(async () => { await Promise.all((upstreams ?? []).map(upstream => upstream.stop())); });

test('the matrix of clients and servers', { timeout: 600_000, concurrency: 3 }, async t => {
  const product = await embedded(await temporaryFolder(t), await freePort());
  t.after(() => product.stop());
  const org = await signedUp(product.url);
  const policy = await org.made('/policies', { name: 'matrix', document: POLICY });
  const servers = await Promise.all(ERAS.map((era, at) =>
    org.made('/servers', { name: era, url: upstreams[at].url })));

  /** One client with one server, under a grant of its own. */
  async function cell({ eras, run }, name, at) {
    const bindings = [{ server_id: servers[at].id, policy_id: policy.id }];
    const grant = await org.made('/grants', { label: `${name} ${ERAS[at]}`, bindings });
    judged(await run(`${product.url}/t/${org.slug}/${ERAS[at]}/mcp`, grant.token, STEPS));
    return ERAS[at] === 'dual' || eras.includes(ERAS[at]) ? 'ok' : 'bridged';
  }

  const table = [];
  for (const [name, client] of Object.entries(CLIENTS)) {
    const cells = ERAS.map(() => 'FAILED');
    // The three at once: most of a client's time is its start.
    await Promise.all(ERAS.map((era, at) => t.test(`${name}, ${era} server`, async () => {
      cells[at] = await cell(client, name, at);
    })));
    table.push(`  ${name.padEnd(22)}${cells.map(word => word.padStart(9)).join('')}`);
  }
  t.diagnostic(`\n  ${''.padEnd(22)}${ERAS.map(era => era.padStart(9)).join('')}\n${table.join('\n')}`);
});

// With a policy that allows everything the gateway is not to be noticed: real servers answer through
// it what they answer without it, to the byte.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { signedUp } from './lib/api.mjs';
import { behind } from './lib/gateway.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';
import { legacyScript, messages, modernScript, said, saidOnStream } from './lib/script.mjs';
import { everything, plain, spark } from './lib/upstreams.mjs';

const PLAIN = {
  calls: [['add', { a: 1, b: 41 }], ['fail', {}]], slow: ['count', {}],
  reads: ['plain://text', 'plain://item/7'], prompts: [['greet', { name: 'Ada' }]],
};

const EVERYTHING = {
  calls: [
    ['echo', { message: 'ünïcode "quoted" \\ 1.50' }], ['get-sum', { a: 1, b: 41 }], ['get-tiny-image', {}],
    ['get-structured-content', { location: 'Chicago' }], ['get-annotated-message', { messageType: 'error', includeImage: true }],
  ],
  slow: ['trigger-long-running-operation', { duration: 1, steps: 2 }],
  reads: ['demo://resource/static/document/features.md'],
  prompts: [['simple-prompt', {}], ['args-prompt', { city: 'Paris' }]],
  complete: { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'E' } },
  logs: true,
};

const SPARK = { calls: [['list_workflows', {}], ['run_workflow', { workflow_id: 'w1', input_text: 'hello' }]] };

const SERVERS = [
  ['server-everything', everything, EVERYTHING, ['legacy']],
  ['Python mcp', () => plain('mcp'), PLAIN, ['legacy', 'modern']],
  ['Python fastmcp', () => plain('fastmcp'), PLAIN, ['legacy', 'modern']],
  ['TypeScript v2', () => plain('v2'), PLAIN, ['legacy', 'modern']],
  ['automagik-tools', spark, SPARK, ['legacy', 'modern']],
];
const SCRIPTS = { legacy: legacyScript, modern: modernScript };

let product, org;
before(async () => {
  product = await embedded(await temporaryFolder({ after }), await freePort());
  org = await signedUp(product.url);
});
after(() => product?.stop());

for (const [name, start, shape, eras] of SERVERS) {
  test(`${name}: the same through the gateway`, { timeout: 120_000 }, async t => {
    const upstream = await start();
    t.after(() => upstream.stop());
    const through = await behind(org, name, upstream.url);
    for (const era of eras) {
      const steps = SCRIPTS[era](shape);
      const direct = await said({ url: upstream.url }, era, steps);
      const ours = await said(through, era, steps);
      for (const [at, expected] of direct.entries()) {
        await t.test(`${era}: ${expected.step}`, () => assert.deepEqual(ours[at], expected));
      }
    }
  });
}

test('server-everything on the transport of 2024-11-05: the same messages', { timeout: 120_000 }, async t => {
  const upstream = await everything('sse');
  t.after(() => upstream.stop());
  const through = await behind(org, 'everything-sse', upstream.url);
  const steps = legacyScript(EVERYTHING).filter(([, what]) => typeof what === 'object');
  const direct = await saidOnStream(upstream.url, steps);
  const ours = await said(through, 'legacy', steps);
  for (const [at, expected] of direct.entries()) {
    await t.test(expected.step, () => assert.deepEqual(messages(ours[at]), expected.messages));
  }
});

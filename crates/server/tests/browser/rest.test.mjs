// The whole admin API, asked by a machine that knows only its description: generated requests, and
// chains of them. Whatever it sends, no answer is one that the description does not have, and none
// says that we failed. `REST_EXAMPLES` asks for more of each operation than fits into every run.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { signedUp } from './lib/api.mjs';
import { embedded, freePort, temporaryFolder } from './lib/product.mjs';
import { PYTHON } from './lib/upstreams.mjs';

const run = promisify(execFile);
const examples = process.env.REST_EXAMPLES ?? '3';

/** What must hold of every answer. */
const CHECKS = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance',
  'response_headers_conformance', 'response_schema_conformance', 'ignored_auth', 'use_after_free',
].join(',');

test('no generated request gets an answer that is not described', { timeout: 1_800_000 }, async t => {
  const [folder, port] = [await temporaryFolder(t), await freePort()];
  const product = await embedded(folder, port, {
    DRAWBRIDGE_API_PER_MINUTE: '1000000', DRAWBRIDGE_SIGN_IN_PER_MINUTE: '1000000',
  });
  t.after(() => product.kill('SIGKILL'));
  const org = await signedUp(product.url);
  const key = await org.made('/api-keys', { name: 'machine', role: 'admin' });
  const command = path.join(path.dirname(PYTHON), 'schemathesis');
  const settings = [
    'run', `${product.url}/api/v1/openapi.json`, '--header', `Authorization: Bearer ${key.token}`,
    '--checks', CHECKS, '--max-examples', examples, '--workers', '1', '--seed', '1',
    '--request-timeout', '30', '--no-color',
  ];
  const { stdout, failed } = await run(command, settings, { cwd: folder, maxBuffer: 64 << 20 })
    .catch(error => ({ stdout: error.stdout, failed: error.message }));
  assert.ok(!failed, stdout);
});

// What the visual builder makes of published documents, without a browser: it draws what the
// policy engine says in its goldens, and an edit of one tool leaves all others as they were.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { test } from 'node:test';

import { SEGMENTS, classify, read, stateOf } from '../../../../static/js/builder/policy.js';
import { edit } from '../../../../static/js/builder/edit.js';
import { canonical } from '../../../../static/js/builder/json.js';
import { at, patch, unfold } from '../../../../static/js/builder/patch.js';
import { unfolded } from '../../../../static/js/builder/rule-editor.js';

const folder = new URL('../../../policy/tests/it/published/', import.meta.url);
const file = name => readFileSync(new URL(name, folder), 'utf8');

/** The document as published and as normalised, its tools, and what the engine says of each. */
function published(name) {
  const golden = file(`${name}.snap`).replace(/^---\n[^]*?\n---\n/, '');
  const [normal, , tools] = golden.split(/\n--- (?:warnings|tools|calls)\n/);
  const stances = tools.split('\n').map(line => /^(.*): (\w+), /.exec(line)?.slice(1)).filter(Boolean);
  const { tools: categories } = JSON.parse(file(`${name}.server.json`));
  return {
    texts: [file(`${name}.policy.json`), `${normal.trim()}\n`],
    tools: Object.entries(categories).map(([tool, category]) => ({ name: tool, category })),
    stances: new Map(stances.map(([tool, stance]) => [tool, stance.toLowerCase()])),
  };
}

const names = readdirSync(folder).filter(name => name.endsWith('.snap')).map(name => name.slice(0, -5));
const segments = (text, tools) => {
  const policy = read(text);
  return new Map(tools.map(tool => {
    const state = stateOf(policy, tool);
    const says = state.segment === 'custom' ? canonical(state.node, text) : [state.max, state.window, state.checks ?? false].join();
    return [tool.name, `${state.segment} ${says}`];
  }));
};

test('every published document is drawn as the engine decides', () => {
  assert.ok(names.length >= 30);
  for (const name of names) {
    const { texts, tools, stances } = published(name);
    for (const text of texts) {
      assert.equal(read(text).drawable, '', name);
      // Sugar together with conditions is custom for both; alone it is what it stands for.
      for (const [tool, says] of segments(text, tools)) {
        assert.equal(says.split(' ')[0], stances.get(tool), `${name}: ${tool}`);
      }
    }
  }
});

test('nothing changed is the same text, to the byte', () => {
  for (const name of names) {
    for (const text of published(name).texts) {
      const policy = read(text);
      assert.equal(edit(policy, {}), text, name);
      for (const { member } of policy.exact.values()) {
        const path = ['tools', member.key];
        assert.equal(JSON.stringify(JSON.parse(unfold(policy, path))), JSON.stringify(JSON.parse(text)), name);
      }
    }
  }
});

test('a tool set to any segment is drawn so, and no other tool changes', () => {
  for (const name of names) {
    const { texts, tools } = published(name);
    for (const text of texts) {
      const before = segments(text, tools);
      for (const tool of tools) {
        for (const segment of SEGMENTS) {
          const rules = new Map([[tool.name, { segment, max: 7, window: 'hour' }]]);
          const after = edit(read(text), { rules });
          const now = segments(after, tools);
          assert.ok(now.get(tool.name).startsWith(segment), `${name}: ${tool.name} ${segment}\n${after}`);
          for (const other of tools.filter(one => one !== tool)) {
            assert.equal(now.get(other.name), before.get(other.name), `${name}: ${other.name}`);
          }
          assert.equal(edit(read(after), { rules }), after, 'said twice, it is said');
        }
      }
    }
  }
});

test('a rule in its short form means the same when it is written out', () => {
  for (const name of names) {
    const { texts: [short, normal] } = published(name);
    const [one, other] = [read(short), read(normal)];
    for (const { member } of one.exact.values()) {
      const rule = unfolded(member.value, member.key);
      if (rule === null) {
        assert.ok(other.hidden.has(member.key), `${name}: ${member.key}`);
        continue;
      }
      const written = patch(one, ['tools', member.key], rule);
      const [ours, theirs] = [read(written), other].map(policy => at(policy.root, ['tools', member.key]));
      assert.equal(classify(ours).segment, classify(theirs).segment, `${name}: ${member.key}`);
      // The normal form also says the scope that goes without saying; here it is always said.
      assert.equal(canonical(ours, written), canonical(theirs, normal), `${name}: ${member.key}`);
    }
  }
});

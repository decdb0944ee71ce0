// Loaded before the official suite, which has no option for a header: every request of its process
// to one host gets our token. The suite speaks through fetch, through undici and through node:http.

import http from 'node:http';
import { createRequire, syncBuiltinESMExports } from 'node:module';

const suite = new URL('../node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url);
const { Agent, setGlobalDispatcher } = createRequire(suite)('undici');

const { MCP_BEARER, MCP_BEARER_HOST } = process.env;
const value = `Bearer ${MCP_BEARER}`;

/** Headers in undici's three shapes, as one list of pairs. */
function pairs(headers) {
  if (!headers) return [];
  if (Array.isArray(headers)) {
    return headers.flatMap((name, at) => (at % 2 === 0 ? [[String(name), headers[at + 1]]] : []));
  }
  return typeof headers[Symbol.iterator] === 'function' ? [...headers] : Object.entries(headers);
}

function authorised(options) {
  if (new URL(options.origin).host !== MCP_BEARER_HOST) return options;
  const known = pairs(options.headers);
  if (known.some(([name]) => name.toLowerCase() === 'authorization')) return options;
  return { ...options, headers: [...known, ['authorization', value]].flat() };
}

setGlobalDispatcher(new Agent().compose(dispatch => (options, handler) => dispatch(authorised(options), handler)));

const plain = http.request;
http.request = (...args) => {
  const request = plain(...args);
  // The Host header may name somebody else on purpose; where it goes is in the address.
  if (!request.getHeader('authorization')) request.setHeader('authorization', value);
  return request;
};
syncBuiltinESMExports();

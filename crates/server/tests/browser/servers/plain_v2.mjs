// A small server on the TypeScript SDK v2 as its users write one. Argument: the port.

import { createServer } from 'node:http';

import { localhostHostValidation, localhostOriginValidation, toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer, ResourceTemplate } from '@modelcontextprotocol/server';
import * as z from 'zod';

function server() {
  const info = { name: 'plain-v2', version: '1.0.0' };
  const made = new McpServer(info, { capabilities: { logging: {} }, instructions: 'Adds, counts and fails.' });
  const said = text => ({ content: [{ type: 'text', text }] });
  made.registerTool('add', {
    description: 'Add two numbers.', inputSchema: z.object({ a: z.number(), b: z.number() }),
    annotations: { readOnlyHint: true },
  }, ({ a, b }) => said(String(a + b)));
  made.registerTool('count', { description: 'Count to three, aloud.', inputSchema: z.object({}) }, async (_, context) => {
    const token = context.mcpReq?._meta?.progressToken;
    for (const progress of [1, 2, 3]) {
      if (token === undefined) continue;
      await context.mcpReq.notify({ method: 'notifications/progress', params: { progressToken: token, progress, total: 3 } });
    }
    return said('counted ✓');
  });
  made.registerTool('fail', { description: 'Fail.', inputSchema: z.object({}) }, () => { throw new Error('as it should'); });
  made.registerResource('text', 'plain://text', { description: 'A text.', mimeType: 'text/plain' },
    uri => ({ contents: [{ uri: uri.href, text: 'some text, and ünïcode' }] }));
  made.registerResource('item', new ResourceTemplate('plain://item/{key}', { list: undefined }), {},
    (uri, { key }) => ({ contents: [{ uri: uri.href, text: `item ${key}` }] }));
  made.registerPrompt('greet', { description: 'Greet somebody.', argsSchema: z.object({ name: z.string() }) },
    ({ name }) => ({ messages: [{ role: 'user', content: { type: 'text', text: `Say hello to ${name}.` } }] }));
  return made;
}

const handler = toNodeHandler(createMcpHandler(server));
const [mayHost, mayOrigin] = [localhostHostValidation(), localhostOriginValidation()];
createServer((request, response) => {
  if (mayHost(request, response) && mayOrigin(request, response)) handler(request, response);
}).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));

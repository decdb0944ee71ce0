"""fastmcp as a client that logs in. Its person is whoever reads `AUTHORIZE URL` from standard output
and writes the URL that the client was called back at.

Argument: the server's URL. The first line of standard input is a JSON array of tool calls: [TOOL, ARGUMENTS].
Prints one JSON array with the text of each answer; halfway through, the access token is spoilt.
"""

import asyncio
import json
import sys
from urllib.parse import parse_qs, urlparse

import fastmcp
from fastmcp.utilities.tests import HeadlessOAuth
from mcp.shared.auth import AuthorizationCodeResult


class ByHand(HeadlessOAuth):
    async def redirect_handler(self, authorization_url):
        print(f"AUTHORIZE {authorization_url}", flush=True)
        self.answer = await asyncio.to_thread(sys.stdin.readline)

    async def callback_handler(self):
        query = parse_qs(urlparse(self.answer.strip()).query)
        first = {name: values[0] for name, values in query.items()}
        if "error" in first:
            raise RuntimeError(first["error"])
        return AuthorizationCodeResult(code=first["code"], state=first.get("state"), iss=first.get("iss"))


async def main():
    steps = json.loads(sys.stdin.readline())
    auth = ByHand(sys.argv[1], client_name="fastmcp by hand")
    texts = []
    async with fastmcp.Client(sys.argv[1], auth=auth) as client:
        for at, (tool, arguments) in enumerate(steps):
            if at == len(steps) // 2:
                auth.context.current_tokens.access_token = "dbg_spoilt"
                auth.context.token_expiry_time = 1.0
            result = await client.call_tool(tool, arguments, raise_on_error=False)
            texts.append("".join(getattr(block, "text", "") for block in result.content))
    print(json.dumps(texts))


asyncio.run(main())

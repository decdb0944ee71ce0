"""An independent MCP client: runs the steps given on standard input as JSON, in one session.

Arguments: URL, token, and which client: `fastmcp` (if none is named) or `mcp`.
Steps: ["list"], ["call", TOOL, ARGUMENTS]. Prints one JSON array with what came of each.
"""

import asyncio
import json
import sys
from contextlib import asynccontextmanager

import fastmcp
import mcp
from fastmcp.client.auth import BearerAuth
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client


@asynccontextmanager
async def connected(kind, url, token):
    """A client of this kind; `call` gives a result or raises."""
    if kind == "fastmcp":
        async with fastmcp.Client(url, auth=BearerAuth(token)) as client:

            async def call(name, arguments):
                return await client.call_tool(name, arguments, raise_on_error=False)

            yield client.list_tools, call
        return
    headers = {"Authorization": f"Bearer {token}"}
    async with create_mcp_http_client(headers=headers) as http:
        async with mcp.Client(streamable_http_client(url, http_client=http)) as client:

            async def tools():
                return (await client.list_tools()).tools

            yield tools, client.call_tool


async def one(tools, call, step):
    """What came of one step."""
    try:
        if step[0] == "list":
            return {"tools": sorted(tool.name for tool in await tools())}
        result = await call(step[1], step[2])
        text = "".join(getattr(block, "text", "") for block in result.content)
        return {"is_error": bool(result.is_error), "text": text}
    except Exception as error:  # noqa: BLE001: whatever the client makes of a refusal is the answer
        return {"exception": type(error).__name__, "text": str(error)}


async def main():
    """The command line."""
    url, token = sys.argv[1:3]
    kind = sys.argv[3] if len(sys.argv) > 3 else "fastmcp"
    steps = json.load(sys.stdin)
    async with connected(kind, url, token) as (tools, call):
        json.dump([await one(tools, call, step) for step in steps], sys.stdout)


asyncio.run(main())

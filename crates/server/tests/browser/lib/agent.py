"""An independent MCP client: runs the steps given on standard input as JSON, in one session.

Steps: ["list"], ["call", TOOL, ARGUMENTS]. Prints one JSON array with what came of each.
"""

import asyncio
import json
import sys

from fastmcp import Client
from fastmcp.client.auth import BearerAuth


async def one(client, step):
    try:
        if step[0] == "list":
            return {"tools": sorted(tool.name for tool in await client.list_tools())}
        result = await client.call_tool(step[1], step[2], raise_on_error=False)
        text = "".join(getattr(block, "text", "") for block in result.content)
        return {"is_error": result.is_error, "text": text}
    except Exception as error:  # noqa: BLE001: whatever the client makes of a refusal is the answer
        return {"exception": type(error).__name__, "text": str(error)}


async def main():
    url, token = sys.argv[1:3]
    steps = json.load(sys.stdin)
    async with Client(url, auth=BearerAuth(token)) as client:
        json.dump([await one(client, step) for step in steps], sys.stdout)


asyncio.run(main())

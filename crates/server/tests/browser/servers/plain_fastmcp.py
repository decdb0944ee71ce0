"""A small server on fastmcp as its users write one. Argument: the port."""

import sys

from fastmcp import Context, FastMCP

server = FastMCP("plain-fastmcp", version="1.0.0", instructions="Adds, counts and fails.")


@server.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool
async def count(ctx: Context) -> str:
    """Count to three, aloud."""
    for step in (1, 2, 3):
        await ctx.report_progress(step, 3, f"step {step}")
        await ctx.info(f"at {step}")
    return "counted ✓"


@server.tool
def fail() -> str:
    """Fail."""
    raise ValueError("as it should")


@server.resource("plain://text")
def text() -> str:
    """A text."""
    return "some text, and ünïcode"


@server.resource("plain://item/{key}")
def item(key: str) -> str:
    """An item by its key."""
    return f"item {key}"


@server.prompt
def greet(name: str) -> str:
    """Greet somebody."""
    return f"Say hello to {name}."


server.run(transport="http", host="127.0.0.1", port=int(sys.argv[1]), show_banner=False)

"""What whoever looks at the demo's page must not find on it: edges, covers, barriers, programs."""

from __future__ import annotations

import pathlib
import re
from typing import Any

from playwright import async_api

# A page made for people never shows these: they are words of a program about itself.
PROGRAMS = re.compile(
    r"Traceback|\w+(?:Error|Exception)[:(]|\[object |\bundefined\b|\bNaN\b"
    r"|\bpb:\w+|&(?:lt|gt|amp);|<[@#!]\w"
)
# What passes stays in the page: of 700 servers it is so much that reading it held the loop up on
# which the stand-ins run, too. The bot's sockets broke then, and the next press reached nobody.
BARRIERS = """async () => {
  const rules = { "target-size": { enabled: true } };
  const { violations } = await axe.run({ resultTypes: ["violations"], rules });
  return violations.map(({ id, impact, nodes }) => ({ id, impact, nodes: nodes.slice(0, 2) }));
}"""
LOOK = pathlib.Path(__file__).with_name("seeing.js").read_text().strip().removesuffix(";")


async def misplaced(page: async_api.Page, width: int) -> list[str]:
    """Return what is wider than the screen, off it, cut, or covered."""
    found: list[str] = await page.evaluate(LOOK, width)
    return found


async def barriers(page: async_api.Page, axe: str) -> list[str]:
    """Return everything that axe calls a violation, however slight; `axe` is its script."""
    if not await page.evaluate("() => 'axe' in window"):
        await page.add_script_tag(content=axe)
    found: list[dict[str, Any]] = await page.evaluate(BARRIERS)
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary'][:200]}"
        for one in found
        for node in one["nodes"]
    ]


async def programs(page: async_api.Page) -> list[str]:
    """Return the words on the page that a program has said and not a person."""
    return PROGRAMS.findall(await page.inner_text("body"))

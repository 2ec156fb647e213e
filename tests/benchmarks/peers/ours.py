"""The bot as it runs, up to its ack: `powerbot run`, whose workflow decides nothing.

A payload is verified, read, checked, found not to be a double, stored, and noted as done. What is
left out is what a payload asks for, since the hello world does nothing after its ack either.
"""

from __future__ import annotations

from bot import cli
from bot.power import ports
from bot.workflow import answers, workflow


async def nobody_decides(_: workflow.Workflow, inbound: ports.Inbound) -> answers.Answer | None:
    """Leave what a payload asks for undone."""
    return None


if __name__ == "__main__":
    workflow.Workflow.handle = nobody_decides  # type: ignore[assignment, method-assign]
    cli.main()

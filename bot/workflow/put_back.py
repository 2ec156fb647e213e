"""Put back: a person asks for everything that an ended request still has out."""

from __future__ import annotations

from bot.power import errors, ports
from bot.power.run import step_ledger
from bot.workflow import answers, audit_trail
from bot.workflow.context import Context
from bot.workflow.rights import authorise

RUNS = "It is still running, and puts back what it took out by itself."
NOT_YOURS = "Only people who can make or approve such a request can put it back."
UNREAD = (
    "Whether you can put it back could not be checked, since Slack didn't say who is in its "
    "groups; press Put back again in a moment."
)
NOTHING = "There is nothing left to put back."


async def put_back(
    context: Context, inbound: ports.Inbound, request: ports.Request
) -> answers.Note:
    """Have everything that stands put back now.

    Raises:
        SlackUnavailable: it could not be read whether this person may.
    """
    if not request.ended_at:
        return await _refuse(context, inbound, request, RUNS)
    if not await _may(context, inbound.person.user_id, request):
        return await _refuse(context, inbound, request, NOT_YOURS)
    now = context.clock.now()

    def work(tx: ports.Tx) -> int:
        # It is marked as due; whichever process looks next puts it back.
        many = step_ledger.ask_back(tx, request, now=now)
        if many:
            audit_trail.row(tx, inbound, "put_back.asked", request, now, {"servers": many})
        return many

    if many := await context.store.write(work):
        servers = "1 server is being" if many == 1 else f"{many} servers are being"
        return answers.Note(f"{servers} put back; the thread says when that is done.")
    return await _refuse(context, inbound, request, NOTHING)


async def _may(context: Context, user_id: str, request: ports.Request) -> bool:
    """Whether a person is in a group that may ask for, or approve, such a request.

    Raises:
        SlackUnavailable: a group on which it depends could not be read.
    """
    groups = authorise.groups_of(context, request)
    roster = await context.people.roster(groups)
    if authorise.puts_back(context, user_id, request, roster):
        return True
    # Only where it matters: whoever is in a group that was read is let through.
    if roster.unreadable & groups:
        raise errors.SlackUnavailable(UNREAD)
    return False


async def _refuse(
    context: Context, inbound: ports.Inbound, request: ports.Request, said: str
) -> answers.Note:
    """Audit and say why nothing is put back."""
    await audit_trail.refused(context, inbound, "put_back.refused", request, why=said)
    return answers.Note(said, good=False)

"""ChangeServerPowerState: what is checked, in which order, and which machines then move.

The rules are those of the CloudDC API's power-state and error code pages. Whether one bad id
spoils the whole call is not documented; by default it does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.data_centre.api import refusals
from bot.sandbox.data_centre.api.exchange import HttpRequest
from bot.sandbox.data_centre.api.journal import MAX_IDS
from bot.sandbox.data_centre.machines.actions import Action
from bot.sandbox.data_centre.machines.inventory import Inventory
from bot.sandbox.data_centre.machines.machine import Machine

MAX_IDS_PER_CALL = 50
MAX_WORD_CHARS = 64
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class PowerOrder:
    """A well-formed power call: an action and distinct ids; no ids means the dangerous case."""

    action: Action
    ids: tuple[str, ...]


def named(request: HttpRequest) -> tuple[tuple[str, ...], str | None]:
    """The ids and the action that a call names, for the log; it may be refused or malformed."""
    try:
        body = request.json_object()
    except refusals.Refusal:
        return (), None
    given = body.get("server_id_set")
    ids = given[:MAX_IDS] if isinstance(given, list) else []
    action = str(body["action"])[:MAX_WORD_CHARS] if "action" in body else None
    return tuple(item[:MAX_WORD_CHARS] for item in ids if isinstance(item, str)), action


def read_order(body: dict[str, object], *, empty_means_all: bool) -> PowerOrder:
    """Check the body alone.

    Raises:
        Refusal: 400 iMetal.0002 or iMetal.0001.
    """
    if body.get("action") in (None, ""):
        raise refusals.missing("action")
    ids = body.get("server_id_set")
    if not ids and not empty_means_all:
        raise refusals.missing("server_id_set")
    # The vendor's own client sends more than fifty ids and any action word without a murmur.
    checked = _checked_ids(ids or [])
    try:
        action = Action(str(body["action"]))
    except ValueError:
        raise refusals.invalid("action") from None
    return PowerOrder(action, checked)


def _checked_ids(ids: object) -> tuple[str, ...]:
    if not isinstance(ids, list) or len(ids) > MAX_IDS_PER_CALL:
        raise refusals.invalid("server_id_set")
    if not all(isinstance(item, str) and UUID.fullmatch(item) for item in ids):
        raise refusals.invalid("server_id_set")
    return tuple(dict.fromkeys(ids))


def choose(
    order: PowerOrder, inventory: Inventory, now: float, *, partial_acceptance: bool
) -> list[Machine]:
    """Find the machines that will act; an order without ids means every machine that can.

    Raises:
        Refusal: 404 iMetal.0100 or 400 iMetal.0101, naming the ids; with partial acceptance only
            when no machine is left.
    """
    if not order.ids:
        return [machine for machine in inventory.machines if machine.is_ready(now)]
    found = [machine for server_id in order.ids if (machine := inventory.by_id(server_id))]
    ready = [machine for machine in found if machine.is_ready(now)]
    if partial_acceptance and ready:
        return ready
    # An unknown id is told before a busy one: a message can name only one kind of trouble.
    _refuse_rest(order.ids, {machine.server.id for machine in found}, refusals.not_found)
    _refuse_rest(order.ids, {machine.server.id for machine in ready}, refusals.not_ready)
    return ready


def _refuse_rest(
    ids: tuple[str, ...],
    good: set[str],
    refusal: Callable[[list[str]], refusals.Refusal],
) -> None:
    rest = [server_id for server_id in ids if server_id not in good]
    if rest:
        raise refusal(rest)

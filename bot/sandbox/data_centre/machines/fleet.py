"""Who stands in the racks: a believable fleet, the same for the same seed.

Only facts that stay; what changes with a power action is `machine`'s.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from bot.sandbox.data_centre.machines.actions import Action, Power

SERVERS_PER_RACK = 20
MAX_SERVERS = 20_000
STEADY_WEB_SERVERS = 10
_FIRST_ONBOARD_MS = 1_704_067_200_000  # 2024-01-01T00:00:00Z
_ONBOARD_SPAN_MS = 500 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Role:
    """A kind of server: how its names begin, its tag, and its share of a fleet of 200."""

    prefix: str
    tag: str
    share: int
    at_least: int
    team: str


ROLES = (
    Role("web", "web", 60, 3, "storefront"),
    Role("db", "db", 24, 1, "data"),
    Role("cache", "cache", 16, 1, "data"),
    Role("worker", "worker", 80, 1, "batch"),
    Role("k8s-worker-", "k8s", 8, 0, "platform"),
    Role("build", "build", 6, 0, "platform"),
    Role("stor", "storage", 4, 0, "data"),
    Role("pdu-ctl", "facility", 2, 1, "dc-ops"),
)
_FILLER = next(role for role in ROLES if role.prefix == "worker")
_SMALLEST_MIX = 10
# operation_state is sticky: it may still show what was done to a server long ago.
_PAST = {Power.ON: (None, Action.REBOOT, Action.ON), Power.OFF: (None, Action.OFF)}


@dataclass(frozen=True, slots=True)
class Server:
    """The facts of one server, in the words of the ShowServer page."""

    id: str
    name: str
    sn: str
    rack: str
    dc: str
    unit: str
    onboard_time: str
    tags: tuple[tuple[str, str], ...]
    power: Power = Power.ON
    health_state: str = "OK"
    manage_state: str = "in-use"
    frozen_state: int = 0
    last_action: Action | None = None


def build(count: int, *, seed: int = 0) -> list[Server]:
    """Build `count` servers, 1 to 20,000, in rack order; web01 and its neighbours come first.

    From ten servers on there are web, db, cache, worker and pdu-ctl servers, and some are off.
    web01 to web10 are always on and in good health, so that examples can rely on them.

    Raises:
        ValueError: when the count is out of range.
    """
    if not 1 <= count <= MAX_SERVERS:
        raise ValueError(f"A fleet has 1 to {MAX_SERVERS} servers, not {count}.")
    names = list(_names(count))
    traits = _traits([name for _, name in names], random.Random(f"{seed}/traits"))
    return [
        _server(role, name, place, traits=traits[name], seed=seed)
        for place, (role, name) in enumerate(names)
    ]


def _names(count: int) -> Iterator[tuple[Role, str]]:
    """Yield role and name; two digits at least, counted from 01 without gaps."""
    sizes = {role: 0 for role in ROLES} | {ROLES[0]: count}
    if count >= _SMALLEST_MIX:
        sizes = {role: max(role.at_least, count * role.share // 200) for role in ROLES}
        sizes[_FILLER] += count - sum(sizes.values())
    for role in ROLES:
        for number in range(1, sizes[role] + 1):
            yield role, f"{role.prefix}{number:02d}"


@dataclass(slots=True)
class _Traits:
    power: Power = Power.ON
    health_state: str = "OK"
    manage_state: str = "in-use"
    frozen_state: int = 0


def _traits(names: list[str], rng: random.Random) -> dict[str, _Traits]:
    """Choose who is off, unwell or not ready: about 5 %, 6 % and, in big fleets, two."""
    traits = {name: _Traits() for name in names}
    others = names[STEADY_WEB_SERVERS:] if len(names) > STEADY_WEB_SERVERS else names[3:]
    movable = [name for name in others if not name.startswith("pdu")]
    if not movable:
        return traits
    for name in rng.sample(movable, max(1, len(names) // 20)):
        traits[name].power = Power.OFF
    for name in rng.sample(movable, len(names) // 25):
        traits[name].health_state = "Warning"
    for name in rng.sample(movable, len(names) // 66):
        traits[name].health_state = "Critical"
    if len(names) >= 100:
        maintained, frozen = rng.sample(movable[-20:], 2)
        traits[maintained].manage_state = "maintain"
        traits[frozen].frozen_state = 1
    return traits


def _server(role: Role, name: str, place: int, *, traits: _Traits, seed: int) -> Server:
    # Each server draws from its own generator, so a name means the same server in any fleet size.
    rng = random.Random(f"{seed}/{name}")
    onboard_ms = _FIRST_ONBOARD_MS + rng.randrange(_ONBOARD_SPAN_MS)
    rack = place // SERVERS_PER_RACK + 1
    return Server(
        id=_uuid7(onboard_ms, rng),
        name=name,
        sn=f"2102{rng.getrandbits(48):012X}",
        rack=f"R{rack:02d}",
        dc="dc-a" if rack % 2 else "dc-b",
        unit=f"{2 * (place % SERVERS_PER_RACK) + 1}",
        onboard_time=datetime.fromtimestamp(onboard_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        tags=_tags(role, rng),
        power=traits.power,
        health_state=traits.health_state,
        manage_state=traits.manage_state,
        frozen_state=traits.frozen_state,
        last_action=rng.choice(_PAST[traits.power]),
    )


def _tags(role: Role, rng: random.Random) -> tuple[tuple[str, str], ...]:
    tags = (("role", role.tag), ("env", rng.choice(("prod", "prod", "stage"))), ("team", role.team))
    # The machines that steer the power strips are the ones nobody may switch from a chat.
    return (*tags, ("powerbot", "never")) if role.prefix == "pdu-ctl" else tags


def _uuid7(unix_ms: int, rng: random.Random) -> str:
    """A time-ordered id, like the one in the example of the power-state page."""
    value = unix_ms << 80 | 0x7 << 76 | rng.getrandbits(12) << 64 | 0b10 << 62 | rng.getrandbits(62)
    return str(UUID(int=value))

"""The switches of the whole centre, as a page shows and turns them."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.sandbox.data_centre.api.reading import Listing
from bot.sandbox.data_centre.centre import DataCentre
from bot.sandbox.data_centre.machines.actions import Generation

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Switch:
    """One switch: its choices, how it stands, and how it is turned."""

    description: str
    choices: tuple[Value, ...]
    read: Callable[[DataCentre], Value]
    turn: Callable[[DataCentre, Value], None]


def _of_service(field: str, description: str, *choices: Value) -> Switch:
    def read(centre: DataCentre) -> Value:
        value: Value = getattr(centre.switches, field)
        return value

    return Switch(
        description, choices, read, lambda centre, value: setattr(centre.switches, field, value)
    )


SWITCHES = {
    "speed": Switch(
        "How fast time passes for the machines.",
        (1, 5, 20, 100),
        lambda centre: round(centre.tempo.speed),
        lambda centre, value: centre.tempo.run_at(float(str(value))),
    ),
    "generation": Switch(
        "The dialect of states that the service speaks.",
        tuple(Generation),
        lambda centre: centre.switches.generation,
        lambda centre, value: setattr(centre.switches, "generation", Generation(str(value))),
    ),
    "partial_acceptance": _of_service(
        "partial_acceptance", "One bad server no longer spoils the whole call.", False, True
    ),
    "requests_per_s": _of_service(
        "requests_per_s", "Requests a second above which it answers 429.", None, 10, 2
    ),
    "marker_as_url": _of_service(
        "marker_as_url", "The list's next marker is an address, not an id.", False, True
    ),
    "listing": Switch(
        "How the list is served: whole, in short pages, with rows repeated, or with some missing.",
        tuple(Listing),
        lambda centre: centre.switches.listing,
        lambda centre, value: setattr(centre.switches, "listing", Listing(str(value))),
    ),
}


def shown(centre: DataCentre) -> list[dict[str, object]]:
    """Every switch with its choices and how it stands."""
    return [
        {
            "name": name,
            "description": switch.description,
            "choices": list(switch.choices),
            "value": switch.read(centre),
        }
        for name, switch in SWITCHES.items()
    ]


def turn(centre: DataCentre, name: str, value: object) -> None:
    """Turn a switch.

    Raises:
        ValueError: there is no such switch, or it doesn't have this choice.
    """
    switch = SWITCHES.get(name)
    if switch is None:
        raise ValueError(f"switch must be one of: {', '.join(SWITCHES)}.")
    # JSON's true must not pass for 1, nor 1 for true.
    found = [one for one in switch.choices if one == value and type(one) is _plain(one, value)]
    if not found:
        choices = ", ".join(str(one) for one in switch.choices)
        raise ValueError(f"value of {name} must be one of: {choices}.")
    switch.turn(centre, found[0])


def _plain(choice: Value, value: object) -> type:
    """The type that a value must have to mean this choice; words of an enum are texts."""
    return type(choice) if isinstance(choice, str) and isinstance(value, str) else type(value)

"""All machines of the project, found by id or name and paged by id."""

from bisect import bisect_right
from collections.abc import Iterable

from bot.sandbox.data_centre.machines.fleet import Server
from bot.sandbox.data_centre.machines.machine import Machine


class UnknownServer(LookupError):
    """No server has this name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no server {name[:80]!r} in the data centre.")


class Inventory:
    """The machines in the order of their ids, which is the order of ListServers."""

    def __init__(self, machines: Iterable[Machine]) -> None:
        self.machines: list[Machine] = []
        self._hold(machines)

    def _hold(self, machines: Iterable[Machine]) -> None:
        """Hold these machines and no others."""
        ordered = sorted(machines, key=lambda machine: machine.server.id)
        by_id = {machine.server.id: machine for machine in ordered}
        by_name = {machine.server.name: machine for machine in ordered}
        if not len(by_id) == len(by_name) == len(ordered):
            raise ValueError("Two servers of a data centre can't share an id or a name.")
        self.machines, self._by_id, self._by_name = ordered, by_id, by_name
        self._ids = list(by_id)

    def find(self, name_or_id: str) -> Machine:
        """Find a machine for a person or a test.

        Raises:
            UnknownServer: when there is none.
        """
        machine = self._by_name.get(name_or_id) or self._by_id.get(name_or_id)
        if machine is None:
            raise UnknownServer(name_or_id)
        return machine

    def take_out(self, machine: Machine, heir: Machine | None = None) -> None:
        """Delete a machine for good; an heir may take its name, and stands in its own place."""
        left = [one for one in self.machines if one is not machine]
        self._hold([*left, heir] if heir else left)

    def become(self, machine: Machine, facts: Server) -> None:
        """Give a machine other facts, and file it under the name among them.

        Raises:
            ValueError: another machine has its name.
        """
        before = machine.server
        machine.become(facts)
        try:
            self._hold(self.machines)
        except ValueError:
            machine.become(before)
            raise

    def by_id(self, server_id: str) -> Machine | None:
        """Find a machine as the API does, by id alone."""
        return self._by_id.get(server_id)

    def after(self, marker: str | None) -> list[Machine]:
        """The machines behind a marker; one that is gone still marks its place."""
        return self.machines[bisect_right(self._ids, marker) :] if marker else self.machines

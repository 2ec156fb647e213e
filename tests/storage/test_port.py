"""The store is the port that the workflow knows."""

from __future__ import annotations

import inspect

from bot.power import ports
from bot.storage.store import Store
from bot.storage.tables import transaction


def test_the_store_has_every_method_of_its_port(store: Store) -> None:
    """The type checker compares the signatures; this compares the names at run time."""
    as_port: ports.RequestStore = store
    a_transaction: type[ports.Tx] = transaction.Transaction

    assert _methods(ports.RequestStore) <= _methods(type(as_port))
    assert _methods(ports.Tx) <= _methods(a_transaction)


def _methods(of: type) -> set[str]:
    """Return the names of the public methods."""
    return {name for name, _ in inspect.getmembers(of, callable) if not name.startswith("_")}

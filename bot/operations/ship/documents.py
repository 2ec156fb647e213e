"""YAML as people write it: no anchors, and text of many lines as a block."""

from __future__ import annotations

from typing import Any

import yaml

WIDTH = 100  # Characters in a line.


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """Write a value again wherever it stands."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Quoted, a policy or a script in one line is read by nobody.
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def dumped(made: Any) -> str:
    """Return a document."""
    return yaml.dump(made, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=WIDTH)

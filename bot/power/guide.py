"""Help, made from the same tables as the parser: what isn't there can't be typed."""

from __future__ import annotations

from bot.power import command

TARGETS = """\
Targets: names (web01), ranges (web[01-20,25]), wildcards (web*), ids, sn:…, tag:role=web, \
rack:R12, dc:…, state:off, health:Critical, @group. !web07 takes out."""


def help_text(verb: str | None) -> str:
    """Return the help for one verb, or for all when `verb` is None; plain text, lines."""
    if verb is None:
        lines = [f"{name}: {found.does}" for name, found in command.VERBS.items()]
        return "\n".join(["/power VERB TARGETS [OPTIONS] [because REASON]", *lines, TARGETS])
    found = command.VERBS[verb]
    lines = [f"/power {found.usage}", f"{verb} {found.does}.", f"Example: /power {found.example}"]
    if command.CHANGE in found.usage:
        lines += [f"{name}: {does}" for name, does in command.OPTIONS.items()]
    if "TARGETS" in found.usage:
        lines.append(TARGETS)
    return "\n".join(lines)

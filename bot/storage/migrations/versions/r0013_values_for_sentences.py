"""Who ended a request, whom its end names, and causes of servers, as values beside the sentences.

What is stored is read out of its sentences once, here, and never again.
"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_BY_WHOM = re.compile(r"(?:denied|cancelled|stopped) by ([UW][A-Z0-9]{1,30})(?:: .*)?", re.DOTALL)
_ENDED = """
    SELECT id, end_reason FROM requests
    WHERE state IN ('denied', 'cancelled', 'stopped') AND end_reason LIKE '% by %'
"""
# As the sentences of freezes name their holders.
_HOLDER = re.compile(r"(?:\bby |\bfreeze of )([UW][A-Z0-9]{1,30})(?= \()")
_FROZEN = """
    SELECT id, end_reason FROM requests
    WHERE end_reason LIKE '%held by freeze of %' OR end_reason LIKE 'Everything is frozen by %'
"""
_NAMED = sa.text("UPDATE requests SET end_named = :named WHERE id = :id")
_BY = sa.text("UPDATE requests SET ended_by = :ended_by WHERE id = :id")
_LOST = "the answer was lost"
_LEFT_OUT = "CloudDC's answer leaves it out"
_INTERRUPTED = "Powerbot was interrupted during the call"
_REPEAT = "asked for again: its answer was lost and nothing is seen"
# Rows of before revision 0006 have no cause.
_CAUSES = {
    _REPEAT: "asked again",
    _LOST: "answer lost",
    _LEFT_OUT: "left out",
    _INTERRUPTED: "interrupted",
}
_CAUSE = sa.text("UPDATE run_servers SET cause = :cause WHERE cause = '' AND detail = :detail")
_NOT_AGAIN = sa.text("""
    UPDATE run_servers SET cause = 'not asked again'
    WHERE state = 'unknown' AND detail LIKE 'the answer was lost; not asked for again: %'
""")
# The cause says it all.
_SAID = sa.text("UPDATE run_servers SET detail = '' WHERE cause = :cause AND detail = :detail")


def upgrade() -> None:
    """Add the columns, and fill them and the causes from what was said."""
    for name in ("ended_by", "end_named"):
        column = sa.Column(name, sa.Text(), nullable=False, server_default="")
        op.add_column("requests", column)
    connection = op.get_bind()
    ended = [
        {"id": id_, "ended_by": found[1]}
        for id_, reason in connection.execute(sa.text(_ENDED)).all()
        if (found := _BY_WHOM.fullmatch(reason))
    ]
    if ended:
        connection.execute(_BY, ended)
    named = [
        {"id": id_, "named": " ".join(dict.fromkeys(_HOLDER.findall(reason)))}
        for id_, reason in connection.execute(sa.text(_FROZEN)).all()
    ]
    if named:
        connection.execute(_NAMED, named)
    for detail, cause in _CAUSES.items():
        connection.execute(_CAUSE, {"cause": cause, "detail": detail})
    connection.execute(_NOT_AGAIN)
    for detail in (_LEFT_OUT, _INTERRUPTED):
        connection.execute(_SAID, {"cause": _CAUSES[detail], "detail": detail})

"""The shapes inside a rich_text block ("Reference: rich text block")."""

from typing import Final

from bot.sandbox.workspace.base import limits
from bot.sandbox.workspace.blockkit.shapes import (
    Check,
    array,
    boolean,
    by_type,
    integer,
    kind,
    record,
    string,
)

_TEXT_STYLES: Final = ("bold", "italic", "strike", "code", "underline")
_MENTION_STYLES: Final = ("bold", "italic", "strike", "highlight", "client_highlight", "unlink")
_TEXT_STYLE: Final = record(dict.fromkeys((*_TEXT_STYLES, *_MENTION_STYLES), boolean))
_NAME: Final = string(minimum=1)

INLINE: Final[Check] = by_type(
    {
        "broadcast": kind(
            {"range": string(one_of=("here", "channel", "everyone")), "style": _TEXT_STYLE},
            ["range"],
        ),
        "channel": kind({"channel_id": _NAME, "style": _TEXT_STYLE}, ["channel_id"]),
        "color": kind({"value": _NAME, "style": _TEXT_STYLE}, ["value"]),
        "date": kind(
            {
                "timestamp": integer(0),
                "format": _NAME,
                "url": _NAME,
                "fallback": string(),
                "style": _TEXT_STYLE,
            },
            ["timestamp", "format"],
        ),
        "emoji": kind(
            {"name": _NAME, "unicode": string(), "skin_tone": integer(), "style": _TEXT_STYLE},
            ["name"],
        ),
        "link": kind(
            {"url": _NAME, "text": string(), "unsafe": boolean, "style": _TEXT_STYLE}, ["url"]
        ),
        "text": kind({"text": string(minimum=1), "style": _TEXT_STYLE}, ["text"]),
        "user": kind({"user_id": _NAME, "style": _TEXT_STYLE}, ["user_id"]),
        "usergroup": kind({"usergroup_id": _NAME, "style": _TEXT_STYLE}, ["usergroup_id"]),
    }
)

_SECTION: Final = kind({"elements": array(INLINE)}, ["elements"])
_BORDERED: Final = kind({"elements": array(INLINE), "border": integer(0)}, ["elements"])
_LIST: Final = kind(
    {
        "elements": array(by_type({"rich_text_section": _SECTION})),
        "style": string(one_of=("bullet", "ordered")),
        "indent": integer(0),
        "offset": integer(0),
        "border": integer(0),
    },
    ["elements", "style"],
)

RICH_TEXT: Final[Check] = kind(
    {
        "block_id": string(limits.BLOCK_ID, 1),
        "elements": array(
            by_type(
                {
                    "rich_text_section": _SECTION,
                    "rich_text_list": _LIST,
                    "rich_text_preformatted": kind(
                        {
                            "elements": array(INLINE),
                            "border": integer(0),
                            "language": string(),
                        },
                        ["elements"],
                    ),
                    "rich_text_quote": _BORDERED,
                }
            )
        ),
    },
    ["elements"],
)
RICH_TEXT_ONLY: Final[Check] = by_type({"rich_text": RICH_TEXT})

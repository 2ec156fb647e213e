"""Structured logs on stderr: one event a step, redacted, as text or as JSON."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog

from bot.operations import redaction


def configure(
    form: str,
    level: str,
    *,
    secrets: Iterable[str] = (),
    watchers: Iterable[structlog.typing.Processor] = (),
) -> redaction.Redactor:
    """Set up structlog and the standard library's loggers; return who takes the secrets out.

    `form` is `text` or `json`.

    `secrets` are never printed. `watchers` see every event, printed or not.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    redactor = redaction.Redactor(secrets)
    printing: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _without_empty,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        # Last of these: an exception's text is in the event by now.
        redactor.event,
    ]
    # A colour's code would stand between the parts of a secret that it colours.
    text = [_in_words, structlog.dev.ConsoleRenderer(colors=False)]
    writing = [*([structlog.processors.JSONRenderer()] if form == "json" else text), redactor.line]
    structlog.configure(
        processors=[*watchers, _from(number), *printing, *writing],
        # Nothing is dropped before the watchers have seen it.
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # Libraries speak only when something is wrong: at DEBUG they would print whole payloads.
    _print_libraries(max(number, logging.WARNING), printing, writing)
    return redactor


def _print_libraries(
    number: int,
    printing: list[structlog.typing.Processor],
    writing: list[structlog.typing.Processor],
) -> None:
    """Print what the standard library's loggers say, from this level on, as our own events are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=printing,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *writing],
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)


def _without_empty(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what has no value: an empty text or list says nothing that its absence doesn't."""
    return {key: value for key, value in event.items() if value or value in (0, False)}


def _in_words(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put the request's id and its words behind the event's name: they are read together."""
    if said := event.pop("said", ""):
        parts = (event["event"], event.pop("request", ""), said)
        event["event"] = " ".join(str(part) for part in parts if part)
    return event


def _from(number: int) -> structlog.typing.Processor:
    """Return what drops the events below a level."""

    def dropping(
        _: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        # A method without a level of its name, such as `exception`, is an error.
        if logging.getLevelNamesMapping().get(method.upper(), logging.ERROR) < number:
            raise structlog.DropEvent
        return event

    return dropping

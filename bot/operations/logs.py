"""Structured logs on stderr: one event a step, redacted, as text or as JSON."""

from __future__ import annotations

import logging
import sys

import structlog

from bot.operations import redaction


def configure(form: str, level: str) -> None:
    """Set up structlog and the standard library's loggers; `form` is `text` or `json`."""
    number = logging.getLevelNamesMapping()[level.upper()]
    last = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redaction.processor,
    ]
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    # Libraries speak only when something is wrong: at DEBUG they would print whole payloads.
    logging.basicConfig(level=max(number, logging.WARNING), handlers=[handler], force=True)

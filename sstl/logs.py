"""Logs: one JSON object a line on stderr, with stable field names.

A line has ``ts``, ``level``, ``logger``, ``event`` (a fixed sentence, never put together from data)
and fields out of `FIELDS`. Nothing else gets through: names of people and companies, container and
seal numbers cannot be logged by mistake, for there is no field that takes them. Of an exception
only its class and the places in the code are written, because its text may quote the message that
caused it.

Faust and mode replace logging, stdout and stderr when their worker starts: create it with
``override_logging=False, redirect_stdouts=False`` and call `configure` first.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, Final, TextIO

FIELDS: Final[Mapping[str, type]] = {
    "stage": str,
    "topic": str,
    "partition": int,
    "offset": int,
    "epoch": int,
    "group": str,
    "transactional_id": str,
    "worker": str,
    "version": str,
    "policy_hash": str,
    "pid": int,
    "port": int,
    "address": str,
    "signal": str,
    "exit_code": int,
    "records": int,
    "expected": int,
    "outputs": int,
    "bytes": int,
    "cells": int,
    "attempt": int,
    "seconds": float,
    "lag_seconds": float,
    "outcome": str,
    "reason": str,
    "rule": str,
    "kind": str,
    "setting": str,
    "path": str,
    "error": str,
    "where": str,
}
"""Every field a line may have beside the fixed four; docs/operations.md says what they mean."""

OWN: Final = "sstl"
_PLAIN = re.compile(r"[\w.:/~@+|,\-\[\]]{1,200}\Z", re.ASCII)
_MAX_EVENT = 400
_MAX_FRAMES = 12
_QUIET = ("aiokafka", "kafka", "faust", "mode", "asyncio")
"""Libraries whose INFO lines tell an operator nothing."""


class Log:
    """A logger whose lines are a fixed sentence and fields of `FIELDS`."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **fields: str | float | None) -> None:
        """Log what helps to follow the program."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, **fields: str | float | None) -> None:
        """Log what an operator wants to know about an ordinary day."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, **fields: str | float | None) -> None:
        """Log what somebody should look at some time."""
        self._write(logging.WARNING, event, fields)

    def error(
        self,
        event: str,
        *,
        cause: BaseException | None = None,
        **fields: str | float | None,
    ) -> None:
        """Log what somebody should look at now; of ``cause`` class and places, never its text."""
        self._write(logging.ERROR, event, fields, cause)

    def _write(
        self,
        level: int,
        event: str,
        fields: Mapping[str, str | float | None],
        cause: BaseException | None = None,
    ) -> None:
        if self._logger.isEnabledFor(level):
            self._logger.log(level, event, extra={"fields": fields}, exc_info=cause)


def get(name: str) -> Log:
    """Return the logger of a module (``logs.get(__name__)``)."""
    return Log(name)


def admitted(fields: Mapping[str, Any]) -> dict[str, str | float]:
    """Return what of these fields may be written: known names, right types, no free text.

    What is not admitted is named under ``dropped``, without its value. A field that is None is left
    out.
    """
    kept: dict[str, str | float] = {}
    dropped: list[str] = []
    for name, value in fields.items():
        if value is None:
            continue
        kind = FIELDS.get(name)
        if kind is str and isinstance(value, str | PurePath) and _PLAIN.match(str(value)):
            kept[name] = str(value)
        elif kind is int and isinstance(value, int):
            kept[name] = int(value)
        elif kind is float and isinstance(value, int | float):
            kept[name] = round(float(value), 6)
        else:
            dropped.append(name)
    if dropped:
        kept["dropped"] = ",".join(sorted(dropped))
    return kept


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        line: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": _event(record),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            line |= admitted(fields)
        cause = record.exc_info[1] if record.exc_info else None
        if cause is not None:
            line["error"] = type(cause).__name__
            line["where"] = _places(cause)
        return json.dumps(line, ensure_ascii=False)


def _event(record: logging.LogRecord) -> str:
    """Return the sentence: our own as it stands, a library's with its harmless arguments."""
    text = str(record.msg)
    if not _is_own(record.name):
        text = text.partition("\n")[
            0
        ]  # asyncio writes the task, with its exception's text, on the next lines
    if record.args and not _is_own(record.name):
        args = record.args
        try:
            if isinstance(args, Mapping):
                text %= {name: _bare(value) for name, value in args.items()}
            else:
                text %= tuple(_bare(value) for value in args)
        except (TypeError, ValueError, KeyError):
            return text[:_MAX_EVENT]
    return " ".join(text.split())[:_MAX_EVENT]


def _is_own(logger: str) -> bool:
    return logger == OWN or logger.startswith(f"{OWN}.")


def _bare(value: Any) -> Any:
    """Return a library's argument, unless it may quote a message: then the name of its class."""
    if isinstance(value, int | float | str):
        return value
    if isinstance(value, tuple) and hasattr(value, "topic") and hasattr(value, "partition"):
        return f"{value.topic}/{value.partition}"
    return type(value).__name__


def _places(cause: BaseException) -> str:
    """Return the innermost places of the code, the failing one last."""
    frames = traceback.extract_tb(cause.__traceback__)[-_MAX_FRAMES:]
    return " < ".join(
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in reversed(frames)
    )


def configure(level: str = "INFO", stream: TextIO | None = None) -> None:
    """Make every logger of this process write such lines.

    Args:
        level: Least level of our own loggers; libraries speak from WARNING on unless it is DEBUG.
        stream: None: the process's stderr, even where somebody has replaced ``sys.stderr``.
    """
    target = stream or sys.__stderr__
    handler = logging.StreamHandler(target) if target is not None else logging.NullHandler()
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    for former in list(root.handlers):
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.DEBUG if level == "DEBUG" else logging.WARNING)
    logging.captureWarnings(capture=True)

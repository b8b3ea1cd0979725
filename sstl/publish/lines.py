"""JSONL of structured CloudEvents, with the number of each line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class Line:
    """One line that is not empty."""

    number: int
    """From 1."""
    raw: bytes
    event: dict[str, Any] | None
    """None: the line is no JSON object."""
    problem: str | None = None
    """Why ``event`` is None."""


def read_lines(file: Iterable[bytes]) -> Iterator[Line]:
    """Yield the lines of a file that are not empty; a line that cannot be read says why."""
    for number, raw in enumerate(file, start=1):
        text = raw.strip()
        if not text:
            continue
        try:
            event = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            yield Line(number, text, None, f"not JSON: {error}")
            continue
        if isinstance(event, dict):
            yield Line(number, text, event)
        else:
            yield Line(number, text, None, f"expected a JSON object, got {type(event).__name__}")

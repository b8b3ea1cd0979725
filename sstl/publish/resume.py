"""What an interrupted publication had already been promised by the broker."""

import errno
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from sstl.errors import ExitCode, UserError

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """How many events, counted from the first, the broker has acknowledged, and where the topics then ended."""

    events: int = 0
    ends: Mapping[str, int] | None = None
    """``<topic>/<partition>`` to its end offset after the last acknowledgement."""


class ResumeFile:
    """The note of one publication: (content, broker, prefix) decide which file it is.

    Args:
        directory: Where notes are kept; made when the first one is written.
        content: SHA-256 of what is published, hexadecimal.
        bootstrap: Kafka servers.
        prefix: Prefix of the topics.
    """

    def __init__(self, directory: Path, *, content: str, bootstrap: str, prefix: str) -> None:
        name = hashlib.sha256(f"{content}\n{bootstrap}\n{prefix}".encode()).hexdigest()[:24]
        self.path = directory / f"{name}.json"

    def load(self, ends: Mapping[str, int]) -> Acknowledged:
        """Return what was acknowledged; nothing when the topics were made anew since.

        Args:
            ends: End offsets of the topics now, to compare with those of the note.

        Raises:
            UserError: The note cannot be read.
        """
        try:
            note = orjson.loads(self.path.read_bytes())
            if note["format"] != _FORMAT:
                return Acknowledged()
            known = Acknowledged(int(note["events"]), {k: int(v) for k, v in note["ends"].items()})
        except FileNotFoundError:
            return Acknowledged()
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"{self.path}: cannot read how far the last run came ({error}); use --restart"
            raise UserError(message, ExitCode.SETTINGS) from error
        behind = any(ends.get(place, 0) < end for place, end in (known.ends or {}).items())
        return Acknowledged() if behind else known

    def save(self, state: Acknowledged) -> None:
        """Replace the note in one step, so that a crash leaves the old one or the new one.

        Raises:
            UserError: The note cannot be written.
        """
        note = {"format": _FORMAT, "events": state.events, "ends": dict(state.ends or {})}
        beside = self.path.with_suffix(".new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                file.write(orjson.dumps(note))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError as error:
            message = f"{self.path}: cannot note how far this run came: {error.strerror}"
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            raise UserError(message, ExitCode.NO_SPACE if full else ExitCode.SETTINGS) from error

    def forget(self) -> None:
        """Remove the note."""
        self.path.unlink(missing_ok=True)

"""Observations as they lie on their topic, or on the lines of a file."""

from typing import Any, Final

import msgspec

from sstl.cli.outputs import Read
from sstl.errors import ExitCode, UserError
from sstl.models.records import Heartbeat, Observation

Told = Observation | Heartbeat
LINES: Final = msgspec.json.Decoder(Told)
"""Of a line of a file.

Raises:
    msgspec.DecodeError: It is none.
"""


def observation_of(read: Read) -> Observation | None:
    """Return the observation of a record; None: a heartbeat, or a key that was deleted.

    Raises:
        UserError: It is neither.
    """
    if read.record is None:
        return None
    try:
        told: Any = msgspec.convert(read.record, Told)
    except msgspec.ValidationError as error:
        raise UserError(
            f"{read.topic}, partition {read.partition}, offset {read.offset}: no observation as this release knows it"
            f" ({error}); was it written by another release?",
            ExitCode.INCOMPATIBLE,
        ) from error
    return told if isinstance(told, Observation) else None

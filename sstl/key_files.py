"""Files with the key of a lane and day, as ``sstl select key`` makes them: what draws consignments at random."""

import stat
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from sstl.core.draws import Draw, Draws
from sstl.core.selection import Lot, commitment
from sstl.errors import UserError
from sstl.models.selection import Commitment, DayKey, parse_rate

SUFFIX = ".key"
"""Files of a directory that are read as keys of days."""
_OTHERS_READ = stat.S_IRWXG | stat.S_IRWXO

M = TypeVar("M", bound=BaseModel)


def read_draws(path: Path) -> Draws:
    """Return what the keys of a file, or of the files ``*.key`` of a directory, draw with.

    Raises:
        UserError: One is no key of a day, others may read it, or two are of the same lane and day and differ.
    """
    paths: Iterable[Path] = sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else (path,)
    found: dict[tuple[str, date], Draw] = {}
    for one in paths:
        draw = draw_of(read_secret_key(one))
        place = draw.lot.lane_id, draw.lot.day
        if found.setdefault(place, draw) != draw:
            raise UserError(f"{one}: another key for {place[0]} on {place[1]} lies beside it")
    return found


def draw_of(key: DayKey) -> Draw:
    """Return what a key draws with."""
    return Draw(lot_of(key), key.commitment, bytes.fromhex(key.key))


def lot_of(exchanged: DayKey | Commitment) -> Lot:
    """Return what a key or commitment is for."""
    return Lot(exchanged.lane_id, exchanged.day, parse_rate(exchanged.rate))


def read_secret_key(path: Path) -> DayKey:
    """Return a day's key that is still secret.

    Raises:
        UserError: It is not one, others may read the file, or its commitment is not that of the key.
    """
    refuse_if_shared(path)
    key = read_model(path, DayKey, "day key")
    if commitment(bytes.fromhex(key.key), lot_of(key)) != key.commitment:
        raise UserError(f"{path}: key, lane, day and rate do not give the commitment; changed?")
    return key


def read_model(path: Path, model: type[M], what: str) -> M:
    """Return what a JSON file of ours holds.

    Raises:
        UserError: It is none. The message says where it is wrong and never what stands there: it may be a secret.
    """
    try:
        return model.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        wrong = sorted({"/".join(map(str, one["loc"])) or "not JSON" for one in error.errors()})
        # the cause quotes what it found, which may be the key
        raise UserError(f"{path}: no {what}: {', '.join(wrong)}") from None


def refuse_if_shared(path: Path) -> None:
    """Refuse a secret file that others may read.

    Raises:
        UserError: They may, or it cannot be looked at.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if mode & _OTHERS_READ:
        raise UserError(f"{path}: others may read it (mode {mode & 0o777:o}); chmod 600 it")

"""Marks: what is to be looked at when a tick comes."""

import msgspec

from sstl.core.lanes.cell import Packed
from sstl.core.stage import Work

SERIES = "~series"
CHANGED = "~changed"
DIRTY = "~dirty"


class Mark(msgspec.Struct, frozen=True, tag="mark.1"):
    """Cell: there is something under this name."""


MARK = Mark()


class Changed(msgspec.Struct, frozen=True, tag="changed.1", omit_defaults=True):
    """Cell: a day of a combination of strata has changed since the wholes of its series were brought up to date."""

    before: Packed | None = None
    """What the wholes count of the day; None: nothing."""


def note_changed(work: Work, mark: str, before: Packed | None) -> None:
    """Mark that a day changes.

    Args:
        work: Where it is marked.
        mark: ``strata|day``.
        before: What it counted.
    """
    if not isinstance(work.get(CHANGED, mark), Changed):
        work.put(CHANGED, mark, Changed(before))

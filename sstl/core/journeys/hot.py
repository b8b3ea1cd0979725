"""Units kept in memory between batches, the ones folded lately.

The cells are the truth. A unit stays decoded (`Hot`) together with its head and the cells that its last fold wrote; it
is used only while the state still holds those very objects, so that an aborted transaction, a take-over or a dropped
unit is noticed, and no result depends on what is kept. Cells that were not written by then were seen to stand before: a
transaction that is aborted takes back only what it wrote, and whatever makes a state anew makes the head anew.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from sstl.core.journeys.assess import Assessment
from sstl.core.journeys.record import Record
from sstl.core.positions import Positions
from sstl.core.stage import Work

UNIT_ROOM = 10
"""Room that a unit takes for itself, in events."""
BUCKETS_AN_EVENT = 2
"""So many buckets of positions take the room of an event."""


@dataclass(slots=True)
class Hot:
    """A unit as it was after its last fold."""

    cells: dict[str, Any]
    """The head and what the last fold wrote: part to the very object in the state, None where it was deleted."""
    record: Record
    reported_ms: int
    shared_ms: int
    """Last instant at which a manifest was reported, 0 for none."""
    positions: list[Positions]
    assessment: Assessment
    room: int = 0
    """What it takes of the room there is, set when it is kept."""


class HotUnits:
    """As many units as fit a room, those folded last.

    Args:
        room: Events and what weighs as much, about 1.2 KB of memory each; 0: nothing is kept.
    """

    def __init__(self, room: int) -> None:
        self._room = self._free = room
        self._units: OrderedDict[str, Hot] = OrderedDict()

    def take(self, work: Work, unit: str) -> Hot | None:
        """Take a unit out, None where the state holds other cells by now.

        A fold uses up what was kept: after an error in it nothing half done is left.
        """
        hot = self._units.pop(unit, None)
        if hot is None:
            return None
        self._free += hot.room
        get = work.get
        for part, cell in hot.cells.items():
            if get(unit, part) is not cell:
                return None
        return hot

    def keep(self, work: Work, unit: str, hot: Hot) -> None:
        """Keep a unit that has been taken out and folded; those not folded for longest make room."""
        if not self._room:
            return
        hot.cells = {"": work.get(unit, ""), **work.touched(unit)}
        hot.room = UNIT_ROOM + hot.record.size + len(hot.positions) // BUCKETS_AN_EVENT
        self._free -= hot.room
        self._units[unit] = hot
        while self._free < 0:
            _, gone = self._units.popitem(last=False)
            self._free += gone.room

    def drop(self, unit: str) -> None:
        """Keep a unit no longer."""
        hot = self._units.pop(unit, None)
        if hot is not None:
            self._free += hot.room

"""What was told of the observations of a key, and how the difference to what is observed now is told.

All observations of one subject (a journey, a report of it, a control) lie in one cell: one by one, the names of cells
took more room than what they held.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from sstl.core.leadtime import Observed
from sstl.core.stage import Work
from sstl.models.records import Measure, Observation

PREFIX = "observation/"
"""Parts of `Shown` begin so; the subject follows."""


class Stated(msgspec.Struct, frozen=True, array_like=True):
    """One observation as last told."""

    counting_unit: str
    measure: Measure


class Shown(msgspec.Struct, frozen=True, tag="shown.2"):
    """Cell: the observations of one subject as last told, by indicator."""

    stated: Mapping[str, Stated]

    def names(self, part: str) -> Iterator[str]:
        """Yield the ids of the observations; ``part`` is the cell's own."""
        return (f"{indicator}|{part.removeprefix(PREFIX)}" for indicator in self.stated)


def place_of(name: str) -> tuple[str, str]:
    """Return the part in which an observation is kept, by its id, and its indicator."""
    indicator, _, subject = name.partition("|")
    return PREFIX + subject, indicator


def last_told(work: Work, key: str, name: str) -> Measure | None:
    """Return what was last told of an observation, None where nothing stands."""
    part, indicator = place_of(name)
    cell: Shown | None = work.get(key, part)
    stated = None if cell is None else cell.stated.get(indicator)
    return None if stated is None else stated.measure


def all_told(work: Work, key: str) -> list[str]:
    """Return the ids of all observations of a key of which something stands."""
    found: list[str] = []
    for part in work.parts(key):
        if part.startswith(PREFIX):
            cell: Shown | None = work.get(key, part)
            found += () if cell is None else cell.names(part)
    return found


class _Cells:
    """The cells of a key that are looked at; those that change are written once."""

    def __init__(self, work: Work, key: str) -> None:
        self._work, self._key = work, key
        self._stated: dict[str, dict[str, Stated]] = {}
        self._changed: set[str] = set()

    def of(self, part: str) -> dict[str, Stated]:
        stated = self._stated.get(part)
        if stated is None:
            cell: Shown | None = self._work.get(self._key, part)
            stated = self._stated[part] = {} if cell is None else dict(cell.stated)
        return stated

    def put(self, part: str, indicator: str, stated: Stated | None) -> None:
        self._changed.add(part)
        if stated is None:
            self.of(part).pop(indicator, None)
        else:
            self.of(part)[indicator] = stated

    def close(self) -> None:
        for part in sorted(self._changed):
            stated = self._stated[part]
            cell = Shown(dict(sorted(stated.items()))) if stated else None
            self._work.put(self._key, part, cell)


def tell_observations(
    work: Work, key: str, told: Iterable[str], now: Mapping[str, Observed]
) -> None:
    """Emit what changed in the observations; one that moves to another lane is told to both."""
    cells = _Cells(work, key)
    for name in sorted({*told, *now}):
        part, indicator = place_of(name)
        stated = cells.of(part).get(indicator)
        observed = now.get(name)
        before = None if stated is None else stated.measure
        after = None if observed is None else observed.measure
        if before == after:
            continue
        known = stated if observed is None else observed
        if known is None:
            continue
        for previous, current in _by_lane(before, after):
            lane = current or previous
            work.emit(
                "observations",
                name,
                Observation(
                    id=name,
                    indicator=indicator,
                    counting_unit=known.counting_unit,
                    current=current,
                    previous=previous,
                ),
                route=None if lane is None else lane.lane_id,
            )
        cells.put(part, indicator, None if after is None else Stated(known.counting_unit, after))
    cells.close()


def _by_lane(
    before: Measure | None, after: Measure | None
) -> list[tuple[Measure | None, Measure | None]]:
    if before is None or after is None or before.lane_id == after.lane_id:
        return [(before, after)]
    return [(before, None), (None, after)]


def forget_observations(work: Work, key: str, names: Iterable[str]) -> None:
    """Delete what was told of observations without telling anybody."""
    cells = _Cells(work, key)
    for name in sorted(names):
        cells.put(*place_of(name), None)
    cells.close()

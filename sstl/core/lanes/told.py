"""What was last said of windows, so that nothing is published twice and no revision is used twice.

It lies with the series of all together, of all its series in one cell: one for each would be its key for the most part.
Part ``published/<month>`` for the days, the month and the weeks that begin in it, ``published/TOTAL``; under
``~told-hours/<day>``, by series, for hours. Strata of which nobody knows how many values there are (offices, rules) are
spread over parts of their own, ``published/<month>/<0 to f>``, so that no cell grows beyond what a record holds.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar
from zlib import crc32

import msgspec

from sstl.core.lanes.cell import strata_of
from sstl.core.lanes.places import whole_key
from sstl.core.lanes.windows import (
    HOUR_PREFIX,
    TOTAL,
    days_of,
    hour_number,
    month_name,
    place_of_hour,
)
from sstl.core.stage import Work
from sstl.core.strata import CLOSED

PUBLISHED = "published/"
_CELLS: Final = 16
"""Over so many cells series of open strata are spread."""
TOLD_HOURS = "~told-hours"
FIGURE = "|"
"""Between a window and the name of a figure, where what was last said of the figure is kept."""
_PROVISIONAL, _FINAL = ":", "="


class Told(NamedTuple):
    """What was last said of a window."""

    revision: int
    digest: str | None
    """Of counts or figure, policy, and until when what is open is followed; an equal one is not published again. Empty:
    nothing is counted. None: not kept, so that whatever is marked is published."""
    provisional: bool


class Published(msgspec.Struct, frozen=True, tag="published.3"):
    """Cell: window, or window and figure, to what was said of it.

    It outlives the counts, so that a revision is never used twice. What is final seldom changes: of it only the
    revision is kept, but of `TOTAL` and where nothing is counted.
    """

    windows: dict[str, int | str]
    """``2:k3JvQ0xw`` said for the second time, provisional; ``2=k3JvQ0xw`` final; ``2`` final, without its digest."""

    def said(self, name: str) -> Told | None:
        """Return what was said of a window or figure, None where nothing was."""
        short = self.windows.get(name)
        return None if short is None else _long(short)

    def figures(self, window: str) -> dict[str, Told]:
        """Return what was said of the figures of a window, by their names."""
        begins = window + FIGURE
        return {
            name.removeprefix(begins): _long(short)
            for name, short in self.windows.items()
            if name.startswith(begins)
        }

    def provisional(self) -> Iterator[str]:
        """Yield the windows that were said to be provisional."""
        for name, short in self.windows.items():
            if FIGURE not in name and _long(short).provisional:
                yield name

    def changed(self, now: Mapping[str, Told]) -> "Published":
        """Return the cell after more was said."""
        windows = self.windows | {name: _short(name, told) for name, told in now.items()}
        return Published(_in_order(windows, len(self.windows)))

    def without(self, name: str) -> "Published | None":
        """Return the cell without a window, None where nothing is left."""
        left = {one: short for one, short in self.windows.items() if one != name}
        return Published(left) if left else None


NOTHING_SAID = Published({})


class PublishedSeries(msgspec.Struct, frozen=True, tag="published-series.1"):
    """Cell: what was said of all series of one indicator, lane and mode in a month, or of their wholes."""

    series: dict[str, dict[str, int | str]]
    """Strata, as `strata_text` calls them, to what `Published` has."""


_Named = TypeVar("_Named")


def _in_order(named: dict[str, _Named], known: int) -> dict[str, _Named]:
    """Return by name what was in order while there were so many."""
    return named if len(named) == known else dict(sorted(named.items()))


class Sayings:
    """What was said, as it is while more is said; written once."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._series: dict[tuple[str, str], dict[str, dict[str, int | str]]] = {}
        """(series of all together, part) to what `PublishedSeries` has."""
        self._changed: set[tuple[str, str]] = set()

    def _of(self, place: tuple[str, str]) -> dict[str, dict[str, int | str]]:
        series = self._series.get(place)
        if series is None:
            cell: PublishedSeries | None = self._work.get(*place)
            series = self._series[place] = {} if cell is None else dict(cell.series)
        return series

    def of(self, key: str, window: str) -> Published:
        """Return what was said of a series, in the month of the window at least."""
        if window.startswith(HOUR_PREFIX):
            of_hours: Published | None = self._work.get(*_hours_at(key, window))
            return of_hours or NOTHING_SAID
        whole, strata, part = _place(key, window)
        windows = self._of((whole, part)).get(strata)
        return Published(windows) if windows else NOTHING_SAID

    def put(self, key: str, window: str, published: Published | None) -> None:
        """Note what is said of a series by now, as `of` returns it.

        Args:
            key: Of the series.
            window: What was said of it last.
            published: None: nothing; only hours are forgotten.
        """
        if window.startswith(HOUR_PREFIX):
            self._work.put(*_hours_at(key, window), published)
            return
        whole, strata, part = _place(key, window)
        self._of((whole, part))[strata] = {} if published is None else published.windows
        self._changed.add((whole, part))

    def close(self) -> None:
        """Write what was noted."""
        for place in sorted(self._changed):
            self._work.put(*place, PublishedSeries(dict(sorted(self._series[place].items()))))
        self._changed.clear()


def provisional_windows(work: Work, key: str) -> Iterator[str]:
    """Yield the windows of a series that were said to be provisional, hours left out."""
    whole = whole_key(key)
    strata = key.removeprefix(whole)
    for part in work.parts(whole):
        if part.startswith(PUBLISHED):
            cell: PublishedSeries | None = work.get(whole, part)
            windows = None if cell is None else cell.series.get(strata)
            if windows:
                yield from Published(windows).provisional()


def _place(key: str, window: str) -> tuple[str, str, str]:
    """Return the series of all together, the strata, and the part that says of them."""
    whole = whole_key(key)
    strata = key.removeprefix(whole)
    period = TOTAL if window == TOTAL else month_name(days_of(window).start)
    return whole, strata, PUBLISHED + period + _spread(strata)


@lru_cache(maxsize=8192)
def _spread(strata: str) -> str:
    if all(name in CLOSED for name, _ in strata_of(strata)):
        return ""
    return f"/{crc32(strata.encode()) % _CELLS:x}"


def _hours_at(key: str, window: str) -> tuple[str, str]:
    return f"{TOLD_HOURS}/{place_of_hour(hour_number(window))[0]}", key


def _short(name: str, told: Told) -> int | str:
    kept = told.provisional or told.digest == "" or name.startswith(TOTAL)
    if told.digest is None or not kept:
        return told.revision
    return f"{told.revision}{_PROVISIONAL if told.provisional else _FINAL}{told.digest}"


def _long(short: int | str) -> Told:
    if isinstance(short, int):
        return Told(short, None, provisional=False)
    mark = _PROVISIONAL if _PROVISIONAL in short else _FINAL
    revision, _, digest = short.partition(mark)
    return Told(int(revision), digest, mark == _PROVISIONAL)


def next_told(before: Told | None, digest: str, *, provisional: bool) -> Told | None:
    """Return what is said now, None where it is what was said before."""
    if before is None:
        return Told(1, digest, provisional) if digest else None
    if before.digest is not None and (digest, provisional or not digest) == (
        before.digest,
        before.provisional or not before.digest,
    ):
        return None
    return Told(before.revision + 1, digest, provisional)

"""What a lane remembers of one series and window: integers that add up.

A cell is a sum of signed contributions, so neither the order of observations nor a detour over
values taken back leaves a trace in it, and cells of parts (days, partitions) add up to the cell of
the whole.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple, Self

import msgspec

from sstl.core.fixed_point import ln_fixed
from sstl.core.histogram import Histogram, bucket_of, merged, whole_seconds
from sstl.models.records import Measure

TOTAL = "TOTAL"
"""Window of everything since the pilot began."""
_DAY = "P1D/"
_DAY_MS = 86_400_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_ESCAPES = str.maketrans({"%": "%25", "|": "%7C", ";": "%3B", "=": "%3D", "~": "%7E"})


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _plain(text: str) -> str:
    for mark, escape in (("|", "%7C"), (";", "%3B"), ("=", "%3D"), ("~", "%7E"), ("%", "%25")):
        text = text.replace(escape, mark)
    return text


class Series(NamedTuple):
    """What observations have in common that are counted together, whatever their day."""

    indicator: str
    counting_unit: str
    lane_id: str
    mode: str
    strata: tuple[tuple[str, str], ...]
    """(name, value), in order of the names."""

    @property
    def key(self) -> str:
        """``indicator|counting unit|lane|mode|strata`` with separators inside names escaped."""
        strata = ";".join(f"{_escaped(name)}={_escaped(value)}" for name, value in self.strata)
        names = map(_escaped, (self.indicator, self.counting_unit, self.lane_id, self.mode))
        return "|".join((*names, strata))

    @classmethod
    def of(cls, key: str) -> Self:
        """Return the series that `key` names."""
        *names, strata = key.split("|")
        indicator, counting_unit, lane_id, mode = map(_plain, names)
        pairs = (pair.split("=") for pair in strata.split(";") if pair)
        return cls(
            indicator,
            counting_unit,
            lane_id,
            mode,
            tuple((_plain(name), _plain(value)) for name, value in pairs),
        )


@lru_cache(maxsize=4096)
def _window(day: int) -> str:
    return _DAY + date.fromordinal(_EPOCH_DAY + day).isoformat()


def day_window(start_ms: int) -> str:
    """Return the window of the UTC day of an instant: ``P1D/2024-05-01``."""
    return _window(start_ms // _DAY_MS)


def day_of(window: str) -> date | None:
    """Return the day of a window, None for `TOTAL`."""
    return None if window == TOTAL else date.fromisoformat(window.removeprefix(_DAY))


class LaneCell(msgspec.Struct, frozen=True, kw_only=True, tag="lane.1", omit_defaults=True):
    """Cell: one series in one window. Sums pass 64 bits and are therefore decimal strings."""

    n: int
    sum_ms: str
    sum_squares: str
    """Of milliseconds."""
    sum_logs: str
    """Of the logarithms of the positive durations in ms, each in units of ``2 ** -LOG_BITS``."""
    n_zero: int = 0
    n_negative: int = 0
    n_planned: int = 0
    n_late: int = 0
    histogram: Histogram = Histogram()
    """Of durations in whole seconds."""


class Tally:
    """A cell while a batch is counted."""

    __slots__ = (
        "changes",
        "histogram",
        "logs",
        "n",
        "n_late",
        "n_negative",
        "n_planned",
        "n_zero",
        "squares",
        "total",
    )

    def __init__(self, cell: LaneCell | None = None) -> None:
        self.n = self.total = self.squares = self.logs = 0
        self.n_zero = self.n_negative = self.n_planned = self.n_late = 0
        self.histogram = Histogram()
        self.changes: dict[int, int] = {}
        if cell is not None:
            self.n = cell.n
            self.total = int(cell.sum_ms)
            self.squares = int(cell.sum_squares)
            self.logs = int(cell.sum_logs)
            self.n_zero = cell.n_zero
            self.n_negative = cell.n_negative
            self.n_planned = cell.n_planned
            self.n_late = cell.n_late
            self.histogram = cell.histogram

    def add(self, value: "Contribution") -> None:
        """Count an observation."""
        self._sum(value, 1)

    def take_back(self, value: "Contribution") -> bool:
        """Count an observation no more; False, and nothing changed, where it was never counted.

        Cells keep sums, not observations: refused is whatever would leave sums that no sample has,
        so that a count never falls below zero and a variance never does.
        """
        if (
            self.n_zero < value.zero
            or self.n_negative < value.negative
            or self.n_planned < value.planned
            or self.n_late < value.late
            or self.histogram.count(value.bucket) + self.changes.get(value.bucket, 0) <= 0
        ):
            return False
        self._sum(value, -1)
        if self._is_impossible():
            self._sum(value, 1)
            return False
        return True

    def _is_impossible(self) -> bool:
        if self.n == 0:
            return bool(self.total or self.squares or self.logs)
        return (
            self.n_late > self.n_planned
            or self.n_planned > self.n
            or self.n * self.squares < self.total * self.total
        )

    def _sum(self, value: "Contribution", sign: int) -> None:
        self.n += sign
        self.changes[value.bucket] = self.changes.get(value.bucket, 0) + sign
        self.total += sign * value.value_ms
        self.squares += sign * value.square
        self.logs += sign * value.log
        if value.planned:
            self.n_planned += sign
            self.n_late += sign * value.late
        if value.value_ms <= 0:
            self.n_zero += sign * value.zero
            self.n_negative += sign * value.negative

    def cell(self) -> LaneCell | None:
        """Return the cell to keep, None where nothing is counted."""
        if self.n == 0:
            return None
        return LaneCell(
            n=self.n,
            sum_ms=str(self.total),
            sum_squares=str(self.squares),
            sum_logs=str(self.logs),
            n_zero=self.n_zero,
            n_negative=self.n_negative,
            n_planned=self.n_planned,
            n_late=self.n_late,
            histogram=self.histogram.changed(self.changes),
        )


class Contribution(NamedTuple):
    """What one observation adds to a cell, or takes from it."""

    value_ms: int
    square: int
    log: int
    bucket: int
    zero: int
    negative: int
    planned: int
    late: int

    @classmethod
    def of(cls, measure: Measure) -> Self:
        """Return what a measured value contributes."""
        value = measure.value_ms
        planned = measure.planned_ms
        return cls(
            value,
            value * value,
            ln_fixed(value) if value > 0 else 0,
            bucket_of(whole_seconds(value)),
            int(value == 0),
            int(value < 0),
            int(planned is not None),
            int(planned is not None and value > planned),
        )


def merged_cells(cells: Iterable[LaneCell]) -> LaneCell | None:
    """Return the cell of everything that the cells count; None where they count nothing."""
    whole = Tally()
    histograms = []
    for cell in cells:
        whole.n += cell.n
        whole.total += int(cell.sum_ms)
        whole.squares += int(cell.sum_squares)
        whole.logs += int(cell.sum_logs)
        whole.n_zero += cell.n_zero
        whole.n_negative += cell.n_negative
        whole.n_planned += cell.n_planned
        whole.n_late += cell.n_late
        histograms.append(cell.histogram)
    whole.histogram = merged(histograms)
    return whole.cell()

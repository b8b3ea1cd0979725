"""What a lane remembers of one series and window: integers that add up.

A cell is a sum of signed contributions, so neither the order of observations nor a detour over
values taken back leaves a trace in it, and cells of parts (days, partitions) add up to the cell of
the whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, Self

import msgspec

from sstl.core.fixed_point import ln_fixed
from sstl.core.histogram import Histogram, bucket_of, merged, whole_seconds
from sstl.models.records import Measure

_ESCAPES = str.maketrans({"%": "%25", "|": "%7C", ";": "%3B", "=": "%3D", "~": "%7E"})


def _escaped(text: str) -> str:
    return text.translate(_ESCAPES)


def _plain(text: str) -> str:
    if "%" not in text:
        return text
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

    @staticmethod
    @lru_cache(maxsize=8192)
    def of(key: str) -> "Series":
        """Return the series that `key` names."""
        *names, strata = key.split("|")
        indicator, counting_unit, lane_id, mode = map(_plain, names)
        pairs = (pair.split("=") for pair in strata.split(";") if pair)
        return Series(
            indicator,
            counting_unit,
            lane_id,
            mode,
            tuple((_plain(name), _plain(value)) for name, value in pairs),
        )


class LaneCell(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One series in one window. Sums pass 64 bits and are therefore decimal strings.

    Of a share ``sum_ms`` is how many have it, and there are no squares, logarithms or durations.
    """

    n: int
    sum_ms: str
    sum_squares: str = "0"
    """Of milliseconds."""
    sum_logs: str = "0"
    """Of the logarithms of the positive durations in ms, each in units of ``2 ** -LOG_BITS``."""
    n_zero: int = 0
    n_negative: int = 0
    n_planned: int = 0
    n_late: int = 0
    n_target: int = 0
    n_within: int = 0
    histogram: Histogram = Histogram()
    """Of durations in whole seconds."""


class WholeCell(msgspec.Struct, frozen=True, tag="lane.2"):
    """Cell: a series as a whole, or in one hour."""

    counts: LaneCell


class MonthCell(msgspec.Struct, frozen=True, tag="lane-month.1"):
    """Cell: the days of one month of a series, by ``01`` to ``31``; days without observations are left out."""

    days: Mapping[str, LaneCell]


class Contribution(NamedTuple):
    """What one observation adds to a cell, or takes from it."""

    value: int
    """Milliseconds; of a share 0 or 1."""
    square: int
    log: int
    bucket: int | None
    """None: a share."""
    zero: int
    negative: int
    planned: int
    late: int
    target: int
    within: int

    @classmethod
    def of(cls, measure: Measure, target_ms: int | None = None) -> Self:
        """Return what a measured duration contributes.

        Args:
            measure: The duration.
            target_ms: What the policy promises; None: nothing.
        """
        value = measure.value_ms
        planned = measure.planned_ms
        # once for each observation: the tuple is made without the constructor's detour
        return tuple.__new__(
            cls,
            (
                value,
                value * value,
                ln_fixed(value) if value > 0 else 0,
                bucket_of(whole_seconds(value)),
                1 if value == 0 else 0,
                1 if value < 0 else 0,
                0 if planned is None else 1,
                1 if planned is not None and value > planned else 0,
                0 if target_ms is None else 1,
                1 if target_ms is not None and value <= target_ms else 0,
            ),
        )

    @classmethod
    def of_share(cls, measure: Measure) -> Self:
        """Return what a counting unit contributes that has it or not."""
        return cls(measure.value_ms, 0, 0, None, 0, 0, 0, 0, 0, 0)


class Tally:
    """Sums while a batch is counted: of what it adds, or of a cell and what it adds."""

    __slots__ = (
        "changes",
        "late",
        "logs",
        "n",
        "negative",
        "planned",
        "squares",
        "target",
        "total",
        "within",
        "zero",
    )

    def __init__(self) -> None:
        self.n = self.total = self.squares = self.logs = 0
        self.zero = self.negative = self.planned = self.late = self.target = self.within = 0
        self.changes: dict[int, int] = {}

    def add_all(self, values: Sequence[Contribution]) -> None:
        """Count observations; sums over columns, for this is where most of the work is."""
        columns = tuple(zip(*values, strict=True))
        if not columns:
            return
        self.n += len(values)
        self.total += sum(columns[0])
        if values[0].bucket is None:
            return
        self.squares += sum(columns[1])
        self.logs += sum(columns[2])
        changes = self.changes
        for bucket, by in Counter(columns[3]).items():
            changes[bucket] = changes.get(bucket, 0) + by
        self.zero += sum(columns[4])
        self.negative += sum(columns[5])
        self.planned += sum(columns[6])
        self.late += sum(columns[7])
        self.target += sum(columns[8])
        self.within += sum(columns[9])

    def take(self, value: Contribution) -> None:
        """Count an observation no more."""
        self.n -= 1
        self.total -= value.value
        if value.bucket is None:
            return
        self.squares -= value.square
        self.logs -= value.log
        self.changes[value.bucket] = self.changes.get(value.bucket, 0) - 1
        self.zero -= value.zero
        self.negative -= value.negative
        self.planned -= value.planned
        self.late -= value.late
        self.target -= value.target
        self.within -= value.within

    def merge(self, other: "Tally") -> None:
        """Add what another tally says."""
        self.add_sums(other)
        changes = self.changes
        for bucket, by in other.changes.items():
            changes[bucket] = changes.get(bucket, 0) + by

    def add_sums(self, other: "Tally") -> None:
        """Add what another tally says, but for its histogram."""
        self.n += other.n
        self.total += other.total
        self.squares += other.squares
        self.logs += other.logs
        self.zero += other.zero
        self.negative += other.negative
        self.planned += other.planned
        self.late += other.late
        self.target += other.target
        self.within += other.within

    def merge_cell(self, cell: LaneCell) -> None:
        """Add what a cell counts."""
        self.n += cell.n
        self.total += int(cell.sum_ms)
        self.squares += int(cell.sum_squares)
        self.logs += int(cell.sum_logs)
        self.zero += cell.n_zero
        self.negative += cell.n_negative
        self.planned += cell.n_planned
        self.late += cell.n_late
        self.target += cell.n_target
        self.within += cell.n_within


class OpenCell:
    """A cell while a batch is counted: as it was, and what the batch adds."""

    __slots__ = ("_delta", "before", "held", "waiting")

    def __init__(self, cell: LaneCell | None) -> None:
        self.before = cell
        self.held = Tally()
        self.waiting: list[Contribution] = []
        """Added, and not yet in the sums."""
        self._delta = Tally()
        if cell is not None:
            self.held.merge_cell(cell)

    @property
    def delta(self) -> Tally:
        """What the batch adds."""
        if self.waiting:
            self._delta.add_all(self.waiting)
            self.waiting.clear()
        return self._delta

    def can_give_back(self, value: Contribution) -> bool:
        """Tell whether the observation can have been counted.

        Cells keep sums, not observations: refused is whatever would leave sums that no sample has, so that a count
        never falls below zero and a variance never does.
        """
        held, delta = self.held, self.delta
        n, total = held.n + delta.n - 1, held.total + delta.total - value.value
        if value.bucket is None:
            return n >= 0 and 0 <= total <= n
        known = 0 if self.before is None else self.before.histogram.count(value.bucket)
        if known + delta.changes.get(value.bucket, 0) <= 0:
            return False
        squares = held.squares + delta.squares - value.square
        if n == 0 and (total or squares or held.logs + delta.logs != value.log):
            return False
        planned = held.planned + delta.planned - value.planned
        target = held.target + delta.target - value.target
        return (
            0 <= held.late + delta.late - value.late <= planned <= n
            and 0 <= held.within + delta.within - value.within <= target <= n
            and held.zero + delta.zero >= value.zero
            and held.negative + delta.negative >= value.negative
            and n * squares >= total * total
        )

    def cell(self) -> LaneCell | None:
        """Return the cell to keep, None where nothing is counted; nothing more may be counted then."""
        before, held, delta = self.before, self.held, self.delta
        if before is None:
            return _cell(delta, Histogram.from_counts(delta.changes))
        held.add_sums(delta)
        return _cell(held, before.histogram.changed(delta.changes))


def _cell(tally: Tally, histogram: Histogram) -> LaneCell | None:
    if tally.n == 0:
        return None
    return LaneCell(
        n=tally.n,
        sum_ms=str(tally.total),
        sum_squares=str(tally.squares),
        sum_logs=str(tally.logs),
        n_zero=tally.zero,
        n_negative=tally.negative,
        n_planned=tally.planned,
        n_late=tally.late,
        n_target=tally.target,
        n_within=tally.within,
        histogram=histogram,
    )


def merged_cells(cells: Iterable[LaneCell]) -> LaneCell | None:
    """Return the cell of everything that the cells count; None where they count nothing."""
    whole = Tally()
    histograms = []
    for cell in cells:
        whole.merge_cell(cell)
        histograms.append(cell.histogram)
    return _cell(whole, merged(histograms))

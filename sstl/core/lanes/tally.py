"""What observations add to a cell, or take from it: signed contributions, summed up a batch at a time."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from typing import NamedTuple, Self, TypeAlias

from sstl.core.fixed_point import ln_fixed
from sstl.core.histogram import Histogram, bucket_of, merged, whole_seconds
from sstl.core.lanes.cell import Beside, LaneCell
from sstl.models.records import Measure

MINUTE_MS = 60_000


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


class Events(NamedTuple):
    """What a counting unit adds to a rate."""

    value: int
    exposure: int


class What(Enum):
    """What an `Aside` counts."""

    CATEGORY = "category"
    OPEN = "open"
    COMPETING = "competing"
    EXCLUDED = "excluded"


class Aside(NamedTuple):
    """What an observation adds that has no value among the others."""

    what: What
    name: str | int = ""
    """Category, competing event, or the minute of the start of what is open."""
    bucket: int = 0
    """Of the duration until the competing event."""

    @classmethod
    def not_ended(cls, measure: Measure) -> Self:
        """Return what has not ended yet."""
        return cls(What.OPEN, measure.start_ms // MINUTE_MS)

    @classmethod
    def ended_by(cls, outcome: str, measure: Measure) -> Self:
        """Return what a competing event ended."""
        return cls(What.COMPETING, outcome, bucket_of(whole_seconds(measure.value_ms)))


EXCLUDED = Aside(What.EXCLUDED)

Value: TypeAlias = Contribution | Events


class Tally:
    """Sums while a batch is counted: of what it adds, or of a cell and what it adds."""

    __slots__ = (
        "asides",
        "changes",
        "exposure",
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
        self.n = self.total = self.squares = self.logs = self.exposure = 0
        self.zero = self.negative = self.planned = self.late = self.target = self.within = 0
        self.changes: dict[int, int] = {}
        self.asides: dict[Aside, int] = {}

    def add_all(self, values: Sequence[Value]) -> None:
        """Count observations of one kind; sums over columns, for this is where most of the work is."""
        columns = tuple(zip(*values, strict=True))
        if not columns:
            return
        self.n += len(values)
        self.total += sum(columns[0])
        if isinstance(values[0], Events):
            self.exposure += sum(columns[1])
            return
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

    def count(self, aside: Aside, by: int) -> None:
        """Count observations that have no value among the others; negative: no more."""
        self.asides[aside] = self.asides.get(aside, 0) + by
        if aside.what is What.CATEGORY:
            self.n += by

    def take(self, value: Value | Aside) -> None:
        """Count an observation no more."""
        if isinstance(value, Aside):
            self.count(value, -1)
            return
        self.n -= 1
        self.total -= value.value
        if isinstance(value, Events):
            self.exposure -= value.exposure
            return
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
        self.exposure += other.exposure
        for aside, by in other.asides.items():
            self.asides[aside] = self.asides.get(aside, 0) + by

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
        if cell.beside is not None:
            self._merge_beside(cell.beside)

    def _merge_beside(self, beside: Beside) -> None:
        self.exposure += int(beside.exposure)
        asides = self.asides
        for aside, by in _asides(beside):
            asides[aside] = asides.get(aside, 0) + by

    def beside(self) -> Beside | None:
        """Return what few cells have, None where it is nothing."""
        categories: dict[str, int] = {}
        started: dict[int, int] = {}
        ended: dict[str, dict[int, int]] = {}
        excluded = 0
        for (what, name, bucket), by in sorted(self.asides.items(), key=_order):
            if not by:
                continue
            if what is What.EXCLUDED:
                excluded = by
            elif isinstance(name, int):
                started[name] = by
            elif what is What.CATEGORY:
                categories[name] = by
            else:
                ended.setdefault(name, {})[bucket] = by
        if not (self.exposure or excluded or categories or started or ended):
            return None
        return Beside(
            exposure=str(self.exposure),
            n_excluded=excluded,
            categories=categories,
            open=started,
            competing={name: Histogram.from_counts(counts) for name, counts in ended.items()},
        )


def _order(counted: tuple[Aside, int]) -> tuple[str, int, str]:
    aside, _ = counted
    if isinstance(aside.name, int):
        return aside.what.value, aside.name, ""
    return aside.what.value, 0, aside.name


def _asides(beside: Beside) -> Iterator[tuple[Aside, int]]:
    if beside.n_excluded:
        yield EXCLUDED, beside.n_excluded
    for category, by in beside.categories.items():
        yield Aside(What.CATEGORY, category), by
    for minute, by in beside.open.items():
        yield Aside(What.OPEN, minute), by
    for outcome, durations in beside.competing.items():
        for bucket, by in zip(durations.buckets, durations.counts, strict=True):
            yield Aside(What.COMPETING, outcome, bucket), by


class OpenCell:
    """A cell while a batch is counted: as it was, and what the batch adds."""

    __slots__ = ("_delta", "before", "held", "waiting")

    def __init__(self, cell: LaneCell | None) -> None:
        self.before = cell
        self.held = Tally()
        self.waiting: list[Value] = []
        """Added, and not yet in the sums; all of one kind."""
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

    def put(self, aside: Aside) -> None:
        """Count what has no value among the others."""
        self._delta.count(aside, 1)

    def can_give_back(self, value: Value | Aside) -> bool:
        """Tell whether the observation can have been counted.

        Cells keep sums, not observations: refused is whatever would leave sums that no sample has, so that a count
        never falls below zero and a variance never does.
        """
        held, delta = self.held, self.delta
        if isinstance(value, Aside):
            return held.asides.get(value, 0) + delta.asides.get(value, 0) > 0
        n, total = held.n + delta.n - 1, held.total + delta.total - value.value
        if isinstance(value, Events):
            exposure = held.exposure + delta.exposure - value.exposure
            return min(n, total, exposure) >= 0 and (n > 0 or not (total or exposure))
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
    beside = tally.beside() if tally.asides or tally.exposure else None
    if tally.n == 0 and beside is None:
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
        beside=beside,
    )


def merged_cells(cells: Iterable[LaneCell]) -> LaneCell | None:
    """Return the cell of everything that the cells count; None where they count nothing."""
    whole = Tally()
    histograms = []
    for cell in cells:
        whole.merge_cell(cell)
        histograms.append(cell.histogram)
    return _cell(whole, merged(histograms))

"""What observations add to a cell, or take from it: signed contributions, summed up a batch at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Final, NamedTuple, Self, TypeAlias, cast

from sstl.core.fixed_point import ln_fixed
from sstl.core.histogram import Histogram, bucket_of_ms
from sstl.core.lanes.cell import Beside, LaneCell
from sstl.core.lanes.windows import MINUTE_MS
from sstl.models.records import Measure

NO_BUCKET: Final = -(2**63)
"""What has no duration lies in no bucket."""


_FEW: Final = 40
"""Up to so many values, adding one by one is faster than adding up columns."""
PLANNED, LATE, TARGET, WITHIN = 8, 4, 2, 1
_JUDGED: Final = LATE | TARGET | WITHIN


class Contribution(NamedTuple):
    """What one observation adds to a cell, or takes from it."""

    value: int
    """Milliseconds; of a share 0 or 1."""
    square: int
    log: int
    bucket: int
    """`NO_BUCKET`: a share."""
    marks: int
    """`PLANNED`, `LATE`, `TARGET` and `WITHIN`, added up."""

    @classmethod
    def of(cls, measure: Measure, target_ms: int | None = None) -> Self:
        """Return what a measured duration contributes.

        Args:
            measure: The duration.
            target_ms: What the policy promises; None: nothing.
        """
        value, planned = measure.value_ms, measure.planned_ms
        marks = 0
        if planned is not None:
            marks = PLANNED | LATE if value > planned else PLANNED
        if target_ms is not None:
            marks |= TARGET | WITHIN if value <= target_ms else TARGET
        # once for each observation: the tuple is made without the constructor's detour
        log = ln_fixed(value) if value > 0 else 0
        return tuple.__new__(cls, (value, value * value, log, bucket_of_ms(value), marks))

    @classmethod
    def of_value(cls, value: int, marks: int) -> Self:
        """Return what a duration in ms contributes that is marked so."""
        log = ln_fixed(value) if value > 0 else 0
        return cls(value, value * value, log, bucket_of_ms(value), marks)

    @classmethod
    def of_share(cls, measure: Measure) -> Self:
        """Return what a counting unit contributes that has it or not."""
        return cls(measure.value_ms, 0, 0, NO_BUCKET, 0)

    @property
    def zero(self) -> int:
        """1: of no duration at all."""
        return int(self.value == 0)

    @property
    def negative(self) -> int:
        """1: negative."""
        return int(self.value < 0)

    @property
    def planned(self) -> int:
        """1: with a planned duration."""
        return int(self.marks & PLANNED != 0)

    @property
    def late(self) -> int:
        """1: longer than planned."""
        return int(self.marks & LATE != 0)

    @property
    def target(self) -> int:
        """1: with a target."""
        return int(self.marks & TARGET != 0)

    @property
    def within(self) -> int:
        """1: within its target."""
        return int(self.marks & WITHIN != 0)


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
        return cls(What.COMPETING, outcome, bucket_of_ms(measure.value_ms))


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

    @classmethod
    def of_cell(cls, cell: LaneCell) -> Self:
        """Return what a cell counts, but for its histogram."""
        tally = cls()
        tally.n, tally.zero, tally.negative = cell.n, cell.n_zero, cell.n_negative
        tally.total, tally.squares = int(cell.sum_ms), int(cell.sum_squares)
        tally.logs = int(cell.sum_logs)
        tally.planned, tally.late = cell.n_planned, cell.n_late
        tally.target, tally.within = cell.n_target, cell.n_within
        if cell.beside is not None:
            tally._merge_beside(cell.beside, 1)
        return tally

    def add_all(self, values: Sequence[Value]) -> None:
        """Count observations of one kind; sums over columns, for this is where most of the work is."""
        if not values:
            return
        first = values[0]
        if isinstance(first, Events) or first.bucket == NO_BUCKET or len(values) > _FEW:
            self._add_columns(values)
            return
        total = squares = logs = planned = late = target = within = 0
        changes = self.changes
        durations = cast("Sequence[Contribution]", values)
        for value, square, log, bucket, marks in durations:
            total += value
            squares += square
            logs += log
            changes[bucket] = changes.get(bucket, 0) + 1
            if marks:
                planned += marks >> 3
                if marks & _JUDGED:
                    late += marks >> 2 & 1
                    target += marks >> 1 & 1
                    within += marks & 1
            if value <= 0:
                self.zero += value == 0
                self.negative += value < 0
        self.n += len(values)
        self.total += total
        self.squares += squares
        self.logs += logs
        self.planned += planned
        self.late += late
        self.target += target
        self.within += within

    def _add_columns(self, values: Sequence[Value]) -> None:
        columns = tuple(zip(*values, strict=True))
        self.n += len(values)
        self.total += sum(columns[0])
        if isinstance(values[0], Events):
            self.exposure += sum(columns[1])
            return
        if values[0].bucket == NO_BUCKET:
            return
        self.squares += sum(columns[1])
        self.logs += sum(columns[2])
        changes = self.changes
        for bucket in columns[3]:
            changes[bucket] = changes.get(bucket, 0) + 1
        for marks, by in Counter(columns[4]).items():
            self._mark(marks, by)
        if min(columns[0]) <= 0:
            self.zero += columns[0].count(0)
            self.negative += sum(value < 0 for value in columns[0])

    def _mark(self, marks: int, by: int) -> None:
        if marks & PLANNED:
            self.planned += by
        if marks & LATE:
            self.late += by
        if marks & TARGET:
            self.target += by
        if marks & WITHIN:
            self.within += by

    def count(self, aside: Aside, by: int) -> None:
        """Count observations that have no value among the others; negative: no more."""
        many = self.asides.get(aside, 0) + by
        if many:
            self.asides[aside] = many
        else:
            self.asides.pop(aside, None)
        if aside.what is What.CATEGORY:
            self.n += by

    def forget_categories(self) -> None:
        """Keep how many there are, but not of which category."""
        self.asides = {
            aside: by for aside, by in self.asides.items() if aside.what is not What.CATEGORY
        }

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
        if value.bucket == NO_BUCKET:
            return
        self.squares -= value.square
        self.logs -= value.log
        self.changes[value.bucket] = self.changes.get(value.bucket, 0) - 1
        self.zero -= value.zero
        self.negative -= value.negative
        self._mark(value.marks, -1)

    def merge_cell(self, cell: LaneCell, sign: int = 1) -> None:
        """Add what a cell counts, but for its histogram; with a sign of -1 count it no more."""
        self.n += sign * cell.n
        self.total += sign * int(cell.sum_ms)
        self.squares += sign * int(cell.sum_squares)
        self.logs += sign * int(cell.sum_logs)
        self.zero += sign * cell.n_zero
        self.negative += sign * cell.n_negative
        self.planned += sign * cell.n_planned
        self.late += sign * cell.n_late
        self.target += sign * cell.n_target
        self.within += sign * cell.n_within
        if cell.beside is not None:
            self._merge_beside(cell.beside, sign)

    def merge_durations(self, durations: Histogram, sign: int = 1) -> None:
        """Add what a histogram counts; with a sign of -1 count it no more."""
        changes = self.changes
        for bucket, by in zip(durations.buckets, durations.counts, strict=True):
            changes[bucket] = changes.get(bucket, 0) + sign * by

    def merge(self, other: "Tally") -> None:
        """Add what another tally says."""
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
        changes = self.changes
        for bucket, by in other.changes.items():
            changes[bucket] = changes.get(bucket, 0) + by

    def _merge_beside(self, beside: Beside, sign: int) -> None:
        self.exposure += sign * int(beside.exposure)
        asides = self.asides
        for aside, by in _asides(beside):
            asides[aside] = asides.get(aside, 0) + sign * by

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


def cell_of(tally: Tally, histogram: Histogram) -> LaneCell | None:
    """Return the cell of sums and their durations, None where nothing is counted."""
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

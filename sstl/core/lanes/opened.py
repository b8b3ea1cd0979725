"""A cell while a batch is counted."""

from sstl.core.histogram import Histogram
from sstl.core.lanes.cell import Packed
from sstl.core.lanes.packed import contribution_of, packed, short_of, unpacked
from sstl.core.lanes.tally import NO_BUCKET, Aside, Events, Tally, Value, cell_of

MOST_CATEGORIES = 30_000
"""Of one day: 179 KB of the 256 KB of a cell."""
_NO_DURATIONS = Histogram()


class OpenCell:
    """A cell while a batch is counted: as it was, and what the batch adds."""

    __slots__ = ("_durations", "_tally", "before", "waiting")

    def __init__(self, before: Packed | None) -> None:
        self.before = before
        self.waiting: list[Value] = []
        """Added, and not yet in the sums; all of one kind."""
        self._tally: Tally | None = None
        self._durations = _NO_DURATIONS
        """As they were; how the batch changes them is in the sums."""

    def _sums(self) -> Tally:
        """Return what the cell counts by now."""
        tally = self._tally
        if tally is None:
            before = self.before
            if before is None or isinstance(before, int):
                tally = Tally()
                if before is not None:
                    self.waiting.append(contribution_of(before))
            else:
                cell = unpacked(before)
                tally = Tally.of_cell(cell)
                self._durations = cell.histogram
            self._tally = tally
        if self.waiting:
            tally.add_all(self.waiting)
            self.waiting = []
        return tally

    def has_room(self, aside: Aside) -> bool:
        """Tell whether one more observation fits the cell; of categories there are `MOST_CATEGORIES` at the most."""
        asides = self._sums().asides
        return aside in asides or len(asides) < MOST_CATEGORIES

    def put(self, value: Value | Aside) -> None:
        """Count an observation."""
        if isinstance(value, Aside):
            self._sums().count(value, 1)
        else:
            self.waiting.append(value)

    def take_back(self, value: Value | Aside) -> None:
        """Count an observation no more."""
        self._sums().take(value)

    def can_give_back(self, value: Value | Aside) -> bool:
        """Tell whether the observation can have been counted.

        Cells keep sums, not observations: refused is whatever would leave sums that no sample has, so that a count
        never falls below zero and a variance never does.
        """
        held = self._sums()
        if isinstance(value, Aside):
            return held.asides.get(value, 0) > 0
        n, total = held.n - 1, held.total - value.value
        if isinstance(value, Events):
            exposure = held.exposure - value.exposure
            return min(n, total, exposure) >= 0 and (n > 0 or not (total or exposure))
        if value.bucket == NO_BUCKET:
            return n >= 0 and 0 <= total <= n
        if self._durations.count(value.bucket) + held.changes.get(value.bucket, 0) <= 0:
            return False
        squares = held.squares - value.square
        if n == 0 and (total or squares or held.logs != value.log):
            return False
        planned = held.planned - value.planned
        target = held.target - value.target
        return (
            0 <= held.late - value.late <= planned <= n
            and 0 <= held.within - value.within <= target <= n
            and held.zero >= value.zero
            and held.negative >= value.negative
            and n * squares >= total * total
        )

    def after(self) -> Packed | None:
        """Return the cell to keep, None where nothing is counted; nothing more may be counted then."""
        if self._tally is None:
            if not self.waiting:
                return self.before
            if self.before is None and len(self.waiting) == 1:
                short = short_of(self.waiting[0])
                if short is not None:
                    return short
        held = self._sums()
        if self._durations is _NO_DURATIONS:
            durations = Histogram.from_counts(held.changes)
        else:
            durations = self._durations.changed(held.changes)
        cell = cell_of(held, durations)
        return None if cell is None else packed(cell)

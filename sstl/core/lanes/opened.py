"""A cell while a batch is counted."""

from sstl.core.histogram import Histogram
from sstl.core.lanes.cell import LaneCell, Packed
from sstl.core.lanes.packed import packed, unpacked
from sstl.core.lanes.tally import NO_BUCKET, Aside, Events, Tally, Value, cell_of

_FEW = 8
"""Up to so many values are passed on as they are; of more, the sums are."""


class OpenCell:
    """A cell while a batch is counted: as it was, and what the batch adds."""

    __slots__ = ("_delta", "_tally", "before", "waiting")

    def __init__(self, before: Packed | None) -> None:
        self.before = before
        self.waiting: list[Value] = []
        """Added, and not yet in the sums; all of one kind."""
        self._delta: Tally | None = None
        self._tally: Tally | None = None

    @property
    def _known(self) -> LaneCell:
        return LaneCell(n=0, sum_ms="0") if self.before is None else unpacked(self.before)

    def _held(self) -> Tally:
        if self._tally is None:
            self._tally = Tally()
            if self.before is not None:
                self._tally.merge_cell(unpacked(self.before))
        return self._tally

    @property
    def delta(self) -> Tally:
        """What the batch adds."""
        if self._delta is None:
            self._delta = Tally()
        if self.waiting:
            self._delta.add_all(self.waiting)
            self.waiting = []
        return self._delta

    def put(self, value: Value | Aside) -> None:
        """Count an observation."""
        if isinstance(value, Aside):
            self.delta.count(value, 1)
        else:
            self.waiting.append(value)

    def take_back(self, value: Value | Aside) -> None:
        """Count an observation no more."""
        self.delta.take(value)

    def added(self) -> list[Value] | Tally:
        """Return what the batch adds, for other cells that count it too."""
        few = self._delta is None and len(self.waiting) <= _FEW
        return list(self.waiting) if few else self.delta

    def add(self, added: list[Value] | Tally) -> None:
        """Count what another cell adds."""
        if isinstance(added, Tally):
            self.delta.merge(added)
        else:
            self.waiting.extend(added)

    def can_give_back(self, value: Value | Aside) -> bool:
        """Tell whether the observation can have been counted.

        Cells keep sums, not observations: refused is whatever would leave sums that no sample has, so that a count
        never falls below zero and a variance never does.
        """
        held, delta = self._held(), self.delta
        if isinstance(value, Aside):
            return held.asides.get(value, 0) + delta.asides.get(value, 0) > 0
        n, total = held.n + delta.n - 1, held.total + delta.total - value.value
        if isinstance(value, Events):
            exposure = held.exposure + delta.exposure - value.exposure
            return min(n, total, exposure) >= 0 and (n > 0 or not (total or exposure))
        if value.bucket == NO_BUCKET:
            return n >= 0 and 0 <= total <= n
        known = 0 if self.before is None else self._known.histogram.count(value.bucket)
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

    def after(self) -> Packed | None:
        """Return the cell to keep, None where nothing is counted; nothing more may be counted then."""
        cell = self._cell()
        return None if cell is None else packed(cell)

    def whole(self) -> LaneCell | None:
        """Return the cell to keep as it is."""
        return self._cell()

    def _cell(self) -> LaneCell | None:
        held, delta = self._held(), self.delta
        if self.before is None:
            return cell_of(delta, Histogram.from_counts(delta.changes))
        held.add_sums(delta)
        return cell_of(held, self._known.histogram.changed(delta.changes))

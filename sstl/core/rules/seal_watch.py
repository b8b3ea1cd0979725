"""How long the locks of a journey may be silent: the phases of its lane, and the times without any word."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from sstl.core.journeys.view import JourneyView
from sstl.core.positions import Positions
from sstl.core.rules.seal_words import HOUR_MS
from sstl.core.seals.story import Armed
from sstl.models.policy import LanePolicy

_FOREVER = 1 << 62


class Phase(msgspec.Struct, frozen=True):
    """A phase of the lane with its own limit; None: silence is expected."""

    from_ms: int
    to_ms: int
    limit_ms: int | None


_Span = tuple[int, int, int | None]
"""(begin, end, limit), ms; no limit: silence is expected."""


class Watch:
    """How long devices may be silent on one journey.

    Args:
        phases: Those that have begun.
        default_ms: Longest silence where no phase states a limit.
        ends_ms: Until when silence matters.
        bucket_ms: How long a bucket of positions lasts.
    """

    def __init__(self, phases: list[Phase], default_ms: int, ends_ms: int, bucket_ms: int) -> None:
        self._bucket_ms = bucket_ms
        self._default_ms = default_ms
        self.ends_ms = ends_ms
        """Until when silence matters."""
        stated = [one.limit_ms for one in phases if one.limit_ms is not None]
        self._least_ms = min([default_ms, *stated])
        self._spans = self._spanned(phases)

    def gaps(self, one: Armed, positions: Sequence[Positions]) -> Iterator[tuple[int, int]]:
        """Tell the times without any word from an armed device that are longer than the least limit.

        Positions are known by bucket, the first and the last one; within a bucket there is no gap.
        """
        ended = self.last(one, positions) if one.ended is None else one.ended.event_ms
        until = min(self.ends_ms, ended)
        first = bisect_left(positions, one.from_ms, key=_last_ping)
        end = bisect_right(positions, until, lo=first, key=_first_ping)
        if first >= end:
            yield from self._parted(one, one.from_ms, until)
            return
        yield from self._parted(one, one.from_ms, positions[first].first[0])
        for index in self._wide(positions, first, end - 1):
            yield from self._parted(one, positions[index].last[0], positions[index + 1].first[0])
        yield from self._parted(one, positions[end - 1].last[0], until)

    def _wide(self, positions: Sequence[Positions], low: int, high: int) -> Iterator[int]:
        """Tell after which buckets there may be a gap longer than the least limit, ascending.

        Of buckets without a hole between them none can be: most of a way is passed over without a look.
        """
        if low >= high:
            return
        span_ms = positions[high].bucket_ms - positions[low].bucket_ms
        missing = span_ms // self._bucket_ms - (high - low)
        if missing >= 0 and (missing + 2) * self._bucket_ms <= self._least_ms:
            return
        if high - low == 1:
            yield low
            return
        middle = (low + high) // 2
        yield from self._wide(positions, low, middle)
        yield from self._wide(positions, middle, high)

    def _parted(self, one: Armed, since_ms: int, until_ms: int) -> Iterator[tuple[int, int]]:
        reports = one.reports
        if until_ms - since_ms <= self._least_ms:
            return
        inner = reports[bisect_right(reports, since_ms) : bisect_left(reports, until_ms)]
        before = since_ms
        for after in (*inner, until_ms):
            if after - before > self._least_ms:
                yield before, after
            before = after

    def last(self, one: Armed, positions: Sequence[Positions]) -> int:
        """Return when the device was last heard of while armed."""
        heard = positions[-1].last[0] if positions else 0
        return max(one.reports[-1], heard)

    def due(self, since_ms: int) -> tuple[int, int] | None:
        """Return (when a silence since an instant becomes too long, the limit); None: never, as far as is known.

        The limit is that of the phase in which the silence begins to count; expected silence stops the clock.
        """
        left, limit = -1, 0
        for start_ms, end_ms, limit_ms in self._spans:
            if end_ms <= since_ms or limit_ms is None:
                continue
            if left < 0:
                left = limit = limit_ms
            begin_ms = start_ms if start_ms > since_ms else since_ms
            if end_ms - begin_ms >= left:
                return begin_ms + left, limit
            left -= end_ms - begin_ms
        return None

    def _spanned(self, phases: list[Phase]) -> list[_Span]:
        """Part all time where a phase begins or ends: what holds in each part does not change."""
        edges = sorted(
            {0, _FOREVER, *(edge for one in phases for edge in (one.from_ms, one.to_ms))}
        )
        spans: list[_Span] = []
        for start_ms, end_ms in pairwise(edges):
            limits = [one.limit_ms for one in phases if one.from_ms <= start_ms < one.to_ms]
            stated = [one for one in limits if one is not None]
            limit_ms = min(stated, default=self._default_ms) if len(stated) == len(limits) else None
            spans.append((start_ms, end_ms, limit_ms))
        return spans


def watched_until(view: JourneyView, lane: LanePolicy) -> int:
    """Return until when silence matters: delivery, or gate-out where the lane opens the lock by then."""
    ends = [view.at("T15"), None if lane.unlock_at == "DESTINATION" else view.at("T14")]
    return min((one for one in ends if one is not None), default=_FOREVER)


def phases_of(view: JourneyView, lane: LanePolicy) -> list[Phase]:
    """Return the phases that have begun.

    At sea silence from loading to discharge is expected, unless the lane states another limit from there on.
    """
    stated = [(one.start, one.end, one.limit_hours) for one in lane.silences]
    if view.plan.mode == "SEA" and not any(start in ("T4", "T5") for start, _, _ in stated):
        stated.append(("T4", "T7", None))
    found = []
    for start, end, hours in stated:
        from_ms, to_ms = view.at(start), view.at(end)
        if from_ms is not None:
            limit_ms = None if hours is None else int(hours * HOUR_MS)
            found.append(Phase(from_ms, _FOREVER if to_ms is None else to_ms, limit_ms))
    return found


def _first_ping(bucket: Positions) -> int:
    return bucket.first[0]


def _last_ping(bucket: Positions) -> int:
    return bucket.last[0]

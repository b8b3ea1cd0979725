"""For how long the armed locks of a journey said nothing although the lane expects them to.

A silence counts from the instant at which it has lasted longer than the lane allows (``silences`` in its policy); where
the lane expects silence, below deck, or states no limit, none does, and the clock stands. What the rule on silence
(`sstl.core.rules.seal_silence`) finds is the same, but its general limit does not count here: a lane that promises
nothing about its locks is not measured by it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sstl.core.attribution import Interval, covered_ms, without
from sstl.core.leadtime import Observed, cluster_of, observation_id
from sstl.core.milestones import mode_of_lane
from sstl.core.positions import Positions
from sstl.core.rules.seal_silence import heard_of, positions_by_lock
from sstl.core.rules.seal_watch import Watch, phases_of, watched_until
from sstl.core.seals.facts import Armed
from sstl.core.strata import membership
from sstl.models.records import Measure

if TYPE_CHECKING:
    # [journeys] imports this module
    from sstl.core.journeys.view import JourneyView

LOCK_SILENT = "lock_silent"
_NEVER = 1 << 62


def lock_silences(view: "JourneyView") -> Iterator[Observed]:
    """Yield for how long locks were silent between arming (T1) and delivery (T15), several at once counted once.

    None while the journey is not delivered, where no device was armed that reports by itself, where its lane states no
    limit, and where it is not known when a phase with a limit began.
    """
    start_ms, end_ms, lane, plan = view.at("T1"), view.at("T15"), view.lane, view.plan
    if start_ms is None or end_ms is None or lane is None or plan.lane_id is None or plan.empty:
        return
    mode = plan.mode or mode_of_lane(plan.lane_id, view.structure)
    armed = heard_of(view)
    limited = [one.start for one in lane.silences if one.limit_hours is not None]
    if mode is None or not armed or not limited or None in map(view.at, limited):
        return
    phases = phases_of(view, lane)
    ends_ms = min(end_ms, watched_until(view, lane))
    watch = Watch(phases, _NEVER, ends_ms, view.structure.ping_bucket_s * 1000)
    # of a bucket that begins later nothing can be said of the time before
    positions = view.positions[: bisect_right(view.positions, ends_ms, key=_begins)]
    heard = positions_by_lock(positions, armed)
    silent = [interval for one in armed for interval in _too_long(watch, one, heard[one.lock])]
    watched = [(start_ms, ends_ms)]
    for phase in phases:
        if phase.limit_ms is None:
            watched = without(watched, (phase.from_ms, phase.to_ms))[1]
    subject = f"{view.unit}#{view.key}" if view.key else view.unit
    yield Observed(
        observation_id(LOCK_SILENT, subject),
        LOCK_SILENT,
        "journey",
        Measure(
            lane_id=plan.lane_id,
            mode=mode,
            start_ms=start_ms,
            value_ms=sum(covered_ms(one, silent) for one in watched),
            strata=membership(plan.sstl_member),
            cluster=cluster_of(view.unit, view.key),
        ),
    )


def _begins(bucket: Positions) -> int:
    return bucket.first[0]


def _too_long(watch: Watch, one: Armed, positions: Sequence[Positions]) -> Iterator[Interval]:
    """Yield from when on, and until when, each silence was too long; the last one lasts as long as anybody watches."""
    gaps = list(watch.gaps(one, positions))
    if one.ended is None:
        gaps.append((watch.last(one, positions), watch.ends_ms))
    for since, until in gaps:
        due = watch.due(since)
        if due is not None and due[0] < until:
            yield due[0], until

"""Which milestone of a journey is next, and by when the lane, the plan or the last estimate has it."""

from dataclasses import dataclass

from sstl.core.milestones import Milestones
from sstl.models.policy import LanePolicy

CHAIN = (
    "T0", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10a", "T10b", "T10c", "T11",
    "T12", "T13", "T14", "T15",
)  # fmt: skip
_ALWAYS = frozenset({"T2", "T4", "T5", "T6", "T7", "T13", "T14", "T15"})
"""Milestones that every journey passes; others are waited for where the lane or a plan names them."""


@dataclass(frozen=True, slots=True)
class Next:
    """The milestone that comes next."""

    milestone: str
    by_ms: int | None = None
    """None: nobody says by when."""
    basis: str | None = None
    """Who says so: ``limit`` or ``target`` of the lane's stage, ``estimated``, ``planned``."""


def next_milestone(known: Milestones, lane: LanePolicy | None) -> Next | None:
    """Return the first milestone that is still to come after the last one reached; None after T15."""
    reached = [code for code in CHAIN if code in known.actual]
    last = CHAIN.index(reached[-1]) if reached else 0
    named = {stage.end for stage in lane.stages} if lane is not None else set()
    for code in CHAIN[last + 1 :]:
        if code in _ALWAYS or code in named or code in known.planned or code in known.estimated:
            return Next(code, *_by(code, known, lane))
    return None


def _by(code: str, known: Milestones, lane: LanePolicy | None) -> tuple[int | None, str | None]:
    instants = known.instants()
    found: list[tuple[int, str]] = []
    for stage in () if lane is None else lane.stages:
        start = instants.get(stage.start)
        if stage.end != code or start is None:
            continue
        hours, basis = stage.limit_hours, "limit"
        if hours is None:
            hours, basis = stage.target_hours, "target"
        if hours is not None:
            found.append((start + int(hours * 3_600_000), basis))
    if found:
        return min(found)
    for reports, basis in ((known.estimated, "estimated"), (known.planned, "planned")):
        event = reports.get(code)
        if event is not None:
            return event.event_ms, basis
    return None, None

"""What lanes count of a risk flag: whether it was right, whether it was answered, and when.

Counted are flags on the topic of risk flags: shadow findings, notices and flags for supervisors are not. One counts in
the cohort of its governing instant (its ``issuedAt``), so that when it was noticed moves it into no other.

What was issued and when is a series of its own: flags that were taken back after somebody had answered them count in
it, as stratum ``standing=TAKEN_BACK``. Whether one was ever raised before it was taken back depends on what arrived
when; the series ``standing=HOLDS`` is that of the net set and does not. What was withdrawn without an answer asks for
none. A flag that another one supersedes and that is taken back leaves its answers, and their count, to that one.
"""

from collections.abc import Iterator

from sstl.core.flags.cells import FLAG, HEIR, Answered, FlagCell
from sstl.core.flags.records import FLAGS
from sstl.core.leadtime import Observed, observation_id
from sstl.core.milestones import mode_name, mode_of_lane
from sstl.core.observations import all_told, tell_observations
from sstl.core.stage import PASSED, Work
from sstl.core.strata import HOLDS, RULE, SEVERITY, STANDING, TAKEN_BACK
from sstl.core.wakeups import MINUTE_MS, wake_at
from sstl.models.records import Measure

DUE = "due"
"""Kind of wake-up: a flag's time for feedback is over."""
PRECISION = "flag_precision"
FEEDBACK_RATE = "flag_feedback_rate"
FEEDBACK_LATE = "flag_feedback_late_share"
TOO_LATE = "flag_too_late_share"
FEEDBACK_DELAY = "flag_feedback_delay"
_DECISIVE = frozenset({"CONFIRMED", "NOT_CONFIRMED"})
_CAME_TOO_LATE = frozenset({"ALREADY_RELEASED", "NOT_ARRIVED"})


def tell_quality(work: Work, flag_id: str) -> None:
    """Tell the lane of a flag's subject what has changed in what counts of the flag."""
    parts = work.parts(flag_id)
    cell: FlagCell | None = work.get(flag_id, FLAG)
    if cell is None:
        return
    superseded = any(part.startswith(HEIR) for part in parts)
    found = observed(work, cell, superseded=superseded)
    tell_observations(work, flag_id, all_told(work, flag_id), {one.id: one for one in found})


def await_feedback(work: Work, now: FlagCell, before: FlagCell | None) -> None:
    """Ask to be woken when a flag's time for feedback is over."""
    if before is None or before.due_ms != now.due_ms:
        wake_at(work, now.due_ms, DUE, "", now.finding.flag_id)


def observed(work: Work, cell: FlagCell, *, superseded: bool) -> Iterator[Observed]:
    """Yield what counts of a flag as it stands; nothing while its lane or mode is not known.

    Args:
        work: The fold in progress.
        cell: The flag as last published.
        superseded: Another flag inherits the answers on this one.
    """
    finding, answered = cell.finding, cell.standing.feedback
    holds = finding.state != "CLEARED"
    if cell.topic != FLAGS or (not holds and (superseded or answered is None)):
        return
    lane_id = finding.subject.lane_id
    mode = mode_name(finding.subject.mode) or mode_of_lane(
        lane_id, work.policy.at(finding.anchor_ms)
    )
    if lane_id is None or mode is None:
        return
    strata = {
        RULE: finding.rule_id,
        SEVERITY: finding.severity,
        STANDING: HOLDS if holds else TAKEN_BACK,
    }
    for indicator, value in _values(work, cell, answered):
        measure = Measure(
            lane_id=lane_id, mode=mode, start_ms=finding.anchor_ms, value_ms=value, strata=strata
        )
        yield Observed(observation_id(indicator, finding.flag_id), indicator, "flag", measure)


def _values(work: Work, cell: FlagCell, answered: Answered | None) -> Iterator[tuple[str, int]]:
    if answered is None:
        if _is_due(work, cell.due_ms):
            yield FEEDBACK_RATE, 0
        return
    yield FEEDBACK_RATE, 1
    yield FEEDBACK_LATE, int(answered.late)
    yield TOO_LATE, int(answered.action_taken in _CAME_TOO_LATE)
    yield FEEDBACK_DELAY, answered.recorded_ms - cell.finding.anchor_ms
    if answered.outcome in _DECISIVE:
        yield PRECISION, int(answered.outcome == "CONFIRMED")


def _is_due(work: Work, due_ms: int) -> bool:
    """Tell whether the watermark has passed the minute in which feedback was due."""
    passed = work.get(PASSED, "")
    return passed is not None and bool((due_ms // MINUTE_MS + 1) * MINUTE_MS <= passed.reached_ms)

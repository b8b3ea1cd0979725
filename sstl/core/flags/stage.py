"""Stage [flags] as a fold: findings, answers, snoozes and heartbeats, each under its key.

What lanes count of a flag goes to `observations`; no watermark waits for it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sstl.core.deadlines import as_of
from sstl.core.flags.answers import Change, feedback_on, identity_of, take, take_heir
from sstl.core.flags.cells import FLAG, FlagCell, FlagsCell
from sstl.core.flags.life import EXPIRE, FORGET, forget, has_expired, kept_ms, note, settle, told
from sstl.core.flags.quality import DUE, await_feedback, tell_quality
from sstl.core.flags.snoozes import touched
from sstl.core.flags.standing import ANSWERS, FEEDBACK, until_ms
from sstl.core.routing import SNOOZES
from sstl.core.stage import (
    Context,
    Inbound,
    Outcome,
    StateReader,
    Work,
    take_heartbeat,
)
from sstl.core.wakeups import take_due, wake_at
from sstl.models.policy import Policy
from sstl.models.records import (
    Event,
    Finding,
    FlagsMessage,
    Forwarded,
    Heartbeat,
    Placed,
    Succeeds,
    Withdrawn,
)

OF_SNOOZES = "snooze"
"""Kind of wake-up: a snooze by rule, lane or unit can concern no flag any more."""


class FlagsStage:
    """Publishes flags and their changes; an answer that says nothing new publishes nothing."""

    name = "flags"
    message_type: Any = FlagsMessage
    cell_type: Any = FlagsCell
    ticks = True

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold findings and answers; the key of a record is the flag id, or that of the snoozes."""
        work = Work(state, policy, context)
        for record in records:
            message = record.message
            if isinstance(message, Finding):
                _take_finding(work, message)
            elif isinstance(message, (Placed, Withdrawn, Forwarded)):
                _take_answer(work, record.key, message)
            elif isinstance(message, Succeeds):
                _take_heir(work, record.key, message)
            else:
                _take_heartbeat(work, message)
        return work.outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Go on with what the last step of the watermark had no room for; it need not move again."""
        work = Work(state, policy, context)
        _wake(work)
        return work.outcome


def _take_finding(work: Work, message: Finding) -> None:
    before: FlagCell | None = work.get(message.flag_id, FLAG)
    if before is None and message.state == "CLEARED":
        work.count("flags_alarm", "cleared_unknown")
        return
    now = settle(work, told(message), before)
    if now is before:
        return
    note(work, now, before)
    await_feedback(work, now, before)
    tell_quality(work, message.flag_id)
    if now.standing.feedback is not None:
        feedback = feedback_on(work, message.flag_id)
        late_before = 0 if before is None else _late(feedback, before.due_ms)
        _count_late(work, _late(feedback, now.due_ms) - late_before)


def _late(feedback: Iterable[Event], due_ms: int) -> int:
    return sum(event.type == FEEDBACK and event.version.recorded_ms > due_ms for event in feedback)


def _count_late(work: Work, more: int) -> None:
    # A counter cannot go back: what is no longer late stays counted as having been.
    if more > 0:
        work.count("feedback_late", "", more)


def _take_answer(work: Work, key: str, message: Placed | Withdrawn | Forwarded) -> None:
    if isinstance(message, Placed) and message.event.type not in ANSWERS:
        work.count("flags_alarm", "unknown_event_type")
        return
    change = take(work, key, message)
    if change is None:
        return
    identity = identity_of(message)
    if key == SNOOZES:
        if work.context.partition == 0:
            _count_change(work, change)  # it reaches every partition and is counted in one
        _take_snooze(work, identity, change)
        return
    if not isinstance(message, Forwarded):
        _count_change(work, change)
    flag: FlagCell | None = work.get(key, FLAG)
    if flag is None:
        if change[1] is not None:
            work.count(f"{_family(change[1])}_before_flag")
            wake_at(work, change[1].arrival_ms + kept_ms(work), FORGET, "", key)
        return
    if not isinstance(message, Forwarded):
        before, after = ([event] if event is not None else [] for event in change)
        _count_late(work, _late(after, flag.due_ms) - _late(before, flag.due_ms))
    settle(work, flag.finding, flag)
    tell_quality(work, key)


def _family(event: Event) -> str:
    return "feedback" if event.type == FEEDBACK else "action"


def _count_change(work: Work, change: Change) -> None:
    before, after = change
    told_of = after or before
    if told_of is None:
        return
    family = _family(told_of)
    if after is None:
        work.count(f"{family}_changed", "retracted")
    elif before is not None:
        work.count(f"{family}_changed", "corrected")
    elif family == "feedback":
        taken = after.data.get("actionTaken", "UNSTATED")
        work.count("feedback", f"{taken}:{after.data.get('outcome', 'NONE')}")
    else:
        work.count("action", after.type.removeprefix("action."))


def _take_snooze(work: Work, identity: str, change: Change) -> None:
    ends = [max(until_ms(event), event.arrival_ms) for event in change if event is not None]
    wake_at(work, max(ends) + kept_ms(work), OF_SNOOZES, "", identity)
    for cell in list(touched(work, change)):
        settle(work, cell.finding, cell)


def _take_heir(work: Work, key: str, message: Succeeds) -> None:
    take_heir(work, key, message)
    tell_quality(work, key)
    if message.holds and work.get(key, FLAG) is None:
        wake_at(work, message.keep_ms, FORGET, "", key)


def _take_heartbeat(work: Work, message: Heartbeat) -> None:
    if take_heartbeat(work, message, name=FlagsStage.name, downstream=[]):
        _wake(work)


def _wake(work: Work) -> None:
    """Look again at what the watermark has passed."""
    for kind, _, key in take_due(work, as_of(work)):
        if kind == EXPIRE:
            _expire(work, key)
        elif kind == DUE:
            tell_quality(work, key)
        elif kind == FORGET:
            forget(work, key, "")
        else:
            forget(work, SNOOZES, key)


def _expire(work: Work, flag_id: str) -> None:
    cell: FlagCell | None = work.get(flag_id, FLAG)
    if cell is None or not has_expired(work, cell.finding):
        return
    settle(work, cell.finding, cell)
    end_ms = max(cell.finding.valid_to_ms, cell.due_ms)
    wake_at(work, end_ms + kept_ms(work), FORGET, "", flag_id)

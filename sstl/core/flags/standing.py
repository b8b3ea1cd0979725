"""What people have said about a flag, and the status that follows: pure functions, blind to the order of arrival."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal

from sstl.core.flags.cells import (
    UNANSWERED,
    Acknowledged,
    Answered,
    Closed,
    Snoozed,
    Standing,
)
from sstl.models.common import to_ms
from sstl.models.records import Event, Finding

FEEDBACK = "risk.feedback"
ACKNOWLEDGED = "action.acknowledged"
CLOSED = "action.closed"
REOPENED = "action.reopened"
SNOOZED = "action.snoozed"
UNSNOOZED = "action.unsnoozed"
ANSWERS = frozenset({FEEDBACK, ACKNOWLEDGED, CLOSED, REOPENED, SNOOZED, UNSNOOZED})
"""Types of event that answer a flag."""
_ACTS = frozenset({FEEDBACK, ACKNOWLEDGED, CLOSED, REOPENED})
_DECISIVE = frozenset({"CONFIRMED", "NOT_CONFIRMED"})

Settled = Literal["OPEN", "WITHDRAWN", "CORRECTED", "EXPIRED", "CLOSED"]
"""Status by the facts; `OPEN` is published as ISSUED the first time and as UPDATED from then on."""
Scope = tuple[str | None, str | None, str | None]
"""(rule, lane, unit) of a snooze; None: any."""


def status_of(finding: Finding, standing: Standing, *, acted_on: bool, expired: bool) -> Settled:
    """Return the status: what is no longer found is taken back; else closed comes before expired."""
    if finding.state == "CLEARED":
        return "CORRECTED" if acted_on else "WITHDRAWN"
    if standing.closed is not None:
        return "CLOSED"
    return "EXPIRED" if expired else "OPEN"


def acted(answers: Iterable[Event]) -> bool:
    """Tell whether somebody has acted on a flag: feedback, acknowledgement, closing, reopening. A snooze is none."""
    return any(event.type in _ACTS for event in answers)


def standing_of(
    finding: Finding, answers: Sequence[Event], snoozes: Sequence[Event], due_ms: int
) -> Standing:
    """Return what was said about a flag.

    Args:
        finding: What is found.
        answers: Feedback and actions on this flag that count, in any order.
        snoozes: Snoozes by rule, lane and unit, and what ended them, in any order.
        due_ms: When feedback was due.
    """
    if not answers and not snoozes:
        return UNANSWERED
    feedback = final_feedback(event for event in answers if event.type == FEEDBACK)
    return Standing(
        acknowledged=_acknowledged(answers),
        closed=_closed(answers, feedback),
        snoozed=_snoozed(finding, answers, snoozes),
        feedback=None if feedback is None else _answered(feedback, answers, due_ms),
    )


def final_feedback(events: Iterable[Event]) -> Event | None:
    """Return the feedback that decides: the greatest (recorded time, feedback id); None without any."""
    return max(
        events,
        key=lambda event: (
            event.version.recorded_ms,
            str(event.data.get("feedbackId", "")),
            event.identity,
        ),
        default=None,
    )


def closes(feedback: Event) -> bool:
    """Tell whether a flag is done with by its final feedback.

    It is when the office says so (``closedAt``), when the control led to a clear outcome, and when the goods are
    released already; it is not when the control was not done, was inconclusive, or nothing has arrived yet.
    """
    data = feedback.data
    if data.get("closedAt") is not None or data.get("actionTaken") == "ALREADY_RELEASED":
        return True
    return data.get("actionTaken") == "CONTROL_DONE" and data.get("outcome") in _DECISIVE


def order(event: Event) -> tuple[int, int, str]:
    """Return the order of what people did: when they did it, then when it was recorded."""
    return (event.event_ms, event.version.recorded_ms, event.identity)


def scope_of(event: Event) -> Scope:
    """Return what a snooze is about, besides flags by their ids."""
    data = event.data
    unit = data.get("equipmentReference") or data.get("transportDocumentReference")
    return (data.get("ruleId"), data.get("laneId"), unit)


def until_ms(snooze: Event) -> int:
    """Return when a snooze ends, exclusive; what ends one has no time of its own and gives its own instant."""
    until = snooze.data.get("until")
    return snooze.event_ms if until is None else to_ms(datetime.fromisoformat(until))


def in_scope(finding: Finding, scope: Scope) -> bool:
    """Tell whether a finding is of the rule, the lane and the unit that are named."""
    rule, lane, unit = scope
    subject = finding.subject
    return (
        (rule is None or rule == finding.rule_id)
        and (lane is None or lane == subject.lane_id)
        and (unit is None or unit in (subject.equipment_reference, subject.transport_document))
    )


def covers(snooze: Event, finding: Finding) -> bool:
    """Tell whether a snooze by rule, lane or unit covers a finding: its governing instant lies within."""
    began, anchor = snooze.event_ms, finding.anchor_ms
    return in_scope(finding, scope_of(snooze)) and began <= anchor < until_ms(snooze)


def _lasting(events: Iterable[Event]) -> list[Event]:
    """Return the snoozes that nothing of the same scope has ended since."""
    ended: dict[Scope, tuple[int, int, str]] = {}
    snoozes = []
    for event in events:
        if event.type == SNOOZED:
            snoozes.append(event)
        elif event.type == UNSNOOZED:
            scope = scope_of(event)
            ended[scope] = max(order(event), ended.get(scope, (0, 0, "")))
    return [one for one in snoozes if ended.get(scope_of(one), (0, 0, "")) < order(one)]


def _snoozed(
    finding: Finding, answers: Sequence[Event], snoozes: Sequence[Event]
) -> Snoozed | None:
    found = _lasting(answers)
    found += [snooze for snooze in _lasting(snoozes) if covers(snooze, finding)]
    if not found:
        return None
    longest = max(found, key=lambda snooze: (until_ms(snooze), snooze.identity))
    rule, lane, unit = scope_of(longest)
    return Snoozed(
        until_ms=until_ms(longest),
        action_id=longest.id,
        by=longest.data["author"],
        reason=longest.data["reason"],
        rule_id=rule,
        lane_id=lane,
        unit=unit,
    )


def _acknowledged(answers: Iterable[Event]) -> Acknowledged | None:
    first = min((event for event in answers if event.type == ACKNOWLEDGED), key=order, default=None)
    if first is None:
        return None
    return Acknowledged(
        at_ms=first.event_ms,
        by=first.data["author"],
        action_id=first.id,
        office=first.data.get("office"),
    )


def _closed(answers: Iterable[Event], feedback: Event | None) -> Closed | None:
    decisions = [event for event in answers if event.type in (CLOSED, REOPENED)]
    if feedback is not None and closes(feedback):
        decisions.append(feedback)
    last = max(decisions, key=order, default=None)
    if last is None or last.type == REOPENED:
        return None
    data = last.data
    if last.type == FEEDBACK:
        return Closed(
            at_ms=last.event_ms,
            feedback_id=data["feedbackId"],
            office=data.get("respondingOffice"),
        )
    return Closed(
        at_ms=last.event_ms,
        action_id=last.id,
        by=data["author"],
        office=data.get("office"),
        reason=data["reason"],
    )


def _answered(final: Event, answers: Iterable[Event], due_ms: int) -> Answered:
    data = final.data
    return Answered(
        feedback_id=data["feedbackId"],
        action_taken=data["actionTaken"],
        recorded_ms=final.version.recorded_ms,
        count=sum(event.type == FEEDBACK for event in answers),
        outcome=data.get("outcome"),
        office=data.get("respondingOffice"),
        late=final.version.recorded_ms > due_ms,
    )

"""The usual position: of a unit kept in memory, later than all before, and no finding changes by it.

Then nothing is derived anew. The last bucket of positions is replaced or another one added in place, the rules that
read positions say what they say now (`Asked.moving`), and the unit's head is written where something of it has changed.
Whatever else a position may mean is left to `fold_unit`: the answer is the same, only slower.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sstl.core.deadlines import as_of, move_deadline
from sstl.core.journeys.asking import Answer, Journey, hits, say_alike, waiting_with
from sstl.core.journeys.counts import count_moved
from sstl.core.journeys.hot import Hot
from sstl.core.journeys.pings import POSITION, Kept, add_ping, set_bucket
from sstl.core.journeys.retention import due_day, move
from sstl.core.journeys.unit import Head, Message
from sstl.core.journeys.view import JourneyView
from sstl.core.positions import Positions
from sstl.core.publishers import Publishers
from sstl.core.rules import UNIT_RULES
from sstl.core.rules.base import InForce, Part, in_force
from sstl.core.rules.engine import Asked, Moved, next_due, settled
from sstl.core.stage import Work
from sstl.models.policy import Policy
from sstl.models.records import PingBucket, Placed

_Rules = tuple[tuple[str, Asked[JourneyView], InForce, Moved[JourneyView] | None], ...]
"""(rule id, rule, the rule as in force, what it answers by to one position more)"""
_READING = tuple(
    asked for asked in UNIT_RULES if not asked.rule.parts or Part.POSITIONS in asked.rule.parts
)
_SAME: dict[str, Answer] = {}
FEW = 4
"""More positions of a batch cost less where the rules are asked once after all of them."""


def take_positions(
    work: Work, unit: str, messages: Sequence[Message], hot: Hot
) -> Sequence[Message]:
    """Fold the positions among some messages into a unit that stands in memory, which is changed in place.

    In which order positions and events of a batch are taken makes no difference in the end. The head is written once.

    Args:
        work: The fold in progress.
        unit: The unit.
        messages: What has come for it.
        hot: What was kept of it.

    Returns:
        What is left to be folded by `fold_unit`: events, manifests, and positions from the first unusual one on.
    """
    head: Head | None = work.get(unit, "")
    assessment = hot.assessment
    if head is None or len(assessment.journeys) != 1 or assessment.policy is not work.policy:
        return messages
    journey = assessment.journeys[0]
    if journey.view.positions is not hot.positions:
        return messages
    positions = [one for one in messages if _is_position(one)]
    if len(positions) > FEW:
        return messages
    way = _Way(head.due_ms, head.pinged_ms)
    taken, as_of_ms = 0, as_of(work)
    for message in positions:
        if not _take_position(work, unit, message, head, way, hot, as_of_ms):
            break
        taken += 1
    if not taken:
        return messages
    work.count("pings_folded", by=taken)
    _save(work, unit, head, hot, way)
    if taken == len(messages):
        return ()
    return [*positions[taken:], *(one for one in messages if not _is_position(one))]


@dataclass(slots=True)
class _Way:
    """What positions have made of a head."""

    due_ms: int | None
    """The least deadline that is still to come."""
    pinged_ms: int
    """Start of the latest bucket."""


def _is_position(message: Message) -> bool:
    return type(message) is PingBucket or (
        type(message) is Placed and message.event.type == POSITION
    )


def _take_position(
    work: Work, unit: str, message: Message, head: Head, way: _Way, hot: Hot, as_of_ms: int
) -> bool:
    """Fold a position in place; False where `fold_unit` must take it after all, once more."""
    kept = _merged_into(work, unit, message, head)
    if kept is None or kept.positions is None or _has_come(work, head, way, as_of_ms):
        return False
    journey = hot.assessment.journeys[0]
    moved = _moved(work, journey, kept.positions, hot.positions, as_of_ms)
    if moved is None:
        return False
    if moved:
        way.due_ms = _answer(work, unit, journey, moved)
    way.pinged_ms = max(way.pinged_ms, kept.bucket_ms)
    return True


def _answer(work: Work, unit: str, journey: Journey, moved: dict[str, Answer]) -> int | None:
    """Take over answers that are others than before; return the least deadline that is still to come."""
    answers = dict(journey.answers)
    journey.moved = {
        name: answers[name] for name, new in moved.items() if not say_alike(answers[name], new)
    }
    answers.update(moved)
    journey.answers = answers
    journey.waiting = waiting_with(journey.waiting, moved)
    if journey.moved:
        count_moved(work, unit, journey)
    dues = (answers[name].due_ms for name in journey.waiting)
    return min((due for due in dues if due is not None), default=None)


def _merged_into(work: Work, unit: str, message: Message, head: Head) -> Kept | None:
    """Merge a position; return what its bucket is now, None where that is left to `fold_unit`."""
    if head.begun is not None and not _is_after(message, head.begun.first[0]):
        return None
    if type(message) is PingBucket:
        return set_bucket(work, unit, message)
    if type(message) is Placed and message.event.type == POSITION:
        return None if message.event.version.retracted else add_ping(work, unit, message.event)
    return None


def _is_after(message: Message, since_ms: int) -> bool:
    """Tell whether a position is none of the journeys that are forgotten."""
    if type(message) is PingBucket:
        return message.first is not None and message.first[0] >= since_ms
    return type(message) is Placed and message.event.event_ms >= since_ms


def _has_come(work: Work, head: Head, way: _Way, as_of_ms: int) -> bool:
    """Tell whether a rule waited for something that has come: its deadline, or a publisher."""
    if way.due_ms is not None and way.due_ms <= as_of_ms:
        return True
    if not head.awaited:
        return False
    heard = Publishers(work)
    return any(heard.get(source, 0) >= instant for source, instant in head.awaited.items())


def _moved(
    work: Work,
    journey: Journey,
    now: Positions,
    positions: list[Positions],
    as_of_ms: int,
) -> dict[str, Answer] | None:
    """Return the answers that are others than before, None where the unit must be folded in full."""
    delivered_ms = journey.view.at("T15")
    if delivered_ms is not None and now.first[0] <= delivered_ms:
        return None  # how long locks were silent is observed with delivery
    before: Positions | None = None
    last = positions[-1] if positions else None
    if last is None:
        journey.view.memo.clear()
    elif now == last:
        return _SAME
    elif now.bucket_ms == last.bucket_ms:
        if now.first != last.first or now.last[0] <= last.last[0]:
            return None
        before = last
    elif now.bucket_ms < last.bucket_ms or now.first[0] <= last.last[0]:
        return None
    rules = _rules(journey.view, work.policy)
    if rules is None:
        return None
    if before is None:
        positions.append(now)
    else:
        positions[-1] = now
    return _answers(work, rules, journey, before, as_of_ms)


def _rules(view: JourneyView, policy: Policy) -> _Rules | None:
    """Return the rules that read positions as in force, None where that depends on what their answers are about."""
    known: dict[tuple[str | None, str | None], _Rules | None]
    known = policy.__dict__.setdefault("_moving", {})
    plan = view.plan
    key = (plan.mode, plan.lane_id)
    if key in known:
        return known[key]
    stated = [policy.rule(asked.rule.id) for asked in _READING]
    found: _Rules | None = None
    if len(policy.versions()) == 1 and all(
        one.valid_from is None and one.valid_to is None for one in stated
    ):
        current = (
            (asked, in_force(asked.rule, policy, mode=plan.mode, lane_id=plan.lane_id))
            for asked in _READING
        )
        found = tuple(
            (
                asked.rule.id,
                asked,
                one,
                None if asked.moving is None else asked.moving(one, plan.mode),
            )
            for asked, one in current
            if one.mode != "off"
        )
    if plan.lane_id is None or plan.lane_id in policy.lanes:
        known[key] = found
    return found


def _answers(
    work: Work, rules: _Rules, journey: Journey, before: Positions | None, as_of_ms: int
) -> dict[str, Answer] | None:
    """Return the answers that are others than before, None where a finding may be another."""
    view, known = journey.view, journey.answers
    is_first = len(view.positions) == 1 and before is None
    found = _SAME
    for name, asked, current, move_on in rules:
        old = known[name]
        if old.awaited:
            return None
        now = None
        if move_on is not None and not is_first:
            now = move_on(view, old.verdicts, before, as_of_ms)
            if now is old.verdicts:
                continue
        if now is None:
            # those of the view were read for an event before
            view.publishers = Publishers(work)
            view.awaited.clear()
            now = tuple(settled(one, as_of_ms) for one in asked.judge(view, current, as_of_ms))
            if view.awaited:
                return None
        new = Answer(now, next_due(now, as_of_ms), old.awaited)
        if new == old:
            continue
        if hits(old) or hits(new):
            return None
        found = {**found, name: new}
    return found


def _save(work: Work, unit: str, head: Head, hot: Hot, way: _Way) -> None:
    """Write what has changed of the head."""
    pinged_ms, due_ms = way.pinged_ms, way.due_ms
    if pinged_ms == head.pinged_ms and due_ms == head.due_ms:
        return  # the day hangs on nothing else that has changed
    since_ms = 0 if head.begun is None else head.begun.first[0]
    touched_ms = max(hot.reported_ms, hot.shared_ms, pinged_ms, since_ms)
    day = due_day(touched_ms, work.policy, closed=head.closed, deadline_ms=due_ms)
    move(work, unit, head.due_day, day)
    move_deadline(work, unit, head.due_ms, due_ms)
    after = msgspec.structs.replace(head, pinged_ms=pinged_ms, due_day=day, due_ms=due_ms)
    work.put(unit, "", after)

"""The stage [consignments]: keeps what is known of a house transport document and tells what changed in its assessment.

Knows the events that reach it, its manifests' parts, the units it lies in and what [journeys] told of them, and the
registry entries on its parties. Measures its clearance (`sstl.core.consignments.clearance`): it has arrived with the
last of its units and is released by the last release on the import side that stands. Asks the rules on consignments,
each again only when a part that it reads has changed, a deadline of it has come, or a publisher that it found silent
has spoken.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from sstl.core.consignment_view import ConsignmentView
from sstl.core.consignments.assess import (
    REGISTRY,
    AskedOfConsignments,
    Known,
    answers_of,
    findings_of,
    observe,
    read,
    view_of,
)
from sstl.core.consignments.cells import Head, RulesCell, ShareCell, Standing, UnitCell, unit_cell
from sstl.core.consignments.clearance import release_id
from sstl.core.consignments.drawing import draw
from sstl.core.consignments.telling import tell_findings
from sstl.core.deadlines import DueAt, DueBucket, as_of, move_deadline
from sstl.core.journeys.record import Chunk, Record, drop
from sstl.core.journeys.retention import (
    Due,
    DueCount,
    due_day,
    move,
    shares_touched_ms,
)
from sstl.core.journeys.telling import Raised
from sstl.core.observations import Shown, last_told, tell_observations
from sstl.core.publishers import Heard, Publishers, move_awaits
from sstl.core.rules import CONSIGNMENT_RULES, Verdict
from sstl.core.rules.base import Part
from sstl.core.rules.engine import next_due
from sstl.core.stage import Reached, Work
from sstl.core.subjects import SubjectStage
from sstl.models.records import (
    ConsignmentsMessage,
    Event,
    Finding,
    Forwarded,
    Placed,
    Shared,
    UnitMilestones,
    Withdrawn,
)

Message = Placed | Withdrawn | Forwarded | Shared | UnitMilestones

_ALL = frozenset(Part)


class ConsignmentsStage(SubjectStage):
    """What is measured on consignments, and what rules find on them."""

    name = "consignments"
    message_type: Any = ConsignmentsMessage
    cell_type: Any = (
        Head
        | Chunk
        | ShareCell
        | UnitCell
        | RulesCell
        | Raised
        | Shown
        | Due
        | DueCount
        | DueAt
        | DueBucket
        | Heard
        | Reached
    )
    downstream = ("findings", "observations")

    def __init__(self, rules: AskedOfConsignments = CONSIGNMENT_RULES) -> None:
        """Make the stage; ``rules`` are those that it asks."""
        self._rules = rules
        self._reading: dict[frozenset[Part], AskedOfConsignments] = {}

    def _forget(self, work: Work, key: str, day: int) -> None:
        head: Head | None = work.get(key, "")
        if head is not None:
            if head.deadline_ms is not None and head.deadline_ms <= as_of(work):
                return  # A deadline has come that is judged with one of the next heartbeats.
            move_deadline(work, key, head.deadline_ms, None)
            move_awaits(work, key, head.awaits, {})
        move(work, key, day, None)
        drop(work, key)
        work.count("consignment_dropped")

    def _ask_again(self, work: Work, key: str) -> None:
        self._take(work, key, ())

    def _take(self, work: Work, key: str, messages: Sequence[Message]) -> None:
        before: Head | None = work.get(key, "")
        if before is None and not messages:
            return
        before = before or Head()
        record = Record(work, key, before.chunks)
        manifests, units = set(before.manifests), set(before.units)
        changed: set[Part] = set()
        draws = work.context.draws
        shares = () if draws is None else _shares(work, key, before.manifests)
        for message in messages:
            if isinstance(message, Shared):
                changed |= _take_share(work, key, message, manifests)
            elif isinstance(message, UnitMilestones):
                changed |= _take_unit(work, key, message, units)
            else:
                changed |= _take_event(work, record, message)
        record.save()
        events, reported_ms = record.survey()
        known = _known(work, key, events, manifests, units)
        if draws is not None and Part.MANIFEST in changed:
            draw(work, draws, view_of(key, known, work.policy), (cell.share for cell in shares))
        empty = record.chunks == 0 and not manifests and not units
        if changed or not messages or empty or self._is_new(work, key):
            after = self._assess(work, key, known, before, changed, empty=empty)
        else:
            after = before  # what no rule and no observation reads says nothing new
        day = None
        if not empty:
            touched_ms = _touched_ms(reported_ms, known)
            closed = _is_through(work, key)
            day = due_day(touched_ms, work.policy, closed=closed, deadline_ms=after.deadline_ms)
        move(work, key, before.due_day, day)
        after = msgspec.structs.replace(
            after,
            chunks=record.chunks,
            manifests=tuple(sorted(manifests)),
            units=tuple(sorted(units)),
            due_day=day,
        )
        work.put(key, "", None if empty else after)

    def _is_new(self, work: Work, key: str) -> bool:
        """Tell whether the rules have not been asked by the policy in force."""
        cell: RulesCell | None = work.get(key, "rules")
        return cell is None or cell.policy != work.policy.hash

    def _assess(
        self,
        work: Work,
        key: str,
        known: Known,
        before: Head,
        changed: set[Part],
        *,
        empty: bool,
    ) -> Head:
        """Tell what follows from what is known now; return what is waited for."""
        view = view_of(key, known, work.policy)
        observed = observe(view, work.policy)
        tell_observations(work, key, before.observations, observed)
        standing = self._judge(work, view, changed, before, empty=empty).values()
        deadline_ms = min((one.due_ms for one in standing if one.due_ms is not None), default=None)
        move_deadline(work, key, before.deadline_ms, deadline_ms)
        awaits: dict[str, int] = {}
        for source, instant_ms in (one for rule in standing for one in rule.awaits):
            awaits[source] = min(instant_ms, awaits.get(source, instant_ms))
        move_awaits(work, key, before.awaits, awaits)
        return msgspec.structs.replace(
            before,
            observations=tuple(sorted(observed)),
            deadline_ms=deadline_ms,
            awaits=dict(sorted(awaits.items())),
        )

    def _reads(self, parts: frozenset[Part]) -> AskedOfConsignments:
        """Return the rules that read any of some parts."""
        found = self._reading.get(parts)
        if found is None:
            found = [one for one in self._rules if not parts.isdisjoint(one.rule.parts or _ALL)]
            self._reading[parts] = found
        return found

    def _to_ask(
        self,
        before: Mapping[str, Standing],
        view: ConsignmentView,
        changed: set[Part],
        head: Head,
        now_ms: int,
    ) -> AskedOfConsignments:
        """Return the rules that a change concerns, whose deadline has come, or whose silent publisher has spoken."""
        reading = self._reads(frozenset(changed))
        if not head.awaits and (head.deadline_ms is None or head.deadline_ms > now_ms):
            return reading
        due = {name for name, known in before.items() if _is_due(known, view, now_ms)}
        if not due:
            return reading
        due.update(one.rule.id for one in reading)
        return [one for one in self._rules if one.rule.id in due]

    def _judge(
        self,
        work: Work,
        view: ConsignmentView,
        changed: set[Part],
        head: Head,
        *,
        empty: bool,
    ) -> Mapping[str, Standing]:
        """Ask the rules that have to be asked, tell what they find, and return what all rules say.

        Of an empty consignment none is asked, and nothing is found any more.
        """
        cell: RulesCell | None = work.get(view.consignment, "rules")
        before = {} if cell is None else cell.rules
        now_ms = as_of(work)
        asking: AskedOfConsignments
        # Goods and route stand on every flag, lane and mode choose every threshold.
        if empty or cell is None or cell.policy != work.policy.hash or Part.MANIFEST in changed:
            asking, standing = () if empty else self._rules, {}
        else:
            asking, standing = self._to_ask(before, view, changed, head, now_ms), dict(before)
        if not asking and not before:
            return {}
        told: dict[str, Finding | None] = {}
        verdicts: list[Verdict] = []
        for asked in asking:
            name = asked.rule.id
            known = before.get(name, _NOTHING)
            standing.pop(name, None)
            if known.flags:
                told |= dict.fromkeys(known.flags)
            view.awaited.clear()
            answers = answers_of(view, asked, work.policy, now_ms)
            if not answers:
                continue
            findings = findings_of(view, asked, answers, work.policy)
            told |= findings
            verdicts += answers
            standing[name] = Standing(
                _count(work, name, answers, known),
                tuple(sorted(findings)),
                next_due(answers, now_ms),
                tuple(sorted(view.awaited.items())),
            )
        # What a rule had found that is not asked any more at all.
        for name in before.keys() - standing.keys():
            told |= {flag: told.get(flag) for flag in before[name].flags}
        if told:
            kept = [flag for one in standing.values() for flag in one.flags if flag not in told]
            tell_findings(work, view.consignment, told, verdicts, kept)
        if standing != before or cell is None or cell.policy != work.policy.hash:
            after = RulesCell(work.policy.hash, dict(sorted(standing.items())))
            work.put(view.consignment, "rules", after if standing else None)
        return standing


_NOTHING = Standing()


def _is_due(known: Standing, view: ConsignmentView, now_ms: int) -> bool:
    """Tell whether a deadline of a rule has come, or a publisher that it waits for has spoken."""
    if known.due_ms is not None and known.due_ms <= now_ms:
        return True
    return any(view.publishers.get(source, 0) >= instant for source, instant in known.awaits)


def _count(work: Work, name: str, answers: Sequence[Verdict], known: Standing) -> dict[str, int]:
    """Return how many episodes have which answer, and count those that are new."""
    judged: dict[str, int] = {}
    for verdict in answers:
        answer = verdict.result.value
        judged[answer] = judged.get(answer, 0) + 1
    for answer, many in judged.items():
        more = many - known.judged.get(answer, 0)
        if more > 0:
            work.count("rule", f"{name}:{answer}", more)
    return dict(sorted(judged.items())) if len(judged) > 1 else judged


def _is_through(work: Work, key: str) -> bool:
    """Tell whether the consignment has arrived and been released; one that is still waited for has not."""
    told = last_told(work, key, release_id(key))
    return told is not None and told.outcome is None


def _take_share(work: Work, key: str, message: Shared, manifests: set[str]) -> frozenset[Part]:
    part = f"share/{message.manifest_id}"
    known: ShareCell | None = work.get(key, part)
    cell = None if message.share is None else ShareCell(message.share, message.units)
    if cell is None:
        manifests.discard(message.manifest_id)
    else:
        manifests.add(message.manifest_id)
    work.put(key, part, cell)
    return frozenset() if cell == known else frozenset({Part.MANIFEST})


def _take_unit(work: Work, key: str, message: UnitMilestones, units: set[str]) -> frozenset[Part]:
    part = f"unit/{message.unit}"
    known: UnitCell | None = work.get(key, part)
    cell = unit_cell(message)
    if cell is None:
        units.discard(message.unit)
    else:
        units.add(message.unit)
    work.put(key, part, cell)
    if cell == known:
        return frozenset()
    before = () if known is None else known.controls
    after = () if cell is None else cell.controls
    moved = [event for event in (*before, *after) if event not in before or event not in after]
    return frozenset({Part.UNITS, *(part for event in moved for part in _part_of(event))})


def _take_event(
    work: Work, record: Record, message: Placed | Withdrawn | Forwarded
) -> frozenset[Part]:
    old, new = record.take(message)
    work.count("events_folded")
    if old == new:
        return frozenset()
    changed = {part for event in (old, new) if event is not None for part in _part_of(event)}
    if old is None and new is not None and not changed:
        work.count("unused_event", new.type.partition(".")[0])
    return frozenset(changed)


def _part_of(event: Event) -> tuple[Part, ...]:
    if event.type.startswith(REGISTRY):
        return (Part.PARTIES,)
    if event.type.startswith("manifest."):
        return (Part.MANIFEST, Part.CONTROLS) if read(event) else ()
    return (Part.CONTROLS,) if read(event) else ()


def _known(
    work: Work, key: str, events: Sequence[Event], manifests: set[str], units: set[str]
) -> Known:
    reported: dict[str, UnitCell | None] = {
        unit: work.get(key, f"unit/{unit}") for unit in sorted(units)
    }
    return Known(
        events,
        _shares(work, key, sorted(manifests)),
        {unit: cell.told(unit) for unit, cell in reported.items() if cell is not None},
        Publishers(work),
    )


def _shares(work: Work, key: str, manifests: Iterable[str]) -> list[ShareCell]:
    found = (work.get(key, f"share/{manifest}") for manifest in manifests)
    return [cell for cell in found if cell is not None]


def _touched_ms(reported_ms: int, known: Known) -> int:
    reached = [max((told.milestones or {}).values(), default=0) for told in known.units.values()]
    shares = shares_touched_ms(cell.share for cell in known.shares)
    return max(reported_ms, shares, *reached, 0)

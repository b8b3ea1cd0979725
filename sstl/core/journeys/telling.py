"""What a subject has told, and how the difference to what it has to say now is told.

What was told lies in a cell each, so that a change rewrites only what changed. It is a function of the last
assessment alone: a finding that came and went leaves nothing behind here; its history is the flags stage's.
"""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from sstl.core import controls
from sstl.core.journeys.asking import Journey
from sstl.core.journeys.assess import SEALS, Assessment
from sstl.core.rules import RULES
from sstl.core.rules.findings import CHANGED, CLEARED, why_cleared
from sstl.core.scores import emit_score
from sstl.core.stage import Work
from sstl.models.records import Event, Finding, UnitMilestones


class Raised(msgspec.Struct, frozen=True, tag="raised.2"):
    """Cell: a finding as last told, in state RAISED."""

    finding: Finding


class ToldJourney(msgspec.Struct, frozen=True, array_like=True):
    """What the consignments of one journey were told."""

    digest: str
    """SHA-256 of the message, shortened to 16 bytes, hexadecimal."""
    consignments: tuple[str, ...]


class Told(msgspec.Struct, frozen=True, tag="told.2"):
    """Cell: which consignments know which milestones of the unit."""

    journeys: tuple[ToldJourney, ...]


def tell_findings(
    work: Work, unit: str, told: Iterable[str], now: Mapping[str, Finding], assessment: Assessment
) -> None:
    """Emit findings raised, changed and cleared, and the scores of the journeys that this changes."""
    before: dict[str, Finding] = {}
    changed = False
    for name in sorted({*told, *now}):
        part = f"flag/{name}"
        cell: Raised | None = work.get(unit, part)
        if cell is not None:
            before[name] = cell.finding
        finding = now.get(name)
        if finding is None:
            if cell is not None:
                reason = why_cleared(
                    cell.finding, work.policy, assessment.verdicts, lambda _: unit, known=RULES
                )
                cleared = msgspec.structs.replace(cell.finding, state=CLEARED, reason=reason)
                work.emit("findings", name, cleared)
                changed = True
            work.put(unit, part, None)
        elif cell is None or cell.finding != finding:
            change = finding if cell is None else msgspec.structs.replace(finding, state=CHANGED)
            work.emit("findings", name, change)
            work.put(unit, part, Raised(finding))
            changed = True
    if changed:
        _tell_scores(work, before, now)


def _tell_scores(work: Work, before: Mapping[str, Finding], now: Mapping[str, Finding]) -> None:
    groups = {finding.group for finding in (*before.values(), *now.values())}
    for group in sorted(groups):
        emit_score(
            work,
            group,
            [one for one in before.values() if one.group == group],
            [one for one in now.values() if one.group == group],
        )


def tell_milestones(work: Work, unit: str, now: Assessment) -> None:
    """Emit a journey's milestones to the consignments that lie in it, and its end to those that no longer do.

    A consignment that two journeys of the unit name is told of the later one.
    """
    cell: Told | None = work.get(unit, "told")
    if len(now.journeys) == 1 and _tell_the_same(work, unit, now.journeys[0], cell):
        return
    known: dict[str, str] = {}
    for one in () if cell is None else cell.journeys:
        known |= dict.fromkeys(one.consignments, one.digest)
    places: dict[str, int] = {}
    for number, journey in enumerate(now.journeys):
        places |= dict.fromkeys(journey.view.plan.consignments, number)
    for name in sorted(known.keys() - places.keys()):
        work.emit("consignments", name, UnitMilestones(unit=unit))
    told: list[ToldJourney] = []
    for number, journey in enumerate(now.journeys):
        consignments = tuple(sorted(name for name, at in places.items() if at == number))
        if not consignments:
            continue
        message = unit_milestones(journey)
        digest = _digest(message)
        told.append(ToldJourney(digest, consignments))
        for name in consignments:
            if known.get(name) != digest:
                work.emit("consignments", name, message)
    work.put(unit, "told", Told(tuple(told)) if told else None)


def _tell_the_same(work: Work, unit: str, journey: Journey, cell: Told | None) -> bool:
    """Tell the consignments of a unit's only journey, where these are the same as before; False: they are others."""
    consignments = journey.view.plan.consignments
    told = () if cell is None else cell.journeys
    if not consignments:
        return not told
    if len(told) != 1 or told[0].consignments != consignments:
        return False
    message = unit_milestones(journey)
    digest = _digest(message)
    if digest != told[0].digest:
        for name in consignments:
            work.emit("consignments", name, message)
        work.put(unit, "told", Told((ToldJourney(digest, consignments),)))
    return True


def _digest(message: UnitMilestones) -> str:
    return hashlib.sha256(msgspec.msgpack.encode(message)).hexdigest()[:32]


def unit_milestones(journey: Journey) -> UnitMilestones:
    """Return what the consignments of a journey are told of it."""
    view, derived = journey.view, journey.derived
    bares, known = derived.bares, view.milestones

    def bare(event: Event) -> Event:
        kept = bares.get(id(event))
        if kept is None:
            kept = bares[id(event)] = (event, msgspec.structs.replace(event, data={}))
        return kept[1]

    instants = known.instants()
    actual, by_type = known.actual, view.by_type
    opened: Iterable[Event] = ()
    if not by_type.keys().isdisjoint(SEALS):
        opened = view.of(*SEALS)[-controls.MOST :]
    return UnitMilestones(
        unit=view.unit,
        milestones={code: instants[code] for code in sorted(instants)},
        lane_id=view.plan.lane_id,
        mode=view.plan.mode,
        events=tuple([(code, bare(actual[code])) for code in sorted(actual)]),
        opened=tuple([bare(event) for event in opened]),
        controls=tuple(derived.controls[-controls.MOST :]),
        journey=view.key,
    )

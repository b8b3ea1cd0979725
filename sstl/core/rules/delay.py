"""Rules of the family "later than planned", for reported delays. Each asks one question of one service or leg.

A *service* is what is planned, estimated and reported under one name: a service of a leg (leg, type, place and the
call within the leg) where events name their leg, else a milestone of the journey. Thresholds are minutes; exactly
the threshold is not yet later.
"""

from collections.abc import Callable, Iterable

import msgspec

from sstl.core.journeys.view import JourneyView
from sstl.core.leadtime import LegTimes
from sstl.core.rules import wording
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Result,
    Rule,
    Text,
    Verdict,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.services import KeptServices, Service
from sstl.core.rules.wording import MINUTE_MS
from sstl.models.records import Event

_TIMES = frozenset(
    {
        *(
            "transport.eventClassifier",
            "transport.time",
            "transport.recordedtime",
            "transport.legId",
        ),
        *(
            "transport.unLocationCode",
            "transport.sequence",
            "transport.transportCallSequenceNumber",
        ),
    }
)
_PARTS = frozenset({Part.TRANSPORT, Part.MANIFEST})
_LATER_BY = {"threshold": Parameter(0, "min", "Later than planned by more than this")}

LATER = Rule(
    id="milestone-later-than-planned",
    name="Milestone later than planned",
    question="Did it happen later than planned by more than the threshold?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=_TIMES,
    family="time",
    parts=_PARTS,
    parameters=_LATER_BY,
    source="own design",
)
EXPECTED = Rule(
    id="milestone-expected-late",
    name="Milestone expected late",
    question="Is it, not yet done, expected later than planned by more than the threshold?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=_TIMES,
    family="time",
    parts=_PARTS,
    parameters=_LATER_BY,
    source="own design",
    notice=True,
)
LONGER = Rule(
    id="leg-longer-than-planned",
    name="Leg longer than planned",
    question="Did the leg take longer than planned by more than the threshold?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=_TIMES | {"share.legs"},
    family="time",
    parts=_PARTS,
    parameters=_LATER_BY,
    source="own design",
)


def milestone_later_than_planned(service: Service, threshold_minutes: float) -> Verdict:
    """Judge whether a service happened later than planned; not evaluable without plan or actual."""
    return _against_plan(
        LATER,
        service,
        ("actual", service.actual),
        threshold_minutes,
        text=wording.later,
        reason="not later than planned by more than the threshold",
    )


def milestone_expected_late(service: Service, threshold_minutes: float) -> Verdict:
    """Judge whether a service that has not happened is expected later than planned.

    The estimate recorded last counts. What has happened is no longer expected.
    """
    if service.actual is not None:
        return Verdict(
            rule_id=EXPECTED.id,
            anchor=service.anchor,
            result=Result.NO_HIT,
            anchor_ms=_planned_ms(service),
            reason="the actual was reported",
        )
    estimated = service.estimated
    return _against_plan(
        EXPECTED,
        service,
        ("estimated", estimated),
        threshold_minutes,
        text=wording.expected_late,
        reason="no longer expected later than planned by more than the threshold",
        # what is planned lies ahead, and who governs then may not be known yet
        governed_ms=None if estimated is None else estimated.version.recorded_ms,
    )


def _against_plan(
    rule: Rule,
    service: Service,
    reported: tuple[str, Event | None],
    threshold_minutes: float,
    *,
    text: Callable[[Text, int, int], Text],
    reason: str,
    governed_ms: int | None = None,
) -> Verdict:
    """Compare a report of a service, called so where it is missing, with the plan."""
    planned, (name, report) = service.planned, reported
    if planned is None or report is None:
        named = (("planned", planned), (name, report))
        missing = tuple(one for one, known in named if known is None)
        return _not_evaluable(rule, service.anchor, missing, _planned_ms(service))
    late_ms = report.event_ms - planned.event_ms
    if not late_ms > threshold_minutes * MINUTE_MS:
        return Verdict(
            rule_id=rule.id,
            anchor=service.anchor,
            result=Result.NO_HIT,
            anchor_ms=planned.event_ms,
            governed_ms=governed_ms,
            reason=reason,
        )
    return Verdict(
        rule_id=rule.id,
        anchor=service.anchor,
        result=Result.HIT,
        observed=late_ms / MINUTE_MS,
        expected=threshold_minutes,
        anchor_ms=planned.event_ms,
        governed_ms=governed_ms,
        evidence=(planned, report),
        text=text(service.named(), report.event_ms, planned.event_ms),
        leg_id=service.leg_id,
    )


def leg_longer_than_planned(leg: LegTimes, threshold_minutes: float) -> Verdict:
    """Judge whether a leg took longer than planned; not evaluable while it runs or has no plan."""
    anchor = f"leg|{leg.leg.leg_id}"
    actual_ms, planned_ms = leg.actual_ms, leg.planned_ms
    if actual_ms is None or planned_ms is None or leg.end is None:
        missing = (
            *(("start",) if leg.start_ms is None else ()),
            *(("actual end",) if leg.end is None else ()),
            *(("planned start",) if leg.planned_start_ms is None else ()),
            *(("planned end",) if leg.planned_end_ms is None else ()),
        )
        return _not_evaluable(LONGER, anchor, missing, leg.planned_end_ms or 0)
    over_ms = actual_ms - planned_ms
    if not over_ms > threshold_minutes * MINUTE_MS:
        return Verdict(
            rule_id=LONGER.id,
            anchor=anchor,
            result=Result.NO_HIT,
            anchor_ms=leg.planned_end_ms or 0,
            reason="not longer than planned by more than the threshold",
        )
    name = leg.leg.leg_id
    way = f"{leg.leg.place_of_departure}-{leg.leg.place_of_arrival}"
    return Verdict(
        rule_id=LONGER.id,
        anchor=anchor,
        result=Result.HIT,
        observed=over_ms / MINUTE_MS,
        expected=threshold_minutes,
        anchor_ms=leg.planned_end_ms or 0,
        evidence=(leg.end,) if leg.planned_end is None else (leg.planned_end, leg.end),
        text=wording.longer(name, way, actual_ms, planned_ms),
        leg_id=name,
    )


def _planned_ms(service: Service) -> int:
    return 0 if service.planned is None else service.planned.event_ms


def _not_evaluable(rule: Rule, anchor: str, missing: tuple[str, ...], anchor_ms: int) -> Verdict:
    return Verdict(
        rule_id=rule.id,
        anchor=anchor,
        result=Result.NOT_EVALUABLE,
        anchor_ms=anchor_ms,
        missing=missing,
        reason=f"no longer known: {', '.join(missing)}",
    )


def _services(view: JourneyView) -> list[Service]:
    """Return the services of a journey; their anchors bear its key."""
    known: list[Service] | None = view.memo.get("delay.services")
    if known is None:
        kept: KeptServices | None = view.carried.get("delay")
        if kept is None:
            kept = view.carried["delay"] = KeptServices()
        arrived = view.events if view.arrived is None else view.arrived
        for index in range(kept.seen, len(arrived)):
            kept.take(arrived[index])
        known = kept.services(view.plan, view.milestones)
        view.memo["delay.services"] = known
    return known


def _anchored(view: JourneyView, verdict: Verdict) -> Verdict:
    if not view.key:
        return verdict
    return msgspec.structs.replace(verdict, anchor=view.anchor(verdict.anchor))


def _of_each(
    view: JourneyView,
    asked: InForce,
    services_: Iterable[Service],
    judge: Callable[[Service, float], Verdict],
) -> list[Verdict]:
    """Judge services; one that is the same as when it was judged last is not judged again."""
    kept: KeptServices = view.carried["delay"]
    known, threshold = kept.verdicts.setdefault(asked.rule.id, {}), asked["threshold"]
    found = []
    for service in services_:
        last = known.get(service.anchor)
        if last is not None and last[0] is service and last[1] is asked:
            found.append(last[2])
            continue
        verdict = _anchored(view, judge(service, threshold))
        known[service.anchor] = (service, asked, verdict)
        found.append(verdict)
    return found


def later(view: JourneyView, asked: InForce, as_of_ms: int) -> list[Verdict]:
    """Ask of each service that was planned or has happened whether it was later than planned."""
    known = [one for one in _services(view) if one.planned is not None or one.actual is not None]
    return _of_each(view, asked, known, milestone_later_than_planned)


def expected_late(view: JourneyView, asked: InForce, as_of_ms: int) -> list[Verdict]:
    """Ask of each service that has an estimate whether it is expected late."""
    known = [one for one in _services(view) if one.estimated is not None]
    return _of_each(view, asked, known, milestone_expected_late)


def longer(view: JourneyView, asked: InForce, as_of_ms: int) -> list[Verdict]:
    """Ask of each leg whether it took longer than planned."""
    return [_anchored(view, leg_longer_than_planned(leg, asked["threshold"])) for leg in view.legs]


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(LATER, later),
    Asked(EXPECTED, expected_late),
    Asked(LONGER, longer),
)

# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on releases and detentions of a consignment (family controls)."""

from collections.abc import Iterator

from sstl.core.consignment_view import ConsignmentView
from sstl.core.milestones import RELEASED, REVOKED, side_of, standing_releases
from sstl.core.releases import EVER
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    instant_text,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.consignment_facts import (
    HOUR_MS,
    detained_at,
    ended_otherwise,
    equipment_meant,
    evidence_at,
    hours,
    is_reported,
    released_at,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.wording import listed
from sstl.models.records import Event

_TRANSIT = "TRANSIT"
_MOVES = (
    "transport.time",
    "transport.eventClassifier",
    "transport.unLocationCode",
    "transport.equipmentReference",
)
_CUSTOMS = (
    "inspection.time",
    "inspection.inspectionId",
    "inspection.side",
    "inspection.unLocationCode",
    "inspection.equipmentReference",
    "declaration.time",
    "declaration.side",
    "declaration.declarationType",
    "channel.side",
    "duty.side",
    "bond.side",
    "share.place_of_loading",
    "share.place_of_unloading",
)

GATE_OUT = Rule(
    id="control-gate-out-before-release",
    name="Gate-out before release or while detained",
    question="Did the unit leave the terminal before an import release stood, or while it was detained?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS, Part.UNITS, Part.MANIFEST}),
    needs=frozenset({*_MOVES, *_CUSTOMS}),
    parameters={
        "grace_hours": Parameter(
            4, "h", "how long after gate-out word of an earlier release is waited for"
        )
    },
    severity="HIGH",
    recommended_control="PHYSICAL",
    advice=Text(
        "Find the unit with the haulier; have it brought back or controlled where it is.",
        "联系承运车队查找该单元，责令返回或就地查验。",
    ),
    source="WCO TRS stages: removal follows release; own design",
)
RELEASE_DETAINED = Rule(
    id="control-release-against-detention",
    name="Release against an open detention",
    question="Was the consignment released while a detention of it was open?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS, Part.MANIFEST}),
    needs=frozenset(_CUSTOMS),
    severity="HIGH",
    recommended_control="DOCUMENT_CHECK",
    advice=Text(
        "Ask the detaining office whether the detention is lifted; otherwise revoke the release.",
        "向扣留海关核实是否已解除扣留；否则撤销放行。",
    ),
    source="EDIFACT 7365: 7 detained, 4 released; own design",
)
OVERDUE = Rule(
    id="release-overdue",
    name="Release overdue",
    question="Was the consignment released in time after the arrival of its last unit?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS, Part.UNITS, Part.MANIFEST}),
    needs=frozenset({*_MOVES, *_CUSTOMS}),
    parameters={
        "limit_hours": Parameter(
            120, "h", "from arrival to release, where the lane's stage T6 to T13 states none"
        )
    },
    severity="LOW",
    recommended_control="NONE",
    advice=Text(
        "Find out what is waited for: papers of the trader, a control, payment.",
        "查明等待原因：企业单证、查验或缴税。",
    ),
    source="WCO TRS: arrival to release (LT_release, T13-T6)",
)


def gate_out_before_release(
    view: ConsignmentView, asked: InForce, as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each unit that left the terminal; under customs transit it may.

    Where no customs report of the import side is known and the lane names nobody who reports it, it cannot be judged.
    """
    for name in sorted(view.units):
        told = view.units[name]
        at_ms = (told.milestones or {}).get("T14")
        if at_ms is not None:
            yield _gate_out(view, asked, (name, at_ms, evidence_at(told, "T14")), as_of_ms)


def _gate_out(
    view: ConsignmentView, asked: InForce, left: tuple[str, int, tuple[Event, ...]], as_of_ms: int
) -> Verdict:
    unit, at_ms, known = left
    anchor = f"T14|{unit}"
    detention = detained_at(view, at_ms, "IMPORT", unit)
    if detention is not None:
        return hit(
            asked,
            anchor,
            at_ms,
            text=Text(
                f"{unit} left the terminal at {instant_text(at_ms)} while detained since "
                f"{instant_text(detention.event_ms)}.",
                f"{unit} 自 {instant_text(detention.event_ms)} 起被扣留，却于 {instant_text(at_ms)} 出场。",
            ),
            observed="detained",
            expected="released",
            evidence=(detention, *known),
            severity="CRITICAL",
            equipment_reference=equipment_meant(view, unit),
        )
    if released_at(view, "IMPORT", at_ms, unit) is not None:
        return no_hit(asked, anchor, at_ms, "an import release stood at gate-out")
    if any(one.event_ms <= at_ms and _in_transit(view, one) for one in view.events):
        return no_hit(asked, anchor, at_ms, "it moves under customs transit")
    if not is_reported(view, "IMPORT", "T13"):
        return not_evaluable(asked, anchor, at_ms, "customs reports of the import side")
    due_ms = at_ms + int(asked["grace_hours"] * HOUR_MS)
    if as_of_ms >= due_ms and view.publisher_silent("T13", due_ms):
        return not_evaluable(asked, anchor, at_ms, "publisher of T13 silent")
    later = released_at(view, "IMPORT", EVER, unit)
    evidence, came = known, Text("no release that stood is known", "未见有效放行")
    if later is not None and later.event_ms > at_ms:
        after = hours(later.event_ms - at_ms)
        came = Text(f"the release came {after} h later", f"放行晚于出场 {after} 小时")
        evidence = (*known, later)
    return hit(
        asked,
        anchor,
        due_ms,
        text=Text(
            f"{unit} left the terminal at {instant_text(at_ms)} before import release: {came.en}.",
            f"{unit} 于 {instant_text(at_ms)} 在进口放行前出场：{came.zh}。",
        ),
        observed="no release",
        expected="released",
        evidence=evidence,
        due_ms=due_ms,
        governed_ms=at_ms,
        equipment_reference=equipment_meant(view, unit),
    )


def _in_transit(view: ConsignmentView, event: Event) -> bool:
    accepted = event.type in ("declaration.accepted", RELEASED)
    return accepted and side_of(event, view.plan) == _TRANSIT


def release_against_detention(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each release against the detentions that were open then; a revoked release is none."""
    for release in view.by_type.get(RELEASED, ()):
        anchor, at_ms = release.identity, release.event_ms
        side = side_of(release, view.plan)
        detention = detained_at(view, at_ms, side, release.data.get("equipmentReference"))
        if detention is None:
            yield no_hit(asked, anchor, at_ms, "no detention was open")
        elif not standing_releases((release, *view.by_type.get(REVOKED, ()))):
            yield no_hit(asked, anchor, at_ms, "the release was revoked")
        elif side is None:
            yield not_evaluable(asked, anchor, at_ms, "side of the release")
        else:
            since = hours(at_ms - detention.event_ms)
            yield hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"Released at {instant_text(at_ms)} while detained for {since} h.",
                    f"{instant_text(at_ms)} 放行时仍处于扣留状态（已 {since} 小时）。",
                ),
                observed=round((at_ms - detention.event_ms) / HOUR_MS, 3),
                expected="detention lifted",
                evidence=(detention, release),
            )


def arrived(view: ConsignmentView) -> tuple[int, tuple[Event, ...]] | None:
    """Return when the last of the units arrived; None while the arrival of one is not known."""
    last: tuple[int, tuple[Event, ...]] | None = None
    for name in view.unit_names:
        told = view.units.get(name)
        at_ms = None if told is None else (told.milestones or {}).get("T6")
        if told is None or at_ms is None:
            return None
        if last is None or at_ms > last[0]:
            last = (at_ms, evidence_at(told, "T6"))
    return last


def release_overdue(view: ConsignmentView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge arrival to release: an absence with a deadline.

    The lane's stage T6 to T13 states the limit, the parameter where it does not. Seizure, return, destruction,
    abandonment and open detentions explain that no release comes, one that names a unit for that unit only.
    """
    if not view.units:
        return
    start = arrived(view)
    if start is None:
        yield not_evaluable(asked, "T13", view.first_ms, "transport.arrived")
        return
    promised = next(
        (
            stage.limit_hours
            for stage in (view.lane.stages if view.lane else ())
            if (stage.start, stage.end) == ("T6", "T13") and stage.limit_hours is not None
        ),
        None,
    )
    if promised is None and not is_reported(view, "IMPORT", "T13"):
        yield not_evaluable(asked, "T13", start[0], "customs reports of the import side")
        return
    limit = asked["limit_hours"] if promised is None else promised
    due_ms = start[0] + int(limit * HOUR_MS)
    awaited = "T13" not in view.milestones.actual and as_of_ms >= due_ms
    if awaited and view.publisher_silent("T13", due_ms):
        yield not_evaluable(asked, "T13", start[0], "publisher of T13 silent")
        return
    yield _overdue(view, asked, start, limit)


def _overdue(
    view: ConsignmentView, asked: InForce, start: tuple[int, tuple[Event, ...]], limit: float
) -> Verdict:
    due_ms = start[0] + int(limit * HOUR_MS)
    release = view.milestones.actual.get("T13")
    if release is not None and release.event_ms <= due_ms:
        return no_hit(asked, "T13", start[0], "released in time")
    if ended_otherwise(view) is not None:
        return no_hit(asked, "T13", start[0], "seized, returned, destroyed or abandoned")
    if release is None:
        waiting = _waiting(view)
        if not waiting:
            return no_hit(asked, "T13", start[0], "detained")
        named = Text("", "")
        if len(waiting) < len(view.unit_names):
            units = listed(waiting)
            named = Text(f": {units.en}", f"：{units.zh}")
        return hit(
            asked,
            "T13",
            due_ms,
            text=Text(
                f"Arrived at {instant_text(start[0])} and not released within {limit:g} h{named.en}.",
                f"{instant_text(start[0])} 到达，{limit:g} 小时内未放行{named.zh}。",
            ),
            observed="no release",
            expected=f"within {limit:g} h",
            evidence=start[1],
            due_ms=due_ms,
            governed_ms=start[0],
            equipment_reference=equipment_meant(view, waiting[0]) if len(waiting) == 1 else None,
        )
    took = release.event_ms - start[0]
    return hit(
        asked,
        "T13",
        due_ms,
        text=Text(
            f"Released {hours(took)} h after arrival ({instant_text(release.event_ms)}); limit {limit:g} h.",
            f"到达 {hours(took)} 小时后放行（{instant_text(release.event_ms)}）；时限 {limit:g} 小时。",
        ),
        observed=round(took / HOUR_MS, 3),
        expected=limit,
        evidence=(*start[1], release),
        governed_ms=start[0],
    )


def _waiting(view: ConsignmentView) -> list[str]:
    """Return the units that are not released, without those that are detained."""
    return [
        unit
        for unit in view.unit_names
        if released_at(view, "IMPORT", EVER, unit) is None
        and detained_at(view, EVER, "IMPORT", unit) is None
    ]


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(GATE_OUT, gate_out_before_release),
    Asked(RELEASE_DETAINED, release_against_detention),
    Asked(OVERDUE, release_overdue),
)
"""In the order of a clearance."""

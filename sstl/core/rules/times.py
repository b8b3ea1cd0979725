# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules of the family "time" on a unit: overdue, inside too long, out of order, unlike what the lane has learnt.

Absence is judged at its deadline: a judge answers with a hit and the deadline, and the engine makes it one when the
watermark has come there. That a thing happened later than planned is in `delay`; the release of a consignment is
judged with the consignment.
"""

from collections.abc import Iterator
from itertools import pairwise

from sstl.core.journeys.view import JourneyView
from sstl.core.rules import times_dwell
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
    pending,
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.times_common import (
    CUSTOMS,
    CUSTOMS_FIELDS,
    HOUR_MS,
    MINUTE_MS,
    NAMES,
    PARTS,
    PHYSICAL,
    PHYSICAL_FIELDS,
    TERMINALS,
    passed,
)
from sstl.models.policy import StageLimit
from sstl.models.records import Event

OVERDUE = Rule(
    id="milestone-overdue",
    name="Milestone overdue",
    question="Has a milestone not been reached within the lane's limit after the one before?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="time",
    needs=PHYSICAL_FIELDS | CUSTOMS_FIELDS,
    parts=PARTS,
    recommended_control="DOCUMENT_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask the carrier or terminal where the unit is; if nobody knows, look for it.",
        "请向承运人或码头核实该箱所在位置；如无法确认，请查找。",
    ),
    source="stages of the WCO Time Release Study guide; limits are the lane's",
)
RELEASE = Rule(
    id="unit-release-overdue",
    name="Release of the unit overdue",
    question="Has a unit without known consignments not been released within the limit after arrival?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="time",
    needs=PHYSICAL_FIELDS | CUSTOMS_FIELDS | {"share.consignments"},
    parts=PARTS,
    parameters={
        "limit_hours": Parameter(168, "h", "where the lane limits no stage that ends with T13")
    },
    recommended_control="DOCUMENT_CHECK",
    where_to_control="DESTINATION",
    advice=Text("Ask the office why the goods are not released.", "请向海关核实未放行原因。"),
    source="arrival to release, headline of the WCO Time Release Study guide",
)
SEQUENCE = Rule(
    id="sequence-impossible",
    name="Impossible sequence",
    question="Is a milestone reported before one that must come first?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="time",
    needs=PHYSICAL_FIELDS,
    parts=frozenset({Part.TRANSPORT, Part.MANIFEST}),
    parameters={
        "tolerance_minutes": Parameter(
            120, "min", "reports are rounded, lists are finished afterwards"
        )
    },
    recommended_control="DOCUMENT_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Compare the reports of terminal and carrier: one is wrong, or is of another unit.",
        "请比对码头与承运人的报告：其中之一有误，或属于另一箱。",
    ),
    source="own design",
)
UNUSUAL = Rule(
    id="stage-outside-range",
    name="Stage outside its learnt range",
    question="Did a stage take less or more time than the lane has learnt?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    family="time",
    needs=PHYSICAL_FIELDS | CUSTOMS_FIELDS,
    parts=PARTS,
    severity="LOW",
    recommended_control="NONE",
    advice=Text(
        "Unusual, not wrong: look at it together with other indications.",
        "属异常而非错误：请结合其他迹象判断。",
    ),
    source="range proposed offline from the lane's history and reviewed in policy",
)


def milestone_overdue(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each stage that the lane limits, ends of customs and stays in terminals apart.

    A milestone that is not reported although a later one is has been passed: no hit where the later one came before
    the deadline, else not evaluable.
    """
    lane = asked.lane
    if lane is None:
        if view.milestones.actual:
            yield not_evaluable(asked, view.anchor("stages"), view.first_ms, "policy.lane")
        return
    for stage in lane.stages:
        if (
            stage.limit_hours is None
            or stage.end in CUSTOMS
            or (stage.start, stage.end) in TERMINALS
        ):
            continue
        yield from _overdue(view, asked, stage, stage.limit_hours, as_of_ms)


def unit_release_overdue(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge arrival to release where the unit's own reports carry customs and no consignment of it is known."""
    if view.plan.consignments or not ("T13" in view.milestones.actual or _clears(view)):
        return
    stages = () if asked.lane is None else asked.lane.stages
    limited = [stage for stage in stages if stage.end == "T13" and stage.limit_hours is not None]
    for stage in limited or (StageLimit(start="T6", end="T13"),):
        limit = asked["limit_hours"] if stage.limit_hours is None else stage.limit_hours
        yield from _overdue(view, asked, stage, limit, as_of_ms)


def _clears(view: JourneyView) -> bool:
    return "transport.crc" in view.by_type or "transport.ccd" in view.by_type


def _overdue(
    view: JourneyView, asked: InForce, stage: StageLimit, limit_hours: float, as_of_ms: int
) -> Iterator[Verdict]:
    start_ms, end_ms = view.at(stage.start), view.at(stage.end)
    anchor = view.anchor(f"{stage.start}-{stage.end}")
    if start_ms is None:
        if end_ms is not None:
            yield not_evaluable(asked, anchor, end_ms, stage.start)
        return
    deadline_ms = start_ms + int(limit_hours * HOUR_MS)
    begun = _event(view, stage.start)
    if end_ms is not None:
        if end_ms <= deadline_ms:
            yield no_hit(asked, anchor, start_ms, f"{stage.end} was reached in time")
            return
        ended = _event(view, stage.end)
        yield hit(
            asked,
            anchor,
            deadline_ms,
            text=_late_text(stage, start_ms, end_ms, limit_hours),
            observed=round((end_ms - start_ms) / HOUR_MS, 2),
            expected=limit_hours,
            evidence=(*begun, *ended),
            governed_ms=start_ms,
        )
        return
    passed_ms = passed(view, stage.end)
    if passed_ms is not None:
        if passed_ms <= deadline_ms:
            yield no_hit(asked, anchor, start_ms, f"{stage.end} was passed in time")
        else:
            yield not_evaluable(asked, anchor, start_ms, stage.end)
        return
    if as_of_ms >= deadline_ms and view.publisher_silent(stage.end, deadline_ms):
        yield not_evaluable(asked, anchor, start_ms, f"publisher of {stage.end} silent")
        return
    if as_of_ms < deadline_ms:
        yield pending(asked, anchor, deadline_ms, start_ms)
        return
    yield hit(
        asked,
        anchor,
        deadline_ms,
        text=_absent_text(stage, start_ms, limit_hours),
        observed=None,
        expected=limit_hours,
        evidence=begun,
        due_ms=deadline_ms,
        governed_ms=start_ms,
    )


def _event(view: JourneyView, milestone: str) -> tuple[Event, ...]:
    event = view.milestones.actual.get(milestone)
    if event is None and milestone == "T0" and view.shares:
        event = view.shares[0].evidence
    return () if event is None else (event,)


def _late_text(stage: StageLimit, start_ms: int, end_ms: int, limit_hours: float) -> Text:
    start, end = NAMES[stage.start], NAMES[stage.end]
    hours, over = (end_ms - start_ms) / HOUR_MS, (end_ms - start_ms) / HOUR_MS - limit_hours
    since, at = instant_text(start_ms), instant_text(end_ms)
    return Text(
        f"{end.en.capitalize()} ({stage.end}) came {hours:.1f} h after {start.en} ({stage.start}), {over:.1f} h over "
        f"the limit of {limit_hours:g} h: {at}, counted from {since}.",
        f"{end.zh}（{stage.end}）在{start.zh}（{stage.start}）后 {hours:.1f} 小时，超出 {limit_hours:g} 小时限制 "
        f"{over:.1f} 小时：{at}，自 {since} 起算。",
    )


def _absent_text(stage: StageLimit, start_ms: int, limit_hours: float) -> Text:
    start, end, since = NAMES[stage.start], NAMES[stage.end], instant_text(start_ms)
    return Text(
        f"No {end.en} ({stage.end}) within {limit_hours:g} h after {start.en} ({stage.start}) at {since}.",
        f"{start.zh}（{stage.start}，{since}）后 {limit_hours:g} 小时内未报告{end.zh}（{stage.end}）。",
    )


def sequence_impossible(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each two milestones of the way that follow each other among those reported.

    Delivery (T15) is left out: a unit may be stripped before it leaves the terminal.
    """
    del as_of_ms
    actual = view.milestones.actual
    known = [code for code in PHYSICAL[:-1] if code in actual]
    if not known:
        return
    if len(known) == 1:
        yield not_evaluable(asked, view.anchor("sequence"), view.first_ms, "a second milestone")
        return
    tolerance_ms = asked["tolerance_minutes"] * MINUTE_MS
    found = False
    for earlier, later in pairwise(known):
        first, second = actual[earlier], actual[later]
        before_ms = first.event_ms - second.event_ms
        if before_ms <= tolerance_ms:
            continue
        found = True
        minutes = before_ms / MINUTE_MS
        name, other = NAMES[earlier], NAMES[later]
        at, since = instant_text(second.event_ms), instant_text(first.event_ms)
        yield hit(
            asked,
            view.anchor(f"{earlier}-{later}"),
            second.event_ms,
            text=Text(
                f"{other.en.capitalize()} ({later}) is reported {minutes:.0f} min before {name.en} ({earlier}): "
                f"{at} and {since}.",
                f"{other.zh}（{later}，{at}）早于{name.zh}（{earlier}，{since}）{minutes:.0f} 分钟。",
            ),
            observed=round(minutes, 1),
            expected=asked["tolerance_minutes"],
            evidence=(second, first),
        )
    if not found:
        yield no_hit(asked, view.anchor("sequence"), view.first_ms, "milestones follow each other")


def stage_outside_range(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each stage that has ended and whose range the lane has learnt; a bound itself is within."""
    del as_of_ms
    lane = asked.lane
    if lane is None:
        return
    for stage in lane.stages:
        low, high = stage.learnt_low_hours, stage.learnt_high_hours
        if low is None and high is None:
            continue
        start_ms, end_ms = view.at(stage.start), view.at(stage.end)
        if end_ms is None:
            continue
        anchor = view.anchor(f"{stage.start}-{stage.end}")
        if start_ms is None:
            yield not_evaluable(asked, anchor, end_ms, stage.start)
            continue
        hours = (end_ms - start_ms) / HOUR_MS
        if low is not None and hours < low:
            bound = low
        elif high is not None and hours > high:
            bound = high
        else:
            yield no_hit(asked, anchor, start_ms, "within the learnt range")
            continue
        yield hit(
            asked,
            anchor,
            start_ms,
            text=_range_text(stage, hours, bound),
            observed=round(hours, 2),
            expected=bound,
            evidence=(*_event(view, stage.start), *_event(view, stage.end)),
        )


def _range_text(stage: StageLimit, hours: float, bound: float) -> Text:
    start, end = NAMES[stage.start], NAMES[stage.end]
    less = hours < bound
    return Text(
        f"From {start.en} ({stage.start}) to {end.en} ({stage.end}) {hours:.1f} h, {'less' if less else 'more'} "
        f"than the {bound:g} h that are usual on the lane.",
        f"从{start.zh}（{stage.start}）到{end.zh}（{stage.end}）用时 {hours:.1f} 小时，"
        f"{'少' if less else '多'}于该线路通常的 {bound:g} 小时。",
    )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(OVERDUE, milestone_overdue),
    Asked(RELEASE, unit_release_overdue),
    *times_dwell.RULES,
    Asked(SEQUENCE, sequence_impossible),
    Asked(UNUSUAL, stage_outside_range),
)

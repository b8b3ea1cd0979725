# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on controls of a consignment (family controls): what came of them.

Whether they were needed and plausible is in `sstl.core.rules.controls_conduct`, releases and detentions in
`sstl.core.rules.controls_release`, resealing in `sstl.core.rules.controls_seals`.
"""

from collections.abc import Iterator

from sstl.core.consignment_view import ConsignmentView
from sstl.core.milestones import RELEASED, order
from sstl.core.routing import consignment_references
from sstl.core.rules import controls_conduct, controls_release, controls_seals
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
    PARTNER_RESULT,
    RESULT,
    SATISFACTORY_CODES,
    UNSATISFACTORY_CODES,
    WAIVED,
    Control,
    concerns,
    controls,
    hours,
    is_done,
)
from sstl.core.rules.engine import Asked
from sstl.models.codes import RiskArea
from sstl.models.records import Event

_PERFORMED = (
    "inspection.document.checked",
    "inspection.scan.started",
    "inspection.scan.completed",
    "inspection.physical.started",
    "inspection.physical.completed",
    "inspection.sample.taken",
)
_FOLLOW_UPS = (
    "inspection.physical.started",
    "inspection.physical.completed",
    "inspection.sample.taken",
    "inspection.detained",
    "inspection.seized",
)
_STATED_RESULT = ("controlResultCode", "outcome", "niiResult")
_NAMED = ("inspection.time", "inspection.inspectionId", "inspection.side", "inspection.status")
_PLACED = ("inspection.equipmentReference", "inspection.unLocationCode")
_OURS = Text("A control of", "的查验结果")
_THEIRS = Text("A partner's control whose result was received at", "收到的对方查验结果")

UNSATISFACTORY = Rule(
    id="control-unsatisfactory",
    name="Unsatisfactory control result",
    question="Did a control end with an unsatisfactory result?",
    unit="result",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS}),
    needs=frozenset(
        {
            *_NAMED,
            "inspection.controlResultCode",
            "inspection.outcome",
            "inspection.irregularities",
        }
    ),
    severity="HIGH",
    recommended_control="PHYSICAL",
    advice=Text(
        "Hold the goods; record what was found; look at other consignments of the same parties and route.",
        "扣留货物，记录查获情况，并排查相同当事人和路线的其他货物。",
    ),
    source="control results CL047 (B1 not satisfactory); outcome of the control",
)
SUSPECT_IMAGE = Rule(
    id="control-suspect-image-not-followed-up",
    name="Suspect image not followed up",
    question="Was a suspect image followed by a physical control, a sample or a reasoned clearance in time?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS}),
    needs=frozenset(
        {*_NAMED, *_PLACED, "inspection.niiResult", "inspection.controlType", "inspection.reason"}
    ),
    parameters={"limit_hours": Parameter(24, "h", "from the suspect image to its follow-up")},
    severity="HIGH",
    recommended_control="PHYSICAL",
    advice=Text(
        "Open the unit, or record why the image is cleared.",
        "开箱查验，或记录图像排除嫌疑的理由。",
    ),
    source="domain practice: follow-up rate of suspect images; own design",
)
WITHOUT_RESULT = Rule(
    id="control-without-result",
    name="Control without result in time",
    question="Was the result of a control recorded in time after it was carried out?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS, Part.MANIFEST}),
    needs=frozenset(
        {
            *_NAMED,
            *_PLACED,
            *(f"inspection.{name}" for name in _STATED_RESULT),
            "inspection.consignmentId",
            "inspection.transportDocumentReference",
            "inspection.mrn",
            "inspection.ucr",
            "share.place_of_loading",
            "share.place_of_unloading",
        }
    ),
    parameters={
        "limit_hours": Parameter(48, "h", "from the last step of the control to its result"),
        "laboratory_hours": Parameter(720, "h", "the same where a sample was taken"),
    },
    severity="LOW",
    recommended_control="NONE",
    advice=Text("Ask the office for the result and record it.", "要求查验海关补录结果。"),
    source="indicator: time between channel assignment and recorded result; own design",
)


def control_unsatisfactory(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each recorded result; a code of unknown meaning is not evaluable.

    What a partner found counts like a result of our own; where the same is recorded here of its inspection, it is no
    second one.
    """
    recorded = [event for event in view.by_type.get(RESULT, ()) if is_done(event)]
    known = {event.data.get("inspectionId") for event in recorded if _found(event)} - {None}
    received = [
        event
        for event in view.by_type.get(PARTNER_RESULT, ())
        if is_done(event) and event.data.get("inspectionId") not in known
    ]
    for event in (*recorded, *received):
        code, outcome = event.data.get("controlResultCode"), event.data.get("outcome")
        anchor, at_ms = event.identity, event.event_ms
        said = _found(event)
        if said is not None:
            whose = _THEIRS if event.type == PARTNER_RESULT else _OURS
            yield hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"{whose.en} {instant_text(at_ms)} was not satisfactory ({said}).",
                    f"{instant_text(at_ms)} {whose.zh}不合格（{said}）。",
                ),
                observed=said,
                expected="satisfactory",
                evidence=(event,),
                risk_area=_area(event),
            )
        elif code in SATISFACTORY_CODES or outcome == "NOT_CONFIRMED":
            yield no_hit(asked, anchor, at_ms, "the result is satisfactory")
        else:
            yield not_evaluable(asked, anchor, at_ms, "a final result")


def _found(event: Event) -> str | None:
    """Return the code or outcome by which a result is unsatisfactory, None where it is not."""
    code, outcome = event.data.get("controlResultCode"), event.data.get("outcome")
    if code in UNSATISFACTORY_CODES:
        return str(code)
    return "CONFIRMED" if outcome == "CONFIRMED" else None


def _area(event: Event) -> RiskArea | None:
    for found in event.data.get("irregularities") or ():
        area: RiskArea | None = found.get("riskArea")
        if area is not None:
            return area
    return None


def suspect_image(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the first suspect image of each unit in each inspection: an absence with a deadline."""
    for anchor, images in _images(view).items():
        suspect = next((one for one in images if one.data["niiResult"] == "SUSPECT"), None)
        unclear = [one for one in images if one.data["niiResult"] == "INCONCLUSIVE"]
        if suspect is not None:
            yield _followed_up(view, asked, suspect, anchor)
        elif unclear and unclear[-1] is images[-1]:
            yield not_evaluable(asked, anchor, unclear[0].event_ms, "a conclusive image")
        elif unclear:
            yield no_hit(asked, anchor, unclear[0].event_ms, "a conclusive image was clear")


def _images(view: ConsignmentView) -> dict[str, list[Event]]:
    """Sort the images by inspection and unit, in their order; each that names no inspection stands alone.

    An image that names no unit is of the only one that the inspection's other images name.
    """
    scans = view.by_type.get("inspection.scan.completed", ())
    images = [one for one in (*scans, *view.by_type.get(RESULT, ())) if one.data.get("niiResult")]
    named: dict[str, set[str]] = {}
    for one in images:
        inspection, unit = one.data.get("inspectionId"), one.data.get("equipmentReference")
        if inspection is not None and unit is not None:
            named.setdefault(inspection, set()).add(unit)
    found: dict[str, list[Event]] = {}
    for one in sorted(images, key=order):
        inspection, unit = one.data.get("inspectionId"), one.data.get("equipmentReference")
        if inspection is None:
            anchor = one.identity
        else:
            units = named.get(inspection, set())
            if unit is None and len(units) == 1:
                (unit,) = units
            anchor = f"image|{inspection}" if unit is None else f"image|{inspection}|{unit}"
        found.setdefault(anchor, []).append(one)
    return found


def _followed_up(view: ConsignmentView, asked: InForce, event: Event, anchor: str) -> Verdict:
    limit_ms = int(asked["limit_hours"] * HOUR_MS)
    due_ms = event.event_ms + limit_ms
    follow = next((one for one in view.events if _follows_up(one, event)), None)
    unit: str | None = event.data.get("equipmentReference")
    of = Text("", "") if unit is None else Text(f" ({unit})", f"（{unit}）")
    since = instant_text(event.event_ms)
    if follow is not None and follow.event_ms <= due_ms:
        return no_hit(asked, anchor, event.event_ms, "the image was followed up")
    limit = hours(limit_ms)
    if follow is None:
        return hit(
            asked,
            anchor,
            due_ms,
            text=Text(
                f"A suspect image of {since}{of.en} was not followed up within {limit} h.",
                f"{since} 的可疑图像{of.zh}在 {limit} 小时内未跟进处置。",
            ),
            observed="no follow-up",
            expected=f"within {limit} h",
            evidence=(event,),
            due_ms=due_ms,
            governed_ms=event.event_ms,
            equipment_reference=unit,
        )
    took = follow.event_ms - event.event_ms
    return hit(
        asked,
        anchor,
        due_ms,
        text=Text(
            f"A suspect image of {since}{of.en} was followed up only after {hours(took)} h; limit {limit} h.",
            f"{since} 的可疑图像{of.zh}在 {hours(took)} 小时后才跟进；时限 {limit} 小时。",
        ),
        observed=round(took / HOUR_MS, 3),
        expected=asked["limit_hours"],
        evidence=(event, follow),
        governed_ms=event.event_ms,
        severity="LOW",
        equipment_reference=unit,
    )


def _follows_up(one: Event, image: Event) -> bool:
    """Tell whether a report follows up a suspect image: another control of the goods, or a clearance with a reason."""
    if one.event_ms < image.event_ms or one.identity == image.identity or not is_done(one):
        return False
    if not concerns(one, image, ("side", "equipmentReference")):
        return False
    if one.type in _FOLLOW_UPS:
        return True
    if one.type == RESULT:
        follows = one.data.get("controlType") in ("PHYSICAL", "LAB")
        return follows or (one.data.get("reason") is not None and concerns(one, image))
    return one.type in (RELEASED, WAIVED) and one.data.get("reason") is not None


def control_without_result(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each control that was carried out: an absence with a deadline."""
    for control in controls(view):
        steps = [one for one in control.of(*_PERFORMED) if is_done(one)]
        if not steps:
            continue
        first, last = steps[0], steps[-1]
        laboratory = any(one.type == "inspection.sample.taken" for one in steps)
        limit_ms = int(asked["laboratory_hours" if laboratory else "limit_hours"] * HOUR_MS)
        due_ms, anchor = last.event_ms + limit_ms, f"control|{control.key}"
        found = next((one for one in view.events if _has_result(one, control, first)), None)
        limit = hours(limit_ms)
        if found is not None and found.event_ms <= due_ms:
            yield no_hit(asked, anchor, last.event_ms, "the result was recorded in time")
        elif found is not None:
            took = found.event_ms - last.event_ms
            yield hit(
                asked,
                anchor,
                due_ms,
                text=Text(
                    f"The result of the control of {instant_text(last.event_ms)} was recorded after "
                    f"{hours(took)} h; limit {limit} h.",
                    f"{instant_text(last.event_ms)} 的查验在 {hours(took)} 小时后才录入结果；"
                    f"时限 {limit} 小时。",
                ),
                observed=round(took / HOUR_MS, 3),
                expected=limit_ms / HOUR_MS,
                evidence=(last, found),
                governed_ms=last.event_ms,
            )
        elif control.side is None and control.key.startswith("-"):
            yield not_evaluable(asked, anchor, last.event_ms, "inspectionId or side")
        elif not any(consignment_references(one.data) for one in control.events):
            # It may be of another consignment in the unit, to which its result went.
            yield not_evaluable(asked, anchor, last.event_ms, "consignment of the control")
        else:
            yield hit(
                asked,
                anchor,
                due_ms,
                text=Text(
                    f"The control of {instant_text(last.event_ms)} has no result within {limit} h.",
                    f"{instant_text(last.event_ms)} 的查验在 {limit} 小时内未录入结果。",
                ),
                observed="no result",
                expected=f"within {limit} h",
                evidence=(last,),
                due_ms=due_ms,
                governed_ms=last.event_ms,
            )


def _has_result(event: Event, control: Control, first: Event) -> bool:
    """Tell whether a report has the result of a control that began with ``first``."""
    if event.event_ms < first.event_ms:
        return False
    if event.type in (RESULT, WAIVED):
        return concerns(event, first)
    return event in control.events and any(event.data.get(name) for name in _STATED_RESULT)


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(UNSATISFACTORY, control_unsatisfactory),
    Asked(SUSPECT_IMAGE, suspect_image),
    Asked(WITHOUT_RESULT, control_without_result),
    *controls_seals.RULES,
    *controls_release.RULES,
    *controls_conduct.RULES,
)
"""The rules on controls."""

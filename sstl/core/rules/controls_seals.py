# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rule on units that are opened for a control and not sealed again (family controls)."""

from collections.abc import Iterator

from sstl.core.consignment_view import ConsignmentView
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
    MINUTE_MS,
    RESULT,
    Control,
    controls,
    equipment_meant,
    hours,
    is_done,
)
from sstl.core.rules.engine import Asked
from sstl.models.records import Event

_OPENED = "seallock.opened"
_CLOSED = ("seallock.armed", "seallock.resealed")
_PHYSICAL = (
    "inspection.physical.started",
    "inspection.physical.completed",
    "inspection.sample.taken",
)

NOT_RESEALED = Rule(
    id="control-opened-not-resealed",
    name="Opened for control and not resealed",
    question="Was a unit that was opened for a control sealed again in time?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS, Part.UNITS, Part.MANIFEST}),
    needs=frozenset(
        {
            "inspection.time",
            "inspection.inspectionId",
            "inspection.side",
            "inspection.status",
            "inspection.unLocationCode",
            "inspection.equipmentReference",
            "inspection.sealAfter",
            "seallock.time",
            "seallock.equipmentReference",
            "share.place_of_loading",
            "share.place_of_unloading",
        }
    ),
    parameters={
        "limit_hours": Parameter(4, "h", "from the end of the control to the new seal"),
        "window_minutes": Parameter(60, "min", "how long before the control an opening is for it"),
    },
    severity="HIGH",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Seal the unit now, record the number, and compare packages with the filing where it stood open.",
        "立即施封并登记封号；对开封期间的货物件数与申报核对。",
    ),
    source="DCSA RESEALED after INSPECTED; WCO SAFE seal integrity programme: a seal that is removed is replaced",
)


def opened_not_resealed(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each physical control: an absence with a deadline.

    On the import side only where the lane keeps the lock on to the destination.
    """
    for control in controls(view):
        steps = [one for one in control.of(*_PHYSICAL) if is_done(one)]
        if not steps:
            continue
        named = sorted({unit for one in steps if (unit := _unit(one)) is not None})
        if control.side == "IMPORT":
            if view.lane is None:
                yield not_evaluable(asked, f"seal|{control.key}", steps[0].event_ms, "policy.lanes")
                continue
            if view.lane.unlock_at != "DESTINATION":
                continue
        for unit in named or view.unit_names:
            own = [one for one in steps if _unit(one) in (None, unit)]
            yield _resealed(view, asked, control, own, unit)


def _unit(event: Event) -> str | None:
    unit: str | None = event.data.get("equipmentReference")
    return unit


def _resealed(
    view: ConsignmentView, asked: InForce, control: Control, steps: list[Event], unit: str
) -> Verdict:
    anchor = f"seal|{control.key}|{unit}"
    start_ms, end_ms = steps[0].event_ms, steps[-1].event_ms
    told = view.units.get(unit)
    if told is None or not told.opened:
        return not_evaluable(asked, anchor, start_ms, "seallock.opened")
    from_ms = start_ms - int(asked["window_minutes"] * MINUTE_MS)
    openings = [
        one for one in told.opened if one.type == _OPENED and from_ms <= one.event_ms <= end_ms
    ]
    if not openings:
        return no_hit(asked, anchor, start_ms, "not opened for this control")
    opening = openings[-1]
    due_ms = max(end_ms, opening.event_ms) + int(asked["limit_hours"] * HOUR_MS)
    stated = next(
        (
            one
            for one in control.of(RESULT, *_PHYSICAL)
            if one.data.get("sealAfter") and _unit(one) in (None, unit)
        ),
        None,
    )
    closed = next(
        (one for one in told.opened if one.type in _CLOSED and one.event_ms >= opening.event_ms),
        stated,
    )
    if closed is not None and closed.event_ms <= due_ms:
        return no_hit(asked, anchor, opening.event_ms, "sealed again")
    took = "" if closed is None else hours(closed.event_ms - opening.event_ms)
    limit = hours(due_ms - max(end_ms, opening.event_ms))
    opened_at = instant_text(opening.event_ms)
    if closed is None:
        return hit(
            asked,
            anchor,
            due_ms,
            text=Text(
                f"{unit} was opened for a control at {opened_at} and not sealed again within {limit} h after it.",
                f"{unit} 于 {opened_at} 因查验开封，查验结束后 {limit} 小时内未重新施封。",
            ),
            observed="no new seal",
            expected=f"within {limit} h",
            evidence=(opening, steps[-1]),
            due_ms=due_ms,
            governed_ms=opening.event_ms,
            equipment_reference=equipment_meant(view, unit),
        )
    return hit(
        asked,
        anchor,
        due_ms,
        text=Text(
            f"{unit} was opened for a control at {opened_at} and sealed again only {took} h later; "
            f"limit {limit} h after it.",
            f"{unit} 于 {opened_at} 因查验开封，{took} 小时后才重新施封；时限为查验后 {limit} 小时。",
        ),
        observed=round((closed.event_ms - opening.event_ms) / HOUR_MS, 3),
        expected=asked["limit_hours"],
        evidence=(opening, steps[-1], closed),
        governed_ms=opening.event_ms,
        severity="MEDIUM",
        equipment_reference=equipment_meant(view, unit),
    )


RULES: tuple[Asked[ConsignmentView], ...] = (Asked(NOT_RESEALED, opened_not_resealed),)
"""One rule."""

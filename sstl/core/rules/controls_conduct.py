# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on how controls are conducted (family controls): repeated without need, recorded implausibly fast."""

from collections.abc import Iterator
from datetime import datetime

from sstl.core.consignment_view import ConsignmentView
from sstl.core.rules.base import (
    InForce,
    Parameter,
    Part,
    Rule,
    Text,
    Verdict,
    hit,
    no_hit,
    not_evaluable,
)
from sstl.core.rules.consignment_facts import (
    MINUTE_MS,
    PARTNER_RESULT,
    RESULT,
    SELECTED,
    UNSATISFACTORY_CODES,
    WAIVED,
    Control,
    concerns,
    controls,
    hours,
    is_done,
)
from sstl.core.rules.engine import Asked
from sstl.models.common import to_ms
from sstl.models.records import Event

_NAMED = ("inspection.time", "inspection.inspectionId", "inspection.side", "inspection.status")
_PLACED = ("inspection.equipmentReference", "inspection.unLocationCode")

REPEATED = Rule(
    id="control-repeated",
    name="Control repeated where a partner's result is known",
    question="Was a control selected for a purpose that a partner's satisfactory result already covers?",
    unit="purpose",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS}),
    needs=frozenset(
        {
            *_NAMED,
            "inspection.equipmentReference",
            "inspection.controlPurpose",
            "inspection.controlResultCode",
            "inspection.outcome",
            "inspection.niiResult",
            "inspection.selections",
        }
    ),
    severity="MEDIUM",
    recommended_control="NONE",
    advice=Text(
        "Use the partner's result and waive the control, or record the cause for which it is repeated.",
        "采信对方查验结果并免予查验，或记录再次查验的理由。",
    ),
    source="SSTL: mutual recognition of control results, avoiding double inspections; own design",
)
FAST = Rule(
    id="control-result-implausibly-fast",
    name="Control result recorded implausibly fast",
    question="Was the result of a control recorded sooner after its start than such a control takes?",
    unit="min",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="consignment",
    family="controls",
    parts=frozenset({Part.CONTROLS, Part.MANIFEST}),
    needs=frozenset(
        {
            *_NAMED,
            *_PLACED,
            "inspection.controlType",
            "inspection.startedAt",
            "share.place_of_loading",
            "share.place_of_unloading",
        }
    ),
    parameters={
        "physical_minutes": Parameter(10, "min", "least duration of a physical control"),
        "scan_minutes": Parameter(2, "min", "least duration of a scan"),
    },
    severity="LOW",
    recommended_control="NONE",
    advice=Text(
        "For supervisors: look at the record of the control with the office.",
        "仅供督察：与查验海关核对该次查验记录。",
    ),
    source="integrity indicators, visible to supervisors only; own design",
    supervisors=True,
)


def control_repeated(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each selection made after a partner's result was received; one for cause is LOW.

    What was drawn at random is never to be waived: the draw is blind to what is known of a consignment, and leaving out
    those with a partner's result would bias what the random arm says of the rest.
    """
    partners = view.by_type.get(PARTNER_RESULT, ())
    if not partners:
        return
    waived = view.by_type.get(WAIVED, ())
    selected = view.by_type.get(SELECTED, ())
    drawn = [one for one in selected if "RANDOM" in _bases(one)]
    for event in selected:
        anchor, at_ms = event.identity, event.event_ms
        purpose = event.data.get("controlPurpose")
        known = [
            one
            for one in partners
            if one.event_ms < at_ms and concerns(one, event, ("equipmentReference",))
        ]
        if not known:
            yield no_hit(asked, anchor, at_ms, "no partner's result was known at the selection")
            continue
        if any(concerns(one, event) for one in drawn):
            yield no_hit(
                asked, anchor, at_ms, "drawn at random, whatever is known: not to be waived"
            )
            continue
        if purpose is None:
            yield not_evaluable(asked, anchor, at_ms, "controlPurpose")
            continue
        same = [one for one in known if one.data.get("controlPurpose") == purpose]
        if not same:
            if any(one.data.get("controlPurpose") is None for one in known):
                yield not_evaluable(asked, anchor, at_ms, "controlPurpose of the partner's result")
            else:
                yield no_hit(asked, anchor, at_ms, "the partner's result has another purpose")
        elif not _satisfactory(same[-1]):
            yield no_hit(asked, anchor, at_ms, "the partner's result is not satisfactory")
        elif any(one.event_ms >= at_ms and concerns(one, event) for one in waived):
            yield no_hit(asked, anchor, at_ms, "the control was waived")
        else:
            yield _repeated(asked, event, same[-1], str(purpose))


def _repeated(asked: InForce, event: Event, partner: Event, purpose: str) -> Verdict:
    cause = bool(_bases(event) - {"RULE"})
    before = hours(event.event_ms - partner.event_ms)
    for_cause = Text(", repeated for cause", "，有理由再次查验") if cause else Text("", "")
    return hit(
        asked,
        event.identity,
        event.event_ms,
        text=Text(
            f"Selected for a {purpose} control {before} h after a partner's satisfactory result "
            f"for the same purpose{for_cause.en}.",
            f"收到对方同一目的（{purpose}）的合格查验结果 {before} 小时后再次布控{for_cause.zh}。",
        ),
        observed=purpose,
        expected="partner's result recognised",
        evidence=(partner, event),
        severity="LOW" if cause else None,
    )


def _bases(event: Event) -> set[str]:
    stated = (one.get("basis") for one in event.data.get("selections") or ())
    return {basis for basis in stated if basis is not None}


def _satisfactory(event: Event) -> bool:
    code, outcome = event.data.get("controlResultCode"), event.data.get("outcome")
    if code is not None or outcome is not None:
        return code not in UNSATISFACTORY_CODES and outcome in (None, "NOT_CONFIRMED")
    return is_done(event) and event.data.get("niiResult") in (None, "CLEAR")


def result_implausibly_fast(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each recorded result of a physical control or a scan against the start of its control."""
    for control in controls(view):
        for event in control.of(RESULT):
            if not is_done(event):
                continue
            kind = _kind(control, event)
            if kind is None:
                continue
            least, begins = asked[kind[0]], kind[1]
            anchor, at_ms = event.identity, event.event_ms
            start = _start_ms(control, event, begins)
            if start is None:
                yield not_evaluable(asked, anchor, at_ms, "start of the control")
                continue
            took = (at_ms - start[0]) / MINUTE_MS
            if took >= least:
                yield no_hit(asked, anchor, at_ms, "it took as long as such a control takes")
                continue
            yield hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"The result was recorded {took:.1f} min after the control began; such a control takes "
                    f"{least:g} min at least.",
                    f"查验开始 {took:.1f} 分钟后即录入结果；此类查验至少需 {least:g} 分钟。",
                ),
                observed=round(took, 2),
                expected=least,
                evidence=(event,) if start[1] is None else (start[1], event),
                excess=1 - max(took, 0) / least,
            )


_PHYSICAL = ("physical_minutes", "inspection.physical.started")
_SCAN = ("scan_minutes", "inspection.scan.started")
_KINDS = {"PHYSICAL": _PHYSICAL, "NII": _SCAN}
"""Type of control to the parameter that says how long it takes, and the report that begins it."""


def _kind(control: Control, result: Event) -> tuple[str, str] | None:
    stated = result.data.get("controlType")
    if stated is not None:
        return _KINDS.get(stated)
    begun = (kind for kind in (_PHYSICAL, _SCAN) if control.of(kind[1]))
    return next(begun, None)


def _start_ms(control: Control, result: Event, begins: str) -> tuple[int, Event | None] | None:
    """Return when the control of the result's unit began, by its own kind: a scan before is another one."""
    for event in control.of(begins):
        if concerns(event, result, ("equipmentReference",)):
            return event.event_ms, event
    stated = result.data.get("startedAt")
    return None if stated is None else (to_ms(datetime.fromisoformat(stated)), None)


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(REPEATED, control_repeated),
    Asked(FAST, result_implausibly_fast),
)
"""The second is for supervisors."""

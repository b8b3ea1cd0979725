# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on what was loaded in spite of the filing (family manifest): no release, do not load, open referrals."""

from collections.abc import Iterator
from dataclasses import dataclass

from sstl.core.consignment_view import ConsignmentView
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
    equipment_meant,
    evidence_at,
    hours,
    is_reported,
    released_at,
)
from sstl.core.rules.engine import Asked
from sstl.models.records import Event, Referral

_MOVES = ("transport.time", "transport.eventClassifier", "transport.unLocationCode")
_REFERRAL = {
    "DNL": Text("do not load", "禁止装载"),
    "RFI": Text("request for information", "补充信息要求"),
    "RFS": Text("request for screening", "安检要求"),
}
_RELEASES = (
    "inspection.time",
    "inspection.inspectionId",
    "inspection.side",
    "inspection.unLocationCode",
    "inspection.equipmentReference",
    "declaration.side",
    "declaration.declarationType",
    "channel.side",
)

WITHOUT_RELEASE = Rule(
    id="filing-loaded-without-release",
    name="Loaded without export release",
    question="Was the unit loaded while no export release of the consignment stood?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.UNITS, Part.CONTROLS, Part.MANIFEST}),
    needs=frozenset({"share.place_of_loading", "share.place_of_unloading", *_MOVES, *_RELEASES}),
    parameters={
        "grace_hours": Parameter(
            4, "h", "how long after loading word of an earlier release is waited for"
        )
    },
    severity="HIGH",
    recommended_control="DOCUMENT_CHECK",
    where_to_control="EXPORT",
    advice=Text(
        "Ask the export office whether a release exists; otherwise stop the unit before departure or at first entry.",
        "向出口海关核实是否已放行；如未放行，在离境前或首个入境地拦截。",
    ),
    source="WCO TRS milestones: export release comes before loading",
)
DO_NOT_LOAD = Rule(
    id="filing-do-not-load-ignored",
    name="Do not load ignored",
    question="Was the consignment loaded while a do-not-load message was open?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.MANIFEST, Part.UNITS}),
    needs=frozenset({"share.referrals", *_MOVES}),
    severity="CRITICAL",
    recommended_control="PHYSICAL",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Inform the carrier and the office of first entry at once; the unit must not leave the terminal unseen.",
        "立即通知承运人和首个入境海关；未经检查该单元不得离开码头。",
    ),
    source="ICS2 IE3Q01 (E_DNL_REQ)",
)
REFERRAL_OPEN = Rule(
    id="filing-referral-open-at-loading",
    name="Referral open at loading",
    question="Was the consignment loaded while a request for information or for screening was open?",
    unit="h",
    risk_area="SAFETY_SECURITY",
    subject="consignment",
    family="manifest",
    parts=frozenset({Part.MANIFEST, Part.UNITS}),
    needs=frozenset({"share.referrals", *_MOVES}),
    severity="MEDIUM",
    recommended_control="RFI",
    where_to_control="FIRST_ENTRY",
    advice=Text(
        "Get the answer before arrival; without a screening result have the unit scanned at first entry.",
        "在到达前取得答复；如无安检结果，在首个入境地实施机检。",
    ),
    source="ICS2 IE3Q02 (E_REF_RFI_REQ), IE3Q03 (E_REF_RFS_REQ)",
)


@dataclass(frozen=True, slots=True)
class _Way:
    """How a unit is known to have been loaded."""

    done: Text
    noun: Text


_WAYS = {
    "T4": _Way(Text("was loaded", "装载"), Text("loading", "装载")),
    "T5": _Way(Text("departed", "启运"), Text("departure", "启运")),
}


@dataclass(frozen=True, slots=True)
class _Loading:
    unit: str
    at_ms: int
    evidence: tuple[Event, ...]
    """The report, where it is known."""
    way: _Way


def _loadings(view: ConsignmentView) -> Iterator[_Loading]:
    """Yield the units that were loaded, by name.

    Departure stands for loading where that is not reported: by air most carriers report DEP and no MAN.
    """
    for name in sorted(view.units):
        told = view.units[name]
        for code, way in _WAYS.items():
            instant = (told.milestones or {}).get(code)
            if instant is not None:
                yield _Loading(name, instant, evidence_at(told, code), way)
                break


def loaded_without_release(
    view: ConsignmentView, asked: InForce, as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each loaded unit: no export release stood at the instant of loading (`_loadings`).

    An absence: word of an earlier release that is reported late is waited for. Where no customs report of the export
    side is known and the lane names nobody who reports it, it cannot be judged.
    """
    reported: bool | None = None
    for loaded in _loadings(view):
        name, at_ms, evidence, way = loaded.unit, loaded.at_ms, loaded.evidence, loaded.way
        anchor = f"T4|{name}"
        release = released_at(view, "EXPORT", at_ms, name)
        if release is not None:
            yield no_hit(asked, anchor, at_ms, f"an export release stood at {way.noun.en}")
            continue
        if reported is None:
            reported = is_reported(view, "EXPORT", "T3")
        if not reported:
            yield not_evaluable(asked, anchor, at_ms, "customs reports of the export side")
            continue
        due_ms = at_ms + int(asked["grace_hours"] * HOUR_MS)
        if as_of_ms >= due_ms and view.publisher_silent("T3", due_ms):
            yield not_evaluable(asked, anchor, at_ms, "publisher of T3 silent")
            continue
        later = released_at(view, "EXPORT", EVER, name)
        came = Text("no release that stood is known", "未见有效放行")
        if later is not None and later.event_ms > at_ms:
            after = hours(later.event_ms - at_ms)
            came = Text(f"it came {after} h later", f"放行晚于{way.noun.zh} {after} 小时")
            evidence = (*evidence, later)
        yield hit(
            asked,
            anchor,
            due_ms,
            text=Text(
                f"{name} {way.done.en} at {instant_text(at_ms)} without export release: {came.en}.",
                f"{name} 于 {instant_text(at_ms)} {way.done.zh}时没有出口放行：{came.zh}。",
            ),
            observed="no release",
            expected="release before loading",
            evidence=evidence,
            due_ms=due_ms,
            governed_ms=at_ms,
            equipment_reference=equipment_meant(view, name),
        )


def _open_at_loading(
    view: ConsignmentView, asked: InForce, kinds: tuple[str, ...]
) -> Iterator[Verdict]:
    """Judge each referral of some kinds: was a unit loaded after it was raised and before it was answered?"""
    for share in view.shares:
        for referral in share.referrals:
            if referral.kind in kinds:
                yield _of_referral(view, asked, referral)


def _of_referral(view: ConsignmentView, asked: InForce, referral: Referral) -> Verdict:
    raised, answered = referral.raised, referral.answered
    anchor = raised.identity
    loaded = list(_loadings(view))
    name = _REFERRAL[referral.kind]
    for one in sorted(loaded, key=lambda one: one.at_ms):
        unit, at_ms, evidence, way = one.unit, one.at_ms, one.evidence, one.way
        if at_ms <= raised.event_ms or (answered is not None and answered.event_ms <= at_ms):
            continue
        after = hours(at_ms - raised.event_ms)
        known = (raised, *evidence) if answered is None else (raised, *evidence, answered)
        end = (
            Text("it is not answered", "至今未答复")
            if answered is None
            else Text(
                f"it was answered {hours(answered.event_ms - at_ms)} h after {way.noun.en}",
                f"{way.noun.zh} {hours(answered.event_ms - at_ms)} 小时后才答复",
            )
        )
        return hit(
            asked,
            anchor,
            at_ms,
            text=Text(
                f"{unit} {way.done.en} {after} h after a {name.en} message of "
                f"{instant_text(raised.event_ms)}; {end.en}.",
                f"{unit} 在 {instant_text(raised.event_ms)} 发出{name.zh} {after} 小时后{way.done.zh}；{end.zh}。",
            ),
            observed=round((at_ms - raised.event_ms) / HOUR_MS, 3),
            expected="answered before loading",
            evidence=known,
            referral=raised.data.get("referralId"),
            severity="HIGH" if referral.kind == "RFS" else None,
            equipment_reference=equipment_meant(view, unit),
        )
    if len(loaded) < max(1, len(view.unit_names)):
        return not_evaluable(asked, anchor, raised.event_ms, "transport.loaded")
    return no_hit(asked, anchor, raised.event_ms, "not loaded while it was open")


def do_not_load_ignored(view: ConsignmentView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each do-not-load message."""
    return _open_at_loading(view, asked, ("DNL",))


def referral_open_at_loading(
    view: ConsignmentView, asked: InForce, _as_of_ms: int
) -> Iterator[Verdict]:
    """Judge each request for information or for screening; an open screening is HIGH."""
    return _open_at_loading(view, asked, ("RFI", "RFS"))


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(WITHOUT_RELEASE, loaded_without_release),
    Asked(DO_NOT_LOAD, do_not_load_ignored),
    Asked(REFERRAL_OPEN, referral_open_at_loading),
)
"""In the order of their gravity."""

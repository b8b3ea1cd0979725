# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on what was done to a seal: opened, tampered with, broken, replaced (docs/rules/seals.md)."""

from collections.abc import Iterable, Iterator

from sstl.core.journeys.view import JourneyView
from sstl.core.routing import device_of
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
)
from sstl.core.rules.engine import Asked
from sstl.core.rules.route_common import point_of, point_text
from sstl.core.rules.seal_words import (
    AUTHORITY,
    MILESTONES,
    MINUTE_MS,
    RELEASES,
    STORY,
    at_words,
    lock_words,
    numbers_of,
    unless_stated,
)
from sstl.core.seals.story import Alarm, Opening
from sstl.models.policy import Severity
from sstl.models.records import Event

OPENED_UNAUTHORISED = Rule(
    id="seal-opened-unauthorised",
    name="Seal opened without authority",
    question="Was an armed lock or seal opened without a grant and without a control in progress?",
    unit="",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY | AUTHORITY | MILESTONES | RELEASES,
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS, Part.TRANSPORT, Part.MANIFEST}),
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="TRANSIT",
    advice=Text(
        "Hold the unit at the next place, check the seal and compare the cargo with the manifest before it goes on.",
        "在下一地点暂停放行该单元，核查封志并将货物与舱单核对后方可继续运输。",
    ),
    source="own design; ISO 18185 seal status; WCO SAFE Framework, seal integrity programme",
)

AGAINST_GRANT = Rule(
    id="seal-opened-against-grant",
    name="Seal opened against the terms of its grant",
    question="Does the grant that names the opening allow this office, place and time?",
    unit="",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY | AUTHORITY,
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS}),
    severity="HIGH",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Ask the office that issued the grant whether it knows of the opening; check the seal if it does not.",
        "向签发授权的机关核实是否知悉此次开启；如不知悉，核查封志。",
    ),
    source="own design; smart customs lock: command with authentication",
)

TAMPERED = Rule(
    id="seal-tampered",
    name="Seal tampered with",
    question="Did an armed lock report tampering, a cut, or light inside?",
    unit="reports",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY | AUTHORITY,
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS}),
    parameters={
        "before_opening_min": Parameter(
            5, "min", "an alarm so shortly before or after an authorised opening belongs to it"
        )
    },
    severity="HIGH",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Check the lock and the doors at the next place; scan or open the unit if anything was touched.",
        "在下一地点检查锁具和箱门；如有触动痕迹，实施扫描或开箱查验。",
    ),
    source="own design; EPCIS sensor alert ALARM_CONDITION",
)

BROKEN = Rule(
    id="seal-broken",
    name="Seal broken, damaged, missing or lost",
    question="Was the seal found broken, damaged or missing, or did it report itself lost?",
    unit="",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY | AUTHORITY,
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS}),
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="TRANSIT",
    advice=Text(
        "Secure the unit, record the state of the seal with a picture, compare the cargo with the manifest, reseal.",
        "控制该单元，拍照记录封志状态，将货物与舱单核对后重新施封。",
    ),
    source="UN/EDIFACT 4517 (2 damaged, 3 missing, 4 broken, 5 faulty); WCO SAFE Framework",
)

RESEALED = Rule(
    id="seal-resealed-unauthorised",
    name="Resealed without control or authority",
    question="Did a new seal take the place of the old one without a control or an authority that explains it?",
    unit="",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY | AUTHORITY | MILESTONES | {"seallock.sealSource"},
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS, Part.TRANSPORT, Part.MANIFEST}),
    severity="HIGH",
    recommended_control="PHYSICAL",
    where_to_control="TRANSIT",
    advice=Text(
        "Ask the carrier who put the new seal on and why; without proof, open the unit and compare the cargo.",
        "向承运人查询新封志由谁施加及原因；无法证明的，开箱核对货物。",
    ),
    source="own design; WCO SAFE Framework, seal integrity programme (changes of seals are recorded)",
)

_LACKS = {
    "revoked": Text("the grant had been revoked", "授权已被撤销"),
    "device": Text("the grant is for another lock or unit", "授权针对另一锁具或单元"),
    "office": Text("the grant is for another office", "授权机关不符"),
    "place": Text("the grant is for another place", "授权地点不符"),
    "window": Text("the grant holds for another time", "不在授权时间内"),
}
_KINDS = {
    "TAMPER": Text("tampering", "遭破坏"),
    "CUT": Text("a cut", "被剪断"),
    "LIGHT": Text("light inside", "箱内有光"),
    "UNSTATED": Text("an alarm of unstated kind", "未说明种类的报警"),
    "DAMAGED": Text("damaged", "损坏"),
    "MISSING": Text("missing", "缺失"),
    "BROKEN": Text("broken", "断裂"),
    "FAULTY": Text("faulty", "故障"),
    "LOST": Text("lost", "丢失"),
}
_TAMPERING = frozenset({"TAMPER", "CUT", "LIGHT", "UNSTATED"})
_BREAKING = frozenset({"DAMAGED", "MISSING", "BROKEN", "FAULTY", "LOST"})


def opened_unauthorised(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each opening. It raises at once; with a hold time, when the lock was not closed again within it."""
    for opening in view.seals.openings:
        anchor, anchor_ms = opening.opened.identity, opening.at_ms
        by = opening.authorised_by
        if by is not None:
            yield no_hit(asked, anchor, anchor_ms, f"authorised by {by.type} {by.id}")
        elif opening.shortcoming is not None:
            yield no_hit(asked, anchor, anchor_ms, "a grant names it: seal-opened-against-grant")
        elif _delivered(view, opening):
            yield no_hit(asked, anchor, anchor_ms, "after release and gate-out")
        else:
            lock, at = lock_words(opening.lock), at_words(opening.opened, opening.at_ms)
            yield hit(
                asked,
                anchor,
                anchor_ms,
                text=Text(
                    f"{lock.en} was opened {at.en}; no grant and no control in progress allows it.",
                    f"{lock.zh}{at.zh}被开启；既无授权，也无正在进行的查验。",
                ),
                observed="opened",
                expected="a grant or a control in progress",
                evidence=_evidence(opening),
                severity=_by_place(view, asked, opening),
                follows=_follows(opening.again, OPENED_UNAUTHORISED, AGAINST_GRANT),
                seal_numbers=_numbers(opening),
                due_ms=None if opening.closed is not None else opening.settles_ms,
                excess=1.0,
            )


def _delivered(view: JourneyView, opening: Opening) -> bool:
    """Tell whether a mechanical seal was opened by whoever received the unit: nobody has to grant that."""
    released, out = view.at("T13"), view.at("T14")
    return (
        not opening.lock.startswith("device:")
        and released is not None
        and out is not None
        and max(released, out) <= opening.at_ms
    )


def _by_place(view: JourneyView, asked: InForce, opening: Opening) -> Severity | None:
    """CRITICAL between departure and arrival away from the ends of the way; LOW after release and gate-out."""
    departed, arrived = view.at("T5"), view.at("T6")
    released, out = view.at("T13"), view.at("T14")
    at_ms = opening.at_ms
    if released is not None and out is not None and max(released, out) <= at_ms:
        return unless_stated(asked, "LOW")
    place = opening.opened.data.get("unLocationCode")
    ends = (view.plan.place_of_loading, view.plan.place_of_unloading)
    if place is not None and place in ends:
        return None
    if departed is not None and departed <= at_ms and (arrived is None or at_ms < arrived):
        return unless_stated(asked, "CRITICAL")
    return None


def _follows(again: Iterable[Event], *rules: Rule) -> tuple[tuple[str, str], ...]:
    """Return the flags that an episode would have, had it begun with one of its later reports."""
    return tuple((rule.id, event.identity) for event in again for rule in rules)


def _evidence(opening: Opening) -> tuple[Event, ...]:
    armed = None if opening.armed is None else opening.armed.armed
    several = (armed, opening.grant, opening.opened, opening.closed, opening.resealed)
    return tuple(event for event in several if event is not None)


def _numbers(opening: Opening) -> tuple[str, ...]:
    return numbers_of(None if opening.armed is None else opening.armed.seal_number)


def opened_against_grant(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each opening that a grant names."""
    for opening in view.seals.openings:
        if opening.grant is None:
            continue
        anchor = opening.opened.identity
        lacks = opening.shortcoming
        if lacks is None:
            yield no_hit(asked, anchor, opening.at_ms, "the grant allows it")
            continue
        lock, at = lock_words(opening.lock), at_words(opening.opened, opening.at_ms)
        why = _LACKS[lacks]
        done, allowed = _difference(opening, lacks)
        instead = Text(f": {done} instead of {allowed.en}", f"：实际 {done}，授权 {allowed.zh}")
        if lacks == "revoked":
            instead = Text("", "")
        yield hit(
            asked,
            anchor,
            opening.at_ms,
            text=Text(
                f"{lock.en} was opened {at.en}, but {why.en}{instead.en}.",
                f"{lock.zh}{at.zh}被开启，但{why.zh}{instead.zh}。",
            ),
            observed=done,
            expected=allowed.en,
            evidence=_evidence(opening),
            seal_numbers=_numbers(opening),
            due_ms=None if opening.closed is not None else opening.settles_ms,
            supersedes=OPENED_UNAUTHORISED.id,
            follows=_follows(opening.again, AGAINST_GRANT, OPENED_UNAUTHORISED),
        )


def _difference(opening: Opening, lacks: str) -> tuple[str, Text]:
    """Return (what was done, what the grant allows)."""
    done = opening.opened.data
    grant = {} if opening.grant is None else opening.grant.data
    if lacks == "office":
        return str(done.get("authorisationOffice")), _plain(grant.get("office"))
    if lacks == "place":
        return _where(opening.opened), _plain(grant.get("unLocationCode"))
    if lacks == "device":
        device = device_of(grant)
        if device is not None and opening.lock.startswith("device:") and device != opening.lock:
            return opening.lock.partition(":")[2], _plain(device.partition(":")[2])
        return str(done.get("equipmentReference")), _plain(grant.get("equipmentReference"))
    if lacks == "window":
        since, until = grant.get("validFrom"), grant.get("validTo")
        return instant_text(opening.at_ms), Text(f"{since} to {until}", f"{since} 至 {until}")
    return "opened after revocation", _plain("a grant that holds")


def _where(opened: Event) -> str:
    """Return the place of an opening, the position where it names none."""
    point = point_of(opened)
    named = opened.data.get("unLocationCode")
    return str(named) if named is not None or point is None else point_text(point)


def _plain(stated: object) -> Text:
    return Text(str(stated), str(stated))


def tampered(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each alarm of an armed lock that tells of an attempt to open it."""
    near_ms = asked["before_opening_min"] * MINUTE_MS
    for alarm in view.seals.alarms:
        if alarm.kind not in _TAMPERING:
            continue
        anchor, at_ms = alarm.first.identity, alarm.first.event_ms
        if not alarm.armed:
            yield no_hit(asked, anchor, at_ms, "the lock was not armed")
        elif alarm.authorised_by is not None or any(
            one.authorised_by is not None
            and one.lock == alarm.lock
            and abs(one.at_ms - at_ms) <= near_ms
            for one in view.seals.openings
        ):
            yield no_hit(asked, anchor, at_ms, "it belongs to an authorised opening or a control")
        else:
            mild = alarm.kind in ("LIGHT", "UNSTATED")
            what = _KINDS[alarm.kind]
            yield _alarm(asked, alarm, f"reported {what.en}", f"报告{what.zh}", mild=mild)


def _alarm(asked: InForce, alarm: Alarm, en: str, zh: str, *, mild: bool) -> Verdict:
    lock, at = lock_words(alarm.lock), at_words(alarm.first)
    often = "" if alarm.count == 1 else f" ({alarm.count} reports)"
    oft = "" if alarm.count == 1 else f"（{alarm.count} 次报告）"
    number = alarm.lock.partition(":")[2] if alarm.lock.startswith("seal:") else None
    return hit(
        asked,
        alarm.first.identity,
        alarm.first.event_ms,
        text=Text(f"{lock.en} {en} {at.en}{often}.", f"{lock.zh}{at.zh}{zh}{oft}。"),
        observed=alarm.kind,
        expected="RIGHT",
        evidence=(alarm.first,) if alarm.ended is None else (alarm.first, alarm.ended),
        severity=unless_stated(asked, "MEDIUM") if mild else None,
        due_ms=alarm.settles_ms,
        follows=tuple(_alarms_without_the_first(asked, alarm)),
        seal_numbers=numbers_of(number),
    )


def _alarms_without_the_first(asked: InForce, alarm: Alarm) -> Iterator[tuple[str, str]]:
    for event in alarm.again:
        # a snapshot alone does not say of which kind the alarm is
        snapshot = event.type == "seallock.state.reported"
        yield TAMPERED.id if snapshot else asked.rule.id, event.identity


def broken(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each finding that a seal is not in its right condition."""
    for alarm in view.seals.alarms:
        if alarm.kind not in _BREAKING:
            continue
        anchor, at_ms = alarm.first.identity, alarm.first.event_ms
        opened = [
            one for one in view.seals.openings if one.lock == alarm.lock and one.at_ms <= at_ms
        ]
        if opened and opened[-1].authorised_by is not None and not alarm.armed:
            yield no_hit(asked, anchor, at_ms, "it had been opened with authority")
        elif alarm.authorised_by is not None:
            yield no_hit(asked, anchor, at_ms, "it belongs to a control in progress")
        else:
            what = _KINDS[alarm.kind]
            mild = alarm.kind == "FAULTY"
            yield _alarm(asked, alarm, f"was found {what.en}", f"发现{what.zh}", mild=mild)


def resealed(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge each new seal. Before gate-in the unit is still with the shipper, who may change its seals."""
    gated_in = view.at("T2")
    for reseal in view.seals.reseals:
        event = reseal.event
        anchor, at_ms = event.identity, event.event_ms
        by = reseal.authorised_by
        if by is not None:
            yield no_hit(asked, anchor, at_ms, f"explained by {by.type} {by.id}")
        elif event.data.get("sealSource") == "CUSTOMS":
            yield no_hit(asked, anchor, at_ms, "a seal of customs")
        elif gated_in is not None and at_ms <= gated_in:
            yield no_hit(asked, anchor, at_ms, "before gate-in, still with the shipper")
        else:
            at, old, new = at_words(event), reseal.old or "?", reseal.new or "?"
            yield hit(
                asked,
                anchor,
                at_ms,
                text=Text(
                    f"Seal {new} took the place of {old} {at.en}; no control and no authority explains it.",
                    f"封志 {old}{at.zh}被更换为 {new}；既无查验，也无授权可以解释。",
                ),
                observed=new,
                expected=old,
                evidence=(event,),
                seal_numbers=(*numbers_of(reseal.old), *numbers_of(reseal.new)),
                excess=1.0,
            )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(OPENED_UNAUTHORISED, opened_unauthorised),
    Asked(AGAINST_GRANT, opened_against_grant),
    Asked(TAMPERED, tampered),
    Asked(BROKEN, broken),
    Asked(RESEALED, resealed),
)

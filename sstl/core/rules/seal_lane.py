# ruff: noqa: RUF001 (Chinese punctuation is full width)
"""Rules on what the lane expects of seals: armed at departure, of a grade, open at the end (docs/rules/seals.md)."""

from collections.abc import Iterator

from sstl.core.journeys.view import JourneyView
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
from sstl.core.rules.seal_words import AUTHORITY, HOUR_MS, MILESTONES, STORY, lock_words, numbers_of
from sstl.core.seals.story import Armed
from sstl.models.records import Event

NOT_ARMED = Rule(
    id="seal-not-armed-at-departure",
    name="Not sealed before departure",
    question="Was the unit armed, or did it carry a seal, when it departed on a lane that expects it?",
    unit="",
    risk_area="SAFETY_SECURITY",
    subject="unit",
    needs=STORY | MILESTONES | {"transport.seals", "transport.emptyIndicator"},
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS, Part.TRANSPORT, Part.MANIFEST, Part.PUBLISHERS}),
    parameters={
        "reported_within_h": Parameter(
            12, "h", "how long after departure a report from before it may still come"
        )
    },
    severity="HIGH",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Check the doors at the next place; without a seal, compare the cargo with the manifest and seal the unit.",
        "在下一地点检查箱门；无封志的，将货物与舱单核对后施封。",
    ),
    source="own design; lane policy `sealed`",
)

STILL_LOCKED = Rule(
    id="seal-still-locked",
    name="Still locked where it must be open",
    question="Is the lock still armed after the place where the lane opens it?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    # delivery (T15) may be told by an authorised opening
    needs=STORY | AUTHORITY | MILESTONES | {"transport.emptyIndicator"},
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS, Part.TRANSPORT, Part.MANIFEST, Part.PUBLISHERS}),
    parameters={
        "grace_h": Parameter(
            24, "h", "how long after the lane's milestone the lock may stay armed"
        ),
        "after_gate_out_h": Parameter(
            168, "h", "delivery is taken to be so long after gate-out where nobody reports it"
        ),
    },
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="DESTINATION",
    advice=Text(
        "Ask where the unit is and why its lock was not opened: it may have been taken off by force, or forgotten.",
        "查询该单元所在及未开锁原因：锁具可能被强行拆除或被遗忘。",
    ),
    source="own design; lane policy `unlock_at`",
)

GRADE = Rule(
    id="seal-grade-below-lane",
    name="Seal grade below the lane's",
    question="Is the best seal at departure, and each one put on later, of the grade that the lane expects?",
    unit="",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=STORY | MILESTONES,
    family="seals",
    parts=frozenset({Part.SEALS, Part.CONTROLS, Part.TRANSPORT, Part.MANIFEST}),
    severity="MEDIUM",
    recommended_control="SEAL_CHECK",
    where_to_control="TRANSIT",
    advice=Text(
        "Look at the mark on the seal; put a seal of the expected grade on before the unit goes on.",
        "核对封志上的等级标识；继续运输前加施符合等级的封志。",
    ),
    source="ISO 17712 grades: I indicative, S security, H high security; lane policy `seal_grade`",
)

_ORDER = {"I": 1, "S": 2, "H": 3}


def not_armed(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge a unit that has departed. The report may come a while after the fact: until then it is no hit."""
    departed = view.milestones.actual.get("T5")
    if departed is None or view.loose or view.plan.empty:
        return
    at_ms, anchor, lane = departed.event_ms, view.anchor("T5"), asked.lane
    if lane is None:
        yield not_evaluable(asked, anchor, at_ms, "policy.lanes")
        return
    if not lane.sealed:
        return
    if _carried(view, at_ms):
        yield no_hit(asked, anchor, at_ms, "armed or sealed before departure")
        return
    due_ms = at_ms + int(asked["reported_within_h"] * HOUR_MS)
    if view.publisher_silent("T1", due_ms):
        yield not_evaluable(asked, anchor, at_ms, "publisher of T1 silent")
        return
    when, place = instant_text(at_ms), departed.data.get("unLocationCode") or "?"
    yield hit(
        asked,
        anchor,
        due_ms,
        text=Text(
            f"The unit departed from {place} at {when} and nobody reported a lock armed or a seal on it before.",
            f"该单元于 {when} 自 {place} 出发，此前无任何锁具上锁或施封的报告。",
        ),
        observed="not sealed",
        expected="armed or sealed before departure",
        evidence=(departed,),
        due_ms=due_ms,
        governed_ms=at_ms,
    )


def _carried(view: JourneyView, at_ms: int) -> bool:
    """Tell whether the unit was armed at an instant, or a seal was seen on it before."""
    for one in view.seals.armed:
        if one.from_ms <= at_ms and (one.ended is None or one.ended.event_ms > at_ms):
            return True
    for event in view.events:
        if event.event_ms > at_ms:
            return False
        if event.type == "seallock.checked" and event.data.get("condition") == "RIGHT":
            return True
        if event.data.get("seals") and event.data.get("eventClassifier") == "ACTUAL":
            return True
    return False


def still_locked(view: JourneyView, asked: InForce, as_of_ms: int) -> Iterator[Verdict]:
    """Judge each device at the deadline: the lane's milestone and the grace. Mechanical seals report no opening."""
    locks = sorted({one.lock for one in view.seals.armed if one.lock.startswith("device:")})
    if not locks:
        return
    lane = asked.lane
    if lane is None:
        yield not_evaluable(asked, view.anchor("unlock"), view.first_ms, "policy.lanes")
        return
    milestone = _unlock_ms(view, asked, lane.unlock_at)
    if milestone is None:
        return
    reached, due_ms = milestone, milestone + int(asked["grace_h"] * HOUR_MS)
    for lock in locks:
        anchor = view.anchor(f"unlock|{lock}")
        held = next(
            (one for one in view.seals.armed if one.lock == lock and _holds(one, due_ms)), None
        )
        if held is None:
            yield no_hit(asked, anchor, due_ms, "opened in time")
        elif held.ended is None and view.publisher_silent("T1", due_ms):
            yield not_evaluable(asked, anchor, due_ms, "publisher of T1 silent")
        elif held.ended is None and as_of_ms < due_ms:
            yield pending(asked, anchor, due_ms, reached)
        else:
            yield _locked(view, asked, held, reached, due_ms)


def _unlock_ms(view: JourneyView, asked: InForce, where: str) -> int | None:
    """Return when the lane's place of unlocking was reached, None while it is not."""
    if where == "DISCHARGE":
        return view.at("T7")
    out = view.at("T14")
    if where == "GATE_OUT":
        return out
    delivered = view.at("T15")
    if delivered is not None:
        return delivered
    return None if out is None else out + int(asked["after_gate_out_h"] * HOUR_MS)


def _holds(armed: Armed, at_ms: int) -> bool:
    return armed.from_ms <= at_ms and (armed.ended is None or armed.ended.event_ms > at_ms)


def _locked(
    view: JourneyView, asked: InForce, held: Armed, reached_ms: int, due_ms: int
) -> Verdict:
    ended = held.ended
    until = due_ms if ended is None else ended.event_ms
    hours = (until - reached_ms) / HOUR_MS
    lock, since = lock_words(held.lock), instant_text(reached_ms)
    where = "DESTINATION" if asked.lane is None else asked.lane.unlock_at
    still = "is still armed" if ended is None else f"was armed until {instant_text(until)}"
    still_zh = "仍处于上锁状态" if ended is None else f"直至 {instant_text(until)} 才解除上锁"
    return hit(
        asked,
        view.anchor(f"unlock|{held.lock}"),
        due_ms,
        text=Text(
            f"{lock.en} {still}, {hours:.0f} h after {since}, when the lane ({where}) expects it to be opened.",
            f"{lock.zh} {still_zh}，距线路规定的开锁时点（{where}）{since} 已 {hours:.0f} 小时。",
        ),
        observed=round(hours, 1),
        expected=asked["grace_h"],
        evidence=(held.armed,) if ended is None else (held.armed, ended),
        due_ms=due_ms if ended is None else None,
        governed_ms=reached_ms,
        seal_numbers=numbers_of(held.seal_number),
    )


def grade_below(view: JourneyView, asked: InForce, _as_of_ms: int) -> Iterator[Verdict]:
    """Judge the best seal at departure, and each time of being armed that begins later."""
    armed = view.seals.armed
    departed = view.at("T5")
    if not armed or departed is None:
        return
    lane = asked.lane
    if lane is None:
        yield not_evaluable(asked, view.anchor("grade"), view.first_ms, "policy.lanes")
        return
    least = lane.seal_grade
    if least is None:
        return
    at_departure = [one for one in armed if _holds(one, departed)]
    if at_departure:
        yield _graded(asked, view.anchor("grade"), departed, at_departure, least)
    for one in armed:
        if one.from_ms > departed:
            others = [other for other in armed if _holds(other, one.from_ms)] or [one]
            yield _graded(asked, one.armed.identity, one.from_ms, others, least)


def _graded(asked: InForce, anchor: str, at_ms: int, armed: list[Armed], least: str) -> Verdict:
    grades = [one.grade for one in armed]
    best = max((_ORDER[one] for one in grades if one in _ORDER), default=0)
    if best >= _ORDER[least]:
        return no_hit(asked, anchor, at_ms, "of the grade expected")
    if None in grades:
        return not_evaluable(asked, anchor, at_ms, "seallock.sealGrade")
    found = next((name for name, rank in _ORDER.items() if rank == best), "?")
    evidence: tuple[Event, ...] = tuple(one.armed for one in armed)
    numbers = tuple(one.seal_number for one in armed if one.seal_number is not None)
    when = instant_text(at_ms)
    return hit(
        asked,
        anchor,
        at_ms,
        text=Text(
            f"The best seal on the unit at {when} is of ISO 17712 grade {found}; the lane expects {least}.",
            f"{when} 该单元上的最高封志等级为 ISO 17712 {found} 级；线路要求 {least} 级。",
        ),
        observed=found,
        expected=least,
        evidence=evidence,
        seal_numbers=numbers,
    )


RULES: tuple[Asked[JourneyView], ...] = (
    Asked(NOT_ARMED, not_armed),
    Asked(STILL_LOCKED, still_locked),
    Asked(GRADE, grade_below),
)

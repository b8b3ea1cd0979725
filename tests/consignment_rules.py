"""Small rules on consignments, one for each part, with which the stage is tested apart from the catalogue."""

from collections.abc import Iterable

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
from sstl.core.rules.engine import Asked
from tests.journey_events import HOUR


def _rule(name: str, *parts: Part, **more: Parameter) -> Rule:
    return Rule(
        id=name,
        name=name,
        question="A question of a test?",
        unit="h",
        risk_area="SAFETY_SECURITY",
        subject="consignment",
        needs=frozenset(),
        parts=frozenset(parts),
        parameters=more,
    )


_SAID = Text("found", "发现")
SUSPECT = _rule("test-suspect", Part.CONTROLS)
OPEN_REFERRAL = _rule("test-open-referral", Part.MANIFEST)
EARLY_EXIT = _rule("test-early-exit", Part.UNITS, Part.CONTROLS)
SUSPENDED = _rule("test-suspended", Part.PARTIES, Part.MANIFEST)
OVERDUE = _rule(
    "test-overdue",
    *(Part.UNITS, Part.CONTROLS, Part.MANIFEST, Part.PUBLISHERS),
    limit=Parameter(48, "h", "Released so long after the arrival"),
)


def suspect(view: ConsignmentView, asked: InForce, as_of_ms: int) -> Iterable[Verdict]:
    for event in view.of("inspection.scan.completed"):
        if event.data.get("niiResult") == "SUSPECT":
            yield hit(
                asked,
                event.identity,
                event.event_ms,
                text=_SAID,
                observed="SUSPECT",
                expected="CLEAR",
                evidence=(event,),
            )
        else:
            yield no_hit(asked, event.identity, event.event_ms, "the image is clear")


def open_referral(view: ConsignmentView, asked: InForce, as_of_ms: int) -> Iterable[Verdict]:
    for share in view.shares:
        for one in share.referrals:
            anchor, instant = one.raised.identity, one.raised.event_ms
            if one.answered is not None:
                yield no_hit(asked, anchor, instant, "answered")
            else:
                yield hit(
                    asked,
                    anchor,
                    instant,
                    text=_SAID,
                    observed=one.kind,
                    expected=None,
                    evidence=(one.raised,),
                )


def early_exit(view: ConsignmentView, asked: InForce, as_of_ms: int) -> Iterable[Verdict]:
    left = view.unit_at("T14")
    if left is None:
        return
    released = view.milestones.actual.get("T13")
    if released is not None and released.event_ms <= left[0]:
        yield no_hit(asked, "T14", left[0])
    else:
        yield hit(asked, "T14", left[0], text=_SAID, observed=None, expected=None, evidence=())


def suspended(view: ConsignmentView, asked: InForce, as_of_ms: int) -> Iterable[Verdict]:
    for share in view.shares[:1]:
        for role, name in share.parties:
            entries = view.registry.get(name, ())
            if not entries:
                yield not_evaluable(asked, role, share.lodged_ms or 0, "registry")
                continue
            last = entries[-1]
            if last.data.get("status") == "SUSPENDED":
                yield hit(
                    asked,
                    role,
                    last.event_ms,
                    text=_SAID,
                    observed="SUSPENDED",
                    expected="GRANTED",
                    evidence=(last,),
                )
            else:
                yield no_hit(asked, role, last.event_ms)


def overdue(view: ConsignmentView, asked: InForce, as_of_ms: int) -> Iterable[Verdict]:
    came = view.unit_at("T6", last=True)
    if came is None:
        return
    due_ms = came[0] + int(asked["limit"] * HOUR)
    released = view.milestones.actual.get("T13")
    if released is not None and released.event_ms <= due_ms:
        yield no_hit(asked, "T13", due_ms, "released in time")
    elif released is None and view.publisher_silent("T13", due_ms):
        yield not_evaluable(asked, "T13", due_ms, "publisher of T13 silent")
    else:
        yield hit(
            asked,
            "T13",
            due_ms,
            text=_SAID,
            observed=None,
            expected=None,
            evidence=() if released is None else (released,),
            due_ms=due_ms if released is None else None,
            governed_ms=came[0],
        )


RULES: tuple[Asked[ConsignmentView], ...] = (
    Asked(SUSPECT, suspect),
    Asked(OPEN_REFERRAL, open_referral),
    Asked(EARLY_EXIT, early_exit),
    Asked(SUSPENDED, suspended),
    Asked(OVERDUE, overdue),
)

from collections.abc import Sequence
from typing import Any

import pytest

from sstl.core.rules import controls as rules
from sstl.core.rules.base import Result
from sstl.models.policy import Policy, StageLimit
from sstl.models.records import Event, UnitMilestones
from tests.consignment_cases import (
    ARRIVED,
    LODGED,
    answers,
    customs,
    lane,
    results,
    rule_of,
    the_hit,
    unit,
    view,
    with_thresholds,
)
from tests.journey_events import HOUR, MINUTE, UNIT, event

pytestmark = pytest.mark.unit
HIT, NO_HIT, NOT = Result.HIT, Result.NO_HIT, Result.NOT_EVALUABLE
RULES = rule_of(rules.RULES)
T = ARRIVED
SECOND_UNIT = "CSQU3054383"
FIRST: dict[str, Any] = {"equipmentReference": UNIT}
SECOND: dict[str, Any] = {"equipmentReference": SECOND_UNIT}


def result(at_ms: int, **data: Any) -> Event:
    return customs("inspection.result.recorded", at_ms, **data)


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        pytest.param({"controlResultCode": "B1"}, [HIT], id="B1"),
        pytest.param({"outcome": "CONFIRMED"}, [HIT], id="irregularity-confirmed"),
        pytest.param({"controlResultCode": "A4", "outcome": "CONFIRMED"}, [HIT], id="A4-confirmed"),
        pytest.param({"controlResultCode": "A1"}, [NO_HIT], id="A1"),
        pytest.param({"controlResultCode": "A4"}, [NO_HIT], id="A4-minor-discrepancies"),
        pytest.param({"outcome": "NOT_CONFIRMED"}, [NO_HIT], id="not-confirmed"),
        pytest.param({"controlResultCode": "A5"}, [NOT], id="A5-pending"),
        pytest.param({"controlResultCode": "C9"}, [NOT], id="code-of-unknown-meaning"),
        pytest.param({"outcome": "INCONCLUSIVE"}, [NOT], id="inconclusive"),
        pytest.param({"status": "NOT_DONE"}, [], id="control-not-done"),
    ],
)
def test_a_result_is_satisfactory_or_not(
    recorded: dict[str, Any], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["control-unsatisfactory"], view(result(T, **recorded)))
    assert results(verdicts) == expected


def test_an_unsatisfactory_result_has_the_risk_area_of_what_was_found() -> None:
    found = the_hit(
        answers(
            RULES["control-unsatisfactory"],
            view(result(T, outcome="CONFIRMED", irregularities=[{"type": "x", "riskArea": "IPR"}])),
        )
    )
    assert found.risk_area == "IPR"
    assert found.anchor == found.evidence[0].identity


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        pytest.param({"controlResultCode": "B1"}, [HIT], id="B1"),
        pytest.param({"outcome": "CONFIRMED"}, [HIT], id="irregularity-confirmed"),
        pytest.param({"controlResultCode": "A1"}, [NO_HIT], id="A1"),
        pytest.param({"controlResultCode": "A5"}, [NOT], id="A5-pending"),
        pytest.param({"controlResultCode": "B1", "status": "NOT_DONE"}, [], id="not-done"),
    ],
)
def test_what_a_partner_found_is_a_result_like_our_own(
    received: dict[str, Any], expected: Sequence[Result]
) -> None:
    theirs = customs("inspection.partner.result.received", T, "EXPORT", **received)
    verdicts = answers(RULES["control-unsatisfactory"], view(theirs))
    assert results(verdicts) == expected
    if expected == [HIT]:
        found = the_hit(verdicts)
        assert found.text is not None
        assert found.text.en.startswith("A partner's control whose result was received at ")


@pytest.mark.parametrize(
    ("ours", "theirs", "code", "expected"),
    [
        pytest.param("I1", "I1", "B1", [HIT], id="the-same-inspection-is-one"),
        pytest.param("I1", "I1", "A5", [NOT, HIT], id="here-it-is-pending"),
        pytest.param("I1", "I2", "B1", [HIT, HIT], id="two-inspections-are-two"),
        pytest.param(None, None, "B1", [HIT, HIT], id="inspections-that-are-not-named"),
    ],
)
def test_a_partners_result_of_a_recorded_inspection_is_no_second_one(
    ours: str | None, theirs: str | None, code: str, expected: Sequence[Result]
) -> None:
    here = {"inspectionId": ours, "controlResultCode": code}
    there = {"inspectionId": theirs, "controlResultCode": "B1"}
    events = (
        customs("inspection.result.recorded", T - HOUR, "EXPORT", **here),
        customs("inspection.partner.result.received", T, "EXPORT", **there),
    )
    assert results(answers(RULES["control-unsatisfactory"], view(*events))) == expected


IMAGE = customs("inspection.scan.completed", T, inspectionId="I1", niiResult="SUSPECT")
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("follow", "result"),
    [
        pytest.param(customs("inspection.physical.started", T + DAY), NO_HIT, id="after-24-hours"),
        pytest.param(
            customs("inspection.physical.started", T + DAY + 1), HIT, id="a-millisecond-later"
        ),
        pytest.param(customs("inspection.sample.taken", T + HOUR), NO_HIT, id="sample-taken"),
        pytest.param(customs("inspection.detained", T + HOUR), NO_HIT, id="detained"),
        pytest.param(
            customs("inspection.released", T + HOUR, reason="shadow of a pallet"),
            NO_HIT,
            id="released-with-a-reason",
        ),
        pytest.param(customs("inspection.released", T + HOUR), HIT, id="released-without-a-reason"),
        pytest.param(
            result(T + HOUR, controlType="PHYSICAL", outcome="NOT_CONFIRMED"),
            NO_HIT,
            id="physical-result",
        ),
        pytest.param(
            customs("inspection.physical.started", T + HOUR, status="NOT_DONE"),
            HIT,
            id="physical-control-not-done",
        ),
        pytest.param(
            customs("inspection.physical.started", T - HOUR), HIT, id="physical-control-before"
        ),
        pytest.param(
            customs("inspection.physical.started", T + HOUR, "EXPORT"), HIT, id="other-side"
        ),
        pytest.param(customs("duty.paid", T + HOUR), HIT, id="nothing-but-payment"),
    ],
)
def test_a_suspect_image_is_followed_up(follow: Event, result: Result) -> None:
    verdicts = answers(RULES["control-suspect-image-not-followed-up"], view(IMAGE, follow))
    assert results(verdicts) == [result]


def test_a_suspect_image_waits_for_its_deadline() -> None:
    rule = RULES["control-suspect-image-not-followed-up"]
    assert results(answers(rule, view(IMAGE), as_of_ms=T + DAY - 1)) == [NO_HIT]
    found = the_hit(answers(rule, view(IMAGE), as_of_ms=T + DAY))
    assert (found.anchor, found.due_ms, found.governed_ms) == ("image|I1", T + DAY, T)


def test_one_inspection_is_one_episode_however_often_its_image_is_reported() -> None:
    again = result(T + HOUR, inspectionId="I1", niiResult="SUSPECT")
    verdicts = answers(RULES["control-suspect-image-not-followed-up"], view(IMAGE, again))
    assert [one.anchor for one in verdicts] == ["image|I1"]


def image(at_ms: int, found: str, **data: Any) -> Event:
    return customs("inspection.scan.completed", at_ms, inspectionId="I1", niiResult=found, **data)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [image(T, "INCONCLUSIVE"), image(T + HOUR, "SUSPECT")],
            [HIT],
            id="suspect-when-repeated",
        ),
        pytest.param(
            [image(T, "INCONCLUSIVE"), image(T + HOUR, "CLEAR")], [NO_HIT], id="clear-when-repeated"
        ),
        pytest.param(
            [image(T, "CLEAR"), image(T + HOUR, "INCONCLUSIVE")], [NOT], id="unclear-when-repeated"
        ),
        pytest.param(
            [image(T, "SUSPECT"), image(T + HOUR, "CLEAR")],
            [HIT],
            id="another-image-clears-nothing",
        ),
    ],
)
def test_an_image_that_tells_nothing_does_not_hide_one_that_does(
    events: Sequence[Event], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["control-suspect-image-not-followed-up"], view(*events))
    assert results(verdicts) == expected


def test_each_unit_of_an_inspection_has_its_own_image() -> None:
    seen = view(
        image(T, "SUSPECT", **FIRST),
        image(T + MINUTE, "SUSPECT", **SECOND),
        customs("inspection.physical.started", T + HOUR, inspectionId="I1", **FIRST),
    )
    found = answers(RULES["control-suspect-image-not-followed-up"], seen)
    assert {one.anchor: one.result for one in found} == {
        f"image|I1|{UNIT}": NO_HIT,
        f"image|I1|{SECOND_UNIT}": HIT,
    }


def test_a_result_that_names_no_unit_is_of_the_only_unit_scanned() -> None:
    again = result(T + HOUR, inspectionId="I1", niiResult="SUSPECT")
    found = answers(
        RULES["control-suspect-image-not-followed-up"], view(image(T, "SUSPECT", **FIRST), again)
    )
    assert [one.anchor for one in found] == [f"image|I1|{UNIT}"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param("CLEAR", [], id="clear"),
        pytest.param("INCONCLUSIVE", [NOT], id="inconclusive"),
    ],
)
def test_only_suspect_images_are_followed_up(image: str, expected: Sequence[Result]) -> None:
    seen = view(customs("inspection.scan.completed", T, niiResult=image))
    verdicts = answers(RULES["control-suspect-image-not-followed-up"], seen)
    assert results(verdicts) == expected


PHYSICAL = (
    customs("inspection.physical.started", T, inspectionId="I1", consignmentId="HBL001"),
    customs("inspection.physical.completed", T + HOUR, inspectionId="I1"),
)
RECORDED = T + 49 * HOUR


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [*PHYSICAL, result(RECORDED, inspectionId="I1", outcome="NOT_CONFIRMED")],
            [NO_HIT],
            id="48-hours-after-its-end",
        ),
        pytest.param(
            [*PHYSICAL, result(RECORDED + 1, inspectionId="I1", outcome="NOT_CONFIRMED")],
            [HIT],
            id="a-millisecond-later",
        ),
        pytest.param([*PHYSICAL], [HIT], id="never"),
        pytest.param(
            [*PHYSICAL, result(T + 2 * HOUR, inspectionId="I2", outcome="NOT_CONFIRMED")],
            [HIT],
            id="result-of-another-control",
        ),
        pytest.param(
            [*PHYSICAL, result(T + 2 * HOUR, outcome="NOT_CONFIRMED")],
            [NO_HIT],
            id="result-that-names-no-control",
        ),
        pytest.param(
            [customs("inspection.scan.completed", T, inspectionId="I1", niiResult="CLEAR")],
            [NO_HIT],
            id="scan-that-says-its-result",
        ),
        pytest.param(
            [customs("inspection.physical.started", T, status="NOT_DONE")], [], id="not-done"
        ),
        pytest.param(
            [customs("inspection.physical.started", T, side=None)], [NOT], id="neither-side-nor-id"
        ),
        pytest.param(
            [
                customs("inspection.scan.started", T, inspectionId="I1", equipmentReference=UNIT),
                customs("inspection.scan.completed", T, inspectionId="I1", equipmentReference=UNIT),
            ],
            [NOT],
            id="of-the-unit-perhaps-for-another-consignment",
        ),
        pytest.param(
            [
                *PHYSICAL,
                customs("inspection.sample.taken", T + HOUR, inspectionId="I1"),
                result(T + 700 * HOUR, inspectionId="I1", outcome="NOT_CONFIRMED"),
            ],
            [NO_HIT],
            id="laboratory-takes-longer",
        ),
    ],
)
def test_a_control_has_its_result_in_time(
    events: Sequence[Event], expected: Sequence[Result]
) -> None:
    assert results(answers(RULES["control-without-result"], view(*events))) == expected


def test_a_missing_result_waits_for_its_deadline() -> None:
    rule, seen = RULES["control-without-result"], view(*PHYSICAL)
    assert results(answers(rule, seen, as_of_ms=RECORDED - 1)) == [NO_HIT]
    found = the_hit(answers(rule, seen, as_of_ms=RECORDED))
    assert (found.anchor, found.due_ms) == ("control|inspection|I1", RECORDED)


def opened(at_ms: int) -> Event:
    return event("seallock.opened", at_ms)


def sealed(at_ms: int) -> Event:
    return event("seallock.resealed", at_ms)


TO_THE_DOOR = lane(sealed=True)
ENDED = T + HOUR


@pytest.mark.parametrize(
    ("opened_at", "sealed_at", "expected"),
    [
        pytest.param(T, ENDED + 4 * HOUR, [NO_HIT], id="sealed-4-hours-after-the-control"),
        pytest.param(T, ENDED + 4 * HOUR + 1, [HIT], id="a-millisecond-later"),
        pytest.param(T, None, [HIT], id="never-sealed"),
        pytest.param(T - HOUR, None, [HIT], id="opened-an-hour-before-the-control"),
        pytest.param(T - HOUR - 1, None, [NO_HIT], id="opened-before-that-for-something-else"),
        pytest.param(ENDED + 1, None, [NO_HIT], id="opened-after-the-control"),
    ],
)
def test_a_unit_opened_for_a_control_is_sealed_again(
    opened_at: int, sealed_at: int | None, expected: Sequence[Result]
) -> None:
    seals = [opened(opened_at), *(() if sealed_at is None else (sealed(sealed_at),))]
    seen = view(*PHYSICAL, units=[unit(opened=seals, T6=T)], policy=TO_THE_DOOR)
    assert results(answers(RULES["control-opened-not-resealed"], seen)) == expected


@pytest.mark.parametrize(
    ("events", "units", "policy", "expected"),
    [
        pytest.param(
            [*PHYSICAL, result(ENDED + HOUR, inspectionId="I1", sealAfter="S2")],
            [unit(opened=[opened(T)])],
            TO_THE_DOOR,
            [NO_HIT],
            id="the-result-names-the-new-seal",
        ),
        pytest.param([*PHYSICAL], [unit()], TO_THE_DOOR, [NOT], id="no-seal-reports"),
        pytest.param([*PHYSICAL], [], TO_THE_DOOR, [NOT], id="unit-unknown"),
        pytest.param([*PHYSICAL], [unit(opened=[opened(T)])], Policy(), [NOT], id="lane-unknown"),
        pytest.param(
            [*PHYSICAL],
            [unit(opened=[opened(T)])],
            lane(unlock_at="GATE_OUT"),
            [],
            id="the-lane-opens-before-the-destination",
        ),
        pytest.param(
            [customs("inspection.physical.started", T, "EXPORT")],
            [unit(opened=[opened(T)])],
            Policy(),
            [HIT],
            id="export-side-on-any-lane",
        ),
        pytest.param(
            [
                customs("inspection.physical.started", T, "EXPORT", equipmentReference=UNIT),
            ],
            [unit(opened=[opened(T)]), unit(SECOND_UNIT, opened=[opened(T)])],
            Policy(),
            [HIT],
            id="only-the-unit-controlled",
        ),
        pytest.param([], [unit(opened=[opened(T)])], TO_THE_DOOR, [], id="no-control"),
    ],
)
def test_resealing_is_asked_where_the_journey_goes_on_under_seal(
    events: Sequence[Event],
    units: Sequence[UnitMilestones],
    policy: Policy,
    expected: Sequence[Result],
) -> None:
    seen = view(*events, units=units, policy=policy)
    assert results(answers(RULES["control-opened-not-resealed"], seen)) == expected


def test_each_unit_of_an_inspection_is_sealed_again() -> None:
    started, ended = "inspection.physical.started", "inspection.physical.completed"
    seen = view(
        customs(started, T, inspectionId="I1", **FIRST),
        customs(ended, T + HOUR, inspectionId="I1", **FIRST),
        customs(started, T + 2 * HOUR, inspectionId="I1", **SECOND),
        customs(ended, T + 3 * HOUR, inspectionId="I1", **SECOND),
        result(T + 4 * HOUR, inspectionId="I1", sealAfter="S2", **FIRST),
        units=[
            unit(opened=[opened(T)]),
            unit(SECOND_UNIT, opened=[opened(T + 2 * HOUR)]),
        ],
        policy=TO_THE_DOOR,
    )
    found = answers(RULES["control-opened-not-resealed"], seen)
    assert {one.anchor.rpartition("|")[2]: one.result for one in found} == {
        UNIT: NO_HIT,
        SECOND_UNIT: HIT,
    }


RELEASE = customs("inspection.released", T)
ACCEPTED = customs("declaration.accepted", LODGED)


@pytest.mark.parametrize(
    ("events", "severity", "result"),
    [
        pytest.param([RELEASE], None, NO_HIT, id="released-at-that-instant"),
        pytest.param([customs("inspection.released", T + 1)], None, HIT, id="released-after"),
        pytest.param([ACCEPTED], None, HIT, id="declared-and-not-released"),
        pytest.param(
            [RELEASE, customs("inspection.revoked", T)], None, HIT, id="release-revoked-before"
        ),
        pytest.param(
            [
                customs("inspection.released", T - HOUR),
                customs("inspection.detained", T - MINUTE),
            ],
            "CRITICAL",
            HIT,
            id="detained",
        ),
        pytest.param(
            [
                customs("inspection.detained", T - 9 * HOUR),
                customs("inspection.detention.lifted", T),
                RELEASE,
            ],
            None,
            NO_HIT,
            id="detention-lifted-at-that-instant",
        ),
        pytest.param(
            [RELEASE, customs("inspection.detained", T)],
            None,
            NO_HIT,
            id="detained-at-that-instant",
        ),
        pytest.param(
            [ACCEPTED, customs("declaration.accepted", T - HOUR, "TRANSIT")],
            None,
            NO_HIT,
            id="under-customs-transit",
        ),
        pytest.param([event("transport.ccd", T - HOUR)], None, NO_HIT, id="cleared-by-air-status"),
        pytest.param(
            [ACCEPTED, event("transport.ccd", T - HOUR, classifier="PLANNED")],
            None,
            HIT,
            id="clearing-only-planned",
        ),
        pytest.param([], None, NOT, id="nothing-reported-by-the-import-side"),
    ],
)
def test_a_unit_leaves_only_when_released(
    events: Sequence[Event], severity: str | None, result: Result
) -> None:
    verdicts = answers(RULES["control-gate-out-before-release"], view(*events, units=[unit(T14=T)]))
    assert results(verdicts) == [result]
    if result is HIT:
        assert the_hit(verdicts).severity == severity


def test_word_of_an_earlier_import_release_is_waited_for() -> None:
    rule, seen = RULES["control-gate-out-before-release"], view(ACCEPTED, units=[unit(T14=T)])
    assert results(answers(rule, seen, as_of_ms=T + 4 * HOUR - 1)) == [NO_HIT]
    assert the_hit(answers(rule, seen, as_of_ms=T + 4 * HOUR)).due_ms == T + 4 * HOUR
    assert answers(rule, view(ACCEPTED)) == []


DETAINED = customs("inspection.detained", T - 5 * HOUR, inspectionId="I1")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([DETAINED, RELEASE], [HIT], id="still-detained"),
        pytest.param([RELEASE], [NO_HIT], id="never-detained"),
        pytest.param(
            [DETAINED, customs("inspection.detention.lifted", T), RELEASE],
            [NO_HIT],
            id="lifted-at-the-release",
        ),
        pytest.param(
            [DETAINED, customs("inspection.detention.lifted", T + 1), RELEASE],
            [HIT],
            id="lifted-a-millisecond-later",
        ),
        pytest.param(
            [
                DETAINED,
                customs("inspection.detention.lifted", T - HOUR, inspectionId="I2"),
                RELEASE,
            ],
            [HIT],
            id="another-detention-lifted",
        ),
        pytest.param(
            [DETAINED, RELEASE, customs("inspection.revoked", T + HOUR)],
            [NO_HIT],
            id="release-revoked",
        ),
        pytest.param(
            [DETAINED, customs("inspection.released", T, "EXPORT")],
            [NO_HIT],
            id="release-of-the-other-side",
        ),
        pytest.param([DETAINED, customs("inspection.released", T, None)], [NOT], id="side-unknown"),
        pytest.param([DETAINED], [], id="not-released"),
    ],
)
def test_nothing_is_released_while_detained(
    events: Sequence[Event], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["control-release-against-detention"], view(*events))
    assert results(verdicts) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([RELEASE], {UNIT: NO_HIT, SECOND_UNIT: NO_HIT}, id="release-of-both"),
        pytest.param(
            [customs("inspection.released", T, **FIRST)],
            {UNIT: NO_HIT, SECOND_UNIT: HIT},
            id="release-of-one",
        ),
        pytest.param(
            [RELEASE, customs("inspection.detained", T - HOUR, **SECOND)],
            {UNIT: NO_HIT, SECOND_UNIT: HIT},
            id="detention-of-the-other",
        ),
        pytest.param(
            [RELEASE, customs("inspection.detained", T - HOUR)],
            {UNIT: HIT, SECOND_UNIT: HIT},
            id="detention-that-names-no-unit",
        ),
        pytest.param(
            [
                RELEASE,
                customs("inspection.detained", T - 2 * HOUR),
                customs("inspection.detention.lifted", T - HOUR, **FIRST),
            ],
            {UNIT: NO_HIT, SECOND_UNIT: HIT},
            id="detention-of-both-lifted-for-one",
        ),
        pytest.param(
            [
                customs("inspection.released", T - HOUR, **FIRST),
                customs("inspection.released", T - HOUR, **SECOND),
                customs("inspection.revoked", T - MINUTE, **SECOND),
            ],
            {UNIT: NO_HIT, SECOND_UNIT: HIT},
            id="release-of-one-revoked",
        ),
    ],
)
def test_each_unit_of_a_consignment_leaves_by_its_own_release(
    events: Sequence[Event], expected: dict[str, Result]
) -> None:
    seen = view(*events, units=[unit(T14=T), unit(SECOND_UNIT, T14=T)])
    found = answers(RULES["control-gate-out-before-release"], seen)
    assert {one.anchor.removeprefix("T14|"): one.result for one in found} == expected


@pytest.mark.parametrize(
    ("released", "result"),
    [
        pytest.param(FIRST, NO_HIT, id="the-other-unit"),
        pytest.param(SECOND, HIT, id="the-unit-detained"),
        pytest.param({}, HIT, id="the-whole-consignment"),
    ],
)
def test_a_detention_of_one_unit_keeps_the_other_from_nothing(
    released: dict[str, str], result: Result
) -> None:
    detained = customs("inspection.detained", T - HOUR, **SECOND)
    seen = view(detained, customs("inspection.released", T, **released))
    assert results(answers(RULES["control-release-against-detention"], seen)) == [result]


def promised(hours: float) -> Policy:
    return lane(stages=(StageLimit(start="T6", end="T13", limit_hours=hours),))


def release(at_ms: int) -> Event:
    return customs("inspection.released", at_ms)


@pytest.mark.parametrize(
    ("events", "policy", "result"),
    [
        pytest.param([release(T + 48 * HOUR)], promised(48), NO_HIT, id="exactly-as-promised"),
        pytest.param([release(T + 48 * HOUR + 1)], promised(48), HIT, id="a-millisecond-later"),
        pytest.param([], promised(48), HIT, id="not-released-where-the-lane-promises"),
        pytest.param([release(T + 120 * HOUR)], Policy(), NO_HIT, id="exactly-the-general-limit"),
        pytest.param([release(T + 120 * HOUR + 1)], Policy(), HIT, id="beyond-the-general-limit"),
        pytest.param([], Policy(), NOT, id="nothing-reported-by-the-import-side"),
        pytest.param([ACCEPTED], Policy(), HIT, id="declared-and-not-released"),
        pytest.param(
            [ACCEPTED, customs("inspection.seized", T + HOUR)], promised(48), NO_HIT, id="seized"
        ),
        pytest.param(
            [ACCEPTED, customs("inspection.detained", T + HOUR)],
            promised(48),
            NO_HIT,
            id="detained",
        ),
        pytest.param([release(T - 9 * HOUR)], promised(48), NO_HIT, id="released-before-arrival"),
    ],
)
def test_release_is_judged_from_the_arrival_of_the_last_unit(
    events: Sequence[Event], policy: Policy, result: Result
) -> None:
    units = [unit(T6=T - 30 * HOUR), unit(SECOND_UNIT, T6=T)]
    seen = view(*events, units=units, policy=policy)
    assert results(answers(RULES["release-overdue"], seen)) == [result]


def let_go(name: str, at_ms: int = T + HOUR) -> Event:
    return customs("inspection.released", at_ms, equipmentReference=name, id=f"{name}/{at_ms}")


def held(name: str) -> Event:
    return customs("inspection.detained", T, equipmentReference=name)


@pytest.mark.parametrize(
    ("events", "result", "named"),
    [
        pytest.param([let_go(UNIT)], HIT, SECOND_UNIT, id="the-other-is-not-released"),
        pytest.param([let_go(UNIT), let_go(SECOND_UNIT)], NO_HIT, None, id="both"),
        pytest.param(
            [let_go(UNIT), let_go(SECOND_UNIT, T + 48 * HOUR)], NO_HIT, None, id="the-last-in-time"
        ),
        pytest.param(
            [let_go(UNIT), let_go(SECOND_UNIT, T + 48 * HOUR + 1)], HIT, None, id="the-last-late"
        ),
        pytest.param([let_go(UNIT), held(SECOND_UNIT)], NO_HIT, None, id="the-other-is-detained"),
        pytest.param([held(UNIT)], HIT, SECOND_UNIT, id="one-is-detained-the-other-forgotten"),
        pytest.param([held(UNIT), held(SECOND_UNIT)], NO_HIT, None, id="both-are-detained"),
        pytest.param([ACCEPTED], HIT, None, id="none-is-released"),
    ],
)
def test_each_unit_is_released_in_time(
    events: Sequence[Event], result: Result, named: str | None
) -> None:
    seen = view(*events, units=[unit(T6=T), unit(SECOND_UNIT, T6=T)], policy=promised(48))
    verdicts = answers(RULES["release-overdue"], seen)
    assert results(verdicts) == [result]
    assert (verdicts[0].anchor, verdicts[0].equipment_reference) == ("T13", named)
    if named is not None:
        found = the_hit(verdicts)
        assert found.text is not None
        assert found.text.en.endswith(f"and not released within 48 h: {named}.")
        assert found.text.zh.endswith(f"{named}。")


def test_a_unit_that_has_not_arrived_keeps_the_release_from_being_judged() -> None:
    seen = view(ACCEPTED, units=[unit(T6=T), unit(SECOND_UNIT)], policy=promised(48))
    assert results(answers(RULES["release-overdue"], seen)) == [NOT]


def test_an_overdue_release_waits_for_its_deadline() -> None:
    seen = view(ACCEPTED, units=[unit(T6=T)], policy=promised(48))
    rule, due_ms = RULES["release-overdue"], T + 48 * HOUR
    assert results(answers(rule, seen, as_of_ms=due_ms - 1)) == [NO_HIT]
    found = the_hit(answers(rule, seen, as_of_ms=due_ms))
    assert (found.anchor, found.due_ms, found.governed_ms) == ("T13", due_ms, T)


def test_a_silent_publisher_of_import_releases_proves_nothing() -> None:
    policy = lane(publishers={"T13": "urn:sstl:NLRTM:customs"})
    left = [unit(T6=T, T14=T + HOUR)]
    heard = {"urn:sstl:NLRTM:customs": T + 1000 * HOUR}
    for name in ("release-overdue", "control-gate-out-before-release"):
        assert results(answers(RULES[name], view(units=left, policy=policy))) == [NOT]
        spoken = view(units=left, policy=policy, publishers=heard)
        assert results(answers(RULES[name], spoken)) == [HIT]


def partner(at_ms: int = T, **data: Any) -> Event:
    body = {"controlPurpose": "SECURITY", "controlResultCode": "A1"} | data
    return customs("inspection.partner.result.received", at_ms, "EXPORT", **body)


def selected(at_ms: int = T + HOUR, basis: str = "RULE", **data: Any) -> Event:
    body = {"controlPurpose": "SECURITY", "selections": [{"basis": basis}]} | data
    return customs("inspection.selected", at_ms, **body)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([partner(), selected()], [HIT], id="same-purpose"),
        pytest.param([partner(), selected(T + 1)], [HIT], id="a-millisecond-after-the-result"),
        pytest.param([partner(), selected(T)], [NO_HIT], id="at-the-instant-of-the-result"),
        pytest.param([partner(), selected(controlPurpose="IPR")], [NO_HIT], id="another-purpose"),
        pytest.param(
            [partner(controlResultCode="B1"), selected()], [NO_HIT], id="partner-not-satisfied"
        ),
        pytest.param(
            [partner(), selected(), customs("inspection.control.waived", T + 2 * HOUR, reason="x")],
            [NO_HIT],
            id="waived",
        ),
        pytest.param([partner(), selected(controlPurpose=None)], [NOT], id="purpose-unknown"),
        pytest.param(
            [partner(controlPurpose=None), selected()], [NOT], id="partner's-purpose-unknown"
        ),
        pytest.param([selected()], [], id="no-partner-result"),
        pytest.param([partner(**FIRST), selected(**FIRST)], [HIT], id="the-same-unit"),
        pytest.param([partner(**FIRST), selected(**SECOND)], [NO_HIT], id="another-unit"),
        pytest.param([partner(**FIRST), selected()], [HIT], id="selected-as-a-whole"),
    ],
)
def test_a_partners_result_makes_the_same_control_needless(
    events: Sequence[Event], expected: Sequence[Result]
) -> None:
    assert results(answers(RULES["control-repeated"], view(*events))) == expected


@pytest.mark.parametrize(
    ("basis", "severity"),
    [
        ("RULE", None),
        ("OFFICER", "LOW"),
        ("REFERRAL", "LOW"),
        ("PARTNER_RIF", "LOW"),
        ("SEAL_ALARM", "LOW"),
    ],
)
def test_a_control_repeated_for_cause_is_low(basis: str, severity: str | None) -> None:
    seen = view(partner(), selected(basis=basis))
    assert the_hit(answers(RULES["control-repeated"], seen)).severity == severity


DRAWN = {"basis": "RANDOM", "probability": 0.01}
BY_RULE = {"basis": "RULE"}


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([selected(selections=[DRAWN])], [NO_HIT], id="drawn"),
        pytest.param([selected(selections=[DRAWN, BY_RULE])], [NO_HIT], id="drawn-and-by-rule"),
        pytest.param(
            [selected(selections=[DRAWN], controlPurpose=None)], [NO_HIT], id="of-any-purpose"
        ),
        pytest.param(
            [selected(selections=[DRAWN], side=None, controlPurpose=None), selected(T + 2 * HOUR)],
            [NO_HIT, NO_HIT],
            id="drawn-as-a-consignment-and-by-rule-later",
        ),
        pytest.param(
            [
                selected(selections=[DRAWN], inspectionId="I1"),
                selected(T + 2 * HOUR, inspectionId="I2"),
            ],
            [NO_HIT, HIT],
            id="another-inspection-by-rule",
        ),
    ],
)
def test_a_random_control_is_not_to_be_waived(
    events: Sequence[Event], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["control-repeated"], view(partner(), *events))
    assert results(verdicts) == expected
    assert (verdicts[0].reason or "").startswith("drawn at random")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [PHYSICAL[0], result(T + 10 * MINUTE, inspectionId="I1", outcome="NOT_CONFIRMED")],
            [NO_HIT],
            id="exactly-ten-minutes",
        ),
        pytest.param(
            [PHYSICAL[0], result(T + 10 * MINUTE - 1, inspectionId="I1", outcome="NOT_CONFIRMED")],
            [HIT],
            id="a-millisecond-less",
        ),
        pytest.param(
            [
                customs("inspection.scan.started", T, inspectionId="I1"),
                result(T + 2 * MINUTE, inspectionId="I1", niiResult="CLEAR"),
            ],
            [NO_HIT],
            id="a-scan-takes-two",
        ),
        pytest.param(
            [result(T + HOUR, inspectionId="I1", controlType="PHYSICAL", outcome="CONFIRMED")],
            [NOT],
            id="start-unknown",
        ),
        pytest.param(
            [
                result(
                    T + HOUR,
                    controlType="PHYSICAL",
                    startedAt="2026-01-30T05:00:00Z",
                    outcome="CONFIRMED",
                )
            ],
            [HIT],
            id="start-in-the-result",
        ),
        pytest.param(
            [result(T, controlType="DOCUMENT", outcome="NOT_CONFIRMED")], [], id="documents"
        ),
        pytest.param(
            [
                customs("inspection.scan.started", T - 4 * HOUR, inspectionId="I1"),
                PHYSICAL[0],
                result(T + MINUTE, inspectionId="I1", controlType="PHYSICAL", outcome="CONFIRMED"),
            ],
            [HIT],
            id="opened-after-a-scan",
        ),
        pytest.param(
            [
                customs("inspection.physical.started", T - 4 * HOUR, inspectionId="I1", **FIRST),
                customs("inspection.physical.started", T, inspectionId="I1", **SECOND),
                result(T + MINUTE, inspectionId="I1", outcome="CONFIRMED", **SECOND),
            ],
            [HIT],
            id="the-other-unit-was-begun-before",
        ),
        pytest.param(
            [
                customs("inspection.scan.started", T - 4 * HOUR, inspectionId="I1"),
                result(T, inspectionId="I1", controlType="PHYSICAL", outcome="CONFIRMED"),
            ],
            [NOT],
            id="only-the-scan's-start-is-known",
        ),
    ],
)
def test_a_result_takes_as_long_as_the_control(
    events: Sequence[Event], expected: Sequence[Result]
) -> None:
    verdicts = answers(RULES["control-result-implausibly-fast"], view(*events))
    assert results(verdicts) == expected


def test_results_recorded_too_fast_are_for_supervisors() -> None:
    assert [a.rule.id for a in rules.RULES if a.rule.supervisors] == [
        "control-result-implausibly-fast"
    ]


def test_parameters_come_from_the_policy() -> None:
    policy = with_thresholds("control-without-result", limit_hours=1)
    early = [*PHYSICAL, result(ENDED + HOUR + 1, inspectionId="I1", outcome="CONFIRMED")]
    assert results(answers(RULES["control-without-result"], view(*early), policy)) == [HIT]
    assert results(answers(RULES["control-without-result"], view(*early))) == [NO_HIT]

"""What the lane expects of seals: armed at departure, of a grade, open at the end."""

from typing import Any

import pytest

from sstl.models.records import Event
from tests.journey_events import UNIT, share
from tests.seal_stories import (
    DESTINATION,
    FAR,
    ORIGIN,
    SECOND,
    answers,
    at,
    bolt,
    lock,
    move,
    policy,
    says,
)

DEPARTED = move("departed", 10, ORIGIN)
LOCKS = "urn:sstl:CNYTN:locks"


@pytest.mark.parametrize(
    ("events", "lane", "expected"),
    [
        pytest.param([DEPARTED], {"sealed": True}, ["hit"], id="nothing-reported"),
        pytest.param([DEPARTED], {}, [], id="the-lane-expects-no-seal"),
        pytest.param([lock("armed", 5)], {"sealed": True}, [], id="not-departed"),
        pytest.param([lock("armed", 5), DEPARTED], {"sealed": True}, ["no_hit"], id="armed"),
        pytest.param(
            [lock("armed", 10), DEPARTED], {"sealed": True}, ["no_hit"], id="armed-at-departure"
        ),
        pytest.param(
            [lock("armed", 10.1), DEPARTED], {"sealed": True}, ["hit"], id="armed-after-departure"
        ),
        pytest.param(
            [lock("armed", 5), lock("opened", 9), DEPARTED],
            {"sealed": True},
            ["hit"],
            id="opened-before-departure",
        ),
        pytest.param(
            [bolt("checked", 9, "A1", condition="RIGHT"), DEPARTED],
            {"sealed": True},
            ["no_hit"],
            id="a-seal-seen-on-it",
        ),
        pytest.param(
            [move("gated_in", 2, ORIGIN, seals=[{"number": "A1"}]), DEPARTED],
            {"sealed": True},
            ["no_hit"],
            id="a-seal-reported-at-the-gate",
        ),
        pytest.param(
            [DEPARTED],
            {"sealed": True, "publishers": {"T1": LOCKS}},
            ["not_evaluable"],
            id="publisher-of-the-locks-silent",
        ),
    ],
)
def test_a_unit_is_sealed_before_it_departs(
    events: list[Event], lane: dict[str, Any], expected: list[str]
) -> None:
    assert answers(says("seal-not-armed-at-departure", events, by=policy(**lane))) == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [pytest.param(21.9, "no_hit", id="may-still-come"), pytest.param(22, "hit", id="overdue")],
)
def test_the_report_of_arming_may_come_a_while_after_departure(as_of: float, expected: str) -> None:
    found = says(
        "seal-not-armed-at-departure", [DEPARTED], by=policy(sealed=True), as_of_ms=at(as_of)
    )
    assert answers(found) == [expected]
    assert found[0].due_ms == at(22)


def test_an_empty_unit_need_not_be_sealed() -> None:
    found = says(
        "seal-not-armed-at-departure",
        [DEPARTED],
        by=policy(sealed=True),
        shares=[share(empty=True)],
    )
    assert found == []


WAY = [
    lock("armed", 1),
    DEPARTED,
    move("discharged", 100, DESTINATION),
    move("gated_out", 120, DESTINATION),
]


@pytest.mark.parametrize(
    ("unlock_at", "events", "expected"),
    [
        pytest.param("DISCHARGE", [lock("opened", 124)], ["no_hit"], id="discharge-at-24-h"),
        pytest.param("DISCHARGE", [lock("opened", 124.1)], ["hit"], id="discharge-over-24-h"),
        pytest.param("GATE_OUT", [lock("opened", 144)], ["no_hit"], id="gate-out-at-24-h"),
        pytest.param("GATE_OUT", [lock("opened", 145)], ["hit"], id="gate-out-over-24-h"),
        pytest.param("GATE_OUT", [], ["hit"], id="never-opened"),
        pytest.param("DESTINATION", [], ["hit"], id="never-opened-at-the-destination"),
        pytest.param(
            "DESTINATION", [move("stripped", 200), lock("opened", 224)], ["no_hit"], id="stripped"
        ),
        pytest.param(
            "DESTINATION",
            [move("stripped", 200), lock("opened", 224.5)],
            ["hit"],
            id="locked-long-after-stripping",
        ),
        pytest.param("DISCHARGE", [lock("unpaired", 110)], ["no_hit"], id="taken-off"),
    ],
)
def test_a_lock_is_open_where_the_lane_says(
    unlock_at: str, events: list[Event], expected: list[str]
) -> None:
    found = says("seal-still-locked", [*WAY, *events], by=policy(unlock_at=unlock_at))
    assert answers(found) == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [pytest.param(143.9, "no_hit", id="within"), pytest.param(144, "hit", id="at-the-deadline")],
)
def test_a_lock_that_says_nothing_is_judged_at_the_deadline(as_of: float, expected: str) -> None:
    by = policy(unlock_at="GATE_OUT")
    assert answers(says("seal-still-locked", WAY, by=by, as_of_ms=at(as_of))) == [expected]


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param(at(143), "not_evaluable", id="publisher-silent"),
        pytest.param(at(144), "hit", id="publisher-heard-of-at-the-deadline"),
    ],
)
def test_a_silent_publisher_explains_a_lock_that_is_not_reported_open(
    heard: int, expected: str
) -> None:
    by = policy(unlock_at="GATE_OUT", publishers={"T1": LOCKS})
    found = says("seal-still-locked", WAY, by=by, publishers={LOCKS: heard}, as_of_ms=FAR)
    assert answers(found) == [expected]


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([bolt("armed", 1, "A1"), *WAY[1:]], id="a-bolt-seal-reports-no-opening"),
        pytest.param(WAY[:2], id="not-there-yet"),
    ],
)
def test_nothing_is_asked_of(events: list[Event]) -> None:
    assert says("seal-still-locked", events, by=policy(unlock_at="GATE_OUT")) == []


@pytest.mark.parametrize(
    ("more", "shared", "expected"),
    [
        pytest.param({}, {}, ["not_evaluable"], id="sealed-or-not-nobody-knows"),
        pytest.param({"looseCargo": True}, {"consignments": (UNIT,)}, [], id="loose-cargo"),
        pytest.param({}, {"empty": True}, [], id="empty"),
    ],
)
def test_without_a_lane_it_is_not_known_whether_a_seal_is_expected(
    more: dict[str, Any], shared: dict[str, Any], expected: list[str]
) -> None:
    given = [share(lane_id="CNSHG-DEHAM-SEA", **shared)]
    found = says("seal-not-armed-at-departure", [move("departed", 10, **more)], shares=given)
    assert answers(found) == expected
    assert all(one.missing == ("policy.lanes",) for one in found)


def test_without_a_lane_it_is_not_known_where_a_lock_opens() -> None:
    (verdict,) = says("seal-still-locked", WAY, shares=[share(lane_id="CNSHG-DEHAM-SEA")])
    assert (verdict.result.value, verdict.missing) == ("not_evaluable", ("policy.lanes",))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([lock("armed", 1, sealGrade="H"), DEPARTED], ["no_hit"], id="better"),
        pytest.param([lock("armed", 1, sealGrade="S"), DEPARTED], ["no_hit"], id="as-expected"),
        pytest.param([lock("armed", 1, sealGrade="I"), DEPARTED], ["hit"], id="worse"),
        pytest.param([lock("armed", 1), DEPARTED], ["not_evaluable"], id="grade-not-stated"),
        pytest.param([lock("armed", 1, sealGrade="I")], [], id="not-departed"),
        pytest.param(
            [
                lock("armed", 1, sealGrade="I"),
                lock("armed", 2, sealGrade="H", deviceId=SECOND),
                DEPARTED,
            ],
            ["no_hit"],
            id="the-better-of-two-counts",
        ),
        pytest.param(
            [
                bolt("armed", 1, "A1", sealGrade="H"),
                DEPARTED,
                bolt("resealed", 50, "B2", oldSealNumber="A1", sealGrade="I"),
            ],
            ["no_hit", "hit"],
            id="a-worse-one-put-on-later",
        ),
    ],
)
def test_seals_are_of_the_grade_that_the_lane_expects(
    events: list[Event], expected: list[str]
) -> None:
    assert answers(says("seal-grade-below-lane", events, by=policy(seal_grade="S"))) == expected


def test_a_lane_that_expects_no_grade_takes_any() -> None:
    assert says("seal-grade-below-lane", [lock("armed", 1, sealGrade="I"), DEPARTED]) == []

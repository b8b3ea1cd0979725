"""Seal numbers against what was armed last, and what a unit has carried on earlier journeys."""

import pytest

from sstl.models.records import Event
from tests.journey_events import share
from tests.seal_stories import (
    DESTINATION,
    ORIGIN,
    SECOND,
    answers,
    bolt,
    customs,
    lock,
    move,
    says,
)

ARMED = bolt("armed", 1, "AB 123")


def seen(hours: float, number: str) -> Event:
    return bolt("checked", hours, number, condition="RIGHT")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([ARMED], [], id="nobody-looked"),
        pytest.param([ARMED, seen(50, "ab-123")], ["no_hit"], id="the-same-written-otherwise"),
        pytest.param([ARMED, seen(50, "AB124")], ["hit"], id="another-number"),
        pytest.param(
            [ARMED, seen(50, "AB124"), seen(60, "AB124")], ["hit"], id="seen-twice-is-one-episode"
        ),
        pytest.param(
            [ARMED, customs("physical.completed", 50, sealBefore="AB124")],
            ["hit"],
            id="found-by-an-inspection",
        ),
        pytest.param(
            [ARMED, customs("physical.completed", 50, sealBefore="AB123", sealAfter="CU9")],
            ["no_hit"],
            id="changed-by-an-inspection",
        ),
        pytest.param(
            [
                ARMED,
                customs("physical.completed", 50, sealBefore="AB123", sealAfter="CU9"),
                seen(60, "CU9"),
            ],
            ["no_hit", "no_hit"],
            id="the-seal-of-the-inspection-counts-from-then-on",
        ),
        pytest.param(
            [
                ARMED,
                customs("physical.completed", 50, sealBefore="AB123", sealAfter="CU9"),
                seen(60, "AB123"),
            ],
            ["no_hit", "hit"],
            id="the-seal-that-the-inspection-took-off",
        ),
        pytest.param(
            [ARMED, move("gated_out", 120, DESTINATION, seals=[{"number": "XY777"}])],
            ["hit"],
            id="reported-at-the-gate",
        ),
        pytest.param(
            [ARMED, move("discharged", 104, DESTINATION, seals=[{"number": "SI"}])],
            [],
            id="a-word-in-place-of-the-number",
        ),
        pytest.param(
            [ARMED, bolt("armed", 1.1, "CD 9"), seen(50, "CD9")], ["no_hit"], id="the-second-seal"
        ),
        pytest.param([ARMED, seen(50, "DECL1")], ["no_hit"], id="a-second-seal-as-declared"),
        pytest.param([seen(50, "AB123")], ["not_evaluable"], id="nothing-armed-before"),
        pytest.param(
            [lock("armed", 1), seen(50, "AB123")], ["not_evaluable"], id="armed-without-a-number"
        ),
        pytest.param(
            [ARMED, bolt("checked", 50, "AB124", condition="MISSING")], [], id="missing-not-seen"
        ),
    ],
)
def test_the_number_seen_is_one_the_unit_was_armed_with_last(
    events: list[Event], expected: list[str]
) -> None:
    found = says("seal-number-differs", events, shares=[share(seals=("decl-1",))])
    assert answers(found) == expected


def test_a_number_that_differs_is_named_with_the_one_expected() -> None:
    (verdict,) = says("seal-number-differs", [ARMED, seen(50, "AB124")])
    assert (verdict.observed, verdict.expected) == ("AB124", "AB123")
    assert verdict.seal_numbers == ("AB124", "AB123")


FIRST = [
    bolt("armed", 1, "AB123"),
    lock("paired", 1),
    move("gated_in", 2, ORIGIN),
    move("departed", 10, ORIGIN),
    move("arrived", 100, DESTINATION),
    move("discharged", 104, DESTINATION),
    move("gated_out", 120, DESTINATION),
    move("stripped", 140, DESTINATION),
]
NEXT = move("stuffed", 200, ORIGIN)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([bolt("armed", 201, "CD456")], ["no_hit"], id="a-new-seal"),
        pytest.param([bolt("armed", 201, "ab-123")], ["hit"], id="the-seal-of-the-last-journey"),
        pytest.param(
            [lock("armed", 201, sealNumber="AB123", deviceId=SECOND)], [], id="a-lock-may-keep-it"
        ),
    ],
)
def test_a_mechanical_seal_is_used_once(events: list[Event], expected: list[str]) -> None:
    assert answers(says("seal-number-used-again", [*FIRST, NEXT, *events])) == expected


TWO = [lock("armed", 1, id="one"), lock("armed", 5, deviceId=SECOND, id="two")]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(TWO[:1], ["no_hit"], id="one-lock"),
        pytest.param([bolt("armed", 1, "A1"), TWO[0]], ["no_hit"], id="a-bolt-and-a-lock"),
        pytest.param(TWO, ["no_hit", "hit"], id="two-locks"),
        pytest.param([*TWO, lock("opened", 6)], ["no_hit", "no_hit"], id="replaced-in-an-hour"),
        pytest.param([*TWO, lock("opened", 6.1)], ["no_hit", "hit"], id="both-for-longer"),
        pytest.param(
            [TWO[0], lock("armed", 5, deviceId=SECOND, placement="VENT")],
            ["no_hit", "no_hit"],
            id="door-and-vent",
        ),
        pytest.param([bolt("armed", 1, "A1")], [], id="no-lock"),
    ],
)
def test_one_lock_is_armed_at_each_place_of_a_unit(
    events: list[Event], expected: list[str]
) -> None:
    assert answers(says("unit-with-two-devices", events)) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([lock("unpaired", 139), lock("paired", 201)], ["no_hit"], id="unpaired"),
        pytest.param([lock("paired", 201)], ["hit"], id="never-unpaired"),
        pytest.param([lock("unpaired", 205)], ["no_hit"], id="unpaired-late"),
        pytest.param([lock("paired", 201, deviceId=SECOND)], [], id="another-lock"),
    ],
)
def test_a_lock_is_unpaired_before_the_next_journey(
    events: list[Event], expected: list[str]
) -> None:
    assert answers(says("lock-not-unpaired-before-reuse", [*FIRST, NEXT, *events])) == expected

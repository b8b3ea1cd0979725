"""The health of locks: silence, battery, clock."""

from typing import Any

import pytest

from sstl.models.records import Event
from tests.journey_events import share
from tests.seal_stories import (
    DESTINATION,
    FAR,
    ORIGIN,
    answers,
    at,
    bolt,
    lock,
    move,
    pings,
    policy,
    says,
    text,
)

HOURLY: dict[str, Any] = {"silences": [{"start": "T1", "end": "T15", "limit_hours": 10}]}
LOADED: dict[str, Any] = {
    "silences": [
        {"start": "T2", "end": "T4", "limit_hours": 10},
        {"start": "T4", "end": "T7"},
        {"start": "T7", "end": "T15", "limit_hours": 5},
    ]
}
ARMED = lock("armed", 1)
LOCKS = "urn:sstl:CNYTN:locks"


@pytest.mark.parametrize(
    ("events", "positions", "expected"),
    [
        pytest.param([lock("opened", 11)], (), ["no_hit"], id="exactly-the-limit"),
        pytest.param([lock("opened", 11.1)], (), ["hit"], id="longer-than-the-limit"),
        pytest.param([lock("opened", 11.1)], (6,), ["no_hit"], id="a-position-in-between"),
        pytest.param(
            [lock("device.status", 8), lock("opened", 16)], (), ["no_hit"], id="a-sign-of-life"
        ),
        pytest.param([lock("opened", 40)], (10, 25), ["hit", "hit"], id="two-silences"),
        pytest.param([], (), ["hit"], id="never-heard-of-again"),
        pytest.param([], (8, 15), ["hit"], id="not-heard-of-since-the-last-position"),
    ],
)
def test_an_armed_lock_lets_itself_be_heard(
    events: list[Event], positions: tuple[float, ...], expected: list[str]
) -> None:
    found = says("seal-silent", [ARMED, *events], by=policy(**HOURLY), positions=pings(*positions))
    assert answers(found) == expected


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [pytest.param(22.9, "no_hit", id="its-backlog-may-come"), pytest.param(23, "hit", id="judged")],
)
def test_silence_that_lasts_is_judged_when_no_backlog_is_to_come(
    as_of: float, expected: str
) -> None:
    found = says("seal-silent", [ARMED], by=policy(**HOURLY), as_of_ms=at(as_of))
    assert answers(found) == [expected]
    assert found[0].due_ms == at(23)


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [pytest.param(31.9, "no_hit", id="its-backlog-may-come"), pytest.param(32, "hit", id="judged")],
)
def test_silence_that_ended_is_judged_when_no_backlog_is_to_come(
    as_of: float, expected: str
) -> None:
    events = [ARMED, lock("opened", 20)]
    found = says("seal-silent", events, by=policy(**HOURLY), as_of_ms=at(as_of))
    assert answers(found) == [expected]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            [move("loaded", 8, ORIGIN), lock("device.status", 900)],
            ["no_hit"],
            id="at-sea-silence-is-expected",
        ),
        pytest.param(
            [
                move("loaded", 8, ORIGIN),
                move("discharged", 800, DESTINATION),
                lock("opened", 804),
            ],
            ["no_hit"],
            id="exactly-the-limit-the-clock-stands-still-at-sea",
        ),
        pytest.param(
            [
                move("loaded", 8, ORIGIN),
                move("discharged", 800, DESTINATION),
                lock("opened", 804.1),
            ],
            ["hit"],
            id="over-the-limit-before-and-after-the-sea",
        ),
        pytest.param(
            [
                move("loaded", 1, ORIGIN),
                move("discharged", 800, DESTINATION),
                lock("opened", 805.1),
            ],
            ["hit"],
            id="the-limit-after-discharge-is-shorter",
        ),
    ],
)
def test_the_limit_is_that_of_the_phase(events: list[Event], expected: list[str]) -> None:
    gate = move("gated_in", 0, ORIGIN)
    armed = lock("armed", 2)
    by = policy(**LOADED)
    found = says("seal-silent", [gate, armed, *events], by=by)
    assert answers(found) == expected


def test_at_sea_silence_is_expected_though_the_lane_states_other_phases_only() -> None:
    by = policy(silences=[{"start": "T7", "end": "T15", "limit_hours": 5}])
    events = [ARMED, move("loaded", 8, ORIGIN), lock("device.status", 900)]
    assert answers(says("seal-silent", events, by=by)) == ["no_hit"]


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        pytest.param(49, "no_hit", id="exactly-the-general-limit"),
        pytest.param(49.1, "hit", id="longer-than-the-general-limit"),
    ],
)
def test_in_phases_without_a_limit_the_general_one_holds(hours: float, expected: str) -> None:
    by = policy(silences=[{"start": "T7", "end": "T15", "limit_hours": 5}])
    assert answers(says("seal-silent", [ARMED, lock("opened", hours)], by=by)) == [expected]


@pytest.mark.parametrize(
    ("heard", "expected"),
    [pytest.param(at(10), "not_evaluable", id="silent"), pytest.param(at(11), "hit", id="heard")],
)
def test_a_silent_publisher_explains_the_silence_of_its_locks(heard: int, expected: str) -> None:
    by = policy(**HOURLY, publishers={"T1": LOCKS})
    found = says("seal-silent", [ARMED], by=by, publishers={LOCKS: heard}, as_of_ms=FAR)
    assert answers(found) == [expected]


def test_a_delivered_unit_is_not_listened_to_any_more() -> None:
    events = [ARMED, move("gated_out", 5, DESTINATION), move("stripped", 9, DESTINATION)]
    assert answers(says("seal-silent", events, by=policy(**HOURLY))) == ["no_hit"]


def test_a_lane_that_states_nothing_of_silence_cannot_be_judged() -> None:
    (verdict,) = says("seal-silent", [ARMED])
    assert verdict.missing == ("policy.lanes.silences",)


@pytest.mark.parametrize(
    "armed",
    [
        pytest.param(bolt("armed", 1, "A1"), id="a-bolt-seal"),
        pytest.param(lock("armed", 1, deviceTechnology="PASSIVE_TAG"), id="a-passive-tag"),
    ],
)
def test_what_cannot_report_is_not_silent(armed: Event) -> None:
    assert says("seal-silent", [armed], by=policy(**HOURLY)) == []


def charge(hours: float, percent: float) -> Event:
    return lock("device.status", hours, batteryPct=percent)


def eta(hours: float) -> Event:
    return move("arrived", hours, DESTINATION, classifier="ESTIMATED")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        # 20 % in 48 h: 10 % a day
        pytest.param([charge(0, 100), charge(48, 80), eta(216)], ["no_hit"], id="10-left-exactly"),
        pytest.param([charge(0, 100), charge(48, 80), eta(217)], ["hit"], id="less-than-10-left"),
        pytest.param([charge(0, 100), charge(48, 100), eta(9000)], ["no_hit"], id="not-used"),
        pytest.param([charge(0, 100), charge(23, 80), eta(999)], ["not_evaluable"], id="too-short"),
        pytest.param([charge(0, 100), charge(24, 80), eta(999)], ["hit"], id="a-day-is-enough"),
        pytest.param([charge(0, 100), charge(48, 80)], ["not_evaluable"], id="no-arrival-known"),
        pytest.param(
            [charge(0, 20), charge(10, 90), charge(48, 89), eta(500)], ["no_hit"], id="charged"
        ),
        pytest.param(
            [charge(0, 14), charge(24, 9), eta(30)], ["no_hit"], id="use-of-5-is-only-the-spread"
        ),
        pytest.param([charge(0, 14), charge(24, 8.9), eta(30)], ["hit"], id="use-of-more-than-5"),
        pytest.param([charge(0, 14), charge(24, 0), eta(30)], ["hit"], id="empty"),
        pytest.param([lock("armed", 1), eta(500)], [], id="charge-not-reported"),
        pytest.param(
            [charge(0, 100), charge(48, 20), eta(500), move("arrived", 90, DESTINATION)],
            ["no_hit"],
            id="arrived",
        ),
    ],
)
def test_the_battery_lasts_to_the_arrival(events: list[Event], expected: list[str]) -> None:
    assert answers(says("lock-battery-short", events)) == expected


def test_the_arrival_is_the_manifest_s_where_nobody_else_tells() -> None:
    events = [charge(0, 100), charge(48, 80)]
    (verdict,) = says("lock-battery-short", events, shares=[share(eta_ms=at(240))])
    assert (verdict.result.value, verdict.observed, verdict.expected) == ("hit", 0.0, 10.0)


def stamped(hours: float, off_s: float, *, received: float | None = None) -> Event:
    """Report whose clock is off by so many seconds, ahead of the platform."""
    own = text(hours + off_s / 3600)
    had = None if received is None else text(received)
    return lock("device.status", hours, deviceTime=own, receivedTime=had, recorded_ms=at(hours))


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([stamped(1, 600)], ["no_hit"], id="exactly-the-limit-ahead"),
        pytest.param([stamped(1, 601)], ["hit"], id="a-second-more-ahead"),
        pytest.param([stamped(n, -600) for n in (1, 2, 3)], ["no_hit"], id="at-the-limit-behind"),
        pytest.param([stamped(n, -601) for n in (1, 2, 3)], ["hit"], id="a-second-more-behind"),
        pytest.param([stamped(1, -601)], ["not_evaluable"], id="once-late-may-be-a-backlog"),
        pytest.param(
            [stamped(1, -9000), stamped(2, -9000), stamped(3, -5)],
            ["no_hit"],
            id="a-backlog-is-late-not-off",
        ),
        pytest.param([stamped(1, 0, received=0.8)], ["hit"], id="after-the-platform-had-it"),
        pytest.param([lock("armed", 1)], [], id="states-no-time-of-its-own"),
    ],
)
def test_the_clock_of_a_lock_agrees_with_its_platform(
    events: list[Event], expected: list[str]
) -> None:
    assert answers(says("lock-clock-skew", events)) == expected

"""What is measured on a journey from door to door, beside its legs."""

from collections.abc import Sequence
from typing import Any

import pytest

from sstl.core.journeys.assess import assess
from sstl.core.leadtime import Observed
from sstl.models.policy import Policy
from sstl.models.records import Event, Share
from tests.journey_events import HOUR, LANE, START, UNIT, event, ordered, share

PLACES = {"place_of_loading": "CNYTN", "place_of_unloading": "NLRTM"}
DEVICE = {"manufacturerId": "ACME", "tagSerial": "1"}


def move(kind: str, hours: float, place: str, **more: Any) -> Event:
    return event(f"transport.{kind}", START + round(hours * HOUR), place=place, **more)


def lock(kind: str, hours: float, **more: Any) -> Event:
    body: dict[str, Any] = {"deviceId": DEVICE, **more}
    return event(f"seallock.{kind}", START + round(hours * HOUR), **body)


JOURNEY = [
    lock("armed", 0),
    move("gated_in", 8, "CNYTN"),
    move("loaded", 20, "CNYTN"),
    move("departed", 24, "CNYTN"),
    move("arrived", 700, "NLRTM"),
    move("gated_out", 730, "NLRTM"),
    move("stripped", 740, "NLRTM"),
]


def measured(
    events: Sequence[Event], told: Sequence[Share] | None = None, policy: Policy | None = None
) -> dict[str, Observed]:
    shares = [share(**PLACES)] if told is None else told
    assessment = assess(UNIT, ordered(events), shares, policy or Policy())
    found = {
        one.indicator: one
        for one in assessment.observations.values()
        if one.measure.outcome is None
    }
    for beside in ("reporting_delay", "report_fault", "sstl_unit_share", "seal_false_alarm_rate"):
        found.pop(beside, None)
    return found


def hours(found: dict[str, Observed]) -> dict[str, float]:
    return {name: one.measure.value_ms / HOUR for name, one in found.items()}


def test_a_journey_is_measured_in_its_stages() -> None:
    found = measured(JOURNEY)
    assert hours(found) == {
        "LT_door": 740,
        "LT_export": 12,
        "LT_transit": 676,
        "LT_import": 30,
        "LT_port_port": 722,
        "lock_armed": 740,
    }
    assert {one.counting_unit for one in found.values()} == {"journey"}
    starts = {name: (one.measure.start_ms - START) / HOUR for name, one in found.items()}
    assert starts == {
        "LT_door": 0,
        "LT_export": 8,
        "LT_transit": 24,
        "LT_import": 700,
        "LT_port_port": 8,
        "lock_armed": 0,
    }


@pytest.mark.parametrize(
    ("missing", "gone"),
    [
        pytest.param("seallock.armed", {"LT_door", "lock_armed"}, id="not-armed"),
        pytest.param("transport.gated_in", {"LT_export", "LT_port_port"}, id="no-gate-in"),
        pytest.param("transport.loaded", {"LT_export"}, id="not-loaded"),
        pytest.param("transport.departed", {"LT_transit"}, id="not-departed"),
        pytest.param("transport.arrived", {"LT_transit", "LT_import"}, id="not-arrived"),
        pytest.param("transport.gated_out", {"LT_import", "LT_port_port"}, id="no-gate-out"),
        pytest.param("transport.stripped", {"LT_door", "lock_armed"}, id="not-delivered"),
    ],
)
def test_a_stage_without_one_of_its_milestones_is_missing_and_not_zero(
    missing: str, gone: set[str]
) -> None:
    found = measured([one for one in JOURNEY if one.type != missing])
    assert set(measured(JOURNEY)) - set(found) == gone


def test_what_is_planned_or_estimated_is_no_stage() -> None:
    for classifier in ("PLANNED", "ESTIMATED"):
        plans = [
            move(one.type.partition(".")[2], (one.event_ms - START) / HOUR, str(place), classifier=classifier)
            for one in JOURNEY
            if (place := one.data.get("unLocationCode"))
        ]  # fmt: skip
        assert measured([*plans, JOURNEY[0]]) == {}


def test_an_air_journey_has_no_time_from_port_to_port() -> None:
    air = [
        move("rcs", 0, "CNYTN"),
        move("man", 3, "CNYTN"),
        move("dep", 4, "CNYTN"),
        move("arr", 16, "NLRTM"),
        move("dlv", 30, "NLRTM"),
    ]
    found = measured(air, [share(mode="AIR", **PLACES)])
    assert hours(found) == {"LT_export": 3, "LT_transit": 12, "LT_import": 14}


@pytest.mark.parametrize(
    ("estimates", "error"),
    [
        pytest.param([(690, 100)], 10, id="earlier-than-it-came"),
        pytest.param([(712, 100)], 12, id="later-than-it-came"),
        pytest.param([(690, 100), (699, 600)], 1, id="last-one-counts"),
        pytest.param([(690, 600), (600, 100)], 10, id="last-by-its-recording"),
        pytest.param([(700, 100)], 0, id="exact"),
        pytest.param([(690, 701)], None, id="told-after-the-arrival"),
        pytest.param([], None, id="none"),
    ],
)
def test_the_error_of_the_estimate_is_how_far_the_last_one_was(
    estimates: list[tuple[int, int]], error: float | None
) -> None:
    said = [
        move("arrived", at, "NLRTM", classifier="ESTIMATED", recorded_ms=START + recorded * HOUR)
        for at, recorded in estimates
    ]
    assert hours(measured([*JOURNEY, *said])).get("eta_error") == error


@pytest.mark.parametrize(
    ("reports", "armed"),
    [
        pytest.param([], 740, id="armed-all-the-way"),
        pytest.param([lock("opened", 100), lock("armed", 101)], 739, id="opened-for-an-hour"),
        pytest.param([lock("opened", 640)], 640, id="opened-for-good"),
        pytest.param([lock("armed", -5)], 740, id="armed-again"),
        pytest.param([lock("opened", 750)], 740, id="opened-after-delivery"),
    ],
)
def test_the_armed_time_is_that_between_arming_and_delivery(
    reports: list[Event], armed: float
) -> None:
    found = measured([*JOURNEY, *reports])
    start = found["LT_door"].measure.start_ms
    assert found["lock_armed"].measure.start_ms == start
    assert hours(found)["lock_armed"] == armed + max(0, START - start) / HOUR


def test_two_locks_armed_at_once_count_once() -> None:
    other: dict[str, Any] = {"deviceId": {"manufacturerId": "ACME", "tagSerial": "2"}}
    second = [lock("armed", 600, **other), lock("opened", 700, **other)]
    found = measured([*JOURNEY, lock("opened", 640), *second])
    assert hours(found)["lock_armed"] == 700


def test_sources_are_told_apart_by_how_late_they_report() -> None:
    late = [
        event("seallock.armed", START, recorded_ms=START + HOUR, deviceId=DEVICE),
        move("departed", 24, "CNYTN"),
        move("arrived", 700, "NLRTM", recorded_ms=START + 699 * HOUR),
        move("gated_out", 730, "NLRTM", recorded_ms=START + 730 * HOUR),
        move("gated_out", 720, "NLRTM", recorded_ms=START + 990 * HOUR),
        move("arrived", 705, "NLRTM", classifier="ESTIMATED", recorded_ms=START),
    ]
    assessment = assess(UNIT, ordered(late), [share(**PLACES)], Policy())
    found = {
        name: (one.measure.value_ms / HOUR, one.measure.strata)
        for name, one in assessment.observations.items()
        if one.indicator == "reporting_delay"
    }
    source = {"source": "urn:sstl:NLRTM:tos"}
    assert found == {
        f"reporting_delay|{UNIT}|T1": (1, source),
        f"reporting_delay|{UNIT}|T6": (-1, source),
        f"reporting_delay|{UNIT}|T14": (0, source),
    }


SILENCES: list[dict[str, Any]] = [
    {"start": "T1", "end": "T4", "limit_hours": 12},
    {"start": "T4", "end": "T7"},
    {"start": "T7", "end": "T15", "limit_hours": 24},
]


def watching(silences: Sequence[dict[str, Any]]) -> Policy:
    lane = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA", "silences": silences}
    return Policy.model_validate({"lanes": {LANE: lane}})


DISCHARGED = move("discharged", 704, "NLRTM")
HEARD = [
    event("seallock.device.status", START + at * HOUR, deviceId=DEVICE) for at in (10, 19, 705, 728)
]


@pytest.mark.parametrize(
    ("heard", "silent"),
    [
        pytest.param(HEARD, 0, id="heard-of-in-time"),
        # armed at 0 and heard of at 705: silent from 12, but below deck from 20 to 704
        pytest.param(HEARD[2:], 8 + 1, id="clock-stands-below-deck"),
        # heard of at 19: an hour of twelve before it is loaded, eleven after the discharge at 704
        pytest.param(HEARD[:2], 740 - 715, id="silent-until-delivery"),
        pytest.param([*HEARD[:2], HEARD[3]], 728 - 715, id="heard-of-too-late"),
        pytest.param([*HEARD, lock("opened", 739)], 0, id="opened-before-delivery"),
    ],
)
def test_a_lock_is_silent_beyond_what_its_lane_allows(heard: list[Event], silent: float) -> None:
    found = measured([*JOURNEY, DISCHARGED, *heard], policy=watching(SILENCES))
    assert found["lock_silent"].measure.start_ms == START
    assert hours(found)["lock_silent"] == silent


@pytest.mark.parametrize(
    ("events", "silences"),
    [
        pytest.param([*JOURNEY, DISCHARGED], [], id="lane-says-nothing"),
        pytest.param([*JOURNEY, DISCHARGED], SILENCES[1:2], id="silence-is-expected"),
        pytest.param(JOURNEY, SILENCES, id="phase-not-begun-as-far-as-is-known"),
        pytest.param([*JOURNEY[:-1], DISCHARGED], SILENCES, id="not-delivered"),
        pytest.param([*JOURNEY[1:], DISCHARGED], SILENCES, id="not-armed"),
    ],
)
def test_what_is_not_watched_is_not_silent(
    events: list[Event], silences: list[dict[str, Any]]
) -> None:
    assert "lock_silent" not in measured(events, policy=watching(silences))


def test_members_of_the_programme_are_told_from_the_comparison_group() -> None:
    for member, strata in ((True, {"sstl": "YES"}), (False, {"sstl": "NO"}), (None, {})):
        found = measured(JOURNEY, [share(sstl_member=member, **PLACES)])
        assert all(one.measure.strata == strata for one in found.values())

"""Days of lanes in the time zone of the place where a cohort starts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from sstl import metrics
from sstl.core.indicators.registry import REGISTRY
from sstl.core.lanes import TOTAL, zones
from sstl.core.lanes.windows import days_of, month_window, name_of_day, week_window
from sstl.models.indicator import Window
from sstl.models.policy import IndicatorPolicy, LanePolicy, LaneZones, Policy
from sstl.models.zones import offsets_of, zone_names
from tests.unit.test_lane_windows import DAY, HOUR, LANE, RELEASE, Lane, beat, told

pytestmark = pytest.mark.unit

EVER = -(2**63)
PARTITION = 79
AMSTERDAM, SHANGHAI = "Europe/Amsterdam", "Asia/Shanghai"


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def policy(**stated: str) -> Policy:
    lane = LanePolicy(
        origin="CNSHG", destination="NLRTM", mode="SEA", zones=LaneZones.model_validate(stated)
    )
    return Policy(
        lanes={LANE: lane}, indicators={"LT_release": IndicatorPolicy(follow_up_hours=48)}
    )


ZONED = policy(origin=SHANGHAI, destination=AMSTERDAM)


def calendar(name: str) -> zones.Calendar:
    return zones.calendar(((EVER, name),))


def days_published(lane: Lane) -> set[str]:
    return {one.window.name for one in lane.published.values() if one.window.kind == "P1D"}


@pytest.mark.parametrize(
    ("zone", "instant", "day"),
    [
        pytest.param("UTC", "2026-03-28T23:59:59.999", "2026-03-28", id="utc"),
        pytest.param(AMSTERDAM, "2026-03-28T22:59:59.999", "2026-03-28", id="before-the-short-day"),
        pytest.param(AMSTERDAM, "2026-03-28T23:00", "2026-03-29", id="begin-of-the-short-day"),
        pytest.param(AMSTERDAM, "2026-03-29T21:59:59.999", "2026-03-29", id="end-of-the-short-day"),
        pytest.param(AMSTERDAM, "2026-03-29T22:00", "2026-03-30", id="after-the-short-day"),
        pytest.param(AMSTERDAM, "2026-10-24T21:59:59.999", "2026-10-24", id="before-the-long-day"),
        pytest.param(AMSTERDAM, "2026-10-24T22:00", "2026-10-25", id="begin-of-the-long-day"),
        pytest.param(AMSTERDAM, "2026-10-25T22:59:59.999", "2026-10-25", id="end-of-the-long-day"),
        pytest.param(AMSTERDAM, "2026-10-25T23:00", "2026-10-26", id="after-the-long-day"),
        pytest.param(SHANGHAI, "2026-03-28T15:59:59.999", "2026-03-28", id="shanghai-before"),
        pytest.param(SHANGHAI, "2026-03-28T16:00", "2026-03-29", id="shanghai-at-midnight"),
        pytest.param("America/St_Johns", "2026-01-01T03:29", "2025-12-31", id="half-an-hour"),
    ],
)
def test_an_instant_lies_in_the_local_day(zone: str, instant: str, day: str) -> None:
    assert name_of_day(calendar(zone).day(ms(instant))) == f"P1D/{day}"


@pytest.mark.parametrize("zone", ["UTC", SHANGHAI, AMSTERDAM, "America/St_Johns"])
@pytest.mark.parametrize("instant", ["1890-01-01", "2026-03-29T01:00", "2026-10-25T00:59:59.999"])
def test_around_an_instant_one_offset_holds(zone: str, instant: str) -> None:
    days, at_ms = calendar(zone), ms(instant)
    since_ms, until_ms, offset_ms = days.stretch(at_ms)
    assert since_ms <= at_ms < until_ms
    assert (at_ms + offset_ms) // DAY == days.day(at_ms)
    if until_ms < 2**63:
        assert days.stretch(until_ms)[0] == until_ms
        assert days.stretch(until_ms)[2] != offset_ms


@pytest.mark.parametrize(
    ("zone", "window", "begin", "hours"),
    [
        pytest.param(AMSTERDAM, "P1D/2026-03-29", "2026-03-28T23:00", 23, id="short-day"),
        pytest.param(AMSTERDAM, "P1D/2026-10-25", "2026-10-24T22:00", 25, id="long-day"),
        pytest.param(SHANGHAI, "P1D/2026-03-29", "2026-03-28T16:00", 24, id="shanghai"),
        pytest.param("Africa/Cairo", "P1D/2026-04-24", "2026-04-23T22:00", 23, id="from-midnight"),
        pytest.param(AMSTERDAM, "P1W/2026-W13", "2026-03-22T23:00", 167, id="short-week"),
        pytest.param(AMSTERDAM, "P1W/2026-W53", "2026-12-27T23:00", 168, id="turn-of-the-year"),
        pytest.param(AMSTERDAM, "P1M/2026-10", "2026-09-30T22:00", 745, id="long-month"),
        pytest.param("Pacific/Apia", "P1D/2011-12-30", "2011-12-30T10:00", 0, id="left-out"),
    ],
)
def test_windows_begin_and_end_at_local_midnight(
    zone: str, window: str, begin: str, hours: int
) -> None:
    assert calendar(zone).bounds(days_of(window)) == (ms(begin), ms(begin) + hours * HOUR)


@pytest.mark.parametrize("zone", [AMSTERDAM, SHANGHAI, "Africa/Cairo", "Pacific/Apia", "UTC"])
def test_days_follow_each_other_without_a_gap_and_hold_their_instants(zone: str) -> None:
    days = calendar(zone)
    first = days_of("P1D/2011-01-01").start
    found = [(day, *days.bounds(range(day, day + 1))) for day in range(first, first + 900)]
    for (day, begin, end), (_, after, _) in pairwise(found):
        assert end == after
        if begin < end:
            assert (days.day(begin), days.day(end - 1)) == (day, day)


def test_a_local_day_lies_in_the_week_and_month_of_its_own_date() -> None:
    sunday = calendar(SHANGHAI).day(ms("2026-05-31T15:59"))
    monday = calendar(SHANGHAI).day(ms("2026-05-31T16:00"))
    assert (week_window(sunday), month_window(sunday)) == ("P1W/2026-W22", "P1M/2026-05")
    assert (week_window(monday), month_window(monday)) == ("P1W/2026-W23", "P1M/2026-06")


def test_every_zone_of_the_database_can_be_named_and_offsets_are_below_a_day() -> None:
    assert {AMSTERDAM, SHANGHAI, "UTC"} <= zone_names()
    for name in ("Africa/Casablanca", "Pacific/Kiritimati", "Pacific/Niue"):
        since, offsets = offsets_of(name)
        assert list(since) == sorted(since)
        assert all(abs(one) < DAY for one in offsets)
    assert offsets_of("UTC") == ((EVER,), (0,))


@pytest.mark.parametrize(
    ("indicator", "zone", "day"),
    [
        pytest.param("LT_release", AMSTERDAM, "P1D/2026-03-29", id="at-the-destination"),
        pytest.param("LT_export", SHANGHAI, "P1D/2026-03-29", id="at-the-origin"),
        pytest.param("LT_port_port", "UTC", "P1D/2026-03-28", id="of-the-whole-lane"),
    ],
)
def test_a_cohort_counts_on_the_day_of_the_place_of_its_start(
    indicator: str, zone: str, day: str
) -> None:
    lane = Lane(ZONED)
    lane.take(told(HOUR, at=ms("2026-03-28T23:30"), indicator=indicator))
    lane.tick()
    named: dict[str, Window] = {one.window.kind: one.window for one in lane.published.values()}
    assert (named["P1D"].name, named["P1D"].zone) == (day, zone)
    assert (named["P1W"].zone, named["P1M"].zone) == (zone, zone)
    assert (named["PT1H"].name, named["PT1H"].zone) == ("PT1H/2026-03-28T23", "UTC")
    assert named[TOTAL].zone == "UTC"


def test_where_the_policy_names_no_zone_days_are_those_of_utc() -> None:
    for without in (Policy(), policy(origin=SHANGHAI)):
        lane = Lane(without)
        lane.take(told(HOUR, at=ms("2026-03-28T23:30")))
        lane.tick()
        assert lane["P1D/2026-03-28"].window.zone == "UTC"


def test_a_window_is_provisional_until_its_local_end_and_the_follow_up() -> None:
    lane = Lane(ZONED)
    lane.take(told(HOUR, at=ms("2026-03-29T10:00")), beat(ms("2026-03-31T21:59:59.999")))
    lane.tick()
    assert lane["P1D/2026-03-29"].provisional
    lane.take(beat(ms("2026-03-31T22:00")))
    lane.tick()
    day, week = lane["P1D/2026-03-29"], lane["P1W/2026-W13"]
    assert (day.provisional, day.revision, week.provisional) == (False, 2, False)
    assert lane["P1M/2026-03"].provisional


def test_what_ended_counts_on_the_local_day_of_its_end() -> None:
    lane = Lane(ZONED)
    lane.take(told(HOUR, at=ms("2026-03-28T22:00")), beat(ms("2026-03-29T21:59")))
    lane.tick()
    day = lane.ended[f"{RELEASE}~END|P1D/2026-03-29"]
    assert (day.n, day.window.zone, day.provisional) == (1, AMSTERDAM, True)
    assert days_published(lane) == {"P1D/2026-03-28"}
    lane.take(beat(ms("2026-03-29T22:00")))
    lane.tick()
    assert not lane.ended[f"{RELEASE}~END|P1D/2026-03-29"].provisional


def test_an_observation_that_is_taken_back_finds_its_day_again() -> None:
    lane = Lane(ZONED)
    old = told(HOUR, at=ms("2026-10-24T22:30"))
    lane.take(old)
    lane.tick()
    outcome = lane.take(told(HOUR, at=ms("2026-10-25T23:00"), previous=old.current))
    lane.tick()
    assert not [what for what, _ in outcome.counts if what == "lanes_alarm"]
    assert {name: lane[name].n for name in days_published(lane)} == {
        "P1D/2026-10-25": 0,
        "P1D/2026-10-26": 1,
    }


def test_a_version_that_names_a_zone_governs_the_instants_from_its_own_on() -> None:
    since = datetime(2026, 3, 28, 23, 15, tzinfo=UTC)
    later = ZONED.model_copy(update={"valid_from": since})
    lane = Lane(Policy(indicators=ZONED.indicators))
    before, after = (told(HOUR, at=round(at.timestamp() * 1000)) for at in (
        since - timedelta(milliseconds=1), since
    ))  # fmt: skip
    lane.take(before)
    lane.policy = later.after(lane.policy)
    lane.take(after)
    lane.tick()
    assert days_published(lane) == {"P1D/2026-03-28", "P1D/2026-03-29"}
    outcome = lane.take(told(2 * HOUR, at=ms("2026-03-28T12:00"), previous=before.current))
    assert not [what for what, _ in outcome.counts if what == "lanes_alarm"]
    chain = zones.calendar(((EVER, "UTC"), (ms("2026-03-28T23:15"), AMSTERDAM)))
    days = days_of("P1D/2026-03-28"), days_of("P1D/2026-03-29")
    assert [chain.bounds(one) for one in days] == [
        (ms("2026-03-28T00:00"), ms("2026-03-28T23:15")),
        (ms("2026-03-28T23:15"), ms("2026-03-29T22:00")),
    ]


def test_a_zone_that_goes_back_takes_up_the_day_again() -> None:
    chain = zones.calendar(((EVER, SHANGHAI), (ms("2026-03-28T18:00"), "UTC")))
    days = days_of("P1D/2026-03-28"), days_of("P1D/2026-03-29")
    assert [chain.bounds(one) for one in days] == [
        (ms("2026-03-27T16:00"), ms("2026-03-29T00:00")),
        (ms("2026-03-28T16:00"), ms("2026-03-30T00:00")),
    ]


def test_a_gauge_says_when_the_day_of_a_place_began() -> None:
    lane = Lane(ZONED)
    lane.take(told(HOUR, at=ms("2026-03-29T10:00")))
    lane.tick()
    metrics.observe_indicator(lane["P1D/2026-03-29"], partition=PARTITION)
    shown = {
        sample.value
        for family in metrics.LANES.collect()
        for sample in family.samples
        if sample.name == "sstl_lane_window_start_timestamp_seconds"
        and sample.labels["lane"] == LANE
    }
    metrics.LANES.forget(PARTITION)
    assert shown == {ms("2026-03-28T23:00") / 1000}


def test_a_window_is_told_to_begin_at_midnight_where_it_is() -> None:
    assert zones.begin_in("P1D/2026-03-29", AMSTERDAM) == ms("2026-03-28T23:00")
    assert zones.begin_in("PT1H/2026-03-29T05", "UTC") == ms("2026-03-29T05:00")


def test_sides_are_those_of_the_start_milestone() -> None:
    sides = {name: one.at for name, one in REGISTRY.items()}
    assert {name for name, at in sides.items() if at == "ORIGIN"} == {
        "LT_export",
        "double_inspection_rate",
        "repeated_for_cause_share",
        "recognition_rate",
        "partner_result_at_decision_rate",
        "partner_result_before_arrival_rate",
    }
    for one in REGISTRY.values():
        imported = one.start in {"T6", "T8", "T13", "max(T8, T6)", "first bond.entered"}
        assert (one.at == "DESTINATION") == (imported or "on the import side" in one.start)

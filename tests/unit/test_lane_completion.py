"""Stage [lanes]: lead times counted by when they ended, beside their cohorts and never mixed with them."""

import pytest

from sstl.core.indicators.registry import REGISTRY
from sstl.core.lanes import TOTAL, Series
from sstl.core.lanes.cell import END
from sstl.models.indicator import Indicator
from sstl.models.policy import IndicatorPolicy, Policy
from tests.unit.test_lane_windows import DAY, HOUR, LANE, MAY_1, RELEASE, Lane, beat, told

pytestmark = pytest.mark.unit

ENDED = f"{RELEASE}~END"


def by_end(lane: Lane) -> dict[str, Indicator]:
    return {key.removeprefix(f"{ENDED}|"): record for key, record in lane.ended.items()}


def test_a_lead_time_counts_on_the_day_of_its_end_as_well() -> None:
    lane = Lane()
    lane.take(told(30 * HOUR, strata={"channel": "RED"}), told(2 * HOUR))
    lane.tick()
    assert (lane["P1D/2024-05-01"].n, lane["P1D/2024-05-01"].window.by) == (2, "START")
    ended = by_end(lane)
    assert {name: record.n for name, record in ended.items()} == {
        "P1D/2024-05-01": 1,
        "P1D/2024-05-02": 1,
        "P1W/2024-W18": 2,
        "P1M/2024-05": 2,
    }
    assert {record.window.by for record in ended.values()} == {"END"}
    assert {tuple(record.strata) for record in ended.values()} == {()}
    assert ended["P1D/2024-05-02"].mean == 30 * 3600
    assert lane[TOTAL].n == 2


@pytest.mark.parametrize(
    ("value_ms", "day"),
    [
        pytest.param(DAY - 1, "P1D/2024-05-01", id="before-midnight"),
        pytest.param(DAY, "P1D/2024-05-02", id="at-midnight"),
        pytest.param(-1, "P1D/2024-04-30", id="ended-before-it-began"),
    ],
)
def test_the_day_of_the_end_is_that_of_start_plus_duration(value_ms: int, day: str) -> None:
    lane = Lane()
    lane.take(told(value_ms))
    lane.tick()
    assert [name for name in by_end(lane) if name.startswith("P1D")] == [day]


def test_windows_of_ends_are_final_once_they_are_over_and_late_facts_revise_them() -> None:
    lane = Lane()
    lane.take(told(HOUR), beat(MAY_1 + DAY - 1))
    lane.tick()
    assert by_end(lane)["P1D/2024-05-01"].provisional
    lane.take(beat(MAY_1 + DAY))
    lane.tick()
    day = by_end(lane)["P1D/2024-05-01"]
    assert (day.provisional, day.revision, day.follow_up) == (False, 2, None)
    assert lane["P1D/2024-05-01"].provisional
    lane.take(told(3 * HOUR))
    lane.tick()
    day = by_end(lane)["P1D/2024-05-01"]
    assert (day.provisional, day.revision, day.mean) == (False, 3, 7200.0)


def test_a_correction_takes_the_end_back_from_its_day() -> None:
    lane = Lane()
    old = told(HOUR)
    lane.take(old)
    lane.tick()
    lane.take(told(DAY, previous=old.current))
    lane.tick()
    ended = by_end(lane)
    assert (ended["P1D/2024-05-01"].n, ended["P1D/2024-05-02"].n) == (0, 1)
    assert ended["P1W/2024-W18"].n == 1


def test_what_is_not_plausible_has_no_day_of_its_end() -> None:
    lane = Lane(Policy(indicators={"LT_release": IndicatorPolicy(plausible_s=(0, 3600))}))
    lane.take(told(2 * HOUR))
    lane.tick()
    assert by_end(lane) == {}


def test_only_plain_stages_have_an_end_that_is_start_plus_duration() -> None:
    assert {name for name, one in REGISTRY.items() if one.by_completion} == {
        "LT_transit",
        "LT_port_port",
        "LT_release",
        "LT_door",
        "LT_export",
        "LT_import",
        "LT_clear_declared",
        "LT_insp_wait",
        "LT_insp",
        "LT_postrelease",
    }


def test_a_series_of_ends_is_told_back_from_its_key() -> None:
    series = Series("LT_release", "consignment", LANE, "SEA", (), END)
    assert series.key == ENDED
    assert Series.of(ENDED) == series

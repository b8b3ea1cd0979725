"""Stage [lanes]: cells, alarms, ticks and the public record, case by case."""

import math
from collections.abc import Sequence
from datetime import UTC, date, datetime

import msgspec
import numpy as np
import pytest
from pydantic import ValidationError

from sstl.core.lanes import TOTAL, LaneCell, LanesStage, Series, day_window, statistics
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.stage import Context, Inbound, MemoryState, Outcome, Work
from sstl.models.indicator import Indicator, Window, net_content
from sstl.models.policy import Policy
from sstl.models.records import Heartbeat, LanesMessage, Measure, Observation

POLICY = Policy()
NO_SOURCES = Context(0, frozenset())
HOUR = 3_600_000
MAY_1 = 1_714_521_600_000
SERIES = "LT_leg|leg|CNSHG-NLRTM-SEA|SEA|"


def measure(value_ms: int, *, planned_ms: int | None = None, day: int = 0) -> Measure:
    return Measure(
        lane_id="CNSHG-NLRTM-SEA",
        mode="SEA",
        start_ms=MAY_1 + day * 24 * HOUR,
        value_ms=value_ms,
        planned_ms=planned_ms,
    )


def change(current: Measure | None, previous: Measure | None = None) -> Observation:
    return Observation(
        id="o", indicator="LT_leg", counting_unit="leg", current=current, previous=previous
    )


def fold(state: MemoryState, *messages: LanesMessage, context: Context = NO_SOURCES) -> Outcome:
    records = [Inbound("o", message) for message in messages]
    outcome = LanesStage().fold(state, records, POLICY, context)
    state.apply(outcome.changed)
    return outcome


def tick(state: MemoryState, stage: LanesStage | None = None) -> dict[str, Indicator]:
    outcome = (stage or LanesStage()).tick(state, POLICY, NO_SOURCES)
    state.apply(outcome.changed)
    assert all(output.topic == "indicators" for output in outcome.outputs)
    return {output.key: output.message for output in outcome.outputs}


def cell(state: MemoryState, window: str = TOTAL) -> LaneCell:
    found = Cohorts(Work(state, POLICY, NO_SOURCES)).counts(SERIES, window)
    assert found is not None
    return found


def test_an_observation_counts_on_its_day_and_in_the_whole() -> None:
    state = MemoryState()
    fold(state, change(measure(2 * HOUR)), change(measure(HOUR, day=1)))
    assert cell(state, "P1D/2024-05-01").n == 1
    assert cell(state, "P1D/2024-05-02").sum_ms == str(HOUR)
    assert (cell(state).n, cell(state).sum_ms) == (2, str(3 * HOUR))


def test_nothing_is_published_before_a_tick_and_nothing_twice() -> None:
    state = MemoryState()
    assert fold(state, change(measure(HOUR))).outputs == []
    windows = ("PT1H/2024-05-01T00", "P1D/2024-05-01", "P1W/2024-W18", "P1M/2024-05", "TOTAL")
    assert set(tick(state)) == {f"{SERIES}|{window}" for window in windows}
    assert tick(state) == {}


def test_a_correction_moves_an_observation_to_another_day() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    tick(state)
    fold(state, change(measure(2 * HOUR, day=1), previous=measure(HOUR)))
    told = tick(state)
    gone = told[SERIES + "|P1D/2024-05-01"]
    assert (gone.n, gone.state, gone.mean, gone.revision) == (0, "INSUFFICIENT_DATA", None, 2)
    assert told[SERIES + "|P1D/2024-05-02"].mean == 7200.0
    assert told[SERIES + "|TOTAL"].n == 1
    assert Cohorts(Work(state, POLICY, NO_SOURCES)).counts(SERIES, "P1D/2024-05-01") is None
    assert told[SERIES + "|P1W/2024-W18"].mean == 7200.0


def test_a_window_that_was_empty_goes_on_with_its_revisions() -> None:
    state = MemoryState()
    for _ in range(2):
        fold(state, change(measure(HOUR)))
        tick(state)
        fold(state, change(None, previous=measure(HOUR)))
        last = tick(state)
    assert last[SERIES + "|TOTAL"].revision == 4


def test_a_detour_between_two_ticks_is_not_news() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    tick(state)
    fold(state, change(measure(2 * HOUR), previous=measure(HOUR)))
    fold(state, change(measure(HOUR), previous=measure(2 * HOUR)))
    assert tick(state) == {}


def test_what_came_and_went_between_two_ticks_was_never_published() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    fold(state, change(None, previous=measure(HOUR)))
    assert tick(state) == {}


@pytest.mark.parametrize(
    "unknown",
    [
        pytest.param(measure(5 * HOUR), id="another-duration"),
        pytest.param(measure(HOUR, day=7), id="another-day"),
        pytest.param(measure(HOUR, planned_ms=HOUR), id="a-plan-that-was-not-there"),
        pytest.param(measure(HOUR + 1000), id="same-bucket-another-duration"),
        pytest.param(measure(0), id="a-zero-that-was-not-there"),
        pytest.param(measure(-HOUR), id="a-negative-that-was-not-there"),
    ],
)
def test_taking_back_what_was_never_counted_is_an_alarm(unknown: Measure) -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    before = msgspec.json.encode(cell(state))
    outcome = fold(state, change(None, previous=unknown))
    assert outcome.counts[("lanes_alarm", "unknown_retraction")] == 1
    assert msgspec.json.encode(cell(state)) == before
    assert outcome.changed == {}


def test_what_replaces_an_unknown_observation_still_counts() -> None:
    state = MemoryState()
    outcome = fold(state, change(measure(HOUR), previous=measure(2 * HOUR)))
    assert outcome.counts[("lanes_alarm", "unknown_retraction")] == 1
    assert cell(state).n == 1


@pytest.mark.parametrize(
    ("value_ms", "late"),
    [
        pytest.param(HOUR, 0, id="exactly-as-planned"),
        pytest.param(HOUR + 1, 1, id="one-millisecond-over"),
        pytest.param(HOUR - 1, 0, id="before"),
    ],
)
def test_late_is_longer_than_planned(value_ms: int, late: int) -> None:
    state = MemoryState()
    fold(state, change(measure(value_ms, planned_ms=HOUR)))
    assert (cell(state).n_planned, cell(state).n_late) == (1, late)


def test_lateness_without_a_plan_is_not_told() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)), change(measure(2 * HOUR, planned_ms=HOUR, day=1)))
    told = tick(state)
    assert told[SERIES + "|P1D/2024-05-01"].share_late is None
    assert told[SERIES + "|TOTAL"].share_late == 1.0


def test_one_observation_has_no_standard_deviation() -> None:
    state = MemoryState()
    fold(state, change(measure(90_000)))
    told = tick(state)[SERIES + "|TOTAL"]
    assert told.standard_deviation is None
    assert (told.mean, told.median, told.p90, told.min, told.max) == (90.0, 90, 90, 90, 90)
    assert told.geometric_mean == pytest.approx(90, rel=1e-15)


def test_zero_and_negative_durations_stay_out_of_the_geometric_mean_only() -> None:
    state = MemoryState()
    values = [0, -60_000, 60_000, 240_000]
    fold(state, *(change(measure(value)) for value in values))
    told = tick(state)[SERIES + "|TOTAL"]
    assert (told.n, told.n_zero, told.n_negative) == (4, 1, 1)
    assert (told.min, told.mean, told.median) == (-60, 60.0, 0)
    assert told.geometric_mean == pytest.approx(120, rel=1e-15)


def test_without_a_positive_duration_there_is_no_geometric_mean() -> None:
    state = MemoryState()
    fold(state, change(measure(0)), change(measure(-1)))
    assert tick(state)[SERIES + "|TOTAL"].geometric_mean is None


@pytest.mark.parametrize(
    "sample_s",
    [
        pytest.param(np.random.default_rng(7).lognormal(11, 1.5, 5000), id="heavy-tailed"),
        pytest.param(np.repeat([3600.0, 7200.0, 86_400.0], [500, 300, 7]), id="discrete"),
        pytest.param(np.array([1.0, 2.0]), id="tiny"),
    ],
)
def test_statistics_equal_those_of_numpy(
    sample_s: "np.ndarray[tuple[int], np.dtype[np.float64]]",
) -> None:
    values = [int(value) for value in np.rint(sample_s * 1000)]
    state = MemoryState()
    fold(state, *(change(measure(value, planned_ms=80_000_000)) for value in values))
    sample = np.array(values) / 1000
    told = statistics(cell(state))
    assert told.mean == pytest.approx(sample.mean(), rel=1e-12)
    assert told.standard_deviation == pytest.approx(sample.std(ddof=1), rel=1e-12)
    assert told.geometric_mean == pytest.approx(np.exp(np.log(sample).mean()), rel=1e-12)
    assert told.share_late == pytest.approx((sample > 80_000).mean(), rel=1e-12)
    ordered = np.sort(np.floor(sample + 0.5))
    for p, quantile in ((0.5, told.median), (0.9, told.p90)):
        true = np.quantile(ordered, p, method="inverted_cdf")
        assert quantile == pytest.approx(true, rel=0.01, abs=0)
    assert told.minimum == pytest.approx(ordered[0], rel=0.01)
    assert told.maximum == pytest.approx(ordered[-1], rel=0.01)


def test_the_spread_of_long_and_nearly_equal_durations_is_not_lost() -> None:
    # Floats lose it: the squares agree in their first 20 digits.
    values = [3 * 10**10 + step for step in range(5)]
    state = MemoryState()
    fold(state, *(change(measure(value)) for value in values))
    assert statistics(cell(state)).standard_deviation == math.sqrt(2.5) / 1000


@pytest.mark.parametrize(
    ("start_ms", "window"),
    [
        pytest.param(MAY_1, "P1D/2024-05-01", id="midnight-begins-a-day"),
        pytest.param(MAY_1 - 1, "P1D/2024-04-30", id="before-midnight"),
        pytest.param(-1, "P1D/1969-12-31", id="before-the-epoch"),
    ],
)
def test_a_day_is_a_day_in_utc(start_ms: int, window: str) -> None:
    assert day_window(start_ms) == window


@pytest.mark.parametrize(
    "series",
    [
        Series("LT_leg", "leg", "c2k:12-c2k:7-AIR", "AIR", ()),
        Series("LT_leg", "leg", "A|B;C=D%7C~E", "AIR", (("channel", "RED|x"), ("side", "a=b;c"))),
    ],
)
def test_a_series_is_told_back_from_its_key(series: Series) -> None:
    assert Series.of(series.key) == series
    assert series.key.count("|") == 4


def test_strata_are_counted_apart_whatever_the_order_of_their_names() -> None:
    green = {"side": "IMPORT", "channel": "GREEN"}
    one = msgspec.structs.replace(measure(HOUR), strata=green)
    other = msgspec.structs.replace(measure(HOUR), strata=dict(reversed(green.items())))
    state = MemoryState()
    fold(state, change(one), change(other), change(measure(HOUR)))
    told = tick(state)
    assert told[SERIES + "channel=GREEN|TOTAL"].n == 2
    assert told[SERIES + "side=IMPORT|TOTAL"].n == 2
    assert SERIES + "channel=GREEN;side=IMPORT|TOTAL" not in told
    assert told[SERIES + "|TOTAL"].n == 3


def test_the_watermark_stands_on_the_record_and_goes_no_further() -> None:
    state = MemoryState()
    context = Context(0, frozenset({"journeys/0"}))
    beat = Heartbeat(source="journeys/0", reached_ms=MAY_1, caught_up=True)
    outcome = fold(state, change(measure(HOUR)), beat, context=context)
    assert outcome.outputs == []
    told = tick(state)[SERIES + "|TOTAL"]
    assert told.complete_up_to == datetime(2024, 5, 1, tzinfo=UTC)


def test_marks_that_do_not_fit_a_tick_have_their_turn() -> None:
    stage = LanesStage(most_per_tick=5)
    state = MemoryState()
    for day in range(4):
        fold(state, change(measure(HOUR, day=day)))
    seen: set[str] = set()
    for _ in range(4):
        told = tick(state, stage)
        assert len(told) <= 5 + 3
        seen |= set(told)
        # The first two days change again and again.
        fold(state, change(measure(HOUR)), change(measure(HOUR, day=1)))
    assert {f"{SERIES}|P1D/2024-05-0{day}" for day in range(1, 5)} < seen


def test_an_indicator_travels_as_json_under_its_wire_names() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR, planned_ms=HOUR)))
    outcome = LanesStage().tick(state, POLICY, NO_SOURCES)
    day = outcome.outputs[0]
    text = day.message.model_dump_json(by_alias=True, exclude_none=True)
    assert Indicator.model_validate_json(text) == day.message
    assert '"countingUnit":"leg"' in text
    assert '"window":{"kind":"P1D","day":"2024-05-01","zone":"UTC","by":"START"}' in text
    assert dict(day.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": f"{day.key}/1".encode(),
        "ce_source": b"urn:sstl:lanes",
        "ce_type": b"org.sstl.indicator.v1",
        "content-type": b"application/json",
    }


def test_net_content_leaves_the_envelope_out() -> None:
    state = MemoryState()
    fold(state, change(measure(HOUR)))
    told = tick(state)[SERIES + "|TOTAL"]
    later = told.model_copy(
        update={"revision": 9, "complete_up_to": datetime(2030, 1, 1, tzinfo=UTC)}
    )
    content = net_content(told)
    assert content == net_content(later)
    assert content is not None
    assert not {"revision", "completeUpTo"} & set(content)
    fold(state, change(None, previous=measure(HOUR)))
    assert net_content(tick(state)[SERIES + "|TOTAL"]) is None


def fields(**changed: object) -> dict[str, object]:
    return {
        "key": "k",
        "indicator": "LT_leg",
        "counting_unit": "leg",
        "lane_id": "L",
        "mode": "SEA",
        "window": Window(kind="TOTAL"),
        "state": "AVAILABLE",
        "n": 2,
        "revision": 1,
        **changed,
    }


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"n": 0}, id="available-without-data"),
        pytest.param({"state": "INSUFFICIENT_DATA"}, id="insufficient-with-data"),
        pytest.param({"n_late": 2, "n_planned": 1}, id="more-late-than-planned"),
        pytest.param({"n_planned": 3}, id="more-planned-than-observed"),
        pytest.param({"n_zero": 2, "n_negative": 1}, id="more-zero-and-negative-than-observed"),
        pytest.param({"mean": math.nan}, id="not-a-number"),
        pytest.param({"container": "X"}, id="unknown-field"),
    ],
)
def test_an_indicator_that_contradicts_itself_is_refused(wrong: dict[str, object]) -> None:
    assert Indicator.model_validate(fields()).n == 2
    with pytest.raises(ValidationError):
        Indicator.model_validate(fields(**wrong))


@pytest.mark.parametrize(
    ("kind", "day"), [("P1D", None), ("TOTAL", date(2024, 5, 1))], ids=["day", "total"]
)
def test_only_a_day_has_a_date(kind: str, day: date | None) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate({"kind": kind, "day": day})


def kinds(state: MemoryState) -> Sequence[str]:
    return [type(value).__name__ for _, value in state.items()]


def test_cells_travel_in_the_changelog_and_back() -> None:
    state = MemoryState()
    fold(state, *(change(measure(value * 10**9)) for value in range(-3, 40)))
    tick(state)
    fold(state, change(measure(1)))
    decoder = msgspec.json.Decoder(LanesStage.cell_type)
    assert set(kinds(state)) == {
        "Changed",
        "HoursCell",
        "Mark",
        "Published",
        "PublishedSeries",
        "WeekCell",
        "WholeCell",
    }
    for _, value in state.items():
        assert decoder.decode(msgspec.json.encode(value)) == value

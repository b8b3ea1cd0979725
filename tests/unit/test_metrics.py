"""What the metrics show, and what they never show."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as PromCounter

from sstl import metrics
from sstl.agents.lanes import LaneGauges
from sstl.core.lanes import Series
from sstl.core.stage import Output
from sstl.models.follow_up import FollowUp
from sstl.models.indicator import Indicator, Interval, Window
from sstl.series import LabelBudget, LagCollector

pytestmark = pytest.mark.unit

SUBJECTS = {
    "unit",
    "equipment_reference",
    "container",
    "seal",
    "seal_number",
    "consignment",
    "party",
    "name",
}


def value(name: str, **labels: str) -> float | None:
    for family in metrics.families():
        for sample in family.samples:
            if (sample.name, sample.labels) == (name, labels):
                return float(sample.value)
    return None


@pytest.fixture
def lanes_as_new() -> Iterator[None]:
    yield
    metrics.LANES.forget(partition=77)


def indicator(
    lane: str,
    *,
    n: int,
    window: str = "TOTAL",
    stratum: tuple[str, str] | None = None,
    provisional: bool = False,
) -> Indicator:
    strata = () if stratum is None else (stratum,)
    return Indicator(
        key=f"{Series('LT_leg', 'leg', lane, 'SEA', strata).key}|{window}",
        indicator="LT_leg",
        counting_unit="leg",
        lane_id=lane,
        mode="SEA",
        strata=dict(strata),
        window=Window.named(window),
        state="AVAILABLE" if n else "INSUFFICIENT_DATA",
        n=n,
        mean=90.0 if n else None,
        median=80 if n else None,
        p90=150 if n else None,
        p95=170 if n else None,
        n_planned=n,
        n_late=n // 4,
        n_target=n,
        n_within=n // 2,
        provisional=provisional,
        revision=1,
    )


def a_share(lane: str, *, k: int, n: int, low: float, high: float) -> Indicator:
    return Indicator(
        key=f"hit_rate|control|{lane}|SEA||TOTAL",
        indicator="hit_rate",
        counting_unit="control",
        lane_id=lane,
        mode="SEA",
        window=Window(kind="TOTAL"),
        unit="1",
        state="AVAILABLE",
        n=n,
        k=k,
        share=k / n,
        interval=Interval(low=low, high=high, level=0.95, method="wilson", method_version=1),
        revision=1,
    )


@pytest.fixture(autouse=True)
def nothing_counted_before() -> None:
    """Other tests of the same process count too."""
    for metric in vars(metrics).values():
        if isinstance(metric, PromCounter | Gauge | Histogram):
            if metric._labelnames:
                metric.clear()
            elif isinstance(metric, PromCounter):
                metric.reset()


def test_every_metric_has_the_prefix_a_help_text_and_no_subject_as_label() -> None:
    metrics.observe_counts("journeys", Counter({("rule", "some_rule:hit"): 1}))
    found = metrics.families()
    assert len(found) > 30
    for family in found:
        assert family.documentation.endswith(".")
        for sample in family.samples:
            assert not SUBJECTS & sample.labels.keys()


def test_a_count_of_a_stage_reaches_its_own_metric() -> None:
    metrics.observe_counts(
        "intake-transport",
        Counter(
            {
                ("accepted", "transport"): 5,
                ("rejected", "NOT_JSON"): 2,
                ("unknown_fields", "transport"): 3,
            }
        ),
    )
    metrics.observe_counts(
        "flags",
        Counter(
            {("flag", "ISSUED:HIGH"): 4, ("flag", "ISSUED:HIGH:late"): 1, ("feedback_late", ""): 1}
        ),
    )
    metrics.observe_counts(
        "journeys", Counter({("events_folded", ""): 7, ("unused_event", "transport.held"): 2})
    )
    assert value("sstl_events_accepted_total", family="transport") == 5
    assert value("sstl_events_rejected_total", reason="NOT_JSON") == 2
    assert value("sstl_unknown_fields_total", family="transport") == 3
    assert value("sstl_flags_total", status="ISSUED", severity="HIGH", rule="") == 4
    assert value("sstl_flags_total", status="ISSUED", severity="HIGH", rule="late") == 1
    assert value("sstl_feedback_late_total") == 1
    assert value("sstl_events_folded_total", stage="journeys") == 7
    assert value("sstl_events_unused_total", stage="journeys", kind="transport.held") == 2


def test_a_count_without_a_metric_of_its_own_is_shown_all_the_same() -> None:
    metrics.observe_counts("references", Counter({("parked", "mrn"): 3}))
    assert value("sstl_stage_counts_total", stage="references", what="parked", label="mrn") == 3


def test_an_evaluation_names_its_rule_and_its_outcome() -> None:
    metrics.observe_counts("journeys", Counter({("rule", "release_overdue:not_evaluable"): 2}))
    assert (
        value("sstl_rule_evaluations_total", rule="release_overdue", outcome="not_evaluable") == 2
    )


def test_values_beyond_the_budget_of_a_label_become_other_and_are_counted() -> None:
    overflowed: Counter[str] = Counter()
    budget = LabelBudget(2, lambda metric, by: overflowed.update({metric: by}))
    assert [budget.admit("reason", value) for value in ("a", "b", "a")] == ["a", "b", "a"]
    assert budget.admit("reason", "c", 5) == "other"
    assert budget.admit("kind", "c") == "c"
    assert overflowed == {"reason": 5}


def of_lane(lane: str, window: str = "TOTAL", stratum: str = "all") -> dict[str, str]:
    return {
        "lane": lane,
        "mode": "SEA",
        "indicator": "LT_leg",
        "counting_unit": "leg",
        "stratum": stratum,
        "window": window,
    }


def test_the_whole_period_and_the_newest_day_week_and_month_are_shown(lanes_as_new: None) -> None:
    lane = "CNYTN-NLRTM-SEA"
    for window, n in (
        ("P1D/2024-05-02", 3),
        ("P1D/2024-05-01", 9),
        ("P1W/2024-W18", 12),
        ("P1M/2024-05", 13),
        ("TOTAL", 80),
        ("PT1H/2024-05-02T07", 1),
    ):
        shown = indicator(lane, n=n, window=window, provisional=window != "TOTAL")
        metrics.observe_indicator(shown, partition=77)
    counts = {
        kind: value("sstl_lane_observations", **of_lane(lane, kind))
        for kind in ("P1D", "P1W", "P1M", "TOTAL", "PT1H")
    }
    assert counts == {"P1D": 3, "P1W": 12, "P1M": 13, "TOTAL": 80, "PT1H": None}
    began = "sstl_lane_window_start_timestamp_seconds"
    assert value(began, **of_lane(lane, "P1D")) == datetime(2024, 5, 2, tzinfo=UTC).timestamp()
    assert value(began, **of_lane(lane)) is None
    assert value("sstl_lane_provisional", **of_lane(lane, "P1D")) == 1
    assert value("sstl_lane_provisional", **of_lane(lane)) == 0


def test_a_newest_day_that_becomes_empty_gives_way_to_the_one_before(lanes_as_new: None) -> None:
    lane = "CNYTN-NLRTM-SEA"
    metrics.observe_indicator(indicator(lane, n=3, window="P1D/2024-05-02"), partition=77)
    moved = [
        indicator(lane, n=9, window="P1D/2024-05-01"),
        indicator(lane, n=0, window="P1D/2024-05-02"),
    ]
    LaneGauges().committed([Output("indicators", one.key, one) for one in moved], 77)
    assert value("sstl_lane_observations", **of_lane(lane, "P1D")) == 9


def test_durations_are_shown_in_seconds_and_shares_of_what_was_planned_and_promised(
    lanes_as_new: None,
) -> None:
    lane = "CNYTN-NLRTM-SEA"
    metrics.observe_indicator(indicator(lane, n=8), partition=77)
    assert value("sstl_lane_p90_seconds", **of_lane(lane)) == 150
    assert value("sstl_lane_p95_seconds", **of_lane(lane)) == 170
    assert value("sstl_lane_late_ratio", **of_lane(lane)) == 0.25
    assert value("sstl_lane_within_target_ratio", **of_lane(lane)) == 0.5
    metrics.observe_indicator(indicator(lane, n=0), partition=77)
    assert value("sstl_lane_observations", **of_lane(lane)) is None


def test_a_stratum_is_one_label(lanes_as_new: None) -> None:
    lane = "CNYTN-NLRTM-SEA"
    metrics.observe_indicator(indicator(lane, n=5, stratum=("operator", "AEO")), partition=77)
    labels = of_lane(lane, stratum="operator=AEO")
    assert value("sstl_lane_observations", **labels) == 5


def test_a_share_is_shown_with_its_interval_and_what_it_rests_on(lanes_as_new: None) -> None:
    metrics.observe_indicator(
        a_share("CNYTN-NLRTM-SEA", k=3, n=60, low=0.02, high=0.14), partition=77
    )
    labels = of_lane("CNYTN-NLRTM-SEA") | {"indicator": "hit_rate", "counting_unit": "control"}
    found = {
        name: value(f"sstl_lane_{name}", **labels)
        for name in ("value_ratio", "low_ratio", "high_ratio", "events", "observations")
    }
    assert found == {
        "value_ratio": 0.05,
        "low_ratio": 0.02,
        "high_ratio": 0.14,
        "events": 3,
        "observations": 60,
    }


def figure(**fields: Any) -> Indicator:
    lane = "CNYTN-NLRTM-SEA"
    known = {
        "key": f"figure|control|{lane}|SEA||TOTAL",
        "indicator": "figure",
        "counting_unit": "control",
        "lane_id": lane,
        "mode": "SEA",
        "window": Window(kind="TOTAL"),
        "n": 400,
        "state": "AVAILABLE",
        "revision": 1,
    }
    return Indicator.model_validate(known | fields)


def figures() -> dict[str, float]:
    return {
        sample.name.removeprefix("sstl_lane_"): sample.value
        for family in metrics.LANES.collect()
        for sample in family.samples
        if sample.labels.get("indicator") == "figure"
    }


@pytest.mark.parametrize(
    ("unit", "name", "scale"),
    [
        pytest.param("per 1000 container-days", "_ratio", 0.001, id="rate"),
        pytest.param("per container-day", "_ratio", 1, id="rate-per-one"),
        pytest.param("1", "_ratio", 1, id="derived-ratio"),
        pytest.param("s", "_seconds", 1, id="derived-time"),
        pytest.param("kg", "", 1, id="its-own-unit"),
    ],
)
def test_a_value_is_shown_in_base_units_under_the_name_of_its_unit(
    lanes_as_new: None, unit: str, name: str, scale: float
) -> None:
    interval = Interval(low=2.0, high=None, level=0.95, method="exact", method_version=1)
    metrics.observe_indicator(figure(unit=unit, value=4.0, interval=interval), partition=77)
    assert figures() == {
        f"value{name}": 4 * scale,
        f"low{name}": 2 * scale,
        "observations": 400,
        "provisional": 0,
    }


def test_the_exposure_of_a_rate_is_shown_in_single_units(lanes_as_new: None) -> None:
    metrics.observe_indicator(figure(unit="per 1000", value=5.0, k=2, exposure=0.4), partition=77)
    found = figures()
    assert (found["exposure"], found["events"], found["value_ratio"]) == (400, 2, 0.005)


def test_what_has_not_ended_is_shown_beside_what_has(lanes_as_new: None) -> None:
    followed = FollowUp(
        n=403, n_open=3, exposure_s=90, level=0.95, method="kaplan-meier", method_version=1
    )
    metrics.observe_indicator(figure(follow_up=followed), partition=77)
    assert figures() == {"observations": 400, "open_observations": 3, "provisional": 0}
    alone = figure(follow_up=followed, n=0, state="INSUFFICIENT_DATA")
    metrics.observe_indicator(alone, partition=77)
    assert figures() == {"observations": 0, "open_observations": 3, "provisional": 0}


def test_what_cannot_be_estimated_is_shown_as_such(lanes_as_new: None) -> None:
    state = {"state": "NOT_ESTIMABLE", "reason": "fewer than 30 random controls"}
    metrics.observe_indicator(figure(**state), partition=77)
    assert figures() == {"observations": 400, "provisional": 0, "without_figure": 1}


def test_too_few_observations_are_shown_as_such_and_not_as_zero(lanes_as_new: None) -> None:
    few = indicator("CNYTN-NLRTM-SEA", n=0).model_copy(update={"n": 4, "minimum_n": 30})
    metrics.observe_indicator(few, partition=77)
    labels = of_lane("CNYTN-NLRTM-SEA")
    assert value("sstl_lane_without_figure", **labels, reason="insufficient_data") == 1
    assert value("sstl_lane_observations", **labels) == 4
    assert value("sstl_lane_mean_seconds", **labels) is None


def test_lanes_count_observations_and_the_events_in_them_by_indicator() -> None:
    metrics.observe_counts(
        "lanes",
        Counter(
            {
                ("observation", "hit_rate:added"): 20,
                ("observation", "hit_rate:taken_back"): 1,
                ("observed_events", "hit_rate:added"): 3,
            }
        ),
    )
    added = {"indicator": "hit_rate", "change": "added"}
    assert value("sstl_observations_total", **added) == 20
    assert value("sstl_observed_events_total", **added) == 3
    assert value("sstl_observations_total", indicator="hit_rate", change="taken_back") == 1


def test_a_partition_that_is_given_up_takes_its_gauges_along(lanes_as_new: None) -> None:
    metrics.LAG_RECORDS.labels("lanes", "sstl.observations.v1", "77").set(5)
    metrics.set_watermark("lanes", 77, 1_700_000_000_000)
    metrics.set_restore("lanes", 77, records=5, expected=9, seconds=0.5, running=True)
    metrics.observe_indicator(indicator("CNSHG-DEHAM-SEA", n=8), partition=77)
    metrics.forget_partition("lanes", "sstl.observations.v1", 77)
    for family in metrics.families():
        for sample in family.samples:
            assert sample.labels.get("partition") != "77"
            assert sample.labels.get("lane") != "CNSHG-DEHAM-SEA"


def test_a_partition_never_held_can_be_given_up() -> None:
    metrics.forget_partition("journeys", "sstl.journeys.v1", 99)


def test_lag_grows_while_nothing_is_said() -> None:
    now = [100.0]
    registry = CollectorRegistry()
    lag = LagCollector("lag", "Lag.", now=lambda: now[0])
    registry.register(lag)
    lag.reach("journeys", 0, 90.0)
    labels = {"stage": "journeys", "partition": "0"}
    assert registry.get_sample_value("lag", labels) == 10
    now[0] = 160.0
    assert registry.get_sample_value("lag", labels) == 70
    lag.reach("journeys", 0, 200.0)
    assert registry.get_sample_value("lag", labels) == 0

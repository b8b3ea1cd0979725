"""What the metrics show, and what they never show."""

from collections import Counter
from collections.abc import Iterator
from datetime import date

import pytest
from prometheus_client import CollectorRegistry, Gauge, Histogram
from prometheus_client import Counter as PromCounter
from prometheus_client.core import Metric

from sstl import metrics
from sstl.models.indicator import Indicator, Window
from sstl.series import LabelBudget, LagCollector, LaneRow, LaneTable

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
    return metrics.REGISTRY.get_sample_value(name, labels)


@pytest.fixture
def lanes_as_new() -> Iterator[None]:
    yield
    metrics.LANES.forget(partition=77)


def indicator(
    lane: str, *, n: int, window: Window | None = None, strata: dict[str, str] | None = None
) -> Indicator:
    return Indicator(
        key=f"LT_leg|leg|{lane}|SEA||TOTAL",
        indicator="LT_leg",
        counting_unit="leg",
        lane_id=lane,
        mode="SEA",
        strata=strata or {},
        window=window or Window(kind="TOTAL"),
        state="AVAILABLE" if n else "INSUFFICIENT_DATA",
        n=n,
        mean=90.0 if n else None,
        median=80 if n else None,
        p90=150 if n else None,
        n_planned=n,
        n_late=n // 4,
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


def test_only_the_whole_period_of_all_strata_is_shown_of_a_lane(lanes_as_new: None) -> None:
    lane = {"lane": "CNYTN-NLRTM-SEA", "mode": "SEA", "indicator": "LT_leg", "counting_unit": "leg"}
    day = Window(kind="P1D", day=date(2024, 5, 1))
    metrics.observe_indicator(indicator(lane["lane"], n=3, window=day), partition=77)
    metrics.observe_indicator(indicator(lane["lane"], n=3, strata={"side": "EXPORT"}), partition=77)
    assert value("sstl_lane_observations", **lane) is None
    metrics.observe_indicator(indicator(lane["lane"], n=8), partition=77)
    assert value("sstl_lane_observations", **lane) == 8
    assert value("sstl_lane_p90_seconds", **lane) == 150
    assert value("sstl_lane_late_ratio", **lane) == 0.25
    metrics.observe_indicator(indicator(lane["lane"], n=0), partition=77)
    assert value("sstl_lane_observations", **lane) is None


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


def families_of(table: LaneTable) -> dict[str, Metric]:
    return {family.name: family for family in table.collect()}


def observations(table: LaneTable) -> dict[str, float]:
    return {sample.labels["lane"]: sample.value for sample in families_of(table)["n"].samples}


def a_table(budget: int) -> LaneTable:
    return LaneTable(
        [
            ("n", "Observations.", lambda row: row.n),
            ("mean", "Mean.", lambda row: row.mean_s),
            ("median", "Median.", lambda row: row.median_s),
        ],
        hidden=("hidden", "Hidden."),
        budget=budget,
    )


def test_lanes_beyond_the_budget_are_summed_up_without_quantiles() -> None:
    table = a_table(1)
    for lane, n, mean in (("large", 50, 10.0), ("small", 10, 20.0), ("smaller", 5, 50.0)):
        table.show((lane, "SEA", "LT_leg", "leg"), LaneRow(n, mean_s=mean, median_s=mean))
    assert observations(table) == {"large": 50, "other": 15}
    found = families_of(table)
    assert {s.labels["lane"]: s.value for s in found["mean"].samples} == {
        "large": 10.0,
        "other": 30.0,
    }
    assert {s.labels["lane"] for s in found["median"].samples} == {"large"}
    assert found["hidden"].samples[0].value == 2


def test_lanes_that_the_policy_names_are_shown_before_larger_ones() -> None:
    table = a_table(1)
    table.name_lanes(["agreed"])
    table.show(("agreed", "SEA", "LT_leg", "leg"), LaneRow(2))
    table.show(("large", "SEA", "LT_leg", "leg"), LaneRow(50))
    assert observations(table) == {"agreed": 2, "other": 50}


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

"""The budget of series of lanes: what is shown first, what is summed up, and that it is never exceeded."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from sstl import metrics
from sstl.series import LaneFigure, LaneRow, LaneTable

pytestmark = pytest.mark.unit

FIGURES: list[LaneFigure] = [
    ("n", "Observations.", lambda row: row.n),
    ("mean", "Mean.", lambda row: row.mean_s),
    ("median", "Median.", lambda row: row.median_s),
    ("events", "Events.", lambda row: row.events),
    ("value", "Value.", lambda row: row.value),
    ("low", "Low.", lambda row: row.low),
    ("late", "Late.", lambda row: row.n_late),
]


def a_table(budget: int, figures: list[LaneFigure] | None = None) -> LaneTable:
    return LaneTable(
        figures or FIGURES, reasons=("why", "Why."), hidden=("hidden", "Hidden."), budget=budget
    )


def show(
    table: LaneTable,
    lane: str,
    row: LaneRow,
    *,
    stratum: str = "all",
    window: str = "TOTAL",
    indicator: str = "LT_leg",
    partition: int = 0,
) -> None:
    table.show((lane, "SEA", indicator, "leg", stratum), window, row, partition=partition)


def families(table: LaneTable) -> dict[str, Metric]:
    return {family.name: family for family in table.collect()}


def by(table: LaneTable, name: str, label: str = "lane") -> dict[str, float]:
    return {sample.labels[label]: sample.value for sample in families(table)[name].samples}


def hidden(table: LaneTable) -> float:
    (sample,) = families(table)["hidden"].samples
    return float(sample.value)


def samples(table: LaneTable) -> Iterator[tuple[str, dict[str, str], float]]:
    for family in text_string_to_metric_families(table.exposition().decode()):
        for sample in family.samples:
            yield sample.name, sample.labels, sample.value


def as_the_library_writes_it(table: LaneTable) -> list[tuple[str, dict[str, str], float]]:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(table)
    read = text_string_to_metric_families(generate_latest(registry).decode())
    return [(one.name, one.labels, one.value) for family in read for one in family.samples]


def test_what_fits_exactly_is_shown_and_nothing_is_hidden() -> None:
    table = a_table(2)
    show(table, "one", LaneRow(5))
    show(table, "two", LaneRow(3))
    assert by(table, "n") == {"one": 5, "two": 3}
    assert hidden(table) == 0


def test_one_series_over_the_budget_is_summed_up_without_quantiles() -> None:
    table = a_table(10)
    for lane, n, mean in (
        ("large", 50, 10.0),
        ("middle", 20, 15.0),
        ("small", 10, 20.0),
        ("least", 5, 50.0),
    ):
        show(table, lane, LaneRow(n, mean_s=mean, median_s=mean))
    assert by(table, "n") == {"large": 50, "middle": 20, "other": 15}
    assert by(table, "mean") == {"large": 10, "middle": 15, "other": 30}
    assert set(by(table, "median")) == {"large", "middle"}
    assert hidden(table) == 6


def test_lanes_that_the_policy_names_are_shown_before_larger_ones() -> None:
    table = a_table(5)
    table.name_lanes(["agreed"])
    show(table, "agreed", LaneRow(2))
    for lane in ("a", "b", "c", "d", "e"):
        show(table, lane, LaneRow(50))
    assert by(table, "n") == {"agreed": 2, "a": 50, "b": 50, "c": 50, "other": 100}


def test_all_together_is_shown_before_a_stratum_that_is_used_more() -> None:
    table = a_table(5)
    for lane, n in (("a", 50), ("b", 40), ("c", 30), ("d", 5)):
        show(table, lane, LaneRow(n))
    for stratum in ("operator=AEO", "operator=NON_AEO"):
        show(table, "a", LaneRow(25), stratum=stratum)
    found = {(one.labels["lane"], one.labels["stratum"]) for one in families(table)["n"].samples}
    assert found == {*((lane, "all") for lane in "abcd"), ("other", "operator=other")}
    assert hidden(table) == 2


def test_a_share_of_what_is_hidden_comes_from_its_sums_and_has_no_interval() -> None:
    table = a_table(8)
    show(table, "large", LaneRow(100, events=50, value=0.5, low=0.4))
    show(table, "small", LaneRow(20, events=5, value=0.25, low=0.1))
    show(table, "least", LaneRow(10, events=4, value=0.4, low=0.1))
    assert by(table, "value") == {"large": 0.5, "other": 9 / 30}
    assert by(table, "events") == {"large": 50, "other": 9}
    assert by(table, "low") == {"large": 0.4}


def test_a_rate_of_what_is_hidden_is_over_its_exposure() -> None:
    table = a_table(4)
    show(table, "large", LaneRow(100, events=50, exposure=1000, value=0.05))
    show(table, "small", LaneRow(20, events=6, exposure=100, value=0.06))
    show(table, "least", LaneRow(10, events=4, exposure=300, value=1 / 75))
    table.limit(6)
    assert by(table, "value") == {"large": 0.05, "other": 10 / 400}


def test_values_of_one_stratum_add_up_and_those_of_different_strata_are_kept_apart() -> None:
    table = a_table(10)
    for lane in "abcdefgh":
        show(table, lane, LaneRow(90))
    for stratum, n in (("operator=AEO", 20), ("operator=NON_AEO", 10), ("lot=SMALL", 5)):
        show(table, "a", LaneRow(n), stratum=stratum)
    found = {
        (sample.labels["lane"], sample.labels["stratum"]): sample.value
        for sample in families(table)["n"].samples
        if sample.labels["lane"] == "other"
    }
    assert found == {("other", "operator=other"): 30, ("other", "lot=other"): 5}


def test_of_hidden_days_only_the_newest_add_up() -> None:
    table = a_table(5)
    for lane in ("a", "b", "c", "d"):
        show(table, lane, LaneRow(50))
    for lane, n, start_s in (("v", 5, 86_400.0), ("w", 6, 172_800.0), ("x", 7, 172_800.0)):
        show(table, lane, LaneRow(n, start_s=start_s), window="P1D")
    assert by(table, "n") == {"a": 50, "b": 50, "c": 50, "d": 50, "other": 13}


def test_a_partition_handed_over_forgets_its_rows_and_makes_room() -> None:
    table = a_table(2)
    show(table, "theirs", LaneRow(50), partition=1)
    show(table, "ours", LaneRow(5), partition=2)
    show(table, "too", LaneRow(3), partition=2)
    assert "too" not in by(table, "n")
    table.forget(1)
    assert by(table, "n") == {"ours": 5, "too": 3}
    assert hidden(table) == 0


def test_a_row_without_observations_goes_and_one_with_a_reason_stays() -> None:
    table = a_table(10)
    show(table, "lane", LaneRow(5))
    show(table, "lane", LaneRow(0), window="P1D")
    show(table, "lane", LaneRow(0))
    assert by(table, "n") == {}
    show(table, "lane", LaneRow(0, reason="not_estimable"))
    assert by(table, "why", "reason") == {"not_estimable": 1}


def test_what_is_written_is_what_the_client_library_would_write() -> None:
    table = a_table(12)
    odd = 'source=urn:"sstl"\\x\ny'
    for n, lane in enumerate("abcdefgh", start=1):
        show(table, lane, LaneRow(n, mean_s=n / 3, events=n, value=1e-9 * n), stratum=odd)
    show(table, "i", LaneRow(4, reason="not_estimable"))
    for _ in range(2):
        assert list(samples(table)) == as_the_library_writes_it(table)
        show(table, "h", LaneRow(99, mean_s=1e16), stratum=odd)


@given(
    st.integers(1, 60),
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.sampled_from(["all", "operator=AEO", "operator=NON_AEO", "lot=SMALL"]),
            st.sampled_from(["TOTAL", "P1D", "P1W"]),
            st.sampled_from(["LT_leg", "hit_rate"]),
            st.integers(0, 50),
            st.booleans(),
        ),
        max_size=60,
    ),
)
def test_whatever_is_shown_the_budget_holds_and_nothing_goes_unseen(
    budget: int, rows: list[tuple[str, str, str, str, int, bool]]
) -> None:
    table, unlimited = a_table(budget), a_table(10_000)
    table.name_lanes(["b"])
    for lane, stratum, window, indicator, n, rich in rows:
        row = LaneRow(n, start_s=None if window == "TOTAL" else 1.0)
        if rich:
            row = LaneRow(n, start_s=row.start_s, mean_s=1.0, median_s=1.0, n_late=0, reason="few")
        for one in (table, unlimited):
            show(one, lane, row, stratum=stratum, window=window, indicator=indicator)
    found = [name for name, _, _ in samples(table) if name != "hidden"]
    assert len(found) <= budget
    everything = [name for name, _, _ in samples(unlimited) if name != "hidden"]
    shown = [name for name, labels, _ in samples(table) if labels.get("lane", "other") != "other"]
    assert len(everything) == len(shown) + hidden(table)


def test_a_hundred_thousand_rows_stay_within_the_budget_of_a_worker() -> None:
    table = a_table(metrics.SERIES_BUDGET, list(metrics._LANE_FIGURES))
    table.name_lanes(["lane-499"])
    lanes, indicators = 500, 25
    for lane in range(lanes):
        for indicator in range(indicators):
            for stratum in ("all", f"source=urn:sstl:{lane}"):
                for window in ("TOTAL", "P1D", "P1W", "P1M"):
                    row = LaneRow(
                        1000 - lane,
                        start_s=None if window == "TOTAL" else 0.0,
                        mean_s=1.0,
                        median_s=1.0,
                        p90_s=2.0,
                        p95_s=3.0,
                        n_planned=10,
                        n_late=1,
                    )
                    show(
                        table,
                        f"lane-{lane}",
                        row,
                        stratum=stratum,
                        window=window,
                        indicator=f"i{indicator}",
                    )
    lines = [line for line in table.exposition().decode().splitlines() if not line.startswith("#")]
    assert len(lines) - 1 <= metrics.SERIES_BUDGET
    found = families(table)["sstl_lane_observations"].samples
    assert {"lane-0", "lane-499", "other"} <= {one.labels["lane"] for one in found}
    counted = sum(
        one.value
        for one in found
        if (one.labels["indicator"], one.labels["stratum"], one.labels["window"])
        == ("i0", "all", "TOTAL")
    )
    assert counted == sum(1000 - lane for lane in range(lanes))

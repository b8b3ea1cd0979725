"""docs/operations.md names every metric and every log field, as they are."""

from pathlib import Path

import pytest
from prometheus_client.metrics import MetricWrapperBase

from sstl import logs, metrics
from sstl.series import LABELS

pytestmark = pytest.mark.unit

TEXT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")


def section(name: str) -> list[str]:
    body = TEXT.partition(f"<!-- {name} -->\n")[2].partition(f"<!-- end of {name} -->")[0]
    return [line for line in body.splitlines() if line.startswith("| `")]


def declared_labels() -> dict[str, tuple[str, ...]]:
    labels: dict[str, tuple[str, ...]] = {name: LABELS for name, *_ in metrics._LANE_FIGURES}
    labels |= {"sstl_lane_without_figure": (*LABELS, "reason"), "sstl_series_hidden": ()}
    labels |= {"sstl_event_lag_seconds": ("stage", "partition")}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            labels[metric._name] = tuple(metric._labelnames)
    return labels


def test_every_metric_is_documented_as_it_is() -> None:
    labels = declared_labels()
    expected = []
    for family in metrics.families():
        suffix = "_total" if family.type == "counter" else ""
        named = ", ".join(labels[family.name])
        expected.append(
            f"| `{family.name}{suffix}` | {family.type} | {named} | {family.documentation} |"
        )
    assert section("metrics") == expected


def test_every_field_of_a_log_line_is_documented() -> None:
    rows = [line.split("|") for line in section("log fields")]
    documented = {row[1].strip(" `"): row[2].strip() for row in rows}
    assert documented == {name: kind.__name__ for name, kind in logs.FIELDS.items()}
    assert all(row[3].strip() for row in rows)

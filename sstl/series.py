"""Bounded series: what keeps labels that come from data from growing without limit.

The metrics themselves, with their names, are in `sstl.metrics`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

OTHER: Final = "other"
"""Label value that takes what lies beyond a budget."""


class LabelBudget:
    """Lets the first values of a label through and turns the rest into `OTHER`.

    ``overflow`` is told the metric and by how much, so that nothing is lost unseen.
    """

    def __init__(self, budget: int, overflow: Callable[[str, int], None]) -> None:
        self._budget = budget
        self._overflow = overflow
        self._seen: dict[str, set[str]] = {}

    def admit(self, metric: str, value: str, by: int = 1) -> str:
        """Return the value if the metric may still show it, else `OTHER`."""
        seen = self._seen.setdefault(metric, set())
        if value in seen:
            return value
        if len(seen) < self._budget:
            seen.add(value)
            return value
        self._overflow(metric, by)
        return OTHER


class LagCollector(Collector):
    """Lag reckoned when asked for: a worker that hangs must not show what it had before."""

    def __init__(self, name: str, text: str, *, now: Callable[[], float]) -> None:
        self._name = name
        self._text = text
        self._now = now
        self._reached: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()

    def reach(self, stage: str, partition: int, reached_seconds: float) -> None:
        """Take over a watermark, Unix seconds."""
        with self._lock:
            self._reached[(stage, str(partition))] = reached_seconds

    def forget(self, stage: str, partition: int) -> None:
        """Drop a partition that another worker owns now."""
        with self._lock:
            self._reached.pop((stage, str(partition)), None)

    def collect(self) -> Iterator[Metric]:
        """Yield the lag of every stage and partition."""
        family = GaugeMetricFamily(self._name, self._text, labels=["stage", "partition"])
        with self._lock:
            reached = sorted(self._reached.items())
        now = self._now()
        for labels, seconds in reached:
            family.add_metric(labels, max(0.0, now - seconds))
        yield family


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One lane's figures as the gauges show them; None is absent, not zero."""

    n: int
    mean_s: float | None = None
    median_s: float | None = None
    p90_s: float | None = None
    n_planned: int = 0
    n_late: int = 0

    @property
    def late_ratio(self) -> float | None:
        """Share late of those with a plan, None where there is no plan."""
        return self.n_late / self.n_planned if self.n_planned else None


LaneKey = tuple[str, str, str, str]
"""(lane, mode, indicator, counting unit)"""


LaneFigure = tuple[str, str, Callable[[LaneRow], float | None]]
"""(metric, help, figure)"""


class LaneTable(Collector):
    """Figures of lanes as gauges, within a budget of rows.

    Named lanes come first, then those with the most observations. What does not fit is summed up as
    lane `OTHER`, without quantiles, which do not add up; the gauge ``hidden`` says how many rows
    that were.
    """

    def __init__(
        self, figures: Sequence[LaneFigure], *, hidden: tuple[str, str], budget: int
    ) -> None:
        self._figures = figures
        self._hidden = hidden
        self._budget = budget
        self._rows: dict[LaneKey, tuple[int, LaneRow]] = {}
        self._named: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def name_lanes(self, lanes: Iterable[str]) -> None:
        """Say which lanes are shown first."""
        with self._lock:
            self._named = frozenset(lanes)

    def show(self, key: LaneKey, row: LaneRow, *, partition: int = 0) -> None:
        """Take over a lane's latest figures; without observations the row goes."""
        with self._lock:
            if row.n > 0:
                self._rows[key] = (partition, row)
            else:
                self._rows.pop(key, None)

    def forget(self, partition: int) -> None:
        """Drop the rows of a partition that another worker owns now."""
        with self._lock:
            self._rows = {key: kept for key, kept in self._rows.items() if kept[0] != partition}

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of shown rows and of the sum over hidden ones."""
        with self._lock:
            rows = {key: row for key, (_, row) in self._rows.items()}
            named = self._named
        order = sorted(rows, key=lambda key: (key[0] not in named, -rows[key].n, key))
        shown = [(key, rows[key]) for key in order[: self._budget]]
        hidden: dict[LaneKey, list[LaneRow]] = {}
        for key in order[self._budget :]:
            hidden.setdefault((OTHER, *key[1:]), []).append(rows[key])
        shown += [(key, _sum(parts)) for key, parts in sorted(hidden.items())]
        for name, text, figure in self._figures:
            family = GaugeMetricFamily(
                name,
                f"{text} Whole period, all strata.",
                labels=["lane", "mode", "indicator", "counting_unit"],
            )
            for key, row in shown:
                value = figure(row)
                if value is not None:
                    family.add_metric(key, value)
            yield family
        name, text = self._hidden
        yield GaugeMetricFamily(name, text, value=max(0, len(order) - self._budget))


def _sum(rows: list[LaneRow]) -> LaneRow:
    means = [(row.n, row.mean_s) for row in rows if row.mean_s is not None]
    n = sum(count for count, _ in means)
    return LaneRow(
        n=sum(row.n for row in rows),
        mean_s=sum(count * mean for count, mean in means) / n if n else None,
        n_planned=sum(row.n_planned for row in rows),
        n_late=sum(row.n_late for row in rows),
    )

"""Bounded series: what keeps labels that come from data from growing without limit.

The metrics themselves, with their names, are in `sstl.metrics`.
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import fsum
from typing import Final, Literal, NamedTuple

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


Labels = tuple[str, str, str, str, str]
"""(lane, mode, indicator, counting unit, stratum); the stratum as in keys: ``operator=AEO;side=IMPORT``"""
LABELS: Final = ("lane", "mode", "indicator", "counting_unit", "stratum", "window")
ALL: Final = "all"
"""Stratum of all together."""
WHOLE: Final = "TOTAL"
"""Window of the whole period."""


Measured = Literal["ratio", "seconds", "other"]
"""What a value is measured in."""


@dataclass(frozen=True, slots=True)
class LaneRow:
    """One window of a lane's indicator as the gauges show it; None is absent, not zero."""

    n: int
    start_s: float | None = None
    """Beginning of the window, Unix seconds; None of the whole period."""
    provisional: bool = False
    reason: str | None = None
    """Why there is no statistic."""
    n_open: int | None = None
    """Not ended yet, beside ``n``."""
    mean_s: float | None = None
    median_s: float | None = None
    p90_s: float | None = None
    p95_s: float | None = None
    n_planned: int | None = None
    n_late: int | None = None
    n_target: int | None = None
    n_within: int | None = None
    events: float | None = None
    """Of a share: how many have it; of a rate: how many events."""
    exposure: float | None = None
    """What ``events`` are counted over; None: the observations."""
    measured: Measured = "ratio"
    """Unit of ``value`` and its bounds."""
    value: float | None = None
    """A share, events per unit of exposure, or a derived figure."""
    low: float | None = None
    high: float | None = None

    @property
    def late_ratio(self) -> float | None:
        """Share late of those with a plan, None where there is no plan."""
        return (self.n_late or 0) / self.n_planned if self.n_planned else None

    @property
    def within_ratio(self) -> float | None:
        """Share within its target of those with a target, None where none was promised."""
        return (self.n_within or 0) / self.n_target if self.n_target else None


_SUMS: Final = 5
"""One part of so many of the budget is kept for sums, once they are needed."""


LaneFigure = tuple[str, str, Callable[[LaneRow], float | None]]
"""(metric, help, figure)"""


class _Series(NamedTuple):
    """What is known of one lane, indicator and stratum; replaced as a whole, so that a scrape can go on with a copy."""

    partition: int
    rows: Mapping[str, LaneRow]
    """Kind of window to its row; at least one."""
    cost: int
    """How many gauges the rows make."""

    @property
    def n(self) -> int:
        return max(row.n for row in self.rows.values())


_ESCAPED: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})
_NO_SERIES: Final = _Series(0, {}, 0)


class LaneTable(Collector):
    """Indicators of lanes as gauges, never more than a budget of series.

    Of each lane, indicator and stratum the whole period is shown, and the newest day, week and month that were
    published. Lanes that the policy names come first, of these and of the others all together before strata, then what
    has the most observations; one lane and stratum is shown with all of its windows or with none. What does not fit is
    summed up under lane `OTHER`, its strata by their names (``operator=other``), as far as it adds up and fits itself:
    counts, and means and shares from them; no quantile and no interval. Of days, weeks and months only those of the
    newest are summed. The gauge ``hidden`` says how many series are not shown.

    Args:
        figures: The gauges.
        reasons: Gauge that is 1 where there is no statistic; it has the label ``reason`` too.
        hidden: Gauge of the series beyond the budget.
        budget: Most series, ``hidden`` not among them.
    """

    def __init__(
        self,
        figures: Sequence[LaneFigure],
        *,
        reasons: tuple[str, str],
        hidden: tuple[str, str],
        budget: int,
    ) -> None:
        self._figures = figures
        self._reasons = reasons
        self._hidden = hidden
        self._budget = budget
        self._series: dict[Labels, _Series] = {}
        self._named: frozenset[str] = frozenset()
        self._lines: dict[tuple[str, ...], tuple[LaneRow, tuple[tuple[int, str], ...]]] = {}
        """What the last scrape wrote, by labels."""
        self._lock = threading.Lock()

    def name_lanes(self, lanes: Iterable[str]) -> None:
        """Say which lanes are shown first."""
        with self._lock:
            self._named = frozenset(lanes)

    def limit(self, budget: int) -> None:
        """Say how many series there may be."""
        with self._lock:
            self._budget = budget

    def show(self, labels: Labels, window: str, row: LaneRow, *, partition: int = 0) -> None:
        """Take over the latest figures of a window, unless a newer one of its kind is known.

        A row without observations, open ones and a reason takes its window away; one of an older window that was not
        kept comes back when it is published again.
        """
        with self._lock:
            _, rows, cost = self._series.get(labels, _NO_SERIES)
            known = rows.get(window)
            if known is not None and (known.start_s or 0) > (row.start_s or 0):
                return
            empty = row.n == 0 and row.reason is None and not row.n_open
            if empty and (known is None or known.start_s != row.start_s):
                return
            kept = {kind: one for kind, one in rows.items() if kind != window}
            cost -= 0 if known is None else self._cost(known)
            if not empty:
                kept[window] = row
                cost += self._cost(row)
            if kept:
                self._series[labels] = _Series(partition, kept, cost)
            else:
                del self._series[labels]

    def forget(self, partition: int) -> None:
        """Drop the rows of a partition that another worker owns now."""
        with self._lock:
            self._series = {
                labels: series
                for labels, series in self._series.items()
                if series.partition != partition
            }

    def collect(self) -> Iterator[Metric]:
        """Yield the gauges of what is shown and of the sums over what is hidden."""
        shown, hidden = self._choose()
        families = [
            (GaugeMetricFamily(name, text, labels=LABELS), figure)
            for name, text, figure in self._figures
        ]
        name, text = self._reasons
        reasons = GaugeMetricFamily(name, text, labels=(*LABELS, "reason"))
        for labels, row in shown:
            for family, figure in families:
                value = figure(row)
                if value is not None:
                    family.add_metric(labels, value)
            if row.reason is not None:
                reasons.add_metric((*labels, row.reason), 1)
        yield from (family for family, _ in families)
        yield reasons
        name, text = self._hidden
        yield GaugeMetricFamily(name, text, value=hidden)

    def exposition(self) -> bytes:
        """Return the same as `collect` as text, valid in Prometheus's own format and in OpenMetrics but for its end.

        The client library takes 15 us for each sample, and as much again from whoever holds the interpreter; what has
        not changed since the last scrape is kept as it was written.
        """
        shown, hidden = self._choose()
        known, lines = self._lines, {}
        parts: list[list[str]] = [[] for _ in (*self._figures, self._reasons)]
        for labels, row in shown:
            written = known.get(labels)
            if written is None or written[0] is not row:
                written = row, self._written(labels, row)
            lines[labels] = written
            for place, line in written[1]:
                parts[place].append(line)
        self._lines = lines
        text = []
        for (name, help_, *_), samples in zip((*self._figures, self._reasons), parts, strict=True):
            text.append(f"# HELP {name} {help_}\n# TYPE {name} gauge\n")
            text += samples
        name, help_ = self._hidden
        text.append(f"# HELP {name} {help_}\n# TYPE {name} gauge\n{name} {float(hidden)}\n")
        return "".join(text).encode()

    def _written(self, labels: tuple[str, ...], row: LaneRow) -> tuple[tuple[int, str], ...]:
        """Return the samples of a row, each with the place of its gauge."""
        pairs = zip(LABELS, labels, strict=True)
        inner = ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in pairs)
        found = []
        for place, (name, _, figure) in enumerate(self._figures):
            value = figure(row)
            if value is not None:
                found.append((place, f"{name}{{{inner}}} {float(value)!r}\n"))
        if row.reason is not None:
            name, _ = self._reasons
            found.append((len(self._figures), f'{name}{{{inner},reason="{row.reason}"}} 1.0\n'))
        return tuple(found)

    def _cost(self, row: LaneRow) -> int:
        figures = sum(figure(row) is not None for _, _, figure in self._figures)
        return figures + (row.reason is not None)

    def _choose(self) -> tuple[list[tuple[tuple[str, ...], LaneRow]], int]:
        """Return what is shown, with its labels, and how many series are not."""
        with self._lock:
            known, named, budget = list(self._series.items()), self._named, self._budget
        total = sum(series.cost for _, series in known)
        if total <= budget:
            return _rows(known), 0
        order = sorted(
            known,
            key=lambda one: (one[0][0] not in named, one[0][4] != ALL, -one[1].n, one[0]),
        )
        # Sums have a part of the budget that the smallest lanes would have: they say that something is hidden.
        room = budget - budget // _SUMS
        used = place = 0
        while used + order[place][1].cost <= room:
            used += order[place][1].cost
            place += 1
        shown = _rows(order[:place])
        hidden = total - used
        sums = _sums(order[place:])
        for labels in sorted(sums, key=lambda one: (-sums[one].n, one)):
            cost = self._cost(sums[labels])
            if used + cost <= budget:
                used += cost
                shown.append((labels, sums[labels]))
        return shown, hidden


def _rows(series: Iterable[tuple[Labels, _Series]]) -> list[tuple[tuple[str, ...], LaneRow]]:
    return [
        ((*labels, window), row)
        for labels, one in series
        for window, row in sorted(one.rows.items())
    ]


def _sums(series: Iterable[tuple[Labels, _Series]]) -> dict[tuple[str, ...], LaneRow]:
    """Return what hidden series add up to: over lanes, and over the values of a stratum, which exclude each other."""
    parts: dict[tuple[str, ...], list[LaneRow]] = {}
    for (_, mode, indicator, unit, stratum), one in series:
        for window, row in one.rows.items():
            labels = (OTHER, mode, indicator, unit, _summed(stratum), window)
            known = parts.get(labels)
            if known is None or (known[0].start_s or 0) < (row.start_s or 0):
                parts[labels] = [row]
            elif known[0].start_s == row.start_s:
                known.append(row)
    return {labels: _sum(rows) for labels, rows in parts.items()}


@lru_cache(maxsize=4096)
def _summed(stratum: str) -> str:
    if stratum == ALL:
        return ALL
    return ";".join(f"{pair.partition('=')[0]}={OTHER}" for pair in stratum.split(";"))


def _sum(rows: Sequence[LaneRow]) -> LaneRow:
    means = [(row.n, row.mean_s) for row in rows if row.mean_s is not None]
    n = sum(count for count, _ in means)
    counted = [row for row in rows if row.events is not None]
    over = fsum(row.n if row.exposure is None else row.exposure for row in counted)
    events = _total(row.events for row in rows)
    return LaneRow(
        n=sum(row.n for row in rows),
        start_s=rows[0].start_s,
        provisional=any(row.provisional for row in rows),
        mean_s=sum(count * mean for count, mean in means) / n if n else None,
        n_open=_whole(row.n_open for row in rows),
        n_planned=_whole(row.n_planned for row in rows),
        n_late=_whole(row.n_late for row in rows),
        n_target=_whole(row.n_target for row in rows),
        n_within=_whole(row.n_within for row in rows),
        events=events,
        exposure=_total(row.exposure for row in rows),
        value=None if events is None or not over else events / over,
    )


def _whole(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fsum(known) if known else None

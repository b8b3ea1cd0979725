"""Comparisons as a table for people, as CSV and as JSON for programs."""

from collections.abc import Callable, Iterable, Mapping

from sstl.cli.indicator_formats import Columns, in_columns, quantity
from sstl.core.comparing import GROUPS, Compared
from sstl.core.statistics.result import Estimate, Estimated
from sstl.models.comparison import ComparisonRecord, Figure, Mix

_UNKNOWN = "-"


def record(compared: Compared) -> ComparisonRecord:
    """Return the record of a comparison."""
    result = compared.result
    members, comparison = GROUPS[compared.by]
    measured = compared.measured
    return ComparisonRecord(
        indicator=measured.indicator,
        counting_unit=measured.counting_unit,
        lane_id=measured.lane_id,
        mode=measured.mode,
        by=compared.by,
        members=members,
        comparison=comparison,
        window=compared.cohort.name,
        difference=_figure(result.difference_s),
        ratio=_figure(result.ratio),
        n_members=result.n_members,
        n_comparison=result.n_comparison,
        clusters_members=result.clusters_members,
        clusters_comparison=result.clusters_comparison,
        strata=result.strata,
        n_not_positive=result.n_not_positive,
        n_unmatched=result.n_unmatched,
        n_neither=compared.n_neither,
        n_open_members=compared.still_open.members,
        n_open_comparison=compared.still_open.comparison,
        n_open_neither=compared.still_open.neither,
        n_otherwise_members=compared.otherwise.members,
        n_otherwise_comparison=compared.otherwise.comparison,
        n_excluded=sum(
            (compared.excluded.members, compared.excluded.comparison, compared.excluded.neither)
        ),
        channels=tuple(
            Mix(of=one.channel, members=one.members, comparison=one.comparison)
            for one in compared.channels
        ),
        mix=tuple(
            Mix(of=one.stratum, members=one.members, comparison=one.comparison)
            for one in result.mix
        ),
    )


def _figure(estimated: Estimated) -> Figure:
    if not isinstance(estimated, Estimate):
        return Figure(reason=estimated.reason)
    return Figure(
        estimate=estimated.estimate,
        low=estimated.low,
        high=estimated.high,
        level=estimated.level,
        method=estimated.method.name,
        method_version=estimated.method.version,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _interval(figure: Figure, shown: Callable[[float | None], str]) -> str:
    if figure.level is None:
        return ""
    return f"{shown(figure.low)} to {shown(figure.high)} ({figure.level:.0%})"


def _duration(value: float | None) -> str:
    return quantity(value, "s")


def _channels(mix: Iterable[Mix]) -> str:
    """Return the share of each channel in both groups: ``GREEN 80% / 60%``."""
    parts = tuple(mix)
    totals = (sum(one.members for one in parts), sum(one.comparison for one in parts))
    return ", ".join(
        f"{one.of or _UNKNOWN} {_share(one.members, totals[0])} / {_share(one.comparison, totals[1])}"
        for one in parts
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else _UNKNOWN


def _left_out(one: ComparisonRecord) -> str:
    counts: Mapping[str, int] = {
        "unmatched": one.n_unmatched,
        "of neither": one.n_neither,
        "not plausible": one.n_excluded,
        "ended otherwise": one.n_otherwise_members + one.n_otherwise_comparison,
    }
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)


_SHOWN: Columns[ComparisonRecord] = (
    ("indicator", False, lambda one: one.indicator),
    ("lane", False, lambda one: one.lane_id or "all"),
    ("mode", False, lambda one: one.mode or "all"),
    ("compared", False, lambda one: f"{one.by} {one.members} / {one.comparison}"),
    ("window", False, lambda one: one.window),
    ("n", True, lambda one: f"{one.n_members} / {one.n_comparison}"),
    ("clusters", True, lambda one: f"{one.clusters_members} / {one.clusters_comparison}"),
    ("open", True, lambda one: f"{one.n_open_members} / {one.n_open_comparison}"),
    ("difference", True, lambda one: _duration(one.difference.estimate)),
    ("interval", False, lambda one: _interval(one.difference, _duration)),
    ("ratio", True, lambda one: _number(one.ratio.estimate)),
    ("interval", False, lambda one: _interval(one.ratio, _number)),
    ("left out", False, _left_out),
    ("channels", False, lambda one: _channels(one.channels)),
    ("why none", False, lambda one: one.difference.reason or one.ratio.reason or ""),
)
"""Heading, whether it is a number, and what is shown; of both groups the one that is asked about stands first."""


def as_comparison_table(records: Iterable[ComparisonRecord]) -> str:
    """Return the essential columns as text."""
    return in_columns(records, _SHOWN)

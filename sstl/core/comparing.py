"""Observations of a lane compared: trusted traders, members of the programme, inspected goods against the others.

Counting units are compared within strata of lane, mode, ISO week (UTC, of the start milestone) and channel; one of
which no channel is known is compared with others of which none is. Only what has ended as its indicator defines enters:
what is still open, and what ended otherwise, is counted beside, for it makes a group look fast that is slow. Durations
that are not plausible (`sstl.core.lanes.terms`) are kept out as lanes keep them out.

The random stream is seeded by what the figure is, so that whoever has the same observations finds the same interval.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from sstl.core.histogram import whole_seconds
from sstl.core.incidents import COUNTED
from sstl.core.indicators.registry import Kind, definition
from sstl.core.lanes.terms import plausible_ms
from sstl.core.lanes.windows import DAY_MS, day_window, week_window
from sstl.core.statistics.differences import Comparison, Unit, compare
from sstl.core.statistics.draws import Draws, seed_of
from sstl.core.strata import CHANNEL_STRATUM, INSPECTED, NO, OPERATOR, SSTL, YES
from sstl.models.policy import Policy
from sstl.models.records import OPEN, Measure, Observation

GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    OPERATOR: ("AEO", "NON_AEO"),
    SSTL: (YES, NO),
    INSPECTED: (YES, NO),
}
"""Stratum to the group that is asked about and the one that it is compared with."""


class Cohort(NamedTuple):
    """The observations whose start milestone lies in a period."""

    name: str
    """As a window is called, or the days it goes from and to."""
    from_ms: int
    to_ms: int
    """Not in it."""


class Measured(NamedTuple):
    """What is measured where."""

    indicator: str
    counting_unit: str
    lane_id: str
    """Empty: of all lanes that were asked for, compared within each."""
    mode: str
    """Empty: of all modes."""


class Sides(msgspec.Struct):
    """How many of each group."""

    members: int = 0
    comparison: int = 0
    neither: int = 0
    """Of which nobody says to which group they belong."""


class ChannelMix(NamedTuple):
    """How many units of each group were assigned a channel."""

    channel: str | None
    """None: not known."""
    members: int
    comparison: int


class Compared(NamedTuple):
    """One comparison and what stands beside it."""

    measured: Measured
    by: str
    """Stratum that tells the groups apart."""
    cohort: Cohort
    result: Comparison
    n_neither: int
    still_open: Sides
    otherwise: Sides
    """Ended by a competing event."""
    excluded: Sides
    """Not plausible."""
    channels: tuple[ChannelMix, ...]
    """Of everything that ended, the units left out too; in order of the channels."""


def current_measures(told: Iterable[Observation]) -> list[tuple[Observation, Measure]]:
    """Return what holds after a series of messages: of one observation and lane the last counts.

    What moves to another lane is two messages, which may lie in partitions that are read in any order.
    """
    last: dict[tuple[str, str], Observation] = {}
    for one in told:
        measure = one.current or one.previous
        if measure is not None:
            last[one.id, measure.lane_id] = one
    return [(one, one.current) for _, one in sorted(last.items()) if one.current is not None]


def is_comparable(indicator: str, counting_unit: str) -> bool:
    """Tell whether an indicator is of durations: shares and rates are compared by their own intervals."""
    return indicator not in COUNTED and definition(indicator, counting_unit).kind is Kind.DURATION


def compare_observations(
    observations: Iterable[tuple[Observation, Measure]],
    by: Sequence[str],
    cohort: Cohort,
    *,
    policy: Policy,
    pooled: bool = False,
) -> list[Compared]:
    """Return the comparisons of all indicators, lanes and modes, in their order.

    Args:
        observations: In any order; indicators that are no durations are passed over.
        by: Of `GROUPS`.
        cohort: Observations of other times are passed over.
        policy: Latest version; what governs the start of an observation says whether it is plausible.
        pooled: One comparison over all lanes and modes, not one for each.

    Raises:
        KeyError: A stratum by which nothing is compared.
    """
    pairs = [(stratum, *GROUPS[stratum]) for stratum in by]
    found: dict[Measured, list[Measure]] = {}
    for one, measure in observations:
        if not cohort.from_ms <= measure.start_ms < cohort.to_ms:
            continue
        if not is_comparable(one.indicator, one.counting_unit):
            continue
        where = ("", "") if pooled else (measure.lane_id, measure.mode)
        series = Measured(one.indicator, one.counting_unit, *where)
        found.setdefault(series, []).append(measure)
    return [
        _compared(series, group, cohort, pair, policy)
        for series, group in sorted(found.items())
        for pair in pairs
    ]


def _compared(
    series: Measured,
    group: Iterable[Measure],
    cohort: Cohort,
    pair: tuple[str, str, str],
    policy: Policy,
) -> Compared:
    stratum, asked, other = pair
    ended, still_open, otherwise, excluded = Sides(), Sides(), Sides(), Sides()
    channels: dict[str | None, Sides] = {}
    units = []
    for measure in group:
        status = measure.strata.get(stratum)
        if measure.outcome == OPEN:
            sides = still_open
        elif not _is_plausible(series, measure, policy):
            sides = excluded
        else:
            sides = ended if measure.outcome is None else otherwise
        _count(sides, status, pair)
        if sides is not ended or status not in (asked, other):
            continue
        channel = measure.strata.get(CHANNEL_STRATUM)
        _count(channels.setdefault(channel, Sides()), status, pair)
        units.append(_unit(measure, channel, member=status == asked))
    seed = seed_of(*series, stratum, cohort.name)
    return Compared(
        series,
        stratum,
        cohort,
        compare(units, Draws(seed)),
        ended.neither,
        still_open,
        otherwise,
        excluded,
        tuple(
            ChannelMix(channel, sides.members, sides.comparison)
            for channel, sides in sorted(channels.items(), key=lambda item: item[0] or "~")
        ),
    )


def _count(sides: Sides, status: str | None, pair: tuple[str, str, str]) -> None:
    if status == pair[1]:
        sides.members += 1
    elif status == pair[2]:
        sides.comparison += 1
    else:
        sides.neither += 1


def _is_plausible(series: Measured, measure: Measure, policy: Policy) -> bool:
    governing = policy.at(measure.start_ms)
    bounds = plausible_ms(governing, series.indicator, series.counting_unit)
    return bounds is None or bounds[0] <= measure.value_ms <= bounds[1]


def _unit(measure: Measure, channel: str | None, *, member: bool) -> Unit:
    """Return a counting unit; one that names no cluster is of all of its lane that began on its day."""
    week = week_window(measure.start_ms // DAY_MS)
    lane = f"{measure.lane_id}|{measure.mode}"
    cluster = measure.cluster or f"{lane}|{day_window(measure.start_ms)}"
    return Unit(
        cluster,
        f"{lane}|{week}|{'-' if channel is None else channel}",
        member,
        whole_seconds(measure.value_ms),
    )

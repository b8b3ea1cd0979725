"""How much of a month's change of a mean is change within classes, and how much is a change of their mix.

Of each clearance time, by class of lot and by channel: the mean of a month less that of the month before, what the mix
of the month before would have seen of it (`within_change`), and the rest (`mix_effect`); Kitagawa's decomposition with
the first month as standard (`sstl.core.statistics.composition`), from the exact sums of both months' days. What states
no class is one by itself. Published with the month's window under names of their own and the stratum ``by``.

Cells: part ``composed/<month>`` of the series of all together keeps what was last said.
"""

from collections.abc import Iterator
from typing import Final, get_args

from sstl.core.lanes.cell import END, Series
from sstl.core.lanes.cohorts import Cohorts
from sstl.core.lanes.derived import Figure
from sstl.core.lanes.publishing import digest_of, emit
from sstl.core.lanes.record import figure_record
from sstl.core.lanes.terms import follow_up_ms
from sstl.core.lanes.told import NOTHING_SAID, Published, next_told
from sstl.core.lanes.windows import DAY_PREFIX, MONTH_PREFIX, days_of, month_name
from sstl.core.lanes.zones import bounds_of
from sstl.core.stage import PASSED, Work
from sstl.core.statistics.composition import Decomposition, Standard, Total, decompose
from sstl.core.statistics.result import LEVEL, Estimate, Method, NotEstimable
from sstl.core.strata import CHANNEL_STRATUM, LOT
from sstl.models.common import Channel
from sstl.models.manifest import LotClass

COMPOSED: Final = frozenset({"LT_release", "LT_clear", "LT_clear_declared"})
CLASSES: Final = {LOT: get_args(LotClass), CHANNEL_STRATUM: get_args(Channel)}
"""Stratum by which means are decomposed to its classes."""
KITAGAWA: Final = Method("kitagawa-first-standard", 1)
BY: Final = "by"
"""Stratum of these figures: what the classes are of."""
CRUDE, WITHIN, MIX = "crude_change", "within_change", "mix_effect"
_COMPOSED: Final = "composed/"
_UNKNOWN: Final = "-"
_NOTHING_BEFORE: Final = NotEstimable("no observation in the month before")
_MS = 1000


def composed_at(key: str, window: str) -> Iterator[tuple[str, str]]:
    """Yield (series of all together, month) to compose anew when a window of a series is marked to be published.

    A changed month changes the comparison of the month after with it too.
    """
    series = Series.of(key)
    if (
        series.by == END
        or series.indicator not in COMPOSED
        or any(name not in CLASSES for name, _ in series.strata)
    ):
        return
    if len(series.strata) > 1 or not window.startswith((DAY_PREFIX, MONTH_PREFIX)):
        return
    whole = series._replace(strata=()).key
    days = days_of(window)
    month = month_name(days.start)
    yield whole, month
    if window.startswith(DAY_PREFIX):
        yield whole, month_name(days_of(MONTH_PREFIX + month).stop)


def compose(work: Work, cohorts: Cohorts, key: str, month: str) -> None:
    """Publish the composition of a month's change, where it says something else than before."""
    series, window = Series.of(key), MONTH_PREFIX + month
    published: Published = work.get(key, _COMPOSED + month) or NOTHING_SAID
    told = work.get(PASSED, "")
    reached_ms = None if told is None else told.reached_ms
    begin_ms, end_ms = bounds_of(work.policy, series, window)
    governing = work.policy.at(begin_ms)
    follow_up = follow_up_ms(governing, series.indicator, series.counting_unit)
    provisional = reached_ms is None or reached_ms < end_ms + follow_up
    changed = {}
    for by in CLASSES:
        for figure in _figures(cohorts, series, month, by):
            name = f"{by}|{figure.name}"
            digest = digest_of(figure, governing) if figure.n else ""
            now = next_told(published.said(name), digest, provisional=provisional)
            if now is None:
                continue
            changed[name] = now
            record = figure_record(
                series._replace(strata=((BY, by),)),
                window,
                figure,
                revision=now.revision,
                reached_ms=reached_ms,
                provisional=provisional,
                policy=governing,
            )
            emit(work, record)
    if changed:
        work.put(key, _COMPOSED + month, published.changed(changed))


def _figures(cohorts: Cohorts, series: Series, month: str, by: str) -> Iterator[Figure]:
    """Yield crude change, change within and mix effect; of an n of 0 where no unit states a class."""
    before = month_name(days_of(MONTH_PREFIX + month).start - 1)
    first, second = (_totals(cohorts, series, one, by) for one in (before, month))
    stated = (first.keys() | second.keys()) - {_UNKNOWN}
    n = sum(total.n for total in second.values()) if stated else 0
    found = decompose(first, second, Standard.FIRST) if n and first else None
    for name in (CRUDE, WITHIN, MIX):
        yield Figure(
            name=f"{series.indicator}_{name}",
            n=n,
            estimated=_NOTHING_BEFORE
            if found is None or isinstance(found, NotEstimable)
            else _exact(found, name),
            unit="s",
            method=KITAGAWA,
        )


def _exact(found: Decomposition, name: str) -> Estimate:
    """Return a figure in seconds, the nearest double of the exact fraction; there is no interval."""
    exact = {CRUDE: found.crude, WITHIN: found.within, MIX: found.mix}[name]
    return Estimate(estimate=float(exact / _MS), low=None, high=None, level=LEVEL, method=KITAGAWA)


def _totals(cohorts: Cohorts, series: Series, month: str, by: str) -> dict[str, Total]:
    """Return n and sum (ms) of each class in a month, what states none as a class too; classes without units left out.

    Each unit is of one class, so what is in no class is what all together count more.
    """
    whole = _total(cohorts, series.key, month)
    found = {
        name: total
        for name in CLASSES[by]
        if (total := _total(cohorts, series._replace(strata=((by, name),)).key, month)).n
    }
    rest = Total(
        whole.n - sum(total.n for total in found.values()),
        whole.total - sum(total.total for total in found.values()),
    )
    return found | {_UNKNOWN: rest} if rest.n else found


def _total(cohorts: Cohorts, key: str, month: str) -> Total:
    cell = cohorts.counts(key, MONTH_PREFIX + month)
    return Total(0, 0) if cell is None else Total(cell.n, int(cell.sum_ms))

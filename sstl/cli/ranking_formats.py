"""Rankings as records, and as a table for people."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Literal, NamedTuple

from sstl.cli.indicator_formats import Columns, in_columns
from sstl.core.decided import Decided
from sstl.core.ranked import Ranked, tops
from sstl.core.statistics.ranking import Found
from sstl.core.statistics.result import Estimate, NotEstimable
from sstl.models.ranking import RankedFigure, RankingRecord

BOUND_ONLY = "the random arm found nothing below the top: a bound only"
NO_FLAG = "no flag was issued on any of them before it was decided upon: nothing to rank by"
NO_REVENUE = "no revenue is stated"
CURRENCIES = "lanes to several countries: their offices report no one currency"


class Scored(NamedTuple):
    """A consignment with its score."""

    one: Decided
    score: float


class Asked(NamedTuple):
    """What a ranking is of."""

    lane_id: str
    mode: str
    window: str
    scored_by: Literal["flags", "table"]
    unscored: int = 0


def ranking_records(
    asked: Asked, scored: Sequence[Scored], shares: Sequence[Fraction]
) -> list[RankingRecord]:
    """Return one record for each share of one ranking."""
    units = [
        Ranked(consignment=one.consignment, score=score, arm=one.arm, revenue=one.revenue or 0)
        for one, score in scored
    ]
    hits = [one for one, _ in scored if one.arm.hit]
    flat = asked.scored_by == "flags" and not any(score for _, score in scored)
    unstated = sum(one.revenue is None for one in hits)
    countries = {_destination(one.lane_id) for one, _ in scored}
    no_money = None
    if hits and unstated == len(hits):
        no_money = NO_REVENUE
    elif len(countries) > 1:
        no_money = CURRENCIES
    return [
        RankingRecord(
            lane_id=asked.lane_id,
            mode=asked.mode,
            window=asked.window,
            scored_by=asked.scored_by,
            q=float(top.share),
            selected=top.selected,
            n=len(units),
            n_controlled=sum(one.arm.is_done for one, _ in scored),
            n_random=sum(
                one.arm.is_done and one.arm.drawn and not one.arm.targeted for one, _ in scored
            ),
            n_hits=len(hits),
            n_hits_without_revenue=unstated,
            n_unscored=asked.unscored,
            all_controlled=top.all_controlled,
            precision=_figure(top.precision, NO_FLAG if flat else None),
            recall=_figure(top.recall, NO_FLAG if flat else None),
            revenue=_figure(top.revenue, NO_FLAG if flat else no_money),
        )
        for top in tops(units, shares)
    ]


def _destination(lane_id: str) -> str:
    """Return the country that a lane leads to, as far as its id says it."""
    place = lane_id.split("-")[1] if "-" in lane_id else lane_id
    return place if ":" in place else place[:2]


def _figure(found: Found, refused: str | None) -> RankedFigure:
    value = NotEstimable(refused) if refused is not None else found.value
    if not isinstance(value, Estimate):
        return RankedFigure(reason=value.reason)
    return RankedFigure(
        estimate=value.estimate,
        low=value.low,
        high=value.high,
        expected=found.expected,
        level=value.level,
        method=value.method.name,
        method_version=value.method.version,
        reason=BOUND_ONLY if value.estimate is None else None,
    )


def _said(figure: RankedFigure) -> str:
    """Return the estimate, in brackets its mean over orders of equal scores; or the bound."""
    if figure.estimate is not None:
        expected = "" if figure.expected is None else f" ({figure.expected:.3f})"
        return f"{figure.estimate:.3f}{expected}"
    return "" if figure.low is None else f"at least {figure.low:.3f}"


def _interval(figure: RankedFigure) -> str:
    if figure.estimate is None or figure.low is None or figure.high is None:
        return ""
    return f"{figure.low:.3f} to {figure.high:.3f}"


def _why(one: RankingRecord) -> str:
    """Return why there are no figures, each reason once with the figures that it concerns."""
    reasons: dict[str, list[str]] = {}
    for name in ("precision", "recall", "revenue"):
        figure: RankedFigure = getattr(one, name)
        if figure.reason is not None:
            reasons.setdefault(figure.reason, []).append(name)
    return "; ".join(f"{', '.join(names)}: {reason}" for reason, names in reasons.items())


def _left_out(one: RankingRecord) -> str:
    counts = {"without a score": one.n_unscored, "hits without revenue": one.n_hits_without_revenue}
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)


_SHOWN: Columns[RankingRecord] = (
    ("lane", False, lambda one: one.lane_id or "all"),
    ("mode", False, lambda one: one.mode or "all"),
    ("window", False, lambda one: one.window),
    ("q", True, lambda one: f"{one.q * 100:g}%"),
    ("top", True, lambda one: str(one.selected)),
    ("of", True, lambda one: str(one.n)),
    (
        "controlled",
        True,
        lambda one: (
            "all" if one.all_controlled else f"{one.n_controlled} ({one.n_random} at random)"
        ),
    ),
    ("hits", True, lambda one: str(one.n_hits)),
    ("precision", True, lambda one: _said(one.precision)),
    ("interval", False, lambda one: _interval(one.precision)),
    ("recall", True, lambda one: _said(one.recall)),
    ("interval", False, lambda one: _interval(one.recall)),
    ("revenue", True, lambda one: _said(one.revenue)),
    ("interval", False, lambda one: _interval(one.revenue)),
    ("left out", False, _left_out),
    ("not estimable", False, _why),
)
"""Heading, whether it is a number, and what is shown."""


def as_ranking_table(records: Iterable[RankingRecord]) -> str:
    """Return the essential columns as text."""
    return in_columns(records, _SHOWN)

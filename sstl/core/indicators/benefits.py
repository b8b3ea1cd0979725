"""Definitions of what operators gain, and of how far the programme reaches."""

from collections.abc import Iterable
from typing import Final

from sstl.core.indicators.definition import SPENT_S, Definition, Kind
from sstl.core.statistics.result import Estimate, Method

DISTINCT: Final = "distinct"
"""Name of the estimator."""
COUNT: Final = Method("distinct-count", 1)
_REACH: Final = "docs/indicators.md (how far the programme reaches)"
_CONSIGNMENT: Final = "consignment"
_NOT_SAID: Final = "What the filing does not say to take part or not is in neither number"
_FIRST: Final = "T0"


def _reach(
    name: str,
    question: str,
    formula: str,
    misleads: str,
    unit: str = _CONSIGNMENT,
    amount: str | None = None,
) -> Definition:
    """Return a share of counting units, or of an amount that they carry."""
    return Definition(
        name=name,
        question=question,
        formula=formula,
        source=_REACH,
        kind=Kind.SHARE if amount is None else Kind.RATE,
        counting_unit=unit,
        start=_FIRST,
        misleads=misleads,
        strata=(),
        exposure_unit=amount or "1",
        is_amount=amount is not None,
    )


def _taking_part(
    what: str, formula: str, misleads: str, unit: str = _CONSIGNMENT, start: str = _FIRST
) -> tuple[Definition, Definition]:
    return (
        Definition(
            name=f"taking_part_{what}",
            question=f"Which {what} does a consignment that takes part name?",
            formula=f"one category a {unit}: what it names, operators as digests",
            source=_REACH,
            kind=Kind.TALLY,
            counting_unit=unit,
            start=start,
            misleads="Not published itself.",
            strata=(),
            estimator=DISTINCT,
        ),
        Definition(
            name=f"{what}_taking_part",
            question=f"How many {what} take part?",
            formula=f"{formula}; by month and since the beginning",
            source=_REACH,
            kind=Kind.TALLY,
            counting_unit=unit,
            start=start,
            misleads=misleads,
            strata=(),
            figure_unit=what,
        ),
    )


BENEFITS: Final = (
    Definition(
        name="control_dwell",
        question="For how long of the time from arrival to release was a control selected or under way?",
        formula="union over controls of [selected, result] within [T6, T13]; without a result up to completion or T13",
        source="docs/indicators.md (what controls cost in time)",
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit=_CONSIGNMENT,
        start="T6",
        at="DESTINATION",
        misleads="0 where no control met it: compare means, not medians. Waiting for papers meanwhile is in it; a "
        "consignment with a control of unknown side, or without a reported channel or control, is not counted.",
        strata=(("operator",), ("sstl",), ("channel",)),
    ),
    _reach(
        "sstl_consignment_share",
        "Which share of a lane's consignments takes part in the programme?",
        "consignments that take part, over those of which the filing says whether they do",
        f"{_NOT_SAID}. Small lots weigh as much as full containers: read it beside the share of mass.",
    ),
    _reach(
        "sstl_mass_share",
        "Which share of a lane's mass takes part in the programme?",
        "gross mass of consignments that take part, over that of all, each rounded to whole kg",
        f"{_NOT_SAID}, and so is what states no mass. Mass as filed, not as weighed. No interval: it is no count.",
        amount="kg",
    ),
    _reach(
        "sstl_unit_share",
        "Which share of a lane's units takes part in the programme?",
        "journeys all of whose consignments take part, over those that do or do not as a whole; once arrived",
        f"{_NOT_SAID}, nor is a unit that holds both kinds or is under way. What is no container counts as one.",
        "journey",
    ),
    _reach(
        "sstl_teu_share",
        "Which share of a lane's containers, counted in TEU, takes part in the programme?",
        "TEU of journeys all of whose consignments take part, over that of those that do or do not as a whole; once "
        "arrived; 20 feet 1, 40 and 45 feet 2 (ISO 6346 size code of the filing); sea, rail and road",
        f"{_NOT_SAID}, nor is a container of another or no stated length: compare n with sstl_unit_share. What is no "
        "container counts 0. Some statistics count 45 feet as 2.25.",
        "journey",
        "TEU",
    ),
    _reach(
        "sstl_value_share",
        "Which share of the declared value of a lane's goods takes part in the programme?",
        "declared value of consignments that take part, over that of all, each in whole units; a series by currency, "
        "which is its counting unit",
        f"{_NOT_SAID}, nor is a consignment with an item without value or with two currencies: compare n with "
        "sstl_consignment_share. As filed; nothing is converted.",
        "currency",
        "currency unit",
    ),
    *_taking_part(
        "operators",
        "different importers and exporters of consignments that take part, by pseudonym",
        "A company with several pseudonyms counts several times. Not of parcels: their parties are private people.",
        unit="party",
        start="month of T0",
    ),
    *_taking_part(
        "offices",
        "different customs offices that report on consignments that take part",
        "An office that only receives reports is not in it; of one consignment at most 8 count.",
    ),
    *_taking_part(
        "ports",
        "different places of loading and unloading of consignments that take part, as filed",
        "A lane has one of each unless filings name other terminals or places.",
    ),
)
"""In the order of the documentation."""


def distinct(categories: Iterable[str]) -> int:
    """Return how many different things the categories of a tally name between them."""
    return len({name for category in categories for name in category.split(" ")})


def counted(many: int) -> Estimate:
    """Return a count, which is exact: its interval is itself."""
    return Estimate(estimate=many, low=many, high=many, level=0.95, method=COUNT)

"""How much is detained: a tally of quantities, and the sum that is made of it.

A quantity is no count of events, so no interval of a rate holds for it: it is published as the sum that it is.
Kilograms and pieces do not add; the counting unit of a series is the unit of measure, so that they never do.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

from sstl.core.indicators.definition import Definition, Kind
from sstl.core.statistics.result import Estimate, Method

AMOUNT: Final = "amount"
"""Name of the estimator."""
SUM: Final = Method("exact-sum", 1)
_MEASURE: Final = "unit of measure"
_SOURCE: Final = (
    "docs/statistics.md (shares and rates of controls); UN/ECE Recommendation 20 (units)"
)


def _definition(
    name: str,
    question: str,
    formula: str,
    misleads: str,
    estimator: str | None = None,
    figure_unit: str = "1",
) -> Definition:
    return Definition(
        name=name,
        question=question,
        formula=formula,
        source=_SOURCE,
        kind=Kind.TALLY,
        counting_unit=_MEASURE,
        start="first report of the detention",
        misleads=misleads,
        strata=(("side",),),
        estimator=estimator,
        figure_unit=figure_unit,
    )


DETENTION: Final = _definition(
    "detention",
    "Which quantity is detained?",
    "the quantity of one detention, as an exact fraction, as the category",
    "Not published itself. Its counting unit is the code of the unit of measure (KGM, NAR).",
    AMOUNT,
)
DETAINED_QUANTITY: Final = _definition(
    "detained_quantity",
    "How much is detained?",
    "sum of the quantities of detentions, of one unit of measure",
    "One large shipment may be most of it: read n beside. Detentions without quantity and unit are not in it, nor is "
    "what names only a unit.",
    figure_unit=_MEASURE,
)


def detained_quantity(categories: Mapping[str, int]) -> Estimate:
    """Return the sum of the quantities of a tally; it is no estimate of anything else and has no interval."""
    total = sum((Fraction(one) * many for one, many in categories.items()), Fraction())
    return Estimate(estimate=float(total), low=None, high=None, level=0.95, method=SUM)

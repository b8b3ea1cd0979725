"""Definitions of the rates of controls: events of a consignment over exposure.

What is counted over what is said once, in `sstl.core.statistics.control_ratios`.
"""

from typing import Final

from sstl.core.indicators.definition import Definition, Kind
from sstl.core.statistics.control_ratios import CONTROL_RATIOS

_SOURCE = "docs/statistics.md (shares and rates of controls)"
_CHANNEL = "first channel assigned on the import side"
_WHOSE = (("operator",), ("sstl",))
_CLEARED = (*_WHOSE, ("channel",), ("channel", "operator"), ("channel", "sstl"))
_OPEN = "a consignment with a report of unknown side is in neither number"
_EACH = "what names only its unit counts for each consignment in it"
_CONSIGNMENTS = "n counts the consignments that were controlled, the exposure their controls"


def _rate(
    name: str, question: str, start: str, strata: tuple[tuple[str, ...], ...], *beside: str
) -> Definition:
    ratio = CONTROL_RATIOS[name]
    misleads = "; ".join((ratio.misleads, *beside))
    return Definition(
        name=name,
        question=question,
        formula=f"{ratio.numerator}, per {ratio.per} {ratio.denominator}",
        source=_SOURCE,
        kind=Kind.RATE,
        counting_unit=ratio.counting_unit,
        start=start,
        at="DESTINATION",
        misleads=f"{misleads[0].upper()}{misleads[1:]}.",
        strata=strata,
        per=ratio.per,
    )


CONTROL_RATES: Final = (
    _rate(
        "controls_per_1000_consignments",
        "How often is a consignment controlled?",
        _CHANNEL,
        _CLEARED,
        _OPEN,
        _EACH,
    ),
    _rate(
        "document_requests_per_1000_consignments",
        "How often does customs ask for papers?",
        _CHANNEL,
        _CLEARED,
        _OPEN,
        _EACH,
    ),
    _rate(
        "seizures_per_1000_consignments",
        "How often are goods seized?",
        _CHANNEL,
        _CLEARED,
        _OPEN,
        _EACH,
    ),
    _rate(
        "seizures_per_100_inspections",
        "How often does a control lead to a seizure?",
        "first report of the first completed control on the import side",
        _WHOSE,
        "seizures and controls are those of one consignment, whether one led to the other or not",
        _CONSIGNMENTS,
        _EACH,
    ),
)
"""In the order of the documentation."""

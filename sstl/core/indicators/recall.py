"""What targeting finds and misses, by lane: the tally of arms, and the figures that are made of it.

Formulas, intervals and refusals: `sstl.core.statistics.recall` and docs/statistics.md.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sstl.core.indicators.arm import flow_of
from sstl.core.indicators.definition import Definition, Kind
from sstl.core.statistics.recall import RANDOM_ARM, effectiveness
from sstl.core.statistics.result import LEVEL, Estimate, Estimated, Method

RECALL: Final = "recall"
"""Name of the estimator."""
PREVALENCE: Final = "random_prevalence"
_SOURCE: Final = "docs/statistics.md (what targeting finds and misses)"
_CONSIGNMENT: Final = "consignment"
_START: Final = (
    "first channel assigned on the import side; without one the draw, then the first selection"
)
_HITS: Final = "consignments"
_STRATA: Final = (("operator",), ("sstl",))
_SMALL: Final = "Not estimable without a random arm of 30 controls, 90 % of its draws carried out"


class RecallFigure(NamedTuple):
    """One figure of a flow."""

    name: str
    n: int
    """Eligible consignments; of a prevalence that is estimable the random controls."""
    estimated: Estimated
    method: Method
    """How it is, or would be, made."""
    unit: str


CONTROL_ARM: Final = Definition(
    name="control_arm",
    question="How was a consignment selected for control, and what did that find?",
    formula="one category a consignment (docs/indicators.md, How recall is built)",
    source=_SOURCE,
    kind=Kind.TALLY,
    counting_unit=_CONSIGNMENT,
    start=_START,
    at="DESTINATION",
    misleads="Not published itself. Eligible is what the import side reports a channel, a selection or a draw of.",
    strata=_STRATA,
    estimator=RECALL,
)

REVENUE: Final = Definition(
    name="revenue_found",
    question="How much recoverable revenue is found in a consignment in which controls find any?",
    formula="revenue of the irregularities of import controls with a finding, rounded to whole units of the office's "
    "currency, over consignments of which one states it",
    source=_SOURCE,
    kind=Kind.RATE,
    counting_unit=_CONSIGNMENT,
    start=_START,
    at="DESTINATION",
    misleads="As reported with the result, not as collected. Reports state no currency: it is that of the import "
    "office. Finds that state no revenue are not in it, nor is what names only a unit.",
    strata=_STRATA,
    is_amount=True,
    per_unit=_CONSIGNMENT,
)


def _figure(name: str, question: str, formula: str, misleads: str, unit: str = "1") -> Definition:
    return Definition(
        name=name,
        question=question,
        formula=formula,
        source=_SOURCE,
        kind=Kind.TALLY,
        counting_unit=_CONSIGNMENT,
        start=_START,
        at="DESTINATION",
        misleads=misleads,
        strata=_STRATA,
        figure_unit=unit,
    )


_OF: Final[Mapping[str, str]] = {
    PREVALENCE: "prevalence",
    "lift_against_untargeted": "lift_against_untargeted",
    "lift_against_flow": "lift_against_flow",
    "missed_hits": "missed",
    "total_hits": "total",
    "targeting_recall": "targeting_recall",
    "overall_recall": "overall_recall",
    "leakage": "leakage",
}
"""Name of an indicator to its name in `Effectiveness`."""

RECALL_FIGURES: Final = (
    _figure(
        PREVALENCE,
        "Which share of what nobody targeted would a control find something in?",
        "h_R / n_R of the random arm; with several chances of being drawn by strata",
        f"{_SMALL}. It is of the control type that was drawn: what that does not see is not in it.",
    ),
    _figure(
        "lift_against_untargeted",
        "How much better than chance among the rest is targeting?",
        "(h_S / n_S) / random_prevalence",
        f"{_SMALL}, and both arms of one control type. High where little is targeted: read beside targeting_recall.",
    ),
    _figure(
        "lift_against_flow",
        "How much better than chance among everything is targeting?",
        "(h_S / n_S) / (total_hits / N)",
        f"{_SMALL}, and both arms of one control type. Never above N / n_S: at full inspection it is 1.",
    ),
    _figure(
        "missed_hits",
        "How many hits did targeting miss?",
        "U random_prevalence: sum of 1 / pi over the hits of the random arm",
        f"{_SMALL}. Those that the random arm found are among them.",
        _HITS,
    ),
    _figure(
        "total_hits",
        "How many consignments would a control find something in?",
        "h_S + missed_hits",
        f"{_SMALL}, and both arms of one control type. A count of this window: longer windows have more.",
        _HITS,
    ),
    _figure(
        "targeting_recall",
        "Which share of all hits does targeting find?",
        "h_S / total_hits",
        f"{_SMALL}, and both arms of one control type. More controls raise it, better ones or not.",
    ),
    _figure(
        "overall_recall",
        "Which share of all hits does any control find?",
        "(h_S + h_R) / total_hits",
        f"{_SMALL}, and both arms of one control type. A larger random arm alone raises it.",
    ),
    _figure(
        "leakage",
        "Which share of all hits does nobody find?",
        "1 - overall_recall",
        f"{_SMALL}, and both arms of one control type. Without a random hit only an upper bound is published.",
    ),
)
"""In the order of the documentation."""


def recall_figures(categories: Mapping[str, int], level: float = LEVEL) -> Sequence[RecallFigure]:
    """Return every figure of a tally of arms, estimable or not, in the order of `RECALL_FIGURES`.

    Args:
        categories: How many consignments are of each category (`sstl.core.indicators.arm`).
        level: Confidence level of the intervals.
    """
    flow = flow_of(categories)
    found = effectiveness(flow, level)
    eligible = sum(categories.values())
    controls = sum(one.done for one in flow.outside)
    figures = []
    for one in RECALL_FIGURES:
        estimated: Estimated = getattr(found, _OF[one.name])
        n, method = eligible, RANDOM_ARM
        if isinstance(estimated, Estimate):
            n, method = controls if one.name == PREVALENCE else eligible, estimated.method
        figures.append(RecallFigure(one.name, n, estimated, method, one.unit))
    return figures

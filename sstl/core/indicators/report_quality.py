"""Definitions of the quality of reports by source: one tally of what is wrong with each, and shares made of it."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sstl.core.indicators.definition import Definition, Kind
from sstl.core.report_faults import NO_FAULT, Fault
from sstl.core.statistics.proportions import wilson
from sstl.core.statistics.result import LEVEL, Estimated

REPORT_FAULTS: Final = "report-faults"
"""Name of the estimator."""
IMPLAUSIBLE: Final = "implausible_report_share"
_UNIT: Final = "report"
_START: Final = "T1, T6, T14, T8 or T13, as the source says"
_SOURCE: Final = "docs/indicators.md (reports that cannot be right)"
_STRATA: Final = (("source",),)


def _share(name: str, question: str, formula: str, misleads: str) -> Definition:
    return Definition(
        name=name,
        question=question,
        formula=f"{formula}, over all reports of these milestones",
        source=_SOURCE,
        kind=Kind.TALLY,
        counting_unit=_UNIT,
        start=_START,
        misleads=misleads,
        strata=_STRATA,
    )


_BOTH: Final = (
    "Of two reports that cannot both be right each counts, so that a sound source may suffer"
)
_OF_FAULT: Final[Mapping[Fault, Definition]] = {
    Fault.RECORDED_BEFORE: _share(
        "report_recorded_before_share",
        "How often does a source report what had not happened yet?",
        "reports recorded before it happened by more than the clock tolerance",
        "A clock that is ahead, a time zone left out and an estimate sent as ACTUAL look alike.",
    ),
    Fault.RECORDED_LATE: _share(
        "report_recorded_late_share",
        "How often does a source report absurdly late?",
        "reports recorded more than 400 days after it happened",
        "What arrives later than the policy's greatest lateness is rejected before and is not in it.",
    ),
    Fault.OUT_OF_ORDER: _share(
        "report_out_of_order_share",
        "How often does a source contradict the order of the chain?",
        "reports of what must come later before what must come first, or the other way round",
        f"{_BOTH}.",
    ),
    Fault.CONTRADICTED: _share(
        "report_contradicted_share",
        "How often do sources contradict each other on when something happened?",
        "reports of an arrival that another report at the same place puts more than a day apart",
        f"{_BOTH}; a source that is the only one is never contradicted.",
    ),
}

REPORT_QUALITY: Final = (
    Definition(
        name="report_fault",
        question="Can a report be right, and if not, why?",
        formula="one category a report: NONE or its first fault",
        source=_SOURCE,
        kind=Kind.TALLY,
        counting_unit=_UNIT,
        start=_START,
        misleads="Not published itself. A report is what one source says of one milestone of one unit or consignment.",
        strata=_STRATA,
        estimator=REPORT_FAULTS,
    ),
    _share(
        IMPLAUSIBLE,
        "How often cannot be right what a source reports?",
        "reports with any of the faults below",
        f"{_BOTH}. Plausible is not true. A ship's arrival counts once for each of its units.",
    ),
    *_OF_FAULT.values(),
)
"""In the order of the documentation."""


class FaultFigure(NamedTuple):
    """One share of a tally of reports."""

    name: str
    k: int
    n: int
    estimated: Estimated


def fault_figures(categories: Mapping[str, int]) -> Sequence[FaultFigure]:
    """Return the share of implausible reports, and of each fault that there is, all of the same reports.

    Args:
        categories: How many reports are `NO_FAULT` or have which fault.
    """
    n = sum(categories.values())
    found = {IMPLAUSIBLE: n - categories.get(NO_FAULT, 0)}
    found |= {one.name: categories.get(fault.value, 0) for fault, one in _OF_FAULT.items()}
    return [
        FaultFigure(name, k, n, wilson(k, n, LEVEL))
        for name, k in found.items()
        if k or name == IMPLAUSIBLE
    ]

"""Definitions of the quality of risk flags, by the feedback on them.

What is counted over what is said once, in `sstl.core.statistics.control_ratios`.
"""

from typing import Final

from sstl.core.indicators.definition import STAGE_S, Definition, Kind
from sstl.core.statistics.control_ratios import CONTROL_RATIOS

_START = "instant that governs the flag (issuedAt)"
_SOURCE = "docs/statistics.md (shares and rates of controls)"
_STRATA = (("rule",), ("severity",), ("standing",))
_AS_ISSUED = "as issued, with answered flags that were taken back later; those of the net set are standing=HOLDS"


def _share(name: str, question: str, *beside: str) -> Definition:
    ratio = CONTROL_RATIOS[name]
    misleads = "; ".join((ratio.misleads, *beside, _AS_ISSUED))
    return Definition(
        name=name,
        question=question,
        formula=f"{ratio.numerator}, over {ratio.denominator}",
        source=_SOURCE,
        kind=Kind.SHARE,
        counting_unit=ratio.counting_unit,
        start=_START,
        misleads=f"{misleads[0].upper()}{misleads[1:]}.",
        strata=_STRATA,
    )


FLAG_QUALITY: Final = (
    _share("flag_precision", "How often is a flag right, of those that a control decided?"),
    _share(
        "flag_feedback_rate",
        "How often is a flag answered?",
        "a flag that was withdrawn without feedback asks for none and is in neither number",
    ),
    _share("flag_feedback_late_share", "How often does feedback come after its time?"),
    _share("flag_too_late_share", "How often does a flag come too late for a control?"),
    Definition(
        name="flag_feedback_delay",
        question="How long after a flag does its final feedback come?",
        formula="recorded time of the final feedback - issuedAt; final: greatest (recorded time, feedback id)",
        source="docs/risk-flags.md (final feedback)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="flag",
        start=_START,
        misleads=f"Flags without feedback are not in it: read it beside the feedback rate; {_AS_ISSUED}. "
        "issuedAt is when it happened, so hours in which nobody could have known count.",
        strata=_STRATA,
    ),
)
"""In the order of the documentation."""

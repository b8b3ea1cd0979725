"""Definitions of what controls say of seals and locks.

What is counted over what is said once, in `sstl.core.statistics.control_ratios`.
"""

from typing import Final

from sstl.core.indicators.definition import SPENT_S, Definition, Kind
from sstl.core.statistics.control_ratios import CONTROL_RATIOS

_SOURCE: Final = "docs/statistics.md (shares and rates of controls)"
_SEA_HOURS: Final = 90 * 24
_VENDOR: Final = (("vendor",),)
_ALARMS: Final = (*_VENDOR, ("alarm",))


def _ratio(
    name: str,
    question: str,
    start: str,
    strata: tuple[tuple[str, ...], ...],
    *beside: str,
    kind: Kind = Kind.SHARE,
    counting_unit: str | None = None,
    exposure_unit: str = "1",
    per_unit: str | None = None,
) -> Definition:
    ratio = CONTROL_RATIOS[name]
    misleads = "; ".join((ratio.misleads, *beside))
    return Definition(
        name=name,
        question=question,
        formula=f"{ratio.numerator}, over {ratio.denominator}",
        source=_SOURCE,
        kind=kind,
        counting_unit=counting_unit or ratio.counting_unit,
        start=start,
        misleads=f"{misleads[0].upper()}{misleads[1:]}.",
        strata=strata,
        per=ratio.per,
        exposure_unit=exposure_unit,
        per_unit=per_unit,
        follow_up_hours=_SEA_HOURS,
    )


SEAL_CONTROLS: Final = (
    _ratio(
        "seal_alarm_confirmation_rate",
        "How often is an alarm of a lock right?",
        "first report of the alarm",
        _ALARMS,
        "an alarm that a grant or a control explains is none",
    ),
    _ratio(
        "seal_false_alarm_rate",
        "How often does an armed lock raise a false alarm?",
        "first arming of the lock on the journey",
        _VENDOR,
        "a lock that nobody has reported as opened counts once its unit is delivered",
        kind=Kind.RATE,
        counting_unit="lock",
        exposure_unit="ms",
        per_unit="1000 container-days",
    ),
    Definition(
        name="seal_alarm_control_delay",
        question="How soon does somebody look at a unit after an alarm of its lock?",
        formula="first report of a control (not of papers) or of a check of the lock - first report of the alarm",
        source=_SOURCE,
        kind=Kind.DURATION,
        plausible_s=SPENT_S,
        counting_unit="alarm",
        start="first report of the alarm",
        misleads="At sea nobody can look. Alarms that nobody followed up are missing, not long.",
        strata=_ALARMS,
        follow_up_hours=_SEA_HOURS,
    ),
    _ratio(
        "seal_mismatch_rate",
        "How often is the seal that is found another than the one expected?",
        "first report of the control that reads a number",
        (("side",), ("sstl",)),
        "expected is what was armed last, else what a manifest declares",
    ),
)
"""In the order of the documentation."""

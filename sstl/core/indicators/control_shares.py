"""Definitions of the shares of control effectiveness that one consignment's record decides by itself.

What is counted over what is said once, in `sstl.core.statistics.control_ratios`; here only from when a counting unit
counts, by what it is told apart, and what follows from its being observed consignment by consignment.
"""

from collections.abc import Mapping
from typing import Final

from sstl.core.indicators.definition import At, Definition, Kind
from sstl.core.statistics.control_ratios import CONTROL_RATIOS

INSPECTED_TYPES: Final[Mapping[str, str]] = {
    control: f"inspection_rate_{control.lower()}"
    for control in ("DOCUMENT", "SEAL", "NII", "LAB", "PHYSICAL")
}
"""Control type to the inspection rate of that type."""
CHANNEL_SHARES: Final[Mapping[str, str]] = {
    channel: f"channel_share_{channel.lower()}"
    for channel in ("GREEN", "BLUE", "YELLOW", "ORANGE", "RED")
}
"""Channel to the share of consignments that were first assigned it."""

_SEA_HOURS = 90 * 24
_SOURCE = "docs/statistics.md (shares and rates of controls)"
_WHOSE = (("operator",), ("sstl",))
_CHANNELS = (*_WHOSE, ("channel",))
_CLEARED = (*_CHANNELS, ("channel", "operator"), ("channel", "sstl"))
_CONTROLS = (*_WHOSE, ("side",))
_CHANNEL = "first channel assigned on the import side"
_EXPORT_CONTROL = "first completed export control"
_AT: Final[Mapping[str, At]] = {
    "T6": "DESTINATION",
    _CHANNEL: "DESTINATION",
    _EXPORT_CONTROL: "ORIGIN",
}
"""What starts elsewhere may start at either end."""
_EACH = "a control that names only its unit counts for each consignment in it"
_INCONCLUSIVE = "an inconclusive result counts as nothing found"
_BY_CONSIGNMENT = "counted by consignment, so that a unit counts once for each in it"


def _share(
    name: str,
    question: str,
    start: str,
    strata: tuple[tuple[str, ...], ...],
    *beside: str,
    follow_up_hours: float = 720,
    of: str | None = None,
    counting_unit: str | None = None,
) -> Definition:
    """Return the definition of a share, or of the one ``of`` a control type or channel."""
    ratio = CONTROL_RATIOS[name]
    misleads = "; ".join((ratio.misleads, *beside))
    named = "" if of is None else f" ({of})"
    return Definition(
        name=name if of is None else f"{name}_{of.lower()}",
        question=question,
        formula=f"{ratio.numerator}{named}, over {ratio.denominator}",
        source=_SOURCE,
        kind=Kind.SHARE,
        # what several consignments share is observed once for each of them
        counting_unit=counting_unit
        or ("consignment" if ratio.counting_unit == "journey" else ratio.counting_unit),
        start=start,
        at=_AT.get(start, "LANE"),
        misleads=f"{misleads[0].upper()}{misleads[1:]}.",
        strata=strata,
        follow_up_hours=follow_up_hours,
    )


def _journey(name: str, question: str, *beside: str) -> Definition:
    return _share(
        name,
        question,
        _EXPORT_CONTROL,
        _WHOSE,
        _BY_CONSIGNMENT,
        *beside,
        follow_up_hours=_SEA_HOURS,
    )


_FIRST = "first report of the control"
_UNREPORTED = "an office that reports no receipts looks as if it received nothing"

CONTROL_SHARES: Final = (
    _share("inspection_rate", "Which share of consignments is inspected?", _CHANNEL, _CLEARED),
    *(
        _share(
            "inspection_rate",
            f"Which share of consignments has a control of type {control}?",
            _CHANNEL,
            _CHANNELS,
            "a consignment with a control of unknown type only is in neither number",
            of=control,
        )
        for control in INSPECTED_TYPES
    ),
    *(
        _share(
            "channel_share",
            f"Which share of consignments is first assigned channel {channel}?",
            _CHANNEL,
            _WHOSE,
            of=channel,
        )
        for channel in CHANNEL_SHARES
    ),
    _share(
        "seized_consignment_share",
        "Which share of consignments has goods seized?",
        _CHANNEL,
        _CHANNELS,
    ),
    _share(
        "released_by_arrival_rate",
        "Which share of consignments need not wait for their release?",
        "T6",
        _CLEARED,
        "a consignment of which the import side reports no channel, detention or release is in neither number",
    ),
    _share(
        "hit_rate",
        "How often does a control find something?",
        _FIRST,
        (*_CONTROLS, ("control",), ("basis",), ("basis", "control"), ("office",)),
        "controls without a recorded result are in neither number",
        _INCONCLUSIVE,
        _EACH,
    ),
    _share(
        "hit_rate_by_rule",
        "How often does a control that a rule selected find something?",
        _FIRST,
        (("rule",),),
        "all rules together count a control once for each of its rules",
        _INCONCLUSIVE,
        _EACH,
        counting_unit="control+rule",
    ),
    _share(
        "officer_discretion_share",
        "How often is a control nobody's choice but the officer's?",
        "first selection of the control",
        _CONTROLS,
        "selections without a stated basis or side are in neither number",
        _EACH,
    ),
    _share(
        "nii_follow_up_rate",
        "How often is a suspect image looked into?",
        "first suspect image of the control",
        _CONTROLS,
        _EACH,
    ),
    _share(
        "nii_confirmation_rate",
        "How often is a suspect image right?",
        "first suspect image of the control",
        _CONTROLS,
        "controls without a recorded result are in neither number",
        _INCONCLUSIVE,
        _EACH,
    ),
    _share(
        "nii_clear_but_positive_rate",
        "How often does a clear image miss something?",
        _FIRST,
        _CONTROLS,
        "controls without a recorded result are in neither number",
        _INCONCLUSIVE,
        _EACH,
    ),
    _journey(
        "double_inspection_rate",
        "How often do both sides control for the same purpose?",
        "where a purpose is not recorded and none is repeated it is in neither number",
    ),
    _journey(
        "repeated_for_cause_share",
        "How often is there a reason to control for the same purpose again?",
        "any amendment or referral between the two controls counts as a cause",
    ),
    _journey("recognition_rate", "How often is the partner's control taken for one's own?"),
    _journey(
        "partner_result_at_decision_rate",
        "How often is the partner's result there when it is needed?",
        _UNREPORTED,
    ),
    _journey(
        "partner_result_before_arrival_rate",
        "How often is the partner's result there before the goods?",
        _UNREPORTED,
    ),
)
"""In the order of the documentation."""

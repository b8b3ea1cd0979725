"""Definitions of the times of controls beside those of inspections (`sstl.core.indicators.stages`)."""

from typing import Final

from sstl.core.indicators.definition import STAGE_S, Definition, Kind

_WHOSE: Final = (("operator",), ("sstl",))

CONTROL_TIMES: Final = (
    Definition(
        name="channel_to_result",
        question="How long after its channel was assigned has a consignment a recorded result of a control?",
        formula="first report of a control on the import side that states a result - first channel assigned there",
        source="COMCEC indicators of risk management (time between channel assignment and recorded result)",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="consignment",
        start="first channel assigned on the import side",
        at="DESTINATION",
        misleads="Assigned before arrival, it waits for the ship. Controls without a result are missing, not long.",
        strata=(*_WHOSE, ("channel",)),
    ),
    Definition(
        name="partner_result_lead",
        question="How long before the goods is the partner's result there?",
        formula="T6 - first receipt of a partner's result, T6 of the first of its units; negative: after arrival",
        source="domain event inspection.partner.result.received",
        kind=Kind.DURATION,
        plausible_s=STAGE_S,
        counting_unit="consignment",
        start="first receipt of a partner's result",
        misleads="Results that never came are missing, not late: read beside partner_result_before_arrival_rate.",
        strata=_WHOSE,
        follow_up_hours=90 * 24,
    ),
)
"""In the order of the documentation."""

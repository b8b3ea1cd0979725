"""How long controls take to say something, and how early the partner's result is there."""

from collections.abc import Iterator

from sstl.core.consignments.controlled import EXPORT, Controlled
from sstl.core.control_reports import outcome
from sstl.core.leadtime import Observed
from sstl.core.rules.consignment_facts import PARTNER_RESULT, is_done

CHANNEL_TO_RESULT = "channel_to_result"
PARTNER_RESULT_LEAD = "partner_result_lead"
_CONSIGNMENT = "consignment"


def observe_times(of: Controlled) -> Iterator[Observed]:
    """Yield the times of a consignment's controls that are known."""
    if of.chosen_ms is not None:
        results = [
            event.event_ms
            for done in of.imported
            for event in done.completing
            if outcome((event,)) is not None
        ]
        if results:
            took_ms = min(results) - of.chosen_ms
            yield of.on.observed(
                CHANNEL_TO_RESULT, _CONSIGNMENT, of.chosen_ms, took_ms, of.cleared_strata
            )
    arrived_ms = of.on.first_arrival_ms
    if arrived_ms is None or not any(one.side == EXPORT for one in of.done):
        return
    received = [
        event.event_ms for event in of.view.by_type.get(PARTNER_RESULT, ()) if is_done(event)
    ]
    if received:
        lead_ms = arrived_ms - min(received)
        yield of.on.observed(
            PARTNER_RESULT_LEAD, _CONSIGNMENT, min(received), lead_ms, of.on.by_operator()
        )

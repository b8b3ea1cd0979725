"""How often controls and what comes of them meet a consignment: events over exposure.

Counted of consignments of which the import side reports a channel, from the first one on; a number that may be
greater, because a report does not say on which side it was, is not observed.
"""

from collections.abc import Iterator

from sstl.core.consignments.controlled import Controlled
from sstl.core.leadtime import Observed
from sstl.core.rules.consignment_facts import SELECTED, is_done

CONTROLS = "controls_per_1000_consignments"
DOCUMENT_REQUESTS = "document_requests_per_1000_consignments"
SEIZURES = "seizures_per_1000_consignments"
SEIZURES_OF_INSPECTIONS = "seizures_per_100_inspections"

_CONSIGNMENT, _CONTROL = "consignment", "control"
_SEIZURE = "inspection.seized"
_INFORMATION = "RFI"
_DOCUMENT = "DOCUMENT"


def observe_counts(of: Controlled) -> Iterator[Observed]:
    """Yield how often controls met a consignment."""
    chosen_ms = of.chosen_ms
    seizures = of.count_on_import(_SEIZURE)
    done = of.imported
    if done and seizures is not None and not of.elsewhere:
        begun_ms = min(one.reports[0].event_ms for one in done)
        yield of.on.counted(
            SEIZURES_OF_INSPECTIONS, _CONTROL, begun_ms, seizures, of.on.by_operator(), len(done)
        )
    if chosen_ms is None:
        return
    strata = of.cleared_strata
    if seizures is not None:
        yield of.on.counted(SEIZURES, _CONSIGNMENT, chosen_ms, seizures, strata)
    if of.elsewhere:
        return
    yield of.on.counted(CONTROLS, _CONSIGNMENT, chosen_ms, len(done), strata)
    yield of.on.counted(DOCUMENT_REQUESTS, _CONSIGNMENT, chosen_ms, _requests(of), strata)


def _requests(of: Controlled) -> int:
    """Return how often the import side asked for papers or information.

    That is a referral of type RFI, and a control of documents, selected or done; each counts once.
    """
    raised = {
        referral.raised.identity
        for share in of.view.shares
        for referral in share.referrals
        if referral.kind == _INFORMATION
    }
    checked = {one.control.key for one in of.imported if _DOCUMENT in one.types}
    checked |= {
        control.key
        for control in of.controls
        if control.side == "IMPORT"
        and any(
            event.data.get("controlType") == _DOCUMENT and is_done(event)
            for event in control.of(SELECTED)
        )
    }
    return len(raised) + len(checked)

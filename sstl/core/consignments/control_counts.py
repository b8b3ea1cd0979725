"""How often controls and what comes of them meet a consignment: events over exposure.

Counted of consignments of which the import side reports a channel, from the first one on; a number that may be
greater, because a report does not say on which side it was, is not observed.
"""

import re
from collections.abc import Iterator

from sstl.core.consignments.controlled import Controlled
from sstl.core.controls import concerns_contents
from sstl.core.leadtime import Observed
from sstl.core.milestones import side_of
from sstl.core.rules.consignment_facts import DETAINED, SELECTED, is_done
from sstl.core.strata import SIDE
from sstl.models.records import Event
from sstl.models.selection import exact_rate

CONTROLS = "controls_per_1000_consignments"
DOCUMENT_REQUESTS = "document_requests_per_1000_consignments"
SEIZURES = "seizures_per_1000_consignments"
SEIZURES_OF_INSPECTIONS = "seizures_per_100_inspections"
DETENTION = "detention"

_CONSIGNMENT, _CONTROL = "consignment", "control"
_SEIZURE = "inspection.seized"
_INFORMATION = "RFI"
_DOCUMENT = "DOCUMENT"
_UNIT = re.compile(r"[A-Z0-9]{2,3}")
"""A unit of measure by the shape of its code (UN/ECE Recommendation 20: KGM, NAR, LTR)."""


def observe_counts(of: Controlled) -> Iterator[Observed]:
    """Yield how often controls met a consignment."""
    yield from _detained(of)
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


def _detained(of: Controlled) -> Iterator[Observed]:
    """Yield each detention with a quantity, counted by its unit; several reports of one inspection are one detention.

    The last of them says how much. What names only a unit says how much is detained of all that lies in it, and would
    count once for each consignment.
    """
    found: dict[str, list[Event]] = {}
    for event in of.view.by_type.get(DETAINED, ()):
        if is_done(event) and not concerns_contents(event):
            found.setdefault(event.data.get("inspectionId") or event.identity, []).append(event)
    for key, reports in found.items():
        side = side_of(reports[0], of.view.plan)
        data = reports[-1].data
        quantity, unit = data.get("quantity"), data.get("unit")
        if side is None or not isinstance(quantity, int | float) or not isinstance(unit, str):
            continue
        if quantity >= 0 and _UNIT.fullmatch(unit):
            yield of.on.tallied(
                DETENTION,
                unit,
                reports[0].event_ms,
                str(exact_rate(float(quantity))),
                {SIDE: side},
                key,
            )

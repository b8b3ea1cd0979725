"""Strata of what is measured on a consignment (`sstl.core.strata` lists them)."""

from collections.abc import Mapping

from sstl.core.consignment_view import ConsignmentView
from sstl.core.milestones import side_of
from sstl.core.rules.consignment_facts import CHANNEL, RESULT, is_done
from sstl.core.rules.parties import AEO, STATUS, claimants, status_at
from sstl.core.strata import CHANNEL_STRATUM, INSPECTED, LOT, NO, OPERATOR, YES, membership

_EXAMINED = (
    "inspection.scan.started",
    "inspection.scan.completed",
    "inspection.physical.started",
    "inspection.physical.completed",
    "inspection.sample.taken",
)
_EXAMINING = frozenset({"NII", "PHYSICAL", "LAB"})
_COMPLETE = "registry_complete"
"""Parameter of the rule on claims: the registry lists every trusted trader."""


def by_operator(view: ConsignmentView, side: str = "IMPORT") -> dict[str, str]:
    """Return the strata of whose goods they are."""
    return {OPERATOR: operator_status(view, side), **membership(view.plan.sstl_member)}


def by_clearance(
    view: ConsignmentView, released_ms: int, operator: Mapping[str, str]
) -> dict[str, str]:
    """Return the strata of how a consignment was cleared on the import side, up to its release, and of whose it is."""
    found = dict(operator)
    channel = channel_at(view, released_ms)
    if channel is not None:
        found[CHANNEL_STRATUM] = channel
    found[INSPECTED] = YES if is_inspected(view, released_ms) else NO
    share = view.plan.share
    if share is not None and share.lot_class is not None:
        found[LOT] = share.lot_class
    return found


def operator_status(view: ConsignmentView, side: str) -> str:
    """Return AEO, NON_AEO or OTHER.

    An operator without entry is NON_AEO only where the policy says that the registry is complete (parameter
    ``registry_complete`` of the rule ``party-aeo-not-confirmed``): else the registry does not tell.
    """
    known: str | None = view.memo.get(f"operator.{side}")
    if known is None:
        known = view.memo[f"operator.{side}"] = _status(view, side)
    return known


def _status(view: ConsignmentView, side: str) -> str:
    share = view.plan.share
    names = (
        () if share is None else claimants(share, "EXPORTER" if side == "EXPORT" else "IMPORTER")
    )
    if not names:
        return "OTHER"
    entries = [
        entry for name in names for entry in view.registry.get(name, ()) if entry.type == STATUS
    ]
    if not entries:
        complete = view.structure.rule(AEO.id).thresholds.get(_COMPLETE, 0)
        return "NON_AEO" if complete else "OTHER"
    declared_ms = _declared_ms(view, side)
    if declared_ms is None:
        return "OTHER"
    known = status_at(entries, declared_ms)
    return "AEO" if known is not None and known[0] == "GRANTED" else "NON_AEO"


def _declared_ms(view: ConsignmentView, side: str) -> int | None:
    accepted = None if side == "EXPORT" else view.milestones.actual.get("T8")
    return view.plan.lodged_ms if accepted is None else accepted.event_ms


def channel_at(view: ConsignmentView, instant_ms: int) -> str | None:
    """Return the last channel assigned on the import side up to an instant; None: none is known."""
    for event in reversed(view.by_type.get(CHANNEL, ())):
        if event.event_ms <= instant_ms and side_of(event, view.plan) == "IMPORT":
            channel = event.data.get("channel")
            return str(channel) if channel is not None else None
    return None


def is_inspected(view: ConsignmentView, instant_ms: int) -> bool:
    """Tell whether the goods were examined on the import side up to an instant; papers alone are not the goods."""
    by_type, plan = view.by_type, view.plan
    for name in _EXAMINED:
        for event in by_type.get(name, ()):
            if event.event_ms <= instant_ms and is_done(event) and side_of(event, plan) == "IMPORT":
                return True
    return any(
        event.event_ms <= instant_ms
        and event.data.get("controlType") in _EXAMINING
        and is_done(event)
        and side_of(event, plan) == "IMPORT"
        for event in by_type.get(RESULT, ())
    )

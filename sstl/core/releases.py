"""Whose release a release is, and when a consignment is released that lies in several units.

A release that names a unit is that unit's; one that names none is of all. So is a revocation. A consignment is released
(T13) with the last of its units, and not while one of them is not. Where no manifest says in which units it lies, each
release is its own. Pure functions of sets of events.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from sstl.core.milestones import (
    ACTUAL,
    RELEASED,
    REVOKED,
    Milestones,
    Plan,
    gather,
    milestones,
    of_side,
    order,
)
from sstl.models.records import Event

CLEARED_BY_AIR = "transport.ccd"
EVER = 1 << 62
"""Later than any instant, ms."""
_TYPES: Mapping[str, tuple[str, ...]] = {
    "EXPORT": (RELEASED,),
    "IMPORT": (RELEASED, CLEARED_BY_AIR),
}
_UNIT = "equipmentReference"


def of_unit(events: Iterable[Event], unit: str | None) -> list[Event]:
    """Return the reports on a unit: those that name it, and those on the whole consignment, which name none."""
    return [one for one in events if one.data.get(_UNIT, unit) == unit]


def release_of(
    by_type: Mapping[str, Sequence[Event]], side: str, plan: Plan, unit: str, until_ms: int = EVER
) -> Event | None:
    """Return the last release of a unit on a side that stood at an instant; what came later does not count.

    A release that names another unit of the consignment is none of this one.

    Args:
        by_type: Reports on the consignment by type, of transport events the ACTUAL ones.
        side: EXPORT or IMPORT.
        plan: Says on which side a place is.
        unit: The unit.
        until_ms: The instant, itself included.
    """
    events = [event for name in _TYPES[side] for event in by_type.get(name, ())]
    own = [one for one in of_unit(events, unit) if one.event_ms <= until_ms]
    if not own:
        return None
    revoked = [one for one in of_unit(by_type.get(REVOKED, ()), unit) if one.event_ms <= until_ms]
    return max(of_side(own, side, plan, revoked), key=order, default=None)


def consignment_milestones(events: Iterable[Event], plan: Plan, units: Iterable[str]) -> Milestones:
    """Return the milestones of a consignment from the reports on it.

    Args:
        events: All that count.
        plan: What its manifests say.
        units: Those it lies in.
    """
    reports = gather(events)
    known = milestones(reports, plan)
    by_type = reports.by_classifier[ACTUAL]
    names = (*_TYPES["IMPORT"], REVOKED)
    if not any(_UNIT in event.data for name in names for event in by_type.get(name, ())):
        return known
    found = [release_of(by_type, "IMPORT", plan, unit) for unit in units]
    if not found:
        return known
    actual = {code: event for code, event in known.actual.items() if code != "T13"}
    released = [one for one in found if one is not None]
    if len(released) == len(found):
        actual["T13"] = max(released, key=order)
    return msgspec.structs.replace(known, actual=actual)

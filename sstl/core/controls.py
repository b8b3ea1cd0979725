"""Controls that name only a unit: they concern every consignment that lies in it.

An event that names a consignment, its MRN or UCR reaches the consignment through [references]. One that names only the
unit (a container scanned, detained or released as a whole) stays at the unit, and [journeys] tells it to the
consignments of the journey with the unit's milestones.
"""

from collections.abc import Iterable

from sstl.core import routing
from sstl.models.records import Event

MOST = 48
"""Of more such events of one journey the latest are told."""
_FAMILIES = routing.CUSTOMS_FAMILIES - {"mass"}
_AIR = frozenset({"transport.crc", "transport.ccd"})
"""Reported to customs, cleared by customs: named by the unit, as all of a transport."""


def of_unit(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events of a unit, in their order, that concern what lies in it and do not reach that by themselves.

    Weighed mass is left out: it is the unit's own.
    """
    found = [event for event in events if concerns_contents(event)]
    return tuple(found[-MOST:])


def concerns_contents(event: Event) -> bool:
    """Tell whether an event names only its unit, and so concerns what lies in it."""
    family = event.type.partition(".")[0]
    if family not in _FAMILIES and event.type not in _AIR:
        return False
    unit = routing.unit_of(event.data)
    if unit is None:
        return False
    named = set(routing.consignment_references(event.data))
    if family not in _FAMILIES:
        named -= {routing.transport_document(unit), routing.consignment(unit)}
    return not named

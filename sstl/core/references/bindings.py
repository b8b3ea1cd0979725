"""Who a reference leads to: links by manifests and grants, and the unit a device is paired with.

A device is on the unit of its latest ``seallock.paired`` and on none after ``seallock.unpaired``, in the order
(event_ms, sequence, id). A command leads to the unit of its grant, without an interval. Everything else is what
manifests say.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping

from sstl.core.references.cells import Holder, Link, Point, Target, order_of, sequence_of
from sstl.core.stage import Work
from sstl.models.records import Event, Linked, Referred

PAIRED = "seallock.paired"
UNPAIRED = "seallock.unpaired"
COMMAND = "command:"
CONSIGNMENT = "consignment:"
DEVICE = "device:"

UNIT = "u|"
"""Prefix of a unit in the parts of ``targets/R``."""
HOUSE = "c|"
"""Prefix of a consignment in the parts of ``targets/R``."""


def covers(holders: Iterable[Holder], event_ms: int) -> bool:
    """Say whether any link holds at an instant; both ends of an interval belong to it."""
    return any(
        (start is None or start <= event_ms) and (end is None or event_ms <= end)
        for _, start, end in holders
    )


def is_point(reference: str, event: Event) -> bool:
    """Say whether an event begins or ends a pairing of the device that the reference is."""
    return event.type in (PAIRED, UNPAIRED) and reference.startswith(DEVICE)


def point_order(event: Event) -> str:
    """Return the place of an event in its device's order."""
    return order_of(event.event_ms, sequence_of(event), event.id, event.source)


def granted_unit(reference: str, referred: Referred | None) -> str | None:
    """Return the unit that this event ties the command to, None where it ties none."""
    if referred is None or not reference.startswith(COMMAND):
        return None
    return referred.binds_unit


class Pairing:
    """The pairings of one device at one moment of a fold. Reading it costs the points kept for the device."""

    __slots__ = ("_orders", "_units")

    def __init__(self, points: Mapping[str, str | None]) -> None:
        self._orders = sorted(points)
        self._units = [points[order] for order in self._orders]

    @classmethod
    def read(cls, work: Work, reference: str) -> "Pairing":
        """Read the pairings of a device; references of other kinds have none."""
        if not reference.startswith(DEVICE):
            return cls({})
        key = points_key(reference)
        points: dict[str, str | None] = {}
        for order in work.parts(key):
            point: Point | None = work.get(key, order)
            if point is not None:
                points[order] = point.unit
        return cls(points)

    def unit_at(self, order: str, *, closing: bool = False) -> str | None:
        """Return the unit at a place in the device's order, None where it is on none.

        ``closing``: for an event that ends the pairing itself, which still belongs to the unit it leaves.
        """
        index = bisect_left(self._orders, order) if closing else bisect_right(self._orders, order)
        return self._units[index - 1] if index else None

    def unit_of(self, event: Event) -> str | None:
        """Return the unit that an event of the device belongs to."""
        if not self._orders:
            return None
        return self.unit_at(point_order(event), closing=event.type == UNPAIRED)


def own_consignment(reference: str) -> str | None:
    """Return the consignment that a reference is the name of; its events reach it without any link."""
    if reference.startswith(CONSIGNMENT):
        return reference.removeprefix(CONSIGNMENT)
    return None


def targets_of(work: Work, reference: str, referred: Referred | None, pairing: Pairing) -> set[str]:
    """Return what an event at a reference reaches, as parts of ``targets/R``. Costs the targets of R."""
    if referred is None:
        return set()
    event = referred.event
    found = set()
    key = targets_key(reference)
    for part in work.parts(key):
        if part.startswith(UNIT) and not referred.to_units:
            continue
        target: Target | None = work.get(key, part)
        if target is not None and covers(target.holders, event.event_ms):
            found.add(part)
    found |= fixed_targets(reference, referred, pairing)
    return found


def fixed_targets(reference: str, referred: Referred, pairing: Pairing) -> set[str]:
    """Return what an event reaches without any link: its own consignment, the unit its device is on."""
    found = set()
    house = own_consignment(reference)
    if house is not None:
        found.add(HOUSE + house)
    if referred.to_units:
        unit = pairing.unit_of(referred.event)
        if unit is not None:
            found.add(UNIT + unit)
    return found


def link_of(message: Linked) -> Link | None:
    """Return the link that a manifest states, None where it links nothing."""
    if not message.units and not message.consignments:
        return None
    return Link(message.units, message.consignments, message.from_ms, message.to_ms)


def put_link(
    work: Work, reference: str, holder: str, link: Link | None
) -> dict[str, tuple[tuple[Holder, ...], tuple[Holder, ...]]]:
    """Set what a manifest or grant links; return the holders before and after of each target that changed.

    Costs what this one holder links, before and after, not what others link.
    """
    before: Link | None = work.get(links_key(reference), holder)
    work.put(links_key(reference), holder, link)
    changed = {}
    key = targets_key(reference)
    linked = _parts_of(link)
    for part in sorted(_parts_of(before) | linked):
        known: Target | None = work.get(key, part)
        old = () if known is None else known.holders
        others = [entry for entry in old if entry[0] != holder]
        if link is not None and part in linked:
            others.append((holder, link.from_ms, link.to_ms))
        new = tuple(sorted(others, key=lambda entry: entry[0]))
        if new != old:
            work.put(key, part, Target(new) if new else None)
            changed[part] = (old, new)
    return changed


def _parts_of(link: Link | None) -> set[str]:
    if link is None:
        return set()
    return {UNIT + unit for unit in link.units} | {HOUSE + house for house in link.consignments}


def events_key(reference: str) -> str:
    """Return the key of the events kept for a reference."""
    return f"events/{reference}"


def links_key(reference: str) -> str:
    """Return the key of the links of a reference."""
    return f"links/{reference}"


def targets_key(reference: str) -> str:
    """Return the key of the units and consignments that a reference leads to."""
    return f"targets/{reference}"


def points_key(reference: str) -> str:
    """Return the key of the pairings of a device."""
    return f"points/{reference}"


def pings_key(reference: str) -> str:
    """Return the key of the positions kept for a reference."""
    return f"pings/{reference}"

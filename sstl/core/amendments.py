"""What an amendment of a filing changed for one of its consignments.

Compared is what the filing says of the consignment, not its text: items in another order, another estimated time of
arrival or another party than the consignee change none of these aspects.
"""

from collections.abc import Callable, Mapping

from sstl.core.manifest_content import Consignment, Content, Equipment

GOODS = "goods"
CONSIGNEE = "consignee"
VALUE = "value"
DESTINATION = "destination"
UNITS = "units"
SEALS = "seals"
ROUTE = "route"
MASS = "mass"

ASPECTS = (GOODS, CONSIGNEE, VALUE, DESTINATION, UNITS, SEALS, ROUTE, MASS)
"""Everything that is compared, in the order in which it is told."""

_NEW = Consignment("")


class Indexed:
    """A version of a filing, its consignments and units by name."""

    __slots__ = ("consignments", "content", "equipment")

    def __init__(self, content: Content) -> None:
        self.content = content
        self.consignments: Mapping[str, Consignment] = {
            entry.consignment_id: entry for entry in content.consignments
        }
        self.equipment: Mapping[str, Equipment] = {
            listed.unit: listed for listed in content.equipment
        }


def changes(before: Indexed, after: Indexed, consignment_id: str) -> tuple[str, ...]:
    """Return which aspects of a consignment differ between two versions of a filing, in a fixed order.

    A consignment that the version before did not have counts as changed in everything that it states now and the
    filing did not; one that the later version does not have is not told of the filing any more: no change. Seals
    are compared on the units that it lies in before and after.
    """
    new = after.consignments.get(consignment_id)
    if new is None:
        return ()
    old = before.consignments.get(consignment_id, _NEW)
    found = set()
    if old != new:
        found |= {aspect for aspect, read in _OWN if read(old) != read(new)}
    found |= {
        aspect for aspect, read in _STATED if read(old, before.content) != read(new, after.content)
    }
    if any(_seals(unit, before) != _seals(unit, after) for unit in {*old.units} & {*new.units}):
        found.add(SEALS)
    return tuple(aspect for aspect in ASPECTS if aspect in found)


def _goods(entry: Consignment) -> list[str]:
    return sorted(
        repr((item.hs6, item.description, item.country_of_origin, item.packages))
        for item in entry.items
    )


def _values(entry: Consignment) -> list[str]:
    return sorted(repr((item.hs6, item.value, item.currency)) for item in entry.items)


def _units(entry: Consignment) -> list[str]:
    return sorted(entry.units)


def _masses(entry: Consignment) -> tuple[float | None, list[str]]:
    items = (repr((item.hs6, item.gross_mass_kg, item.net_mass_kg)) for item in entry.items)
    return entry.gross_mass_kg, sorted(items)


def _consignees(entry: Consignment, content: Content) -> frozenset[str]:
    return frozenset(
        pseudonym for role, pseudonym in parties_of(entry, content) if role == "CONSIGNEE"
    )


def parties_of(entry: Consignment, content: Content) -> set[tuple[str, str]]:
    """Return the (role, pseudonym) of a consignment: its own, of other roles the filing's."""
    own = {role for role, _ in entry.parties}
    return {*entry.parties, *(party for party in content.parties if party[0] not in own)}


def _destination(entry: Consignment, content: Content) -> tuple[str | None, str | None]:
    return (
        entry.place_of_delivery or content.place_of_delivery,
        entry.place_of_unloading or content.place_of_unloading,
    )


def _seals(unit: str, filing: Indexed) -> frozenset[str]:
    listed = filing.equipment.get(unit)
    return frozenset(() if listed is None else listed.seals)


def _route(entry: Consignment, content: Content) -> tuple[object, ...]:
    return (
        entry.place_of_loading or content.place_of_loading,
        entry.countries_of_routing or content.countries_of_routing,
        content.countries_of_routing_of_means,
        tuple((leg.place_of_departure, leg.place_of_arrival, leg.mode) for leg in content.legs),
    )


_OWN: tuple[tuple[str, Callable[[Consignment], object]], ...] = (
    (GOODS, _goods),
    (VALUE, _values),
    (UNITS, _units),
    (MASS, _masses),
)
"""What a consignment states alone."""
_STATED: tuple[tuple[str, Callable[[Consignment, Content], object]], ...] = (
    (CONSIGNEE, _consignees),
    (DESTINATION, _destination),
    (ROUTE, _route),
)
"""What the filing may state for it."""

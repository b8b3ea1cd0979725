"""What a manifest tells the others: links to references, and to units and consignments their own share.

A pure function of the effective filing, so that the difference of two such answers is what has to be told.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from sstl.core import routing
from sstl.core.manifest_content import Consignment, Content, Equipment, Item
from sstl.models.policy import Policy
from sstl.models.records import Event, Linked, Share, Shared

_T = TypeVar("_T")

Told = dict[tuple[str, str], Linked | Shared]
"""(topic, key) to what is said there."""


class Effective(msgspec.Struct, frozen=True):
    """What counts of a manifest at one moment."""

    manifest_id: str
    content: Content
    evidence: Event
    """The filing that counts, without its body."""
    lodged_ms: int | None
    mrns: tuple[tuple[str, str | None], ...]
    """(MRN, the consignment it is for; None: the whole filing), of the filing and of registrations."""


def tell(effective: Effective, policy: Policy) -> Told:
    """Return everything that a manifest says. Costs its consignments times the units they lie in."""
    told: Told = {}
    for reference, linked in _links(effective, policy).items():
        told["references", reference] = linked
    references = {
        entry.consignment_id: _references_of(entry, effective)
        for entry in effective.content.consignments
    }
    inside: defaultdict[str, list[Consignment]] = defaultdict(list)
    for entry in effective.content.consignments:
        for unit in entry.units:
            inside[unit].append(entry)
        share = _share(effective, [entry], references, unit=None)
        told["consignments", entry.consignment_id] = Shared(
            manifest_id=effective.manifest_id, share=share, units=_sorted(entry.units)
        )
    equipment = {listed.unit: listed for listed in effective.content.equipment}
    for name in inside.keys() | equipment.keys():
        listed = equipment.get(name) or Equipment(name)
        share = _share(effective, inside[name], references, unit=listed)
        told["journeys", name] = Shared(manifest_id=effective.manifest_id, share=share)
    return told


def nothing(manifest_id: str, topic: str) -> Linked | Shared:
    """Return the message that takes back what a manifest said."""
    if topic == "references":
        return Linked(manifest_id=manifest_id)
    return Shared(manifest_id=manifest_id)


def _mrns_of(entry: Consignment, effective: Effective) -> set[str]:
    found = {mrn for mrn, of in effective.mrns if of is None or of == entry.consignment_id}
    for mrn in (entry.mrn, effective.content.mrn):
        if mrn is not None:
            found.add(mrn)
    return found


def _references_of(entry: Consignment, effective: Effective) -> tuple[str, ...]:
    """Return the references by which events may name a consignment, its own name apart."""
    found = {routing.transport_document(entry.consignment_id)}
    if entry.master_transport_document is not None:
        found.add(routing.transport_document(entry.master_transport_document))
    found |= {routing.mrn(number) for number in _mrns_of(entry, effective)}
    found |= {routing.ucr(number) for number in (entry.ucr, effective.content.ucr) if number}
    return tuple(sorted(found))


def _links(effective: Effective, policy: Policy) -> dict[str, Linked]:
    content = effective.content
    units: defaultdict[str, set[str]] = defaultdict(set)
    houses: defaultdict[str, set[str]] = defaultdict(set)
    for entry in content.consignments:
        named = (*_references_of(entry, effective), routing.consignment(entry.consignment_id))
        for reference in named:
            units[reference].update(entry.units)
            houses[reference].add(entry.consignment_id)
        for _, pseudonym in (*content.parties, *entry.parties):
            houses[routing.operator(pseudonym)].add(entry.consignment_id)
    found = {
        reference: Linked(
            manifest_id=effective.manifest_id,
            units=_sorted(units.get(reference, ())),
            consignments=_sorted(houses[reference]),
        )
        for reference in houses
    }
    all_units = {unit for entry in content.consignments for unit in entry.units}
    all_units.update(unit.unit for unit in content.equipment)
    slack_ms = policy.conveyance_slack_s * 1000
    for voyage in content.conveyances:
        found[voyage.reference] = Linked(
            manifest_id=effective.manifest_id,
            units=_sorted(all_units),
            consignments=_sorted(entry.consignment_id for entry in content.consignments),
            from_ms=None if voyage.from_ms is None else voyage.from_ms - slack_ms,
            to_ms=None if voyage.to_ms is None else voyage.to_ms + slack_ms,
        )
    return found


def _share(
    effective: Effective,
    entries: Sequence[Consignment],
    references: dict[str, tuple[str, ...]],
    *,
    unit: Equipment | None,
) -> Share:
    """Return the share of a unit, or (``unit`` None) of the one consignment handed in."""
    content = effective.content
    name = None if unit is None else unit.unit
    items = [item for entry in entries for item in _items_in(entry, name)]
    return Share(
        manifest_id=effective.manifest_id,
        lane_id=content.lane_id,
        mode=content.mode,
        consignments=_sorted(entry.consignment_id for entry in entries),
        references=_sorted(ref for entry in entries for ref in references[entry.consignment_id]),
        legs=content.legs,
        seals=() if unit is None else unit.seals,
        empty=unit is not None and unit.empty,
        hs6=_sorted(item.hs6 for item in items if item.hs6),
        gross_mass_kg=_mass(entries, name),
        place_of_loading=_common(
            [entry.place_of_loading for entry in entries], content.place_of_loading
        ),
        place_of_unloading=_common(
            [entry.place_of_unloading for entry in entries], content.place_of_unloading
        ),
        final_destination=_common(
            [entry.place_of_delivery for entry in entries], content.place_of_delivery
        ),
        countries_of_routing=_common(
            [entry.countries_of_routing or None for entry in entries], content.countries_of_routing
        )
        or (),
        office_of_first_entry=content.office_of_first_entry,
        country_of_origin=_sorted(i.country_of_origin for i in items if i.country_of_origin),
        country_of_provenance=_common([entry.country_of_provenance for entry in entries], None),
        etd_ms=content.etd_ms,
        eta_ms=content.eta_ms,
        lodged_ms=effective.lodged_ms,
        parties=tuple(sorted({p for e in entries for p in e.parties} | set(content.parties))),
        evidence=effective.evidence,
    )


def _items_in(entry: Consignment, unit: str | None) -> list[Item]:
    """Return the items of a consignment that may lie in a unit (None: all of them)."""
    return [item for item in entry.items if unit is None or unit in (item.units or entry.units)]


def _mass(entries: Iterable[Consignment], unit: str | None) -> float | None:
    """Return the gross mass in kg; None where a part is not stated or its split over units is unknown."""
    masses = []
    for entry in entries:
        items = _items_in(entry, unit)
        stated = [item.gross_mass_kg for item in items]
        split = unit is not None and any(len(item.units or entry.units) > 1 for item in items)
        if entry.items and None not in stated and not split:
            masses.append(math.fsum(mass for mass in stated if mass is not None))
        elif entry.gross_mass_kg is not None and (unit is None or entry.units == (unit,)):
            masses.append(entry.gross_mass_kg)
        else:
            return None
    return math.fsum(masses) if masses else None


def _common(values: Sequence[_T | None], otherwise: _T | None) -> _T | None:
    """Return the value that all consignments have, the filing's where they state none; None if they differ."""
    found = {otherwise if value is None else value for value in values}
    if not found:
        return otherwise
    return found.pop() if len(found) == 1 else None


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))

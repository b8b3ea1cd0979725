"""What one version of a filing says that links and shares are made of, as a plain structure.

Read from the body under its wire names (`sstl.models.manifest.FilingBody`), which intake has validated, so that
a manifest keeps only what is used of a body that may be large.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from sstl.core import routing
from sstl.models.common import to_ms
from sstl.models.records import Leg

Party = tuple[str, str]
"""(role, pseudonym)"""
Claim = tuple[str, bool]
"""(role, whether the filing claims a trusted trader)"""
MAX_DESCRIPTION = 256
"""Of a description of goods so many characters are kept: what it says stands at its beginning, and a share of many
items stays below the limit of a cell."""


class Item(msgspec.Struct, frozen=True, array_like=True):
    """One goods item."""

    hs6: str | None = None
    gross_mass_kg: float | None = None
    country_of_origin: str | None = None
    units: tuple[str, ...] = ()
    """The units it lies in; empty: those of its consignment."""
    item_no: int | None = None
    description: str | None = None
    net_mass_kg: float | None = None
    value: float | None = None
    currency: str | None = None
    packages: int | None = None


class Consignment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One house transport document."""

    consignment_id: str
    master_transport_document: str | None = None
    ucr: str | None = None
    mrn: str | None = None
    units: tuple[str, ...] = ()
    """The units it lies in; loose cargo lies in itself."""
    items: tuple[Item, ...] = ()
    gross_mass_kg: float | None = None
    place_of_loading: str | None = None
    place_of_unloading: str | None = None
    place_of_delivery: str | None = None
    country_of_provenance: str | None = None
    countries_of_routing: tuple[str, ...] = ()
    parties: tuple[Party, ...] = ()
    split: bool | None = None
    previous_mrn: str | None = None
    lot_class: str | None = None
    sstl_member: bool | None = None
    claims: tuple[Claim, ...] = ()
    reentry: bool | None = None
    place_of_acceptance: str | None = None


class Equipment(msgspec.Struct, frozen=True, array_like=True):
    """One unit of the filing."""

    unit: str
    empty: bool = False
    seals: tuple[str, ...] = ()
    gross_mass_kg: float | None = None
    iso_equipment_code: str | None = None


class Conveyance(msgspec.Struct, frozen=True, array_like=True):
    """One voyage of a means of transport and its planned time."""

    reference: str
    from_ms: int | None = None
    to_ms: int | None = None


class Content(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of a filing."""

    lane_id: str | None = None
    mode: str | None = None
    mrn: str | None = None
    ucr: str | None = None
    etd_ms: int | None = None
    atd_ms: int | None = None
    eta_ms: int | None = None
    office_of_first_entry: str | None = None
    place_of_loading: str | None = None
    place_of_unloading: str | None = None
    place_of_delivery: str | None = None
    countries_of_routing: tuple[str, ...] = ()
    parties: tuple[Party, ...] = ()
    consignments: tuple[Consignment, ...] = ()
    equipment: tuple[Equipment, ...] = ()
    legs: tuple[Leg, ...] = ()
    conveyances: tuple[Conveyance, ...] = ()
    countries_of_routing_of_means: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    reentry: bool | None = None
    place_of_acceptance: str | None = None


def read_content(data: Mapping[str, Any]) -> Content:
    """Read the body of a lodgement or amendment."""
    etd_ms, atd_ms = _instant(data.get("etd")), _instant(data.get("atd"))
    eta_ms = _instant(data.get("eta"))
    return Content(
        lane_id=data.get("laneId"),
        mode=routing.mode_name(data.get("mode")),
        mrn=data.get("mrn"),
        ucr=data.get("ucr"),
        etd_ms=etd_ms,
        atd_ms=atd_ms,
        eta_ms=eta_ms,
        office_of_first_entry=data.get("officeOfFirstEntry"),
        place_of_loading=data.get("placeOfLoading"),
        place_of_unloading=data.get("placeOfUnloading"),
        place_of_delivery=data.get("placeOfDelivery"),
        countries_of_routing=_texts(
            data.get("countriesOfRouting") or data.get("countriesOfRoutingOfMeans")
        ),
        parties=_parties(data.get("parties")),
        consignments=tuple(_consignment(entry) for entry in data.get("consignments") or ()),
        equipment=tuple(_equipment(entry) for entry in data.get("equipment") or ()),
        legs=tuple(_leg(entry) for entry in data.get("legs") or ()),
        conveyances=_conveyances(data, etd_ms if atd_ms is None else atd_ms, eta_ms),
        countries_of_routing_of_means=_texts(data.get("countriesOfRoutingOfMeans")),
        claims=_claims(data),
        reentry=data.get("reentryIndicator"),
        place_of_acceptance=data.get("placeOfAcceptance"),
    )


def _instant(value: str | None) -> int | None:
    return None if value is None else to_ms(datetime.fromisoformat(value))


def _texts(values: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(values or ())


def _parties(entries: Iterable[Mapping[str, Any]] | None) -> tuple[Party, ...]:
    found = {
        (entry["role"], entry["pseudonym"]) for entry in entries or () if entry.get("pseudonym")
    }
    return tuple(sorted(found))


def _claims(body: Mapping[str, Any]) -> tuple[Claim, ...]:
    """Return which roles a filing or consignment claims to be trusted traders, or states not to be.

    From the parties, and from ``operatorStatus`` for the roles IMPORTER and EXPORTER.
    """
    found: dict[str, bool] = {}
    status = body.get("operatorStatus") or {}
    for role, name in (("IMPORTER", "aeoImporter"), ("EXPORTER", "aeoExporter")):
        if status.get(name) is not None:
            found[role] = bool(status[name])
    for party in body.get("parties") or ():
        if party.get("aeo") is not None:
            found[party["role"]] = bool(party["aeo"]) or found.get(party["role"], False)
    return tuple(sorted(found.items()))


def _item(entry: Mapping[str, Any]) -> Item:
    description, packages = entry.get("description"), entry.get("packages")
    return Item(
        entry.get("hs6"),
        entry.get("grossMassKg"),
        entry.get("countryOfOrigin"),
        _texts(entry.get("equipmentReferences")),
        entry.get("itemNo"),
        None if description is None else description[:MAX_DESCRIPTION],
        entry.get("netMassKg"),
        entry.get("value"),
        entry.get("currency"),
        packages.get("count") if isinstance(packages, Mapping) else packages,
    )


def _consignment(entry: Mapping[str, Any]) -> Consignment:
    consignment_id = entry["consignmentId"]
    return Consignment(
        consignment_id=consignment_id,
        master_transport_document=entry.get("masterTransportDocument"),
        ucr=entry.get("ucr"),
        mrn=entry.get("mrn"),
        units=tuple(dict.fromkeys(entry.get("equipmentReferences") or (consignment_id,))),
        items=tuple(_item(item) for item in entry.get("items") or ()),
        gross_mass_kg=entry.get("grossMassKg"),
        place_of_loading=entry.get("placeOfLoading"),
        place_of_unloading=entry.get("placeOfUnloading"),
        place_of_delivery=entry.get("placeOfDelivery"),
        country_of_provenance=entry.get("countryOfProvenance"),
        countries_of_routing=_texts(entry.get("countriesOfRouting")),
        parties=_parties(entry.get("parties")),
        split=entry.get("splitConsignment"),
        previous_mrn=entry.get("previousMRN"),
        lot_class=entry.get("lotClass"),
        sstl_member=(entry.get("sstl") or {}).get("member"),
        claims=_claims(entry),
        reentry=entry.get("reentryIndicator"),
        place_of_acceptance=entry.get("placeOfAcceptance"),
    )


def _equipment(entry: Mapping[str, Any]) -> Equipment:
    seals = tuple(seal["number"] for seal in entry.get("seals") or ())
    empty = entry.get("emptyIndicator") == "EMPTY"
    return Equipment(
        entry["equipmentReference"],
        empty,
        seals,
        entry.get("grossMassKg"),
        entry.get("ISOEquipmentCode"),
    )


def _leg(entry: Mapping[str, Any]) -> Leg:
    return Leg(
        leg_id=entry["legId"],
        role=entry.get("role") or "MAIN",
        mode=routing.mode_name(entry.get("mode")) or str(entry.get("mode")),
        place_of_departure=entry["placeOfDeparture"],
        place_of_arrival=entry["placeOfArrival"],
        planned_start_ms=_instant(entry.get("plannedStart")),
        planned_end_ms=_instant(entry.get("plannedEnd")),
    )


def _conveyances(
    data: Mapping[str, Any], etd_ms: int | None, eta_ms: int | None
) -> tuple[Conveyance, ...]:
    """Collect the voyages of the filing and its legs; one named twice spans both times."""
    stated = [(data.get("transportMeans"), etd_ms, eta_ms)]
    stated += [
        (leg.get("conveyance"), _instant(leg.get("plannedStart")), _instant(leg.get("plannedEnd")))
        for leg in data.get("legs") or ()
    ]
    found: dict[str, Conveyance] = {}
    for means, start, end in stated:
        reference = routing.conveyance_of(means)
        if reference is None:
            continue
        known = found.get(reference, Conveyance(reference, start, end))
        found[reference] = Conveyance(
            reference,
            None if start is None or known.from_ms is None else min(start, known.from_ms),
            None if end is None or known.to_ms is None else max(end, known.to_ms),
        )
    return tuple(found[reference] for reference in sorted(found))

"""What one filing says to a unit and to a consignment: each its own part, and no more than its rules read.

A unit hears what it carries and where it goes, so that its state stays small; goods, filings and referrals go to the
consignments.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from sstl.core import routing
from sstl.core.amendments import Indexed, changes, parties_of
from sstl.core.identifiers import teu_of
from sstl.core.manifest_content import Consignment, Content, Equipment, Item
from sstl.core.referrals import pair
from sstl.models.records import Event, Filing, Goods, Referral, Share

_T = TypeVar("_T")

MAX_FILINGS = 24
"""Of more lodgements and amendments a share lists the first and the latest, of more referrals the latest."""


class Answer(msgspec.Struct, frozen=True):
    """What a customs system answered to a filing, without its body, and to which part of it."""

    event: Event
    """Of a referral and its answer with what pairs them."""
    consignment_id: str | None = None
    mrn: str | None = None


class Effective(msgspec.Struct, frozen=True):
    """What counts of a manifest at one moment."""

    manifest_id: str
    content: Content
    evidence: Event
    """The filing that counts, without its body."""
    lodged_ms: int | None
    mrns: tuple[tuple[str, str | None], ...]
    """(MRN, the consignment it is for; None: the whole filing), of the filing and of registrations."""
    filings: tuple[tuple[Event, Content], ...] = ()
    """Lodgement and amendments since the last invalidation, in their order, the one that counts last."""
    raised: tuple[Answer, ...] = ()
    answered: tuple[Answer, ...] = ()
    assessed: tuple[Answer, ...] = ()


class Shares:
    """The shares of one effective filing. Making it costs the filing, a share what it contains."""

    def __init__(self, effective: Effective) -> None:
        self._effective = effective
        self._versions = [Indexed(content) for _, content in _listed(effective.filings)]
        self._events = [event for event, _ in _listed(effective.filings)]
        entries = effective.content.consignments
        self._mrns = {entry.consignment_id: self._mrns_of(entry) for entry in entries}
        self._own_mrns = {mrn for found in self._mrns.values() for mrn in found}
        self.references = {entry.consignment_id: self._references_of(entry) for entry in entries}
        """Consignment to the references by which events may name it, its own name apart."""
        self._parcels = _parcels(effective.content)
        self._empty = {listed.unit for listed in effective.content.equipment if listed.empty}

    def of_consignment(self, entry: Consignment) -> Share:
        """Return what a consignment is told."""
        content, name = self._effective.content, entry.consignment_id
        referrals, answers = self._referrals(name)
        own = dict(content.claims) | dict(entry.claims)
        return msgspec.structs.replace(
            self._share([entry], None),
            empty=bool(entry.units) and self._empty.issuperset(entry.units),
            countries_of_routing_of_means=content.countries_of_routing_of_means,
            goods=tuple(_goods(item) for item in entry.items),
            split_consignment=entry.split,
            previous_mrn=entry.previous_mrn,
            lot_class=entry.lot_class,
            sstl_member=entry.sstl_member,
            aeo=tuple(sorted(own.items())),
            filings=self._filings(name),
            referrals=referrals,
            answers=answers,
            assessed=self._assessed(name),
            consignee_parcels=self._parcels.get(name),
            ucr=entry.ucr or content.ucr,
            reentry=content.reentry if entry.reentry is None else entry.reentry,
        )

    def of_unit(self, listed: Equipment, entries: Sequence[Consignment]) -> Share:
        """Return what a unit is told by the consignments that lie in it."""
        return msgspec.structs.replace(
            self._share(entries, listed.unit),
            seals=listed.seals,
            empty=listed.empty,
            equipment_mass_kg=listed.gross_mass_kg,
            teu=teu_of(listed.unit, listed.iso_equipment_code),
            sstl_member=_common([entry.sstl_member for entry in entries], None),
        )

    def _share(self, entries: Sequence[Consignment], unit: str | None) -> Share:
        effective = self._effective
        content = effective.content
        items = [item for entry in entries for item in _items_in(entry, unit)]
        return Share(
            manifest_id=effective.manifest_id,
            lane_id=content.lane_id,
            mode=content.mode,
            consignments=_sorted(entry.consignment_id for entry in entries),
            references=_sorted(
                reference
                for entry in entries
                for reference in self.references[entry.consignment_id]
            ),
            legs=content.legs,
            hs6=_sorted(item.hs6 for item in items if item.hs6),
            gross_mass_kg=_mass(entries, unit),
            packages=_packages(entries, unit),
            place_of_loading=_common(
                [entry.place_of_loading for entry in entries], content.place_of_loading
            ),
            place_of_unloading=_common(
                [entry.place_of_unloading for entry in entries], content.place_of_unloading
            ),
            place_of_acceptance=_common(
                [entry.place_of_acceptance for entry in entries], content.place_of_acceptance
            ),
            final_destination=_common(
                [entry.place_of_delivery for entry in entries], content.place_of_delivery
            ),
            countries_of_routing=_common(
                [entry.countries_of_routing or None for entry in entries],
                content.countries_of_routing,
            )
            or (),
            office_of_first_entry=content.office_of_first_entry,
            country_of_origin=_sorted(i.country_of_origin for i in items if i.country_of_origin),
            country_of_provenance=_common([entry.country_of_provenance for entry in entries], None),
            etd_ms=content.etd_ms,
            atd_ms=content.atd_ms,
            eta_ms=content.eta_ms,
            lodged_ms=effective.lodged_ms,
            parties=tuple(sorted({p for e in entries for p in e.parties} | set(content.parties))),
            evidence=effective.evidence,
            mrns=_sorted(mrn for entry in entries for mrn in self._mrns[entry.consignment_id]),
        )

    def _mrns_of(self, entry: Consignment) -> tuple[str, ...]:
        effective = self._effective
        stated = (entry.mrn, effective.content.mrn)
        found = {mrn for mrn, of in effective.mrns if of is None or of == entry.consignment_id}
        return _sorted(found | {mrn for mrn in stated if mrn is not None})

    def _references_of(self, entry: Consignment) -> tuple[str, ...]:
        found = {routing.transport_document(entry.consignment_id)}
        if entry.master_transport_document is not None:
            found.add(routing.transport_document(entry.master_transport_document))
        found |= {routing.mrn(number) for number in self._mrns[entry.consignment_id]}
        ucrs = (entry.ucr, self._effective.content.ucr)
        found |= {routing.ucr(number) for number in ucrs if number}
        return tuple(sorted(found))

    def _filings(self, consignment_id: str) -> tuple[Filing, ...]:
        found = []
        for number, event in enumerate(self._events):
            before = self._versions[number - 1] if number else None
            changed = (
                () if before is None else changes(before, self._versions[number], consignment_id)
            )
            found.append(Filing(event=event, changed=changed))
        return tuple(found)

    def _concerning(self, answers: Iterable[Answer], consignment_id: str) -> list[Event]:
        """Return the answers to a consignment: those to it, to its own MRN, and to the whole filing."""
        found = []
        for answer in answers:
            if answer.consignment_id is not None:
                concerned = answer.consignment_id == consignment_id
            elif answer.mrn in self._own_mrns:
                concerned = answer.mrn in self._mrns[consignment_id]
            else:
                concerned = True
            if concerned:
                found.append(answer.event)
        return found

    def _referrals(self, consignment_id: str) -> tuple[tuple[Referral, ...], tuple[Event, ...]]:
        effective = self._effective
        if not effective.raised and not effective.answered:
            return (), ()
        referrals, answers = pair(
            self._concerning(effective.raised, consignment_id),
            self._concerning(effective.answered, consignment_id),
        )
        return referrals[-MAX_FILINGS:], answers[-MAX_FILINGS:]

    def _assessed(self, consignment_id: str) -> Event | None:
        found = self._concerning(self._effective.assessed, consignment_id)
        return found[-1] if found else None


def _listed(filings: Sequence[tuple[Event, Content]]) -> Sequence[tuple[Event, Content]]:
    if len(filings) <= MAX_FILINGS:
        return filings
    return (filings[0], *filings[1 - MAX_FILINGS :])


def _goods(item: Item) -> Goods:
    return Goods(
        item_no=item.item_no,
        hs6=item.hs6,
        description=item.description,
        gross_mass_kg=item.gross_mass_kg,
        net_mass_kg=item.net_mass_kg,
        country_of_origin=item.country_of_origin,
        value=item.value,
        currency=item.currency,
    )


def _parcels(content: Content) -> dict[str, tuple[int, float]]:
    """Return, for each consignment, how many its consignee has in the filing, and their value together.

    Nothing for a consignment with no consignee or several, for a consignee of whose items one has no value, and for
    one whose values are in several currencies.
    """
    of: defaultdict[str, list[Consignment]] = defaultdict(list)
    for entry in content.consignments:
        named = {name for role, name in parties_of(entry, content) if role == "CONSIGNEE"}
        if len(named) == 1:
            of[named.pop()].append(entry)
    found = {}
    for entries in of.values():
        items = [item for entry in entries for item in entry.items]
        values = [item.value for item in items if item.value is not None]
        complete = all(entry.items for entry in entries) and len(values) == len(items)
        if complete and len({item.currency for item in items}) == 1:
            total = (len(entries), math.fsum(values))
            found.update({entry.consignment_id: total for entry in entries})
    return found


def _items_in(entry: Consignment, unit: str | None) -> list[Item]:
    """Return the items of a consignment that may lie in a unit (None: all of them)."""
    return [item for item in entry.items if unit is None or unit in (item.units or entry.units)]


def _mass(entries: Iterable[Consignment], unit: str | None) -> float | None:
    """Return the gross mass in kg; None where a part is not stated or its split over units is unknown."""
    masses = []
    for entry in entries:
        items = _items_in(entry, unit)
        stated = [item.gross_mass_kg for item in items]
        if entry.items and None not in stated and not _is_split(entry, items, unit):
            masses.append(math.fsum(mass for mass in stated if mass is not None))
        elif entry.gross_mass_kg is not None and (unit is None or entry.units == (unit,)):
            masses.append(entry.gross_mass_kg)
        else:
            return None
    return math.fsum(masses) if masses else None


def _packages(entries: Iterable[Consignment], unit: str | None) -> int | None:
    """Return the number of packages; None where a part is not stated or its split over units is unknown."""
    total = 0
    for entry in entries:
        items = _items_in(entry, unit)
        stated = [item.packages for item in items]
        if not stated or None in stated or _is_split(entry, items, unit):
            return None
        total += sum(many for many in stated if many is not None)
    return total or None


def _is_split(entry: Consignment, items: Iterable[Item], unit: str | None) -> bool:
    return unit is not None and any(len(item.units or entry.units) > 1 for item in items)


def _common(values: Sequence[_T | None], otherwise: _T | None) -> _T | None:
    """Return the value that all consignments have, the filing's where they state none; None if they differ."""
    found = {otherwise if value is None else value for value in values}
    if not found:
        return otherwise
    return found.pop() if len(found) == 1 else None


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))

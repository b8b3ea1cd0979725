"""What a manifest tells the others: links to references, and to units and consignments their own share.

A pure function of the effective filing, so that the difference of two such answers is what has to be told.
"""

from collections import defaultdict
from collections.abc import Iterable

from sstl.core import routing
from sstl.core.manifest_content import Consignment, Equipment
from sstl.core.shares import Effective, Shares
from sstl.models.policy import Policy
from sstl.models.records import Linked, Shared

Told = dict[tuple[str, str], Linked | Shared]
"""(topic, key) to what is said there."""


def tell(effective: Effective, policy: Policy) -> Told:
    """Return everything that a manifest says. Costs its consignments times the units they lie in."""
    told: Told = {}
    shares = Shares(effective)
    for reference, linked in _links(effective, shares, policy).items():
        told["references", reference] = linked
    inside: defaultdict[str, list[Consignment]] = defaultdict(list)
    for entry in effective.content.consignments:
        for unit in entry.units:
            inside[unit].append(entry)
        told["consignments", entry.consignment_id] = Shared(
            manifest_id=effective.manifest_id,
            share=shares.of_consignment(entry),
            units=_sorted(entry.units),
        )
    equipment = {listed.unit: listed for listed in effective.content.equipment}
    for name in inside.keys() | equipment.keys():
        listed = equipment.get(name) or Equipment(name)
        share = shares.of_unit(listed, inside[name])
        told["journeys", name] = Shared(manifest_id=effective.manifest_id, share=share)
    return told


def nothing(manifest_id: str, topic: str) -> Linked | Shared:
    """Return the message that takes back what a manifest said."""
    if topic == "references":
        return Linked(manifest_id=manifest_id)
    return Shared(manifest_id=manifest_id)


def _links(effective: Effective, shares: Shares, policy: Policy) -> dict[str, Linked]:
    content = effective.content
    units: defaultdict[str, set[str]] = defaultdict(set)
    houses: defaultdict[str, set[str]] = defaultdict(set)
    for entry in content.consignments:
        name = entry.consignment_id
        for reference in (*shares.references[name], routing.consignment(name)):
            units[reference].update(entry.units)
            houses[reference].add(name)
        for _, pseudonym in (*content.parties, *entry.parties):
            houses[routing.operator(pseudonym)].add(name)
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
    for voyage in content.conveyances:
        sails_ms = voyage.to_ms if voyage.from_ms is None else voyage.from_ms
        slack_ms = policy.at(sails_ms or 0).conveyance_slack_s * 1000
        found[voyage.reference] = Linked(
            manifest_id=effective.manifest_id,
            units=_sorted(all_units),
            consignments=_sorted(entry.consignment_id for entry in content.consignments),
            from_ms=None if voyage.from_ms is None else voyage.from_ms - slack_ms,
            to_ms=None if voyage.to_ms is None else voyage.to_ms + slack_ms,
        )
    return found


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))

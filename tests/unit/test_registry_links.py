"""Registry entries on an operator reach the consignments that name it, through the links of their manifests."""

import itertools
from dataclasses import replace
from typing import Any

import msgspec

from sstl.models.records import Forwarded
from tests.property.reference_worlds import OPERATOR, Chain, Fact, messages
from tests.unit.test_manifests import lodged

ENTRY = Fact(
    "s1",
    "registry.operator.status",
    0,
    0,
    references=(OPERATOR,),
    data={"id": "p1", "status": "SUSPENDED"},
)
_LIMIT = 262_144


def reached(chain: Chain) -> dict[str, list[str]]:
    """Return the entries that count at each consignment."""
    events = chain.net().events
    return {
        key: sorted(event.id for event in held.values() if event.type == ENTRY.type)
        for (topic, key), held in events.items()
        if topic == "consignments"
    }


def run(*facts: Fact) -> Chain:
    chain = Chain()
    chain.run([message for fact in facts for message in messages(fact)], None)
    return chain


def test_an_entry_reaches_the_operators_consignments_whichever_came_first() -> None:
    for facts in itertools.permutations((lodged(), ENTRY)):
        assert reached(run(*facts)) == {name: ["s1"] for name in ("H1", "H2", "H3")}


def test_an_amendment_that_names_another_party_takes_the_entry_away() -> None:
    other = [{"role": "CONSIGNEE", "pseudonym": "p9"}]
    amended = replace(lodged(recorded=2, at=2, parties=other), id="f2", type="manifest.amended")
    for facts in itertools.permutations((lodged(), ENTRY, amended)):
        assert reached(run(*facts)) == {}


def test_a_retracted_entry_is_taken_away_again() -> None:
    retraction = replace(ENTRY, recorded=3, retracted=True)
    for facts in itertools.permutations((lodged(), ENTRY, retraction)):
        assert reached(run(*facts)) == {}


def test_the_consignments_of_one_operator_make_many_small_cells() -> None:
    def parcels(lrn: int) -> list[dict[str, Any]]:
        return [{"consignmentId": f"PARCEL{lrn:03d}{number:05d}"} for number in range(500)]

    filings = [
        replace(
            lodged(lrn=f"LRN{number}", consignments=parcels(number), equipment=[]), id=f"f{number}"
        )
        for number in range(8)
    ]
    chain = run(*filings, ENTRY)
    told = {key for _, key, message in chain.said if isinstance(message, Forwarded)}
    assert len(told) == 4000
    for state in chain.states.values():
        assert max(len(msgspec.json.encode(cell)) for _, cell in state.items()) < _LIMIT / 4

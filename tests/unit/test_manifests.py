"""[manifests]: which version of a filing counts, and that only what changed is told."""

from dataclasses import replace
from typing import Any

import pytest

from sstl.core.manifests import Filing
from sstl.models.records import Linked, Shared
from tests.property.reference_worlds import HOUR_MS, START_MS, Chain, Fact, messages

BODY: dict[str, Any] = {
    "laneId": "CNYTN-NLRTM-SEA",
    "mode": "1",
    "mrn": "25NL01",
    "ucr": "5CN1",
    "transportMeans": {"imoNumber": "9074729", "voyageNumber": "7w"},
    "etd": "2026-03-02T00:00:00Z",
    "eta": "2026-03-30T00:00:00Z",
    "officeOfFirstEntry": "NL000396",
    "placeOfLoading": "CNYTN",
    "placeOfUnloading": "NLRTM",
    "countriesOfRouting": ["CN", "NL"],
    "parties": [{"role": "CONSIGNEE", "pseudonym": "p1"}],
    "consignments": [
        {
            "consignmentId": "H1",
            "masterTransportDocument": "MB",
            "equipmentReferences": ["CSQU3054383"],
            "placeOfDelivery": "DEDUI",
            "items": [
                {"hs6": "950300", "grossMassKg": 100.5, "countryOfOrigin": "CN"},
                {"hs6": "640299", "grossMassKg": 20.25},
            ],
        },
        {
            "consignmentId": "H2",
            "masterTransportDocument": "MB",
            "equipmentReferences": ["CSQU3054383", "MSCU1234566"],
            "items": [{"hs6": "950300", "grossMassKg": 10.0}],
        },
        {"consignmentId": "H3", "items": [{"hs6": "850440", "grossMassKg": 1.5}]},
    ],
    "equipment": [
        {"equipmentReference": "CSQU3054383", "seals": [{"number": "A1"}]},
        {"equipmentReference": "MSCU1234566", "seals": []},
        {"equipmentReference": "TCLU7654325", "emptyIndicator": "EMPTY"},
    ],
    "legs": [
        {
            "legId": "L1",
            "role": "MAIN",
            "mode": "1",
            "placeOfDeparture": "CNYTN",
            "placeOfArrival": "NLRTM",
            "plannedStart": "2026-03-02T00:00:00Z",
            "plannedEnd": "2026-03-30T00:00:00Z",
        }
    ],
}


def lodged(recorded: int = 0, *, at: int = 0, lrn: str = "LRN1", **changes: Any) -> Fact:
    return Fact("f1", "manifest.lodged", recorded, at, lrn=lrn, data=BODY | changes)


def amended(recorded: int = 1, *, at: int = 1, **changes: Any) -> Fact:
    return Fact("f2", "manifest.amended", recorded, at, lrn="LRN1", data=BODY | changes)


def tell(chain: Chain, *facts: Fact) -> dict[tuple[str, str], Any]:
    """Fold the facts into [manifests]; return what it told, the last word of each place."""
    chain.said.clear()
    chain.between.clear()
    for fact in facts:
        batch = [entry for entry in messages(fact) if entry[0] == "manifests"]
        chain.fold("manifests", batch)
    told = [*chain.said, *chain.between["manifests", "references"]]
    return {(topic, key): message for topic, key, message in told}


def test_a_unit_gets_its_share_only() -> None:
    told = tell(Chain(), lodged())
    share = told["journeys", "CSQU3054383"].share
    assert share.consignments == ("H1", "H2")
    assert share.seals == ("A1",)
    assert share.hs6 == ("640299", "950300")
    assert share.mode == "SEA"
    assert share.lodged_ms == START_MS
    assert share.evidence.id == "f1"
    assert share.evidence.data == {}
    assert "transport-document:H3" not in share.references
    assert {leg.leg_id for leg in share.legs} == {"L1"}
    other = told["journeys", "MSCU1234566"].share
    assert (other.consignments, other.seals) == (("H2",), ())


def test_a_consignment_is_told_whether_its_goods_come_back() -> None:
    first, *others = BODY["consignments"]
    entries = [first | {"reentryIndicator": False}, *others]
    told = tell(Chain(), lodged(consignments=entries, reentryIndicator=True))
    said = {name: told["consignments", name].share.reentry for name in ("H1", "H2")}
    assert said == {"H1": False, "H2": True}
    assert tell(Chain(), lodged())["consignments", "H1"].share.reentry is None


def test_a_unit_is_told_where_the_carrier_takes_it_over() -> None:
    first, second, third = BODY["consignments"]
    of_h1 = first | {"placeOfAcceptance": "CNFOS"}
    for entries, expected in (
        ([of_h1, second, third], (None, "CNCAN")),
        ([of_h1, second | {"placeOfAcceptance": "CNFOS"}, third], ("CNFOS", "CNFOS")),
        ([first, second, third], ("CNCAN", "CNCAN")),
    ):
        told = tell(Chain(), lodged(consignments=entries, placeOfAcceptance="CNCAN"))
        units = ("CSQU3054383", "MSCU1234566")
        found = tuple(told["journeys", unit].share.place_of_acceptance for unit in units)
        assert found == expected


def test_loose_cargo_travels_as_its_transport_document() -> None:
    share = tell(Chain(), lodged())["journeys", "H3"].share
    assert share.consignments == ("H3",)
    assert share.gross_mass_kg == 1.5


def test_an_empty_unit_is_told_that_it_is_empty() -> None:
    share = tell(Chain(), lodged())["journeys", "TCLU7654325"].share
    assert share.empty
    assert share.consignments == ()
    assert share.gross_mass_kg is None


def test_the_mass_of_a_consignment_split_over_units_is_unknown_in_each() -> None:
    told = tell(Chain(), lodged())
    assert told["journeys", "CSQU3054383"].share.gross_mass_kg is None
    assert told["consignments", "H2"].share.gross_mass_kg == 10.0
    assert told["consignments", "H1"].share.gross_mass_kg == 120.75


def test_items_that_name_their_unit_count_there() -> None:
    items = [
        {"grossMassKg": 4.0, "equipmentReferences": ["CSQU3054383"]},
        {"grossMassKg": 5.0, "equipmentReferences": ["MSCU1234566"]},
    ]
    units = ["CSQU3054383", "MSCU1234566"]
    body = [{"consignmentId": "H2", "equipmentReferences": units, "items": items}]
    told = tell(Chain(), lodged(consignments=body))
    assert told["journeys", "CSQU3054383"].share.gross_mass_kg == 4.0
    assert told["journeys", "MSCU1234566"].share.gross_mass_kg == 5.0


def test_a_place_that_consignments_disagree_on_is_not_stated_for_the_unit() -> None:
    told = tell(Chain(), lodged())
    assert told["journeys", "CSQU3054383"].share.final_destination is None
    assert told["consignments", "H1"].share.final_destination == "DEDUI"
    assert told["journeys", "CSQU3054383"].share.place_of_unloading == "NLRTM"


def test_every_reference_leads_to_the_units_of_its_consignments() -> None:
    told = tell(Chain(), lodged())
    both = ("CSQU3054383", "MSCU1234566")
    linked = told["references", "transport-document:MB"]
    assert (linked.units, linked.consignments) == (both, ("H1", "H2"))
    assert told["references", "transport-document:H1"].units == ("CSQU3054383",)
    assert told["references", "consignment:H3"].units == ("H3",)
    assert told["references", "mrn:25NL01"].consignments == ("H1", "H2", "H3")
    assert told["references", "ucr:5CN1"].consignments == ("H1", "H2", "H3")
    operator = told["references", "operator:p1"]
    assert (operator.units, operator.consignments) == ((), ("H1", "H2", "H3"))


def test_a_voyage_leads_to_all_units_from_departure_to_arrival_with_slack() -> None:
    linked = tell(Chain(), lodged())["references", "conveyance:9074729/7W"]
    slack_ms = HOUR_MS
    assert linked.units == ("CSQU3054383", "H3", "MSCU1234566", "TCLU7654325")
    assert linked.from_ms == START_MS + 24 * HOUR_MS - slack_ms
    assert linked.to_ms == START_MS + 29 * 24 * HOUR_MS + slack_ms


def test_an_amendment_tells_only_what_it_changes_and_what_rests_on_it() -> None:
    chain = Chain()
    tell(chain, lodged())
    consignments = [BODY["consignments"][0], BODY["consignments"][2]]
    told = tell(chain, amended(consignments=consignments))
    references = {key for topic, key in told if topic == "references"}
    assert references == {
        "transport-document:MB",
        "transport-document:H2",
        "consignment:H2",
        "mrn:25NL01",
        "ucr:5CN1",
        "operator:p1",
        "conveyance:9074729/7W",
    }
    assert told["references", "consignment:H2"] == Linked(manifest_id="LRN1")
    assert told["consignments", "H2"] == Shared(manifest_id="LRN1")
    assert told["journeys", "MSCU1234566"].share.consignments == ()
    assert told["journeys", "CSQU3054383"].share.lodged_ms == START_MS


def test_retracting_an_amendment_brings_the_former_filing_back() -> None:
    chain = Chain()
    first = tell(chain, lodged())
    gone = tell(chain, amended(consignments=[BODY["consignments"][2]], equipment=[]))
    assert gone["journeys", "CSQU3054383"] == Shared(manifest_id="LRN1")
    retraction = replace(amended(recorded=2), retracted=True)
    back = tell(chain, retraction)
    assert back == {place: first[place] for place in gone}


def test_an_amendment_that_arrives_before_the_lodgement_counts_at_once() -> None:
    one, other = Chain(), Chain()
    tell(one, lodged(), amended(ucr="5CN2"))
    early = tell(other, amended(ucr="5CN2"))
    assert ("references", "ucr:5CN2") in early
    assert early["journeys", "H3"].share.lodged_ms is None
    late = tell(other, lodged())
    assert late["journeys", "H3"].share.lodged_ms == START_MS
    assert one.states["manifests"].cells == other.states["manifests"].cells


@pytest.mark.parametrize(
    ("at", "linked"),
    [
        pytest.param(0, True, id="before-the-amendment"),
        pytest.param(2, False, id="after-the-amendment"),
    ],
)
def test_an_invalidation_unlinks_what_was_filed_before_it(at: int, linked: bool) -> None:
    chain = Chain()
    tell(chain, lodged(), amended())
    told = tell(chain, Fact("f9", "manifest.invalidated", 5, at, lrn="LRN1"))
    unlinked = told.get(("references", "mrn:25NL01")) == Linked(manifest_id="LRN1")
    assert unlinked is not linked


def test_a_filing_lodged_anew_after_an_invalidation_begins_a_new_prearrival_time() -> None:
    chain = Chain()
    again = replace(lodged(at=3, recorded=3), id="f4")
    told = tell(chain, lodged(), Fact("f9", "manifest.invalidated", 2, 2, lrn="LRN1"), again)
    assert told["journeys", "H3"].share.lodged_ms == START_MS + 3 * HOUR_MS


def test_an_mrn_registered_before_the_lodgement_arrives_leads_to_it_afterwards() -> None:
    chain = Chain()
    registered = Fact("f3", "manifest.registered", 1, 1, lrn="LRN1", data={"mrn": "25NL02"})
    assert tell(chain, registered) == {}
    told = tell(chain, lodged())
    assert told["references", "mrn:25NL02"].consignments == ("H1", "H2", "H3")
    assert "mrn:25NL02" in told["journeys", "H3"].share.references


def test_a_correction_of_the_lrn_takes_the_filing_away_from_the_old_one() -> None:
    chain = Chain()
    moved = lodged(recorded=4, lrn="LRN2")
    chain.run([*messages(lodged()), *messages(moved)], None)
    shares = chain.net().shares
    assert set(shares["journeys", "H3"]) == {"LRN2"}
    assert {cell.content for cell in chain.states["manifests"].cells["filings/LRN1"].values()} == {
        None
    }
    assert "told/LRN1" not in chain.states["manifests"].cells


def test_answers_to_a_filing_are_kept_and_link_nothing() -> None:
    chain = Chain()
    told = tell(chain, Fact("f8", "manifest.assessed", 1, 1, lrn="LRN1", data={"office": "NL1"}))
    assert told == {}
    (cell,) = chain.states["manifests"].cells["filings/LRN1"].values()
    assert isinstance(cell, Filing)
    assert cell.register.event is not None
    assert cell.register.event.data == {"office": "NL1"}


def test_the_same_filing_twice_tells_nothing_new() -> None:
    chain = Chain()
    tell(chain, lodged())
    assert tell(chain, lodged()) == {}

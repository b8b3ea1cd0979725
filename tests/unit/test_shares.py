"""What a filing tells a consignment for its rules, and what it does not tell a unit."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from sstl.core.shares import MAX_FILINGS
from sstl.models.records import Goods
from tests.property.reference_worlds import START_MS, Chain, Fact
from tests.unit.test_manifests import BODY, amended, lodged, tell

HOUSE: dict[str, Any] = {
    "consignmentId": "H1",
    "equipmentReferences": ["CSQU3054383"],
    "mrn": "25NL07",
    "ucr": "5CN9",
    "previousMRN": "25NL00",
    "splitConsignment": True,
    "lotClass": "SMALL",
    "sstl": {"member": True},
    "placeOfDelivery": "DEDUI",
    "parties": [
        {"role": "CONSIGNEE", "pseudonym": "p2", "aeo": True},
        {"role": "CONSIGNOR", "pseudonym": "p3"},
    ],
    "operatorStatus": {"aeoExporter": False},
    "items": [
        {
            "itemNo": 1,
            "hs6": "950300",
            "description": "toy bricks of plastic",
            "grossMassKg": 100.5,
            "netMassKg": 90.0,
            "countryOfOrigin": "CN",
            "value": 1200.0,
            "currency": "EUR",
            "packages": {"count": 12, "type": "CT"},
        },
        {"itemNo": 2, "hs6": "640299", "grossMassKg": 20.25, "packages": {"count": 3}},
    ],
}


def house(**changes: Any) -> dict[str, Any]:
    return {"consignments": [HOUSE | changes]}


def told(*facts: Fact, of: str = "H1") -> Any:
    return tell(Chain(), *facts)["consignments", of].share


def test_a_consignment_hears_its_goods_and_what_it_states_of_itself() -> None:
    share = told(lodged(**house()))
    assert share.goods[0] == Goods(
        item_no=1,
        hs6="950300",
        description="toy bricks of plastic",
        gross_mass_kg=100.5,
        net_mass_kg=90.0,
        country_of_origin="CN",
        value=1200.0,
        currency="EUR",
    )
    assert [item.item_no for item in share.goods] == [1, 2]
    assert (share.split_consignment, share.previous_mrn) == (True, "25NL00")
    assert (share.lot_class, share.sstl_member) == ("SMALL", True)
    assert (share.ucr, share.mrns) == ("5CN9", ("25NL01", "25NL07"))
    assert share.packages == 15


def test_a_unit_hears_neither_goods_nor_filings() -> None:
    unit = tell(Chain(), lodged(**house()), amended(**house(ucr="5CN8")))["journeys", "CSQU3054383"]
    assert unit.share.goods == unit.share.filings == unit.share.referrals == ()
    assert unit.share.packages == 15
    assert unit.share.mrns == ("25NL01", "25NL07")
    assert b"toy bricks" not in msgspec.json.encode(unit)


@pytest.mark.parametrize(
    ("said", "empty"),
    [
        pytest.param(["EMPTY"], True, id="empty"),
        pytest.param(["LADEN"], False, id="laden"),
        pytest.param([None], False, id="not-said"),
        pytest.param(["EMPTY", "EMPTY"], True, id="all-are"),
        pytest.param(["EMPTY", "LADEN"], False, id="one-is-laden"),
        pytest.param([], False, id="in-no-unit"),
    ],
)
def test_a_consignment_is_empty_equipment_if_all_its_units_are(
    said: list[str | None], empty: bool
) -> None:
    units = ["CSQU3054383", "MSKU1234565"][: len(said)]
    listed = [
        {"equipmentReference": unit} | ({} if one is None else {"emptyIndicator": one})
        for unit, one in zip(units, said, strict=True)
    ]
    changes = house(equipmentReferences=units) | {"equipment": listed}
    assert told(lodged(**changes)).empty is empty


def test_a_unit_hears_its_own_declared_mass() -> None:
    equipment = [{"equipmentReference": "CSQU3054383", "grossMassKg": 14_200.0}]
    share = tell(Chain(), lodged(**house(), equipment=equipment))["journeys", "CSQU3054383"].share
    assert (share.equipment_mass_kg, share.gross_mass_kg) == (14_200.0, 120.75)


def test_a_unit_hears_how_many_teu_it_is() -> None:
    listed = {"equipmentReference": "CSQU3054383"}
    for equipment, teu in (
        ([listed | {"ISOEquipmentCode": "45G1"}], 2),
        ([listed], None),
        ([], None),
    ):
        told_of = tell(Chain(), lodged(**house(), equipment=equipment))
        assert told_of["journeys", "CSQU3054383"].share.teu == teu
        assert told_of["consignments", "H1"].share.teu is None


def test_a_departure_that_has_happened_is_told_beside_the_estimate() -> None:
    share = told(lodged(**house(), atd="2026-03-02T06:00:00Z"))
    assert share.atd_ms - share.etd_ms == 6 * 3_600_000
    assert told(lodged(**house())).atd_ms is None


def test_countries_of_the_means_are_told_apart_from_those_of_the_goods() -> None:
    share = told(lodged(**house(), countriesOfRoutingOfMeans=["CN", "EG", "NL"]))
    assert share.countries_of_routing_of_means == ("CN", "EG", "NL")
    assert share.countries_of_routing == ("CN", "NL")


def test_who_claims_to_be_a_trusted_trader_is_told_by_role() -> None:
    parties = [{"role": "CARRIER", "pseudonym": "p4", "aeo": True}]
    status = {"aeoImporter": True, "aeoExporter": True}
    share = told(lodged(**house(), parties=parties, operatorStatus=status))
    assert share.aeo == (
        ("CARRIER", True),
        ("CONSIGNEE", True),
        ("EXPORTER", False),
        ("IMPORTER", True),
    )


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        pytest.param({}, (), id="nothing"),
        pytest.param({"eta": "2026-03-31T00:00:00Z"}, (), id="only-the-estimated-arrival"),
        pytest.param(house(items=HOUSE["items"][::-1]), (), id="items-in-another-order"),
        pytest.param(house(placeOfDelivery="NLRTM"), ("destination",), id="place-of-delivery"),
        pytest.param(
            house(parties=[{"role": "CONSIGNEE", "pseudonym": "p9"}]),
            ("consignee",),
            id="consignee",
        ),
        pytest.param(
            house(items=[HOUSE["items"][0] | {"value": 9.0}, HOUSE["items"][1]]),
            ("value",),
            id="value",
        ),
        pytest.param(
            house(items=[HOUSE["items"][0] | {"description": "shoes"}, HOUSE["items"][1]]),
            ("goods",),
            id="description",
        ),
        pytest.param(
            house(items=[HOUSE["items"][0] | {"grossMassKg": 99.0}, HOUSE["items"][1]]),
            ("mass",),
            id="mass",
        ),
        pytest.param(
            house(items=[HOUSE["items"][0]]), ("goods", "value", "mass"), id="an-item-less"
        ),
        pytest.param(house(equipmentReferences=["MSCU1234566"]), ("units",), id="another-unit"),
        pytest.param(
            {"equipment": [{"equipmentReference": "CSQU3054383", "seals": [{"number": "B2"}]}]},
            ("seals",),
            id="seal",
        ),
        pytest.param({"countriesOfRouting": ["CN", "MA", "NL"]}, ("route",), id="routing"),
        pytest.param({"legs": []}, ("route",), id="no-legs-any-more"),
    ],
)
def test_an_amendment_says_what_it_changed(
    changes: dict[str, Any], changed: tuple[str, ...]
) -> None:
    share = told(lodged(**house()), amended(**(house() | changes)))
    assert [filing.event.id for filing in share.filings] == ["f1", "f2"]
    assert [filing.changed for filing in share.filings] == [(), changed]
    assert share.filings[1].event.data == {}


def test_an_amendment_is_compared_with_the_one_before_in_event_time() -> None:
    facts = [
        lodged(**house()),
        amended(at=1, recorded=1, **house(placeOfDelivery="NLRTM")),
        replace(amended(at=2, recorded=2, **house(placeOfDelivery="NLRTM")), id="f3"),
    ]
    expected = [(), ("destination",), ()]
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0)):
        share = told(*(facts[number] for number in order))
        assert [filing.changed for filing in share.filings] == expected


def test_a_retracted_amendment_is_no_longer_what_the_next_one_is_compared_with() -> None:
    first = amended(at=1, recorded=1, **house(placeOfDelivery="NLRTM"))
    second = replace(amended(at=2, recorded=2, **house(placeOfDelivery="NLRTM")), id="f3")
    share = told(lodged(**house()), first, second, replace(first, recorded=5, retracted=True))
    assert [(filing.event.id, filing.changed) for filing in share.filings] == [
        ("f1", ()),
        ("f3", ("destination",)),
    ]


def test_a_consignment_that_an_amendment_adds_is_changed_in_all_it_states() -> None:
    added = HOUSE | {"consignmentId": "H9"}
    share = told(
        lodged(**house()),
        amended(consignments=[HOUSE, added], equipment=BODY["equipment"]),
        of="H9",
    )
    assert share.filings[1].changed == (
        *("goods", "consignee", "value", "destination", "units", "mass"),
    )


def test_filings_before_an_invalidation_are_forgotten() -> None:
    invalidated = Fact("f9", "manifest.invalidated", 2, 2, lrn="LRN1")
    again = replace(lodged(at=3, recorded=3, **house(placeOfDelivery="NLRTM")), id="f4")
    share = told(lodged(**house()), invalidated, again)
    assert [(filing.event.id, filing.changed) for filing in share.filings] == [("f4", ())]


def test_of_very_many_amendments_the_first_filing_and_the_latest_are_listed() -> None:
    facts = [
        replace(amended(at=number, recorded=number, **house()), id=f"a{number:03d}")
        for number in range(1, 60)
    ]
    share = told(lodged(**house()), *facts)
    assert len(share.filings) == MAX_FILINGS
    assert (share.filings[0].event.id, share.filings[-1].event.id) == ("f1", "a059")


def referral(kind: str, event_id: str, at: int, **data: Any) -> Fact:
    return Fact(event_id, f"manifest.referral.{kind}", at, at, lrn="LRN1", data=data)


def test_a_referral_is_open_until_it_is_answered() -> None:
    raised = referral("raised", "r1", 1, referralId="R1", referralType="RFI", reason="more")
    (one,) = told(lodged(**house()), raised).referrals
    assert (one.kind, one.raised.id, one.answered) == ("RFI", "r1", None)
    assert "reason" not in one.raised.data
    answered = referral("answered", "r2", 2, referralId="R1", referralType="RFI")
    for facts in ([lodged(**house()), raised, answered], [answered, raised, lodged(**house())]):
        (one,) = told(*facts).referrals
        assert one.answered is not None
        assert one.answered.id == "r2"


def test_a_referral_to_one_consignment_is_told_to_it_alone() -> None:
    raised = referral("raised", "r1", 1, referralType="DNL", consignmentId="H2")
    said = tell(Chain(), lodged(), raised)
    assert said["consignments", "H2"].share.referrals
    assert not said["consignments", "H1"].share.referrals


def test_a_referral_by_the_mrn_of_one_consignment_is_told_to_it_alone() -> None:
    other = HOUSE | {"consignmentId": "H2", "mrn": "25NL08"}
    raised = referral("raised", "r1", 1, referralType="DNL", mrn="25NL08")
    said = tell(Chain(), lodged(consignments=[HOUSE, other]), raised)
    assert said["consignments", "H2"].share.referrals
    assert not said["consignments", "H1"].share.referrals


def test_an_answer_to_nothing_is_told_as_such() -> None:
    share = told(lodged(**house()), referral("answered", "r2", 2, referralType="RFS"))
    assert share.referrals == ()
    assert [answer.id for answer in share.answers] == ["r2"]


def test_the_completed_assessment_is_told() -> None:
    assessed = Fact("f8", "manifest.assessed", 1, 1, lrn="LRN1", data={"office": "NL1"})
    share = told(lodged(**house()), assessed)
    assert (share.assessed.id, share.assessed.data) == ("f8", {})
    assert share.assessed.event_ms == START_MS + 3_600_000


def parcel(name: str, value: float | None, *, consignee: str = "p1", currency: str = "EUR") -> Any:
    item = {"hs6": "950300", "currency": currency} | ({} if value is None else {"value": value})
    return {
        "consignmentId": name,
        "items": [item],
        "parties": [{"role": "CONSIGNEE", "pseudonym": consignee}],
    }


@pytest.mark.parametrize(
    ("parcels", "told_of_h1"),
    [
        pytest.param([parcel("H1", 100.0), parcel("H2", 60.5)], (2, 160.5), id="two"),
        pytest.param(
            [parcel("H1", 100.0), parcel("H2", 60.5, consignee="p2")], (1, 100.0), id="own"
        ),
        pytest.param([parcel("H1", 100.0), parcel("H2", None)], None, id="a-value-missing"),
        pytest.param(
            [parcel("H1", 100.0), parcel("H2", 5.0, currency="USD")], None, id="two-currencies"
        ),
    ],
)
def test_parcels_of_one_consignee_in_a_filing_are_added_up(
    parcels: list[Any], told_of_h1: tuple[int, float] | None
) -> None:
    share = told(lodged(consignments=parcels, equipment=[]))
    assert share.consignee_parcels == told_of_h1


def test_a_long_description_is_kept_to_its_beginning() -> None:
    items = [{"hs6": "950300", "description": "toys " * 100}]
    share = told(lodged(**house(items=items)))
    assert share.goods[0].description == ("toys " * 100)[:256]

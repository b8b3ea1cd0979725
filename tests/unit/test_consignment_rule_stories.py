"""Stories of consignments, told by events as publishers send them, through intake and all stages."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sstl.core.rules import CONSIGNMENT_RULES
from sstl.models.policy import LanePolicy, Policy, WatchList
from tests.chain import Chain

pytestmark = pytest.mark.unit
START = datetime(2026, 3, 1, 8, tzinfo=UTC)
UNIT, HOUSE = "CSQU3054383", "HBL1"
LATER_MS = int(datetime(2026, 9, 1, tzinfo=UTC).timestamp() * 1000)
PARTIES = [
    {"role": "CONSIGNEE", "identifier": "NL123456789", "name": "a name"},
    {"role": "CONSIGNOR", "identifier": "CN987654321", "name": "another"},
]
OURS = frozenset(one.rule.id for one in CONSIGNMENT_RULES)
FAMILIES = {"declaration": "inspection", "channel": "inspection"}
Told = tuple[str, dict[str, Any]]
_numbers = itertools.count()


def tell(kind: str, hours: float, **data: Any) -> Told:
    """Return an event so many hours after the start, and its topic."""
    at = (START + timedelta(hours=hours)).isoformat()
    family = kind.partition(".")[0]
    document = {
        "specversion": "1.0",
        "id": f"e{next(_numbers)}",
        "source": "urn:sstl:NLRTM:tests",
        "type": f"org.sstl.{kind}.v1",
        "time": at,
        "recordedtime": at,
        "data": data,
    }
    return FAMILIES.get(family, family), document


def filing(kind: str, hours: float, lrn: str = "LRN-1", **changes: Any) -> Told:
    item = {"itemNo": 1, "hs6": "640399", "description": "leather shoes", "grossMassKg": 900.0}
    house: dict[str, Any] = {
        "consignmentId": HOUSE,
        "equipmentReferences": [UNIT],
        "parties": PARTIES,
        "items": [item | changes.pop("item", {})],
    }
    house |= changes.pop("house", {})
    body = {
        "lrn": lrn,
        "laneId": "CNYTN-NLRTM-SEA",
        "mode": "1",
        "etd": "2026-03-05T08:00:00Z",
        "eta": "2026-04-02T08:00:00Z",
        "placeOfLoading": "CNYTN",
        "placeOfUnloading": "NLRTM",
        "countriesOfRoutingOfMeans": ["CN", "NL"],
        "officeOfFirstEntry": "NL000510",
        "equipment": [{"equipmentReference": UNIT}],
        "consignments": [house],
    }
    return tell(f"manifest.{kind}", hours, **(body | changes))


def moved(kind: str, hours: float, place: str, unit: str = UNIT) -> Told:
    return tell(
        f"transport.{kind}",
        hours,
        eventClassifier="ACTUAL",
        equipmentReference=unit,
        unLocationCode=place,
    )


def customs(kind: str, hours: float, side: str = "IMPORT", **data: Any) -> Told:
    return tell(kind, hours, consignmentId=HOUSE, side=side, **data)


EXPORTED = customs("inspection.released", 60, "EXPORT")
RELEASED = customs("inspection.released", 780)
LONG_REASON = "the shadow is that of a pallet of tiles which stands across the others, " * 3
JOURNEY = (
    filing("lodged", 0),
    EXPORTED,
    moved("loaded", 90, "CNYTN"),
    moved("departed", 96, "CNYTN"),
    moved("arrived", 760, "NLRTM"),
    moved("discharged", 770, "NLRTM"),
    customs("declaration.accepted", 750, declarationType="IMPORT"),
    RELEASED,
    moved("gated_out", 790, "NLRTM"),
)


def rules_that_hit(*events: Told, policy: Policy | None = None) -> dict[str, str]:
    """Return the rules on consignments whose flags hold when all deadlines have passed, with their severity."""
    chain = Chain(policy=policy)
    chain.take(events)
    chain.beat(LATER_MS)
    return {
        flag["indicators"][0]["ruleId"]: flag["severity"]
        for flag in chain.net_flags().values()
        if flag["indicators"][0]["ruleId"] in OURS
    }


def without(*left_out: Told) -> list[Told]:
    return [one for one in JOURNEY if one not in left_out]


WATCHED = Policy(
    watch_lists={"shoes": WatchList(risk_area="IPR", hs_prefixes=("64",), source="an action plan")}
)

TO_THE_DOOR = Policy(
    lanes={"CNYTN-NLRTM-SEA": LanePolicy(origin="CNYTN", destination="NLRTM", mode="SEA")}
)


@pytest.mark.parametrize(
    ("events", "policy", "expected"),
    [
        pytest.param(JOURNEY, None, {}, id="a-clean-journey"),
        pytest.param(
            (*JOURNEY, filing("amended", 200, item={"hs6": "392690"})),
            None,
            {"filing-amended-after-departure": "MEDIUM"},
            id="goods-amended-at-sea",
        ),
        pytest.param(
            (
                *JOURNEY,
                customs("channel.assigned", 755, channel="RED"),
                filing("amended", 50, item={"description": "shoes"}),
            ),
            None,
            {},
            id="amended-before-anything-happened",
        ),
        pytest.param(
            (
                *without(),
                customs("inspection.selected", 70, "EXPORT"),
                filing("amended", 80, house={"parties": PARTIES[1:]}),
            ),
            None,
            {"filing-amended-after-selection": "HIGH"},
            id="consignee-amended-after-selection",
        ),
        pytest.param(
            (*without(EXPORTED), customs("declaration.accepted", 40, "EXPORT")),
            None,
            {"filing-loaded-without-release": "HIGH"},
            id="loaded-without-export-release",
        ),
        pytest.param(
            (
                *JOURNEY,
                tell("manifest.referral.raised", 80, lrn="LRN-1", referralType="DNL"),
            ),
            None,
            {"filing-do-not-load-ignored": "CRITICAL"},
            id="do-not-load-ignored",
        ),
        pytest.param(
            (
                *JOURNEY,
                tell("manifest.referral.raised", 20, lrn="LRN-1", referralType="RFI"),
                tell("manifest.referral.answered", 30, lrn="LRN-1", referralType="RFI"),
            ),
            None,
            {},
            id="question-answered-in-time",
        ),
        pytest.param(JOURNEY, WATCHED, {"goods-on-watch-list": "MEDIUM"}, id="goods-on-a-list"),
        pytest.param(
            (*JOURNEY, customs("inspection.result.recorded", 775, controlResultCode="B1")),
            None,
            {"control-unsatisfactory": "HIGH"},
            id="unsatisfactory-result",
        ),
        pytest.param(
            (
                *JOURNEY,
                customs(
                    "inspection.partner.result.received", 500, "EXPORT", controlResultCode="B1"
                ),
            ),
            None,
            {"control-unsatisfactory": "HIGH"},
            id="unsatisfactory-result-of-a-partner",
        ),
        pytest.param(
            (
                *JOURNEY,
                customs("inspection.detained", 772),
                customs("inspection.detention.lifted", 785),
            ),
            None,
            {"control-release-against-detention": "HIGH"},
            id="released-while-detained",
        ),
        pytest.param(
            (*JOURNEY, customs("inspection.detained", 772)),
            None,
            {
                "control-release-against-detention": "HIGH",
                "control-gate-out-before-release": "CRITICAL",
            },
            id="left-while-detained",
        ),
        pytest.param(
            (
                *JOURNEY,
                tell(
                    "registry.partner.risk",
                    -24,
                    id="CN987654321",
                    risk="HIGH",
                    **{"from": "2026-02-01T00:00:00Z"},
                ),
            ),
            None,
            {"party-partner-risk": "HIGH"},
            id="a-partner-knows-the-consignor",
        ),
        pytest.param(
            (
                *JOURNEY[1:],
                filing("lodged", 0, operatorStatus={"aeoImporter": True}),
                tell(
                    "registry.operator.status",
                    -24,
                    id="NL123456789",
                    programme="AEO",
                    status="SUSPENDED",
                ),
            ),
            None,
            {"party-aeo-not-confirmed": "MEDIUM"},
            id="a-suspended-trusted-trader",
        ),
        pytest.param(
            (*JOURNEY[1:], filing("lodged", 0, countriesOfRoutingOfMeans=["CN", "GR", "NL"])),
            None,
            {"filing-r3018": "LOW"},
            id="entered-before-the-office-of-first-entry",
        ),
        pytest.param(
            (
                *JOURNEY,
                tell(
                    "inspection.scan.completed",
                    772,
                    equipmentReference=UNIT,
                    side="IMPORT",
                    inspectionId="I1",
                    niiResult="SUSPECT",
                ),
            ),
            None,
            {"control-suspect-image-not-followed-up": "HIGH"},
            id="a-suspect-image-of-the-unit",
        ),
        pytest.param(
            (
                *without(RELEASED),
                customs("inspection.scan.completed", 772, inspectionId="I1", niiResult="SUSPECT"),
                customs(
                    "inspection.result.recorded", 773, inspectionId="I1", outcome="NOT_CONFIRMED"
                ),
                customs("inspection.released", 780, reason=LONG_REASON),
            ),
            None,
            {},
            id="a-suspect-image-cleared-with-a-long-reason",
        ),
        pytest.param(
            (
                *JOURNEY,
                filing("lodged", 3, lrn="LRN-2"),
                tell("manifest.registered", 1, lrn="LRN-1", mrn="26NL000510ABCDEFG1"),
                tell("manifest.registered", 4, lrn="LRN-2", mrn="26DE000510ABCDEFG2"),
            ),
            None,
            {"filing-document-under-two-mrns": "MEDIUM"},
            id="filed-twice-in-the-union",
        ),
        pytest.param(
            (*JOURNEY[1:-1], filing("lodged", 0), moved("gated_out", 775, "NLRTM")),
            None,
            {"control-gate-out-before-release": "HIGH"},
            id="left-five-hours-before-the-release",
        ),
        pytest.param(
            (
                *JOURNEY,
                customs(
                    "inspection.partner.result.received",
                    500,
                    "EXPORT",
                    controlPurpose="SECURITY",
                    controlResultCode="A1",
                ),
                customs(
                    "inspection.selected",
                    752,
                    controlPurpose="SECURITY",
                    selections=[{"basis": "RULE", "ruleId": "any"}],
                ),
            ),
            None,
            {"control-repeated": "MEDIUM"},
            id="selected-again-for-what-the-partner-has-looked-at",
        ),
        pytest.param(
            (
                *JOURNEY,
                customs("inspection.physical.started", 772, inspectionId="I1"),
                customs("inspection.physical.completed", 774, inspectionId="I1"),
                tell(
                    "seallock.opened",
                    772.5,
                    equipmentReference=UNIT,
                    sealNumber="S1",
                    unLocationCode="NLRTM",
                ),
                customs(
                    "inspection.result.recorded", 775, inspectionId="I1", outcome="NOT_CONFIRMED"
                ),
            ),
            TO_THE_DOOR,
            {"control-opened-not-resealed": "HIGH"},
            id="opened-for-a-control-and-left-open",
        ),
        pytest.param(
            tuple(without(JOURNEY[-1], JOURNEY[-2])),
            None,
            {"release-overdue": "LOW"},
            id="declared-and-never-released",
        ),
    ],
)
def test_a_story_has_its_flags_and_none_besides(
    events: tuple[Told, ...], policy: Policy | None, expected: dict[str, str]
) -> None:
    assert rules_that_hit(*events, policy=policy) == expected


def test_three_parcels_of_one_consignee_are_three_flags_until_one_is_amended() -> None:
    item = {"itemNo": 1, "value": 60.0, "currency": "EUR", "description": "leather shoes"}
    parcels = [
        {"consignmentId": f"HBL{number}", "parties": PARTIES, "items": [item]}
        for number in (1, 2, 3)
    ]
    chain = Chain()
    chain.take([filing("lodged", 0, consignments=parcels, equipment=[])])
    flags = chain.net_flags().values()
    assert [flag["indicators"][0]["ruleId"] for flag in flags] == ["goods-parcels-split"] * 3
    assert {flag["subject"]["transportDocument"] for flag in flags} == {"HBL1", "HBL2", "HBL3"}
    chain.take([filing("amended", 5, consignments=parcels[:2], equipment=[])])
    assert chain.net_flags() == {}


BOTH = (UNIT, "MSCU6639870")
IN_TWO_UNITS = (
    filing(
        "lodged",
        0,
        equipment=[{"equipmentReference": unit} for unit in BOTH],
        house={"equipmentReferences": list(BOTH)},
    ),
    EXPORTED,
    customs("declaration.accepted", 750, declarationType="IMPORT"),
    *(
        moved(kind, hours, place, unit)
        for unit in BOTH
        for kind, hours, place in (
            ("loaded", 90, "CNYTN"),
            ("departed", 96, "CNYTN"),
            ("arrived", 760, "NLRTM"),
            ("discharged", 770, "NLRTM"),
        )
    ),
)


def of_unit(kind: str, hours: float, number: int, **data: Any) -> Told:
    return customs(kind, hours, equipmentReference=BOTH[number], **data)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            (
                of_unit("inspection.detained", 772, 1, inspectionId="I1"),
                of_unit("inspection.released", 780, 0),
                moved("gated_out", 790, "NLRTM", BOTH[0]),
                of_unit("inspection.detention.lifted", 820, 1, inspectionId="I1"),
                of_unit("inspection.released", 825, 1),
                moved("gated_out", 830, "NLRTM", BOTH[1]),
            ),
            {},
            id="one-is-held-and-the-other-goes-on",
        ),
        pytest.param(
            (
                of_unit("inspection.released", 780, 0),
                moved("gated_out", 790, "NLRTM", BOTH[0]),
                moved("gated_out", 791, "NLRTM", BOTH[1]),
            ),
            {"control-gate-out-before-release": "HIGH", "release-overdue": "LOW"},
            id="one-leaves-on-the-release-of-the-other",
        ),
    ],
)
def test_units_of_one_consignment_have_releases_of_their_own(
    events: tuple[Told, ...], expected: dict[str, str]
) -> None:
    assert rules_that_hit(*IN_TWO_UNITS, *events) == expected


@pytest.mark.parametrize(
    ("rule", "events"),
    [
        pytest.param(
            "control-gate-out-before-release",
            (of_unit("inspection.released", 780, 0), moved("gated_out", 791, "NLRTM", BOTH[1])),
            id="left",
        ),
        pytest.param(
            "control-gate-out-before-release",
            (of_unit("inspection.detained", 780, 1), moved("gated_out", 791, "NLRTM", BOTH[1])),
            id="left-while-detained",
        ),
        pytest.param(
            "filing-loaded-without-release",
            (of_unit("inspection.revoked", 70, 1, side="EXPORT"), RELEASED),
            id="loaded-without-release",
        ),
        pytest.param(
            "filing-do-not-load-ignored",
            (
                tell("manifest.referral.raised", 93, lrn="LRN-1", referralType="DNL"),
                moved("loaded", 94, "CNYTN", BOTH[1]),
                tell("transport.loaded", 90, eventClassifier="ACTUAL", equipmentReference=BOTH[0]),
            ),
            id="loaded-in-spite-of-a-message",
        ),
        pytest.param(
            "control-suspect-image-not-followed-up",
            (of_unit("inspection.scan.completed", 772, 1, inspectionId="I1", niiResult="SUSPECT"),),
            id="suspect-image",
        ),
        pytest.param(
            "control-opened-not-resealed",
            (
                of_unit("inspection.physical.started", 772, 1, inspectionId="I1"),
                of_unit("inspection.physical.completed", 774, 1, inspectionId="I1"),
                tell("seallock.opened", 772.5, equipmentReference=BOTH[1], sealNumber="S1"),
                tell("seallock.resealed", 780, equipmentReference=BOTH[1], sealNumber="S2"),
            ),
            id="resealed-late",
        ),
    ],
)
def test_a_flag_names_the_unit_that_is_meant(rule: str, events: tuple[Told, ...]) -> None:
    told = [one for one in IN_TWO_UNITS if rule != "filing-do-not-load-ignored" or not _loads(one)]
    chain = Chain(policy=TO_THE_DOOR)
    chain.take((*told, *events))
    chain.beat(LATER_MS)
    flags = [flag for flag in chain.net_flags().values() if flag["indicators"][0]["ruleId"] == rule]
    assert [flag["subject"].get("equipmentReference") for flag in flags] == [BOTH[1]]
    assert BOTH[1] in flags[0]["text"]["en"]
    assert BOTH[1] in flags[0]["text"]["zh"]


def _loads(one: Told) -> bool:
    return str(one[1]["type"]) == "org.sstl.transport.loaded.v1"


def test_names_of_parties_are_in_no_flag() -> None:
    chain = Chain(policy=WATCHED)
    chain.take(JOURNEY)
    assert chain.published["risk-flags"]
    for _, value in chain.published["risk-flags"]:
        assert b"a name" not in value
        assert b"NL123456789" not in value

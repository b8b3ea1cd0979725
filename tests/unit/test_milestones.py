import pytest

from sstl.core.milestones import ACTUAL, KINDS, USED_TYPES, Plan, gather, milestones, plan_of
from sstl.models.catalogue import TYPES
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import Event
from tests.journey_events import DAY, HOUR, LANE, START, event, leg, ordered, share

SEA = Plan(place_of_loading="CNYTN", place_of_unloading="NLRTM")


def instants(*events: Event, plan: Plan = SEA) -> dict[str, int]:
    known = milestones(gather(ordered(events)), plan)
    return {code: (at - START) // HOUR for code, at in known.instants().items()}


def at(hours: int) -> int:
    return START + hours * HOUR


def test_a_voyage_by_sea_gives_its_milestones() -> None:
    assert instants(
        event("seallock.armed", at(1)),
        event("transport.gated_in", at(2), place="CNYTN"),
        event("inspection.released", at(3), side="EXPORT"),
        event("transport.loaded", at(4), place="CNYTN"),
        event("transport.departed", at(5), place="CNYTN"),
        event("transport.arrived", at(6), place="NLRTM"),
        event("transport.discharged", at(7), place="NLRTM"),
        event("declaration.accepted", at(8), side="IMPORT"),
        event("inspection.document.checked", at(9), side="IMPORT"),
        event("inspection.selected", at(10), side="IMPORT"),
        event("inspection.scan.started", at(11), side="IMPORT"),
        event("inspection.scan.completed", at(12), side="IMPORT"),
        event("inspection.oga.completed", at(13), side="IMPORT"),
        event("duty.paid", at(14), side="IMPORT"),
        event("inspection.released", at(15), side="IMPORT"),
        event("transport.gated_out", at(16), place="NLRTM"),
        event("transport.stripped", at(17)),
        plan=Plan(place_of_loading="CNYTN", place_of_unloading="NLRTM", lodged_ms=START),
    ) == {
        **{
            "T0": 0,
            "T1": 1,
            "T2": 2,
            "T3": 3,
            "T4": 4,
            "T5": 5,
            "T6": 6,
            "T7": 7,
            "T8": 8,
            "T9": 9,
        },
        **{
            "T10a": 10,
            "T10b": 11,
            "T10c": 12,
            "T11": 13,
            "T12": 14,
            "T13": 15,
            "T14": 16,
            "T15": 17,
        },
    }


def test_air_has_codes_of_its_own() -> None:
    kinds = ("rcs", "man", "dep", "arr", "rcf", "crc", "ccd", "nfd", "awd", "dlv")
    events = [event(f"transport.{kind}", at(hour)) for hour, kind in enumerate(kinds)]
    assert instants(*events, plan=Plan()) == {
        **{"T2": 0, "T4": 1, "T5": 2, "T6": 3, "T7": 4, "T8": 5, "T13": 6, "T14": 9, "T15": 9}
    }


def test_rail_crosses_a_border_and_changes_wagons_without_arriving() -> None:
    assert instants(
        event("transport.departed", at(1), place="CNCKG"),
        event("transport.crossed", at(2), place="KZALS"),
        event("transport.discharged", at(3), place="KZALS"),
        event("transport.loaded", at(4), place="KZALS"),
        event("transport.departed", at(5), place="KZALS"),
        event("transport.arrived", at(9), place="DEDUI"),
        plan=Plan(place_of_loading="CNCKG", place_of_unloading="DEDUI"),
    ) == {"T5": 1, "T6": 9}


def test_a_call_elsewhere_is_transhipment_and_no_arrival() -> None:
    assert instants(
        event("transport.departed", at(1), place="CNYTN"),
        event("transport.arrived", at(5), place="SGSIN"),
        event("transport.departed", at(6), place="SGSIN"),
    ) == {"T5": 1}


def test_without_a_plan_the_first_departure_and_the_last_discharge_count() -> None:
    assert instants(
        event("transport.departed", at(1), place="CNYTN"),
        event("transport.discharged", at(5), place="SGSIN"),
        event("transport.departed", at(6), place="SGSIN"),
        event("transport.discharged", at(9), place="NLRTM"),
        plan=Plan(),
    ) == {"T5": 1, "T7": 9}


def test_an_event_without_place_counts_where_none_at_the_place_is_known() -> None:
    placeless = event("transport.departed", at(1))
    assert instants(placeless)["T5"] == 1
    assert instants(placeless, event("transport.departed", at(3), place="CNYTN"))["T5"] == 3


def test_only_what_happened_is_a_milestone() -> None:
    events = [
        event("transport.arrived", at(5), place="NLRTM", classifier="PLANNED"),
        event("transport.arrived", at(6), place="NLRTM", classifier="ESTIMATED"),
    ]
    known = milestones(gather(events), SEA)
    assert not known.actual
    assert known.planned["T6"].event_ms == at(5)
    assert known.estimated["T6"].event_ms == at(6)


def test_a_later_plan_replaces_an_earlier_one_of_the_same_place() -> None:
    plans = [
        event("transport.arrived", at(9), place="NLRTM", classifier="PLANNED", recorded_ms=at(0)),
        event("transport.arrived", at(7), place="NLRTM", classifier="PLANNED", recorded_ms=at(1)),
        event("transport.arrived", at(8), place="NLRTM", classifier="PLANNED", recorded_ms=at(0)),
    ]
    assert milestones(gather(ordered(plans)), SEA).planned["T6"].event_ms == at(7)


@pytest.mark.parametrize(
    ("revocation", "released"),
    [
        pytest.param(event("inspection.revoked", at(5)), None, id="after-the-release"),
        pytest.param(event("inspection.revoked", at(4)), None, id="at-its-instant"),
        pytest.param(event("inspection.revoked", at(3)), 4, id="before-it"),
        pytest.param(
            event("inspection.revoked", at(5), inspectionId="I2", side="IMPORT"),
            4,
            id="of-another-control",
        ),
        pytest.param(
            event("inspection.revoked", at(5), inspectionId="I1"), None, id="of-the-same-control"
        ),
        pytest.param(
            event("inspection.revoked", at(5), equipmentReference="U1"), None, id="of-the-unit"
        ),
        pytest.param(
            event("inspection.revoked", at(5), equipmentReference="U2"), 4, id="of-another-unit"
        ),
    ],
)
def test_a_release_stands_until_it_is_revoked(revocation: Event, released: int | None) -> None:
    release = event(
        "inspection.released", at(4), side="IMPORT", inspectionId="I1", equipmentReference="U1"
    )
    assert instants(release, revocation).get("T13") == released


def test_after_a_revocation_the_next_release_counts() -> None:
    assert (
        instants(
            event("inspection.released", at(4), side="IMPORT"),
            event("inspection.revoked", at(5), side="IMPORT"),
            event("inspection.released", at(6), side="IMPORT"),
        )["T13"]
        == 6
    )


def test_a_release_without_side_has_that_of_its_place() -> None:
    assert instants(event("inspection.released", at(1), place="CNYTN")) == {"T3": 1}
    assert instants(event("inspection.released", at(1), place="NLRTM")) == {"T13": 1}
    assert instants(event("inspection.released", at(1), place="SGSIN")) == {}
    assert instants(event("inspection.released", at(1))) == {}


def test_every_type_that_a_milestone_reads_exists() -> None:
    assert set(TYPES) >= USED_TYPES
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_the_first_lodged_manifest_governs_and_others_fill_its_gaps() -> None:
    first = share("LRN2", lane_id=None, lodged_ms=START, consignments=("B",))
    second = share("LRN1", lodged_ms=START + DAY, consignments=("A",), legs=(leg("m1"),))
    unknown = share("LRN0", lodged_ms=None, lane_id="OTHER", mode="AIR")
    plan = plan_of([unknown, second, first], Policy())
    assert plan.share == first
    assert (plan.lane_id, plan.mode, plan.lodged_ms) == (LANE, "SEA", START)
    assert plan.consignments == ("A", "B")
    assert [one.leg_id for one in plan.legs] == ["m1"]


def test_where_the_manifest_names_no_place_the_lane_does() -> None:
    policy = Policy(lanes={LANE: LanePolicy(origin="CNYTN", destination="NLRTM", mode="SEA")})
    plan = plan_of([share()], policy)
    assert (plan.place_of_loading, plan.place_of_unloading) == ("CNYTN", "NLRTM")
    assert plan_of([share(place_of_loading="CNSHG")], policy).place_of_loading == "CNSHG"


def test_an_event_without_classifier_is_nothing_that_happened() -> None:
    assert not gather([event("transport.departed", START, classifier=None)]).by_classifier[ACTUAL]

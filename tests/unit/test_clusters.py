"""What is measured says with what it shares its journey, so that intervals can be made by it."""

import dataclasses

import msgspec
import pytest

from sstl.core.consignments.cells import unit_cell
from sstl.core.consignments.clearance import observe_clearance
from sstl.core.consignments.on_lane import on_lane
from sstl.core.journeys.assess import assess
from sstl.core.journeys.telling import unit_milestones
from sstl.core.leadtime import cluster_of
from sstl.models.policy import Policy
from sstl.models.records import UnitMilestones
from tests.consignment_cases import customs, filed, unit, view
from tests.journey_events import DAY, HOUR, START, UNIT, event, share

pytestmark = pytest.mark.unit

RELEASED = customs("inspection.released", START + 30 * HOUR)


def arrived(name: str, journey: str = "") -> UnitMilestones:
    return msgspec.structs.replace(unit(name, T6=START + 10 * HOUR), journey=journey)


def cluster(*units: UnitMilestones, house: str = "HBL001") -> str | None:
    seen = dataclasses.replace(view(RELEASED, units=units), consignment=house)
    on = on_lane(seen, Policy())
    assert on is not None
    (found,) = {one.measure.cluster for one in observe_clearance(on)}
    return found


def test_consignments_of_one_journey_share_a_cluster() -> None:
    first = cluster(arrived(UNIT), house="HBL001")
    assert first == cluster(arrived(UNIT), house="HBL002") == cluster_of(UNIT)
    assert first != cluster(arrived("CSQU3054384"), house="HBL003")


def test_journeys_of_one_unit_are_clusters_of_their_own() -> None:
    assert cluster(arrived(UNIT)) != cluster(arrived(UNIT, journey="urn:x|empty-2"))


def test_a_consignment_of_several_units_is_of_the_cluster_of_the_first() -> None:
    others = (arrived("U3"), arrived("U1", journey="2"), arrived("U2"))
    assert cluster(*others) == cluster_of("U1", "2")


def without_units(day: int, *importers: str) -> str | None:
    filing = filed(parties=tuple(("IMPORTER", name) for name in importers), lodged_ms=day * DAY)
    seen = view(RELEASED, shares=(filing,), unit_names=())
    on = on_lane(seen, Policy())
    assert on is not None
    return on.observed("LT_release", "consignment", START, 1, {}).measure.cluster


def test_a_consignment_without_units_is_of_the_cluster_of_its_importer_and_day() -> None:
    assert without_units(1, "p1") is not None
    assert without_units(1, "p1") == without_units(1, "p1")
    assert len({without_units(1, "p1"), without_units(1, "p2"), without_units(2, "p1")}) == 3


def test_a_consignment_without_units_and_importer_names_no_cluster() -> None:
    assert without_units(1) is None


def test_a_cluster_does_not_say_the_number_of_a_unit() -> None:
    assert UNIT not in cluster_of(UNIT)
    assert len(cluster_of(UNIT)) == 16


def test_a_journey_and_its_consignments_are_of_one_cluster() -> None:
    events = [
        event("transport.departed", START, place="CNYTN"),
        event("transport.arrived", START + 10 * HOUR, place="NLRTM"),
    ]
    assessed = assess(UNIT, events, [share(consignments=("HBL001",))], Policy())
    (journey,) = assessed.journeys
    clusters = {
        one.measure.cluster for one in journey.derived.observed if one.counting_unit == "journey"
    }
    kept = unit_cell(unit_milestones(journey))
    assert kept is not None
    assert clusters == {cluster_of(UNIT)} == {cluster(kept.told(UNIT))}

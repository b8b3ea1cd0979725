from functools import partial
from typing import Any

import pytest

from sstl.core import subjects
from sstl.core.consignments import ConsignmentsStage
from sstl.core.deadlines import take_due
from sstl.models.policy import LanePolicy, Policy, StageLimit
from sstl.models.records import Event, Forwarded, Heartbeat, Placed, Shared, UnitMilestones
from tests.journey_events import DAY, HOUR, LANE, START, Chain, event, share

HOUSE = "HBL1"
RELEASED = event("inspection.released", START + 30 * HOUR, id="r", side="IMPORT", inspectionId="I1")


@pytest.fixture
def chain() -> Chain:
    return Chain(ConsignmentsStage())


def arrived(unit: str, hours: int | None) -> UnitMilestones:
    return UnitMilestones(
        unit=unit, milestones={} if hours is None else {"T6": START + hours * HOUR}
    )


def manifest(*units: str, manifest_id: str = "LRN1", **fields: Any) -> Shared:
    return Shared(manifest_id=manifest_id, share=share(manifest_id, **fields), units=units)


def released(event_: Event = RELEASED, path: str = f"consignment:{HOUSE}") -> Forwarded:
    return Forwarded(identity=event_.identity, path=path, event=event_)


def values(chain: Chain) -> dict[str, tuple[str, int, int]]:
    """Return the release times that are over; what else is measured, `test_clearance` tells."""
    return {
        name: (lane, (measure.start_ms - START) // HOUR, measure.value_ms // HOUR)
        for (name, lane), measure in chain.observations().items()
        if name.startswith("LT_release|") and measure.outcome is None
    }


def test_release_is_measured_from_the_arrival_of_the_last_unit(chain: Chain) -> None:
    chain.feed(manifest("U1", "U2"), arrived("U1", 10), arrived("U2", 12), released(), key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 12, 18)}


def test_while_one_unit_has_not_arrived_there_is_no_release_time(chain: Chain) -> None:
    chain.feed(manifest("U1", "U2"), arrived("U1", 10), arrived("U2", None), released(), key=HOUSE)
    assert values(chain) == {}
    chain.feed(UnitMilestones(unit="U2"), key=HOUSE)
    assert values(chain) == {}
    chain.feed(manifest("U1"), key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 10, 20)}


def test_a_consignment_split_over_manifests_waits_for_the_units_of_both(chain: Chain) -> None:
    chain.feed(
        manifest("U1"), manifest("U2", manifest_id="LRN2"), arrived("U1", 10), released(), key=HOUSE
    )
    assert values(chain) == {}
    chain.feed(arrived("U2", 14), key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 14, 16)}


def test_a_consignment_in_two_units_is_released_with_the_release_of_the_last(chain: Chain) -> None:
    one, other = (
        event(
            "inspection.released",
            START + at * HOUR,
            id=unit,
            side="IMPORT",
            equipmentReference=unit,
        )
        for unit, at in (("U1", 30), ("U2", 40))
    )
    chain.feed(manifest("U1", "U2"), arrived("U1", 10), arrived("U2", 12), released(one), key=HOUSE)
    assert values(chain) == {}
    told = UnitMilestones(unit="U2", milestones={"T6": START + 12 * HOUR}, controls=(other,))
    chain.feed(told, key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 12, 28)}
    chain.feed(manifest("U1"), key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 10, 20)}
    chain.feed(manifest("U1", "U2"), arrived("U2", 12), key=HOUSE)
    assert values(chain) == {}


def test_release_before_arrival_is_a_negative_time(chain: Chain) -> None:
    chain.feed(manifest("U1"), arrived("U1", 31), released(), key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 31, -1)}


def test_a_revocation_takes_the_release_time_back(chain: Chain) -> None:
    chain.feed(manifest("U1"), arrived("U1", 10), released(), key=HOUSE)
    revoked = event("inspection.revoked", START + 31 * HOUR, side="IMPORT", inspectionId="I1")
    chain.feed(Placed(event=revoked), key=HOUSE)
    assert values(chain) == {}
    again = event("inspection.released", START + 40 * HOUR, side="IMPORT", inspectionId="I2")
    chain.feed(Placed(event=again), key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 10, 30)}


def test_a_release_counts_while_one_reference_leads_to_it(chain: Chain) -> None:
    chain.feed(
        manifest("U1"), arrived("U1", 10), released(path="mrn:1"), released(path="ucr:1"), key=HOUSE
    )
    chain.feed(Forwarded(identity=RELEASED.identity, path="mrn:1"), key=HOUSE)
    assert values(chain)
    chain.feed(Forwarded(identity=RELEASED.identity, path="ucr:1"), key=HOUSE)
    assert values(chain) == {}


def test_nothing_is_left_of_a_consignment_that_is_unlinked(chain: Chain) -> None:
    chain.feed(manifest("U1"), arrived("U1", 10), released(), key=HOUSE)
    chain.feed(
        Shared(manifest_id="LRN1"),
        UnitMilestones(unit="U1"),
        Forwarded(identity=RELEASED.identity, path=f"consignment:{HOUSE}"),
        key=HOUSE,
    )
    assert values(chain) == {}
    assert chain.cells() == {}


def test_a_closed_consignment_is_forgotten_and_its_release_time_stays(chain: Chain) -> None:
    chain.feed(manifest("U1"), arrived("U1", 10), released(), key=HOUSE)
    for days in (90, 93):
        beat = Heartbeat(source="intake-transport/0", reached_ms=START + days * DAY, caught_up=True)
        outputs = chain.feed(beat, key="~heartbeat")
        assert ((HOUSE, "") in chain.cells()) == (days == 90)
        assert {output.topic for output in outputs} == {"findings", "observations"}
    assert values(chain)


def test_a_consignment_that_has_only_arrived_is_waited_for(chain: Chain) -> None:
    chain.feed(manifest("U1"), arrived("U1", 10), key=HOUSE)
    assert {name.partition("|")[0] for name, _ in chain.observations()} == {
        "prearrival",
        "prearrival_lead",
        "LT_release",
    }
    assert values(chain) == {}
    for days in (93, 399, 402):
        beat = Heartbeat(source="intake-transport/0", reached_ms=START + days * DAY, caught_up=True)
        chain.feed(beat, key="~heartbeat")
        assert ((HOUSE, "") in chain.cells()) == (days < 400)


LIMITED = Policy(
    lanes={
        LANE: LanePolicy(
            origin="CNYTN",
            destination="NLRTM",
            mode="SEA",
            stages=(StageLimit(start="T6", end="T13", limit_hours=48),),
        )
    }
)


def overdue(chain: Chain) -> int:
    return sum(one.rule_id == "release-overdue" for one in chain.findings().values())


def jump(chain: Chain, days: int) -> None:
    beat = Heartbeat(source="intake-transport/0", reached_ms=START + days * DAY, caught_up=True)
    chain.feed(beat, key="~heartbeat")


def test_a_heartbeat_that_passes_deadline_and_horizon_judges_before_it_forgets() -> None:
    chain = Chain(ConsignmentsStage(), LIMITED)
    chain.feed(manifest("U1"), arrived("U1", 10), key=HOUSE)
    jump(chain, 900)
    assert overdue(chain) == 1
    assert chain.counts["consignment_dropped", ""] == 1


def test_what_one_heartbeat_has_no_time_to_judge_is_not_forgotten_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = Chain(ConsignmentsStage(), LIMITED)
    monkeypatch.setattr(subjects, "take_due", partial(take_due, limit=1))
    for house in (HOUSE, "HBL2"):
        chain.feed(manifest("U1"), arrived("U1", 10), key=house)
    jump(chain, 900)
    assert (overdue(chain), chain.counts["consignment_dropped", ""]) == (1, 1)
    jump(chain, 901)
    assert (overdue(chain), chain.counts["consignment_dropped", ""]) == (2, 2)


def test_a_release_of_the_whole_unit_releases_what_lies_in_it(chain: Chain) -> None:
    of_unit = event(
        "inspection.released", START + 30 * HOUR, side="IMPORT", equipmentReference="U1"
    )
    told = UnitMilestones(unit="U1", milestones={"T6": START + 10 * HOUR}, controls=(of_unit,))
    chain.feed(manifest("U1"), told, key=HOUSE)
    assert values(chain) == {f"LT_release|{HOUSE}": (LANE, 10, 20)}
    chain.feed(arrived("U1", 10), key=HOUSE)
    assert values(chain) == {}


def test_what_a_unit_tells_counts_only_while_the_consignment_lies_in_it(chain: Chain) -> None:
    of_unit = event(
        "inspection.released", START + 30 * HOUR, side="IMPORT", equipmentReference="U2"
    )
    told = UnitMilestones(unit="U2", milestones={"T6": START + 10 * HOUR}, controls=(of_unit,))
    chain.feed(manifest("U1"), arrived("U1", 10), told, key=HOUSE)
    assert values(chain) == {}

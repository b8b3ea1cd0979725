"""A container that is used again and again: what is kept of its earlier journeys, and for how long."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec
import pytest

from sstl.core import subjects
from sstl.core.deadlines import take_due
from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import LanePolicy, Policy, StageLimit
from sstl.models.records import Event, Finding, Heartbeat, Placed, Shared, UnitMilestones
from tests.journey_events import DAY, HOUR, LANE, START, UNIT, Chain, event, share

LOCK: dict[str, Any] = {"deviceId": {"manufacturerId": "M1", "tagSerial": "7"}}
TRIP_MS = 60 * DAY
POLICY = Policy(
    lanes={
        LANE: LanePolicy(
            origin="CNYTN",
            destination="NLRTM",
            mode="SEA",
            stages=(StageLimit(start="T5", end="T6", limit_hours=24),),
        )
    }
)
HORIZON_MS = (POLICY.max_lateness_s + POLICY.parking_horizon_s) * 1000


def beat(reached_ms: int) -> tuple[str, Heartbeat]:
    return "~heartbeat", Heartbeat(
        source="intake-transport/0", reached_ms=reached_ms, caught_up=True
    )


def trip(number: int) -> list[Event]:
    """Return what is reported of one trip of a month, every sixty days; its seal number is used only once."""
    start = START + number * TRIP_MS
    seal = {**LOCK, "sealNumber": f"CN{number}", "sealGrade": "H"}
    found = [
        event("transport.gated_out", start, place="CNYTN", emptyIndicator="EMPTY"),
        event("transport.stuffed", start + DAY, place="CNYTN"),
        event("seallock.armed", start + DAY + HOUR, place="CNYTN", **seal),
        event("transport.gated_in", start + 2 * DAY, place="CNYTN"),
        event("transport.loaded", start + 3 * DAY, place="CNYTN"),
        event("transport.departed", start + 4 * DAY, place="CNYTN", lane=LANE),
        event("transport.arrived", start + 28 * DAY, place="NLRTM", lane=LANE),
        event("transport.discharged", start + 29 * DAY, place="NLRTM"),
        event("seallock.opened", start + 30 * DAY, place="NLRTM", **LOCK),
        event("transport.gated_out", start + 30 * DAY, place="NLRTM"),
        event("transport.stripped", start + 31 * DAY, place="NLRTM"),
    ]
    found += [
        event(
            "seallock.position",
            start + day * DAY,
            latitude=20.0 + day,
            longitude=30.0,
            **LOCK,
        )
        for day in range(5, 28)
    ]
    return sorted(found, key=lambda one: one.event_ms)


def filed(number: int) -> Shared:
    start = START + number * TRIP_MS
    name = f"LRN{number}"
    evidence = event("manifest.lodged", start, id=f"lodged/{name}")
    return Shared(
        manifest_id=name,
        share=share(
            name,
            lodged_ms=start,
            evidence=evidence,
            eta_ms=start + 28 * DAY,
            consignments=(f"HBL{number}",),
        ),
    )


def travel(chain: Chain, numbers: Sequence[int]) -> None:
    for number in numbers:
        chain.feed(filed(number))
        for one in trip(number):
            chain.feed(Placed(event=one))
            chain.fold([beat(one.event_ms)])


def size(chain: Chain) -> tuple[int, int]:
    """Return cells and bytes of the unit."""
    own = [cell for (key, _), cell in chain.cells().items() if key == UNIT]
    return len(own), sum(len(msgspec.json.encode(cell)) for cell in own)


def head(chain: Chain) -> Any:
    return chain.cells()[UNIT, ""]


def test_a_container_that_travels_thirty_times_keeps_no_more_than_three_journeys() -> None:
    chain, three = Chain(JourneysStage(0), POLICY), Chain(JourneysStage(0), POLICY)
    travel(three, range(3))
    travel(chain, range(30))
    assert chain.counts["journey_dropped", ""] == 28
    assert head(chain).manifests == ("LRN28", "LRN29")
    (cells, many), (most_cells, most) = size(chain), size(three)
    # where a month of positions begins makes one cell more or less
    assert cells <= most_cells + 1
    # beside them the seal numbers of the journeys that are forgotten
    assert many - most < 30 * 400
    assert len(head(chain).flags) * 10 < len(chain.findings())


def test_a_journey_is_forgotten_once_nothing_of_it_can_be_accepted_any_more() -> None:
    chain = Chain(JourneysStage(), POLICY)
    travel(chain, [0, 1])
    known_ms = START + TRIP_MS
    forgotten_ms = (known_ms + HORIZON_MS) // DAY * DAY + DAY
    chain.feed(*(Placed(event=one) for one in trip(2)[:6]))
    chain.fold([beat(forgotten_ms - 1)])
    assert head(chain).manifests == ("LRN0", "LRN1")
    outputs = chain.fold([beat(forgotten_ms)])
    assert head(chain).manifests == ("LRN1",)
    assert {type(one.message) for one in outputs} == {Heartbeat}


def test_flags_and_lead_times_of_later_journeys_keep_their_names() -> None:
    chain = Chain(JourneysStage(), POLICY)
    travel(chain, [0, 1, 2])
    chain.fold([beat(START + 3 * TRIP_MS)])
    kept = head(chain)
    assert kept.begun.key == trip(1)[0].identity
    told = len(chain.outputs)
    chain.feed(Placed(event=event("mass.verified", START + 2 * TRIP_MS + 2 * DAY, grossMassKg=9)))
    after = [one.message for one in chain.outputs[told:]]
    assert not [one for one in after if isinstance(one, Finding | UnitMilestones)]
    assert (head(chain).flags, head(chain).observations) == (kept.flags, kept.observations)
    assert all(f"#{UNIT}" not in name for name in kept.observations)


@pytest.mark.parametrize("hot_room", [0, 1_000], ids=["read-anew", "kept-in-memory"])
def test_what_belongs_to_a_forgotten_journey_is_ignored_and_counted(hot_room: int) -> None:
    chain = Chain(JourneysStage(hot_room), POLICY)
    travel(chain, [0, 1, 2])
    chain.fold([beat(START + 3 * TRIP_MS)])
    before = chain.cells()
    late = event("transport.arrived", START + 27 * DAY, id="late", place="NLRTM")
    ping = event("seallock.position", START + 9 * DAY, latitude=1.0, longitude=1.0, **LOCK)
    assert chain.feed(Placed(event=late), Placed(event=ping), filed(0)) == []
    assert chain.counts["before_journeys", ""] == 3
    assert chain.cells() == before


def test_a_seal_number_of_a_forgotten_journey_is_known_again() -> None:
    chain = Chain(JourneysStage(), POLICY)
    mechanical: dict[str, Any] = {"sealNumber": "ML-4471", "sealGrade": "H", "place": "CNYTN"}
    travel(chain, [0])
    chain.feed(
        Placed(event=event("seallock.armed", START + 2 * DAY, id="first", **mechanical)),
        *(Placed(event=one) for one in trip(1)),
    )
    chain.fold([beat(START + 3 * TRIP_MS)])
    assert head(chain).begun is not None
    chain.feed(*(Placed(event=one) for one in trip(3)))
    again_ms = START + 3 * TRIP_MS + 2 * DAY
    chain.feed(Placed(event=event("seallock.armed", again_ms, id="again", **mechanical)))
    found = [one for one in chain.findings().values() if one.rule_id == "seal-number-used-again"]
    assert [{one.id for one in flag.evidence} >= {"first", "again"} for flag in found] == [True]


def overdue(chain: Chain) -> list[Finding]:
    return [one for one in chain.findings().values() if one.rule_id == "milestone-overdue"]


def test_a_heartbeat_that_passes_deadline_and_horizon_judges_before_it_forgets() -> None:
    chain = Chain(JourneysStage(), POLICY)
    departed = event("transport.departed", START, place="CNYTN", lane=LANE)
    chain.feed(filed(0), Placed(event=departed))
    chain.fold([beat(START + 900 * DAY)])
    (flag,) = overdue(chain)
    assert flag.anchor_ms == START + DAY
    assert chain.counts["unit_dropped", ""] == 1
    assert (UNIT, "") not in chain.cells()


def test_what_one_heartbeat_has_no_time_to_judge_is_not_forgotten_by_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subjects, "take_due", partial(take_due, limit=1))
    chain = Chain(JourneysStage(), POLICY)
    for unit in (UNIT, "OTHU0000001"):
        departed = event("transport.departed", START, id=unit, place="CNYTN", lane=LANE)
        chain.feed(filed(0), Placed(event=departed), key=unit)
    chain.fold([beat(START + 900 * DAY)])
    assert len(overdue(chain)) == 1
    assert chain.counts["unit_dropped", ""] == 1
    chain.fold([beat(START + 900 * DAY + 1)])
    assert len(overdue(chain)) == 2
    assert chain.counts["unit_dropped", ""] == 2


def test_a_deadline_after_the_horizon_is_waited_for() -> None:
    lane = POLICY.lanes[LANE].model_copy(
        update={"stages": (StageLimit(start="T5", end="T6", limit_hours=24 * 500),)}
    )
    chain = Chain(JourneysStage(), Policy(lanes={LANE: lane}))
    departed = event("transport.departed", START, place="CNYTN", lane=LANE)
    chain.feed(filed(0), Placed(event=departed))
    chain.fold([beat(START + 499 * DAY)])
    assert not overdue(chain)
    chain.fold([beat(START + 510 * DAY)])
    assert len(overdue(chain)) == 1
    assert chain.counts["unit_dropped", ""] == 1

"""Two locks on one unit: a lock that is silent is not heard of by the positions of the other."""

from typing import Any

import pytest

from sstl.core.journeys.stage import JourneysStage
from sstl.models.policy import LanePolicy, Policy, Silence
from sstl.models.records import Event, Heartbeat, Observation, PingBucket, Placed, Shared
from tests.journey_events import HOUR, LANE, START, Chain, by_rule, event, share

DOOR: dict[str, Any] = {"deviceId": {"manufacturerId": "M1", "tagSerial": "7"}}
VENT: dict[str, Any] = {"deviceId": {"manufacturerId": "M1", "tagSerial": "8"}}
POLICY = Policy(
    lanes={
        LANE: LanePolicy(
            origin="CNYTN",
            destination="NLRTM",
            mode="SEA",
            silences=(Silence(start="T1", end="T4", limit_hours=12),),
        )
    }
)
BUCKET = 6 * HOUR
NOBODY: dict[str, Any] = {}


def forwarded(device: dict[str, Any], at_ms: int) -> PingBucket:
    """A position of a lock that names no unit, as [references] sums it up."""
    own = device["deviceId"]
    path = f"device:{own['manufacturerId']}/{own['tagSerial']}"
    fix = (at_ms, 0, "p", 22.5, 114.0)
    return PingBucket(path=path, bucket_ms=at_ms - at_ms % BUCKET, first=fix, last=fix)


def direct(device: dict[str, Any], at_ms: int) -> Placed:
    """A position that names the unit, and the lock if it is one's."""
    where: dict[str, Any] = {"latitude": 22.5, "longitude": 114.0}
    return Placed(event=event("seallock.position", at_ms, id=f"p{at_ms}", **where, **device))


def armed(device: dict[str, Any], placement: str) -> Placed:
    name = f"armed/{placement}"
    return Placed(event=event("seallock.armed", START, id=name, placement=placement, **device))


def told(*positions: Placed | PingBucket, hot_room: int, hours: int = 60) -> Chain:
    chain = Chain(JourneysStage(hot_room), POLICY)
    chain.feed(Shared(manifest_id="LRN1", share=share()), armed(DOOR, "DOOR"), armed(VENT, "VENT"))
    for one in positions:
        chain.feed(one)
    reached_ms = START + hours * HOUR
    beat = Heartbeat(source="intake-transport/0", reached_ms=reached_ms, caught_up=True)
    chain.fold([("~heartbeat", beat)])
    return chain


def silent(chain: Chain) -> list[str]:
    """Return the locks that are flagged as silent."""
    found = by_rule(chain.findings()).get("seal-silent", [])
    return sorted(one.evidence[0].id for one in found)


@pytest.mark.parametrize("hot_room", [0, 1_000])
@pytest.mark.parametrize("report", [forwarded, direct])
def test_a_lock_that_says_nothing_is_silent_though_the_other_one_reports(
    report: Any, hot_room: int
) -> None:
    heard = [report(VENT, START + hours * HOUR) for hours in range(2, 60, 2)]
    assert silent(told(*heard, hot_room=hot_room)) == ["armed/DOOR"]


@pytest.mark.parametrize("hot_room", [0, 1_000])
def test_two_locks_that_both_report_are_both_heard_of(hot_room: int) -> None:
    both: list[Any] = [
        report(device, START + (hours + shift) * HOUR)
        for hours in range(2, 60, 4)
        for shift, (report, device) in enumerate(((forwarded, VENT), (direct, DOOR)))
    ]
    assert silent(told(*both, hot_room=hot_room)) == []


@pytest.mark.parametrize("hot_room", [0, 1_000])
def test_a_position_that_names_no_lock_may_be_of_either(hot_room: int) -> None:
    heard = [direct(NOBODY, START + hours * HOUR) for hours in range(2, 60, 2)]
    assert silent(told(*heard, hot_room=hot_room)) == []


def test_a_lock_that_falls_silent_on_the_way_is_named_with_its_last_word() -> None:
    heard = [forwarded(VENT, START + hours * HOUR) for hours in range(2, 60, 2)]
    heard += [forwarded(DOOR, START + hours * HOUR) for hours in (3, 9)]
    chain = told(*heard, hot_room=0)
    (found,) = by_rule(chain.findings())["seal-silent"]
    assert "said nothing from 2026-01-01T09:00:00Z" in found.text_en


def test_lanes_count_the_silence_of_the_one_lock() -> None:
    heard = [forwarded(VENT, START + hours * HOUR) for hours in range(2, 60, 2)]
    delivered: Event = event("transport.stripped", START + 30 * HOUR, place="NLRTM")
    chain = told(*heard, hot_room=0, hours=1)
    chain.feed(Placed(event=delivered))
    said = [one.message for one in chain.outputs if isinstance(one.message, Observation)]
    (lasted,) = [
        one.current.value_ms for one in said if one.indicator == "lock_silent" and one.current
    ]
    assert lasted == (30 - 12) * HOUR

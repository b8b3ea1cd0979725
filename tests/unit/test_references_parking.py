"""[references] and [manifests] on their watermark: waiting, giving up, letting go."""

from dataclasses import replace
from typing import Any

import pytest

from sstl.core import wakeups
from sstl.core.wakeups import MINUTE_MS, STEP_LIMIT
from sstl.models.policy import Policy
from sstl.models.records import Forwarded, Heartbeat, Unbound
from tests.property.reference_worlds import (
    COMMAND,
    DEVICE,
    HOUR_MS,
    OPERATOR,
    PING,
    START_MS,
    Chain,
    Fact,
    linked,
    messages,
)

BILL = "transport-document:H1"
WAIT_S = 10 * 3600
LATE_S = 5 * 3600
ARRIVED_MS = START_MS + 10 * HOUR_MS
DEADLINE_MS = ARRIVED_MS + WAIT_S * 1000
DROPPED_MS = DEADLINE_MS + LATE_S * 1000


def a_chain() -> Chain:
    return Chain(Policy(parking_horizon_s=WAIT_S, max_lateness_s=LATE_S, ping_bucket_s=3600))


def waiting(event_id: str = "r1", **says: Any) -> Fact:
    fact = Fact(event_id, "inspection.released", 0, 2, references=(BILL,))
    return replace(fact, **says)


def send(chain: Chain, *facts: Fact) -> None:
    chain.run([entry for fact in facts for entry in messages(fact)], None)


def reach(
    chain: Chain, instant_ms: int, *, stage: str = "references"
) -> list[tuple[str, str, Any]]:
    """Let the watermark reach an instant; return what is told because of it, heartbeats apart."""
    chain.said.clear()
    chain.between.clear()
    beat = Heartbeat(source="intake/0", reached_ms=instant_ms, caught_up=True)
    chain.fold(stage, [(stage, "~heartbeat", beat)])
    told = [*chain.said, *(entry for lane in chain.between.values() for entry in lane)]
    return [entry for entry in told if not isinstance(entry[2], Heartbeat)]


def link(chain: Chain, reference: str = BILL, **says: Any) -> list[Any]:
    chain.said.clear()
    chain.fold("references", [("references", reference, linked("LRN1", **says))])
    return list(chain.said)


def kept(chain: Chain, stage: str = "references") -> set[str]:
    """Return the keys with cells, the machinery's own apart."""
    return {key for key in chain.states[stage].cells if not key.startswith("~")}


def test_an_event_is_given_up_when_the_watermark_has_passed_its_minute_and_not_before() -> None:
    chain = a_chain()
    send(chain, waiting())
    assert reach(chain, DEADLINE_MS + MINUTE_MS - 1) == []
    ((topic, key, unbound),) = reach(chain, DEADLINE_MS + MINUTE_MS)
    assert (topic, key) == ("unbound", waiting().event().identity)
    assert isinstance(unbound, Unbound)
    assert (unbound.reference, unbound.deadline_ms) == (BILL, DEADLINE_MS)


def test_what_is_given_up_is_said_once_even_if_a_copy_comes_later() -> None:
    chain = a_chain()
    send(chain, waiting())
    assert len(reach(chain, DEADLINE_MS + MINUTE_MS)) == 1
    send(chain, waiting())
    assert link(chain, units=("U1",)) == []
    assert reach(chain, DEADLINE_MS + 2 * MINUTE_MS) == []


def test_a_correction_of_what_was_given_up_may_still_be_bound() -> None:
    chain = a_chain()
    send(chain, waiting())
    reach(chain, DEADLINE_MS + MINUTE_MS)
    send(chain, waiting(recorded=5))
    ((_, unit, message),) = link(chain, units=("U1",))
    assert (unit, message.event.version.recorded_ms) == ("U1", ARRIVED_MS + 5000)


def test_a_manifest_that_comes_just_within_the_horizon_binds() -> None:
    chain = a_chain()
    send(chain, waiting())
    reach(chain, DEADLINE_MS)
    assert len(link(chain, units=("U1",))) == 1
    assert reach(chain, DEADLINE_MS + MINUTE_MS) == []


def test_what_is_bound_can_be_unlinked_until_it_is_dropped() -> None:
    chain = a_chain()
    send(chain, waiting())
    link(chain, units=("U1",))
    assert reach(chain, DROPPED_MS - 1) == []
    ((_, _, message),) = link(chain)
    assert message.event is None


def test_what_was_forwarded_stays_when_the_event_is_dropped_here() -> None:
    chain = a_chain()
    send(chain, waiting())
    link(chain, units=("U1",))
    assert reach(chain, DROPPED_MS + MINUTE_MS) == []
    assert f"events/{BILL}" not in kept(chain)
    assert link(chain) == []


@pytest.mark.parametrize("linked_between", [True, False])
def test_a_link_that_came_and_went_does_not_save_an_event_from_being_unbound(
    linked_between: bool,
) -> None:
    chain = a_chain()
    send(chain, waiting())
    if linked_between:
        link(chain, units=("U1",))
        link(chain)
    told = reach(chain, DEADLINE_MS + MINUTE_MS)
    assert [type(message) for _, _, message in told] == [Unbound]


def test_an_event_that_names_its_unit_is_dropped_without_a_word() -> None:
    chain = a_chain()
    send(chain, waiting(unit="U1"))
    assert reach(chain, DROPPED_MS + MINUTE_MS) == []
    assert f"events/{BILL}" not in kept(chain)


def test_an_event_of_the_future_waits_from_the_instant_it_speaks_of() -> None:
    chain = a_chain()
    send(chain, waiting(at=100))
    assert reach(chain, DEADLINE_MS + MINUTE_MS) == []
    deadline_ms = START_MS + 100 * HOUR_MS + WAIT_S * 1000
    assert len(reach(chain, deadline_ms + MINUTE_MS)) == 1


def test_entries_of_registers_never_expire() -> None:
    chain = a_chain()
    send(chain, waiting(type="registry.operator.status", references=(OPERATOR,)))
    assert reach(chain, DROPPED_MS * 2) == []
    assert len(link(chain, OPERATOR, consignments=("H1",))) == 1


def test_a_pairing_holds_however_old_it_is_until_a_later_one_is_old_too() -> None:
    chain = a_chain()
    paired = waiting("p1", type="seallock.paired", at=0, unit="U1", references=(DEVICE,))
    send(chain, paired)
    reach(chain, DROPPED_MS + 100 * HOUR_MS)
    later = waiting("o1", type="seallock.opened", at=900, recorded=10**7, references=(DEVICE,))
    send(chain, later)
    (event,) = chain.net().events["journeys", "U1"].values()
    assert event.id == "o1"
    again = waiting("p2", type="seallock.paired", at=950, unit="U2", references=(DEVICE,))
    send(chain, again)
    reach(chain, DROPPED_MS + 3000 * HOUR_MS)
    (point,) = chain.states["references"].cells[f"points/{DEVICE}"].values()
    assert point.unit == "U2"


def test_a_grant_is_kept_while_anything_of_its_command_is() -> None:
    chain = a_chain()
    granted = waiting("g1", type="seallock.authorisation.granted", unit="U1", references=(COMMAND,))
    revoked = waiting("v1", type="seallock.authorisation.revoked", at=100, references=(COMMAND,))
    send(chain, granted, revoked)
    reach(chain, DROPPED_MS + MINUTE_MS)
    assert len(chain.states["references"].cells[f"events/{COMMAND}"]) == 2
    reach(chain, DROPPED_MS + 1000 * HOUR_MS)
    reach(chain, DROPPED_MS + 2000 * HOUR_MS)
    assert not kept(chain) & {f"events/{COMMAND}", f"links/{COMMAND}", f"targets/{COMMAND}"}


def test_positions_that_no_unit_claimed_are_counted_when_they_are_dropped() -> None:
    chain = a_chain()
    data = {"latitude": 1.0, "longitude": 1.0}
    pings = [Fact(f"q{n}", PING, 0, 2, references=(DEVICE,), data=data) for n in range(5)]
    send(chain, *pings)
    due_ms = START_MS + 3 * HOUR_MS + (WAIT_S + LATE_S) * 1000
    reach(chain, due_ms)
    assert f"pings/{DEVICE}" in kept(chain)
    beat = Heartbeat(source="intake/0", reached_ms=due_ms + MINUTE_MS, caught_up=True)
    outcome = chain.fold("references", [("references", "~heartbeat", beat)])
    assert f"pings/{DEVICE}" not in kept(chain)
    # Of five in one sixth of a bucket, the first and the last are kept.
    assert outcome.counts["unbound_pings", ""] == 2


def test_where_an_event_lies_is_forgotten_when_no_version_can_follow() -> None:
    chain = a_chain()
    send(chain, waiting())
    key = f"event:{waiting().event().identity}"
    reach(chain, DROPPED_MS + MINUTE_MS - 1)
    assert key in kept(chain)
    reach(chain, DROPPED_MS + MINUTE_MS)
    assert key not in kept(chain)


def test_a_long_step_gives_up_in_portions_and_leaves_nothing() -> None:
    chain = a_chain()
    count = STEP_LIMIT + 10
    records = [
        entry
        for number in range(count)
        for entry in messages(waiting(f"r{number}"))
        if entry[1] == BILL
    ]
    chain.fold("references", records)
    first = reach(chain, DEADLINE_MS + MINUTE_MS)
    second = reach(chain, DEADLINE_MS + MINUTE_MS + 1)
    assert (len(first), len(second)) == (STEP_LIMIT, 10)


def test_what_a_step_has_no_room_for_is_given_up_though_the_watermark_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wakeups, "STEP_LIMIT", 2)
    chain = a_chain()
    send(chain, *(waiting(f"r{number}") for number in range(5)))
    stage, state = chain.stages["references"], chain.states["references"]
    told = len(reach(chain, DEADLINE_MS + MINUTE_MS))
    assert told == 2
    for more in (2, 1, 0):
        outcome = stage.tick(state, chain.policy, chain.context)
        state.apply(outcome.changed)
        assert len(outcome.outputs) == more


def test_a_manifest_past_its_horizon_is_forgotten_and_what_it_linked_stays() -> None:
    chain = a_chain()
    body = {"consignments": [{"consignmentId": "H1"}]}
    filing = Fact("f1", "manifest.lodged", 0, 0, lrn="LRN1", data=body)
    send(chain, filing, waiting())
    assert ("journeys", "H1") in chain.net().events
    told = reach(chain, DROPPED_MS + MINUTE_MS, stage="manifests")
    assert {(topic, message.forgotten) for topic, _, message in told} == {("references", True)}
    assert kept(chain, "manifests") == set()
    chain.run(told, None)
    assert f"links/{BILL}" in kept(chain)
    assert not [entry for entry in chain.said if isinstance(entry[2], Forwarded)]
    reach(chain, DROPPED_MS + MINUTE_MS)
    assert not kept(chain)


def test_without_a_heartbeat_of_every_source_nothing_is_given_up() -> None:
    chain = a_chain()
    chain.context = type(chain.context)(0, frozenset({"intake/0", "intake/1"}))
    send(chain, waiting())
    assert reach(chain, DROPPED_MS * 2) == []
    assert f"events/{BILL}" in kept(chain)

"""[references]: who gets an event that names no unit."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from sstl.models.records import Forwarded, PingBucket, Placed, Registered, Version, Withdrawn
from tests.property.reference_worlds import (
    COMMAND,
    DEVICE,
    HOUR_MS,
    PING,
    START_MS,
    Chain,
    Fact,
    linked,
    messages,
)

BILL = "transport-document:H1"


def released(**says: Any) -> Fact:
    fact = Fact("r1", "inspection.released", 0, 2, references=(BILL,))
    return replace(fact, **says)


def on_device(event_id: str, kind: str, at: int, **says: Any) -> Fact:
    return Fact(event_id, f"seallock.{kind}", 0, at, references=(DEVICE,), **says)


def send(chain: Chain, *facts: Fact) -> list[tuple[str, str, Any]]:
    chain.said.clear()
    chain.run([entry for fact in facts for entry in messages(fact)], None)
    return [entry for entry in chain.said if not isinstance(entry[2], Placed)]


def link(chain: Chain, reference: str = BILL, manifest: str = "LRN1", **says: Any) -> list[Any]:
    chain.said.clear()
    chain.fold("references", [("references", reference, linked(manifest, **says))])
    return list(chain.said)


def at_units(chain: Chain) -> dict[str, set[str]]:
    return {
        key: {event.id for event in events.values()}
        for (topic, key), events in chain.net().events.items()
        if topic == "journeys"
    }


def test_an_event_waits_until_its_reference_is_linked() -> None:
    chain = Chain()
    assert send(chain, released()) == []
    event = released().event()
    told = link(chain, units=("U1",), consignments=("H1",))
    forwarded = Forwarded(identity=event.identity, path=BILL, event=event)
    assert sorted(told) == [("consignments", "H1", forwarded), ("journeys", "U1", forwarded)]


def test_a_link_that_says_nothing_new_tells_nothing() -> None:
    chain = Chain()
    send(chain, released())
    link(chain, units=("U1",))
    assert link(chain, units=("U1",)) == []


def test_a_unit_gained_and_a_unit_lost_are_told_and_the_one_kept_is_not() -> None:
    chain = Chain()
    send(chain, released())
    link(chain, units=("U1", "U2"))
    told = link(chain, units=("U2", "U3"))
    assert {(key, message.event is None) for _, key, message in told} == {
        ("U1", True),
        ("U3", False),
    }


def test_a_unit_linked_by_two_manifests_is_lost_with_the_second() -> None:
    chain = Chain()
    send(chain, released())
    link(chain, manifest="LRN1", units=("U1",))
    assert link(chain, manifest="LRN2", units=("U1",)) == []
    assert link(chain, manifest="LRN1") == []
    ((_, key, message),) = link(chain, manifest="LRN2")
    assert (key, message.event) == ("U1", None)


@pytest.mark.parametrize(
    ("at", "bound"),
    [
        pytest.param(1, True, id="at-its-beginning"),
        pytest.param(0, False, id="an-hour-before"),
        pytest.param(3, True, id="at-its-end"),
        pytest.param(4, False, id="an-hour-after"),
    ],
)
def test_a_voyage_links_both_ends_of_its_interval(at: int, bound: bool) -> None:
    chain = Chain()
    interval: dict[str, Any] = {"from_ms": START_MS + HOUR_MS, "to_ms": START_MS + 3 * HOUR_MS}
    send(chain, released(at=at))
    link(chain, units=("U1",), **interval)
    other = Chain()
    link(other, units=("U1",), **interval)
    send(other, released(at=at))
    assert at_units(chain) == at_units(other) == ({"U1": {"r1"}} if bound else {})


def test_a_consignment_gets_what_names_it_before_any_manifest() -> None:
    chain = Chain()
    ((topic, key, _),) = send(chain, released(references=("consignment:H1",)))
    assert (topic, key) == ("consignments", "H1")
    told = link(chain, "consignment:H1", units=("U1",), consignments=("H1",))
    assert [(topic, key) for topic, key, _ in told] == [("journeys", "U1")]


def test_an_event_that_names_its_unit_goes_through_references_to_consignments_only() -> None:
    chain = Chain()
    link(chain, units=("U1", "U2"), consignments=("H1",))
    told = send(chain, released(unit="U1"))
    assert [(topic, key) for topic, key, _ in told] == [("consignments", "H1")]


def test_a_correction_replaces_and_a_retraction_removes() -> None:
    chain = Chain()
    link(chain, units=("U1",))
    send(chain, released())
    ((_, _, corrected),) = send(chain, released(recorded=2, data={"office": "NL1"}))
    assert corrected.event.data == {"office": "NL1"}
    ((_, _, gone),) = send(chain, released(recorded=3, retracted=True, bodiless=True))
    assert gone.event is None
    assert send(chain, released(recorded=1)) == []


def test_a_retraction_that_arrives_first_keeps_the_event_away() -> None:
    chain = Chain()
    link(chain, units=("U1",))
    send(chain, released(recorded=3, retracted=True, bodiless=True))
    send(chain, released())
    assert at_units(chain) == {}


def test_a_mistyped_unit_loses_the_event_to_the_right_one() -> None:
    chain = Chain()
    wrong = Fact("g1", "transport.gated_in", 0, 0, unit="U1")
    right = Fact("g1", "transport.gated_in", 1, 0, unit="U2")
    told = send(chain, wrong, right)
    identity = right.event().identity
    assert told == [("journeys", "U1", Withdrawn(identity=identity, version=right.version))]
    assert at_units(chain) == {"U2": {"g1"}}
    assert send(chain, wrong, right) == []


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0), (2, 0, 1), (1, 0, 2)]
)
def test_a_place_that_a_later_correction_names_again_has_the_event(order: tuple[int, ...]) -> None:
    versions = [
        Fact("g1", "transport.gated_in", number, 0, unit=unit)
        for number, unit in enumerate(("U1", "U2", "U1"))
    ]
    chain = Chain()
    chain.run([entry for index in order for entry in messages(versions[index])], None)
    assert at_units(chain) == {"U1": {"g1"}}


def test_the_same_version_sent_to_two_places_stays_at_both() -> None:
    chain = Chain()
    version = Version(recorded_ms=5, retracted=False, digest="d")
    for place in ("unit:U1", "unit:U2"):
        registered = Registered(identity="s|i", version=version, places=(place,))
        chain.fold("references", [("references", "event:s|i", registered)])
    assert chain.said == []


def test_every_kind_of_place_hears_of_a_move_on_its_own_topic() -> None:
    chain = Chain()
    places = ("unit:U1", "manifest:L1", "flag:F1", "consignment:H1", f"ref:{BILL}")
    for recorded, named in ((1, places), (2, ())):
        version = Version(recorded_ms=recorded, retracted=False, digest="d")
        registered = Registered(identity="s|i", version=version, places=named)
        chain.fold("references", [("references", "event:s|i", registered)])
    told = [*chain.said, *itertools.chain.from_iterable(chain.between.values())]
    assert {(topic, key) for topic, key, _ in told} == {
        ("journeys", "U1"),
        ("manifests", "L1"),
        ("findings", "F1"),
        ("consignments", "H1"),
        ("references", BILL),
    }


def test_a_lock_reports_for_the_unit_it_is_on() -> None:
    chain = Chain()
    opened = [on_device(f"o{at}", "opened", at) for at in range(5)]
    send(
        chain,
        *opened,
        on_device("p1", "paired", 1, unit="U1"),
        on_device("p2", "paired", 3, unit="U2"),
        on_device("u1", "unpaired", 4),
    )
    # At 1 and 3 the pairing's id sorts after the opening's: in the same instant the id decides.
    assert at_units(chain) == {"U1": {"p1", "o2", "o3"}, "U2": {"p2", "o4", "u1"}}


def test_within_one_instant_the_sequence_decides_before_the_id() -> None:
    chain = Chain()
    send(
        chain,
        on_device("z", "paired", 1, unit="U1", data={"sequence": 1}),
        on_device("a", "opened", 1, data={"sequence": 2}),
        on_device("b", "opened", 1, data={"sequence": 0}),
    )
    assert at_units(chain) == {"U1": {"z", "a"}}


def test_without_an_unpairing_the_lock_stays_on_its_unit() -> None:
    chain = Chain()
    send(chain, on_device("p1", "paired", 0, unit="U1"), on_device("z", "opened", 900))
    assert at_units(chain) == {"U1": {"p1", "z"}}


def test_a_corrected_pairing_moves_the_events_after_it() -> None:
    chain = Chain()
    send(chain, on_device("p1", "paired", 1, unit="U1"), on_device("z", "opened", 2))
    moved = replace(on_device("p1", "paired", 1, unit="U2"), recorded=1)
    send(chain, moved)
    net = chain.net()
    assert {event.id for event in net.events["journeys", "U2"].values()} == {"p1", "z"}
    assert ("journeys", "U1") not in net.events or not net.events["journeys", "U1"]


def test_a_grant_ties_the_command_to_its_unit_and_a_revocation_follows() -> None:
    chain = Chain()
    revoked = Fact("v1", "seallock.authorisation.revoked", 0, 3, references=(COMMAND,))
    send(chain, revoked)
    assert at_units(chain) == {}
    granted = Fact(
        "g1", "seallock.authorisation.granted", 0, 1, unit="U1", references=(DEVICE, COMMAND)
    )
    send(chain, granted)
    assert {event.id for event in chain.net().events["journeys", "U1"].values()} >= {"v1"}
    told = send(chain, replace(granted, recorded=2, retracted=True, bodiless=True))
    assert ("journeys", "U1", Forwarded(identity=revoked.event().identity, path=COMMAND)) in told


def test_a_grant_does_not_pair_its_device() -> None:
    chain = Chain()
    granted = Fact(
        "g1", "seallock.authorisation.granted", 0, 1, unit="U1", references=(DEVICE, COMMAND)
    )
    send(chain, granted, on_device("o1", "opened", 2))
    assert "o1" not in at_units(chain).get("U1", set())


def ping(event_id: str, at: int, **says: Any) -> Fact:
    data = {"latitude": 51.0, "longitude": float(at)}
    return Fact(event_id, PING, 0, at, references=(DEVICE,), data=data, **says)


def test_a_unit_hears_the_first_and_last_position_of_a_bucket() -> None:
    chain = Chain()
    send(chain, on_device("a0", "paired", 0, unit="U1"))
    told = send(chain, *(ping(f"q{at}", at) for at in (3, 1, 2, 1)))
    ((first, last),) = chain.net().pings["U1"].values()
    assert (first[2], last[2]) == ("q1", "q3")
    assert len(told) == 2


def test_positions_between_two_pairings_go_to_each_its_own() -> None:
    chain = Chain()
    send(chain, *(ping(f"q{at}", at) for at in range(6)))
    send(chain, on_device("a1", "paired", 1, unit="U1"), on_device("a4", "paired", 4, unit="U2"))
    net = chain.net()
    ((first, last),) = net.pings["U1"].values()
    assert (first[2], last[2]) == ("q1", "q3")
    ((first, last),) = net.pings["U2"].values()
    assert (first[2], last[2]) == ("q4", "q5")


def test_a_retracted_pairing_takes_its_positions_back() -> None:
    chain = Chain()
    paired = on_device("a0", "paired", 0, unit="U1")
    send(chain, ping("q1", 1), paired)
    told = send(chain, replace(paired, recorded=1, retracted=True, bodiless=True))
    assert ("journeys", "U1", PingBucket(path=DEVICE, bucket_ms=START_MS)) in told
    assert chain.net().pings == {}


def test_a_position_cannot_be_retracted() -> None:
    chain = Chain()
    send(chain, on_device("a0", "paired", 0, unit="U1"), ping("q1", 1))
    assert send(chain, ping("q1", 1, retracted=True)) == []


def test_a_fast_device_keeps_at_most_two_positions_of_each_sixth_of_a_bucket() -> None:
    chain = Chain()
    minutes = [
        replace(ping(f"q{n:03d}", 0), data={"latitude": 1.0, "longitude": 1.0}) for n in range(300)
    ]
    batch = [entry for fact in minutes for entry in messages(fact)]
    chain.fold("references", batch)
    (cell,) = chain.states["references"].cells[f"pings/{DEVICE}"].values()
    assert [(slot, first[2], last[2]) for slot, first, last in cell.slots] == [(0, "q000", "q299")]

"""Registers: what counts at a place, whatever the order of what it was told."""

import itertools

import pytest

from sstl.core.registers import (
    Held,
    Register,
    counting,
    hold_forwarded,
    hold_placed,
    hold_withdrawn,
    merge,
    placed,
    withdrawn,
)
from sstl.models.records import Event, Forwarded, Origin, Placed, Version, Withdrawn


def version(recorded: int) -> Version:
    return Version(recorded_ms=recorded, retracted=False, digest="d")


def event(recorded: int, *, retracted: bool = False, arrival: int = 0) -> Event:
    return Event(
        source="urn:sstl:test",
        id="e1",
        type="transport.departed",
        event_ms=0,
        version=Version(recorded, retracted, "d"),
        arrival_ms=arrival,
        origin=Origin("t", 0, arrival),
    )


def test_the_greatest_version_counts_in_every_order() -> None:
    seen = [placed(event(1)), placed(event(3)), withdrawn(version(2))]
    for order in itertools.permutations(seen):
        register = None
        for one in order:
            register = merge(register, one)
        assert register == placed(event(3))


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(withdrawn(version(2)), id="it-lies-elsewhere"),
        pytest.param(placed(event(2, retracted=True)), id="it-was-retracted"),
        pytest.param(placed(event(1, retracted=True)), id="retracted-in-the-same-instant"),
    ],
)
def test_a_later_version_that_is_not_here_leaves_nothing(later: Register) -> None:
    for one, other in ((placed(event(1)), later), (later, placed(event(1)))):
        register = merge(merge(None, one), other)
        assert register.event is None
        assert register.version == later.version


def test_the_same_version_at_two_places_is_at_both() -> None:
    here, word = placed(event(2)), withdrawn(event(2).version)
    assert merge(here, word) == merge(word, here) == here


def test_the_first_of_several_copies_counts() -> None:
    early, late = placed(event(1, arrival=5)), placed(event(1, arrival=9))
    assert merge(early, late) == merge(late, early) == early


def test_an_event_counts_while_any_way_holds_it() -> None:
    held: Held | None = hold_placed(None, Placed(event=event(1)))
    held = hold_forwarded(held, Forwarded(identity="e", path="mrn:A", event=event(2)))
    held = hold_forwarded(held, Forwarded(identity="e", path="ucr:B", event=event(1)))
    assert counting(held) == event(2)
    held = hold_forwarded(held, Forwarded(identity="e", path="mrn:A"))
    assert counting(held) == event(1)
    held = hold_withdrawn(held, Withdrawn(identity="e", version=version(3)))
    assert counting(held) == event(1)
    held = hold_forwarded(held, Forwarded(identity="e", path="ucr:B"))
    assert counting(held) is None
    assert held is not None
    assert held.direct == Register(version(3))


def test_nothing_is_kept_of_an_event_whose_last_path_ended() -> None:
    held = hold_forwarded(None, Forwarded(identity="e", path="mrn:A", event=event(1)))
    assert hold_forwarded(held, Forwarded(identity="e", path="mrn:A")) is None
    assert hold_forwarded(None, Forwarded(identity="e", path="mrn:A")) is None

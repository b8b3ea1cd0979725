"""Forgetting a unit's earlier journeys changes nothing that is said of the later ones."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import Work
from sstl.models.common import to_wire
from sstl.models.records import (
    Event,
    Forwarded,
    Heartbeat,
    Placed,
    Share,
    Shared,
    Version,
    Withdrawn,
)
from tests.journey_events import DAY, START, UNIT, Chain, event
from tests.journey_worlds import ARCHETYPES, POLICY, messages

Record = tuple[str, Any]
SHORT = POLICY.model_copy(update={"max_lateness_s": 86_400, "parking_horizon_s": 0})
LATER_MS = 50 * DAY
AGAIN = event("transport.stuffed", START + 40 * DAY, id="again", place="NLRTM")
BEAT = Heartbeat(source="intake-transport/0", reached_ms=START + 45 * DAY, caught_up=True)


class Keeping(JourneysStage):
    """The stage, if it never forgot anything."""

    def _forget(self, work: Work, key: str, day: int) -> None:
        pass


def first_travels() -> list[Record]:
    found = []
    for number, (kind, classifier, body) in enumerate(ARCHETYPES):
        data = {name: value for name, value in body.items() if name != "alarm"}
        at_ms = START + number * DAY // 4
        one = event(kind, at_ms, id=f"e{number}", classifier=classifier, **data)
        found.append((UNIT, Placed(event=one)))
    return found


def _later(one: Event) -> Event:
    version = Version(one.version.recorded_ms + LATER_MS, one.version.retracted, one.version.digest)
    return msgspec.structs.replace(
        one,
        id=f"{one.id}/later",
        event_ms=one.event_ms + LATER_MS,
        arrival_ms=one.arrival_ms + LATER_MS,
        version=version,
        data=one.data | {name: _later_text(one.data[name]) for name in WINDOW & one.data.keys()},
    )


WINDOW = {"validFrom", "validTo"}


def _later_text(instant: str) -> str:
    """Return when a grant holds, later too: one that was not could still count on a journey that is kept."""
    return to_wire(datetime.fromisoformat(instant) + timedelta(milliseconds=LATER_MS))


def _by_time(part: Share) -> Share:
    """Return a manifest that only its time fits to a journey.

    By places and legs one that is kept could still move to a journey months after its own; a forgotten one cannot.
    """
    return msgspec.structs.replace(part, place_of_loading=None, place_of_unloading=None, legs=())


def earlier(record: Record) -> Record:
    """Return a message of the first travels."""
    key, message = record
    if isinstance(message, Shared) and message.share is not None:
        return key, msgspec.structs.replace(message, share=_by_time(message.share))
    return record


def later(record: Record) -> Record | None:
    """Return a message as it would be fifty days later, of events and manifests of its own."""
    key, message = record
    match message:
        case Placed(event=one):
            return key, Placed(event=_later(one))
        case Forwarded(event=one):
            moved = None if one is None else _later(one)
            identity = f"{message.identity}/later"
            return key, msgspec.structs.replace(message, identity=identity, event=moved)
        case Withdrawn(version=known):
            moved_version = msgspec.structs.replace(known, recorded_ms=known.recorded_ms + LATER_MS)
            return key, Withdrawn(identity=f"{message.identity}/later", version=moved_version)
        case Shared(share=part):
            name = f"{message.manifest_id}/later"
            if part is None:
                return key, Shared(manifest_id=name, share=None)
            moved_share = msgspec.structs.replace(
                _by_time(part),
                manifest_id=name,
                consignments=tuple(f"{one}/later" for one in part.consignments),
                lodged_ms=(part.lodged_ms or START) + LATER_MS,
            )
            return key, Shared(manifest_id=name, share=moved_share)
    return None


@settings(max_examples=15)
@pytest.mark.parametrize("hot_room", [0, 1_000], ids=["read-anew", "kept-in-memory"])
@given(st.lists(messages(), max_size=12), st.lists(messages(), min_size=2, max_size=20))
def test_what_is_said_of_later_journeys_is_the_same_whether_earlier_ones_are_forgotten_or_not(
    hot_room: int, before: list[Record], after: list[Record]
) -> None:
    forgets, keeps = Chain(JourneysStage(hot_room), SHORT), Chain(Keeping(hot_room), SHORT)
    told = [*first_travels(), *map(earlier, before)]
    told = [one for one in told if not isinstance(one[1], Heartbeat)]
    batches = [told, [(UNIT, Placed(event=AGAIN)), ("~heartbeat", BEAT)]]
    batches += [[one] for one in map(later, after) if one is not None]
    for batch in batches:
        assert forgets.fold(batch) == keeps.fold(batch)
    assert forgets.findings() == keeps.findings()
    assert forgets.observations() == keeps.observations()
    assert len(forgets.cells()) < len(keeps.cells())

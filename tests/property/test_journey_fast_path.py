"""What is kept in memory never changes an answer: the fast path equals the full refold."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import Inbound, MemoryState, Output
from sstl.models.policy import RulePolicy
from tests.journey_events import CONTEXT, UNIT
from tests.journey_worlds import POLICY, messages

LATER = POLICY.model_copy(
    update={
        "version": "2",
        "valid_from": datetime(2026, 1, 3, tzinfo=UTC),
        "rules": {"milestone-later-than-planned": RulePolicy(thresholds={"threshold": 600})},
    }
).after(POLICY)
IN_ORDER = 4
"""Of this many worlds all but one come mostly in order, where the fast path is taken."""


@st.composite
def worlds(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Messages to one unit and heartbeats, mostly in the order of what happened."""
    found = draw(st.lists(messages(), min_size=3, max_size=25))
    if draw(st.integers(1, IN_ORDER)) < IN_ORDER:
        found.sort(key=lambda one: _instant(one[1]))
    return found


def _instant(message: Any) -> int:
    event = getattr(message, "event", None)
    if event is not None:
        return int(event.event_ms)
    return int(getattr(message, "reached_ms", 0))


class Side:
    """A stage with its state, cells kept as the objects that they are."""

    def __init__(self, hot_units: int) -> None:
        self.policy = POLICY
        self.stage = JourneysStage(hot_units)
        self.state = MemoryState()

    def fold(
        self, records: list[tuple[str, Any]], *, commit: bool = True
    ) -> tuple[list[Output], Any]:
        inbound = [Inbound(key, message) for key, message in records]
        outcome = self.stage.fold(self.state, inbound, self.policy, CONTEXT)
        if commit:
            self.state.apply(outcome.changed)
        return outcome.outputs, outcome.counts

    def cells(self) -> dict[Any, Any]:
        return dict(self.state.items())


@settings(max_examples=150)
@given(worlds(), st.integers(0, 40))
def test_kept_in_memory_or_read_anew_every_message_is_answered_the_same(
    world: list[tuple[str, Any]], new_version: int
) -> None:
    fast, slow = Side(100), Side(0)
    for number, message in enumerate(world):
        if number == new_version:
            fast.policy = slow.policy = LATER
        assert fast.fold([message]) == slow.fold([message])
        assert fast.cells() == slow.cells()


@given(worlds(), st.sets(st.integers(0, 24)))
def test_a_transaction_that_is_aborted_leaves_nothing_in_memory(
    world: list[tuple[str, Any]], aborted: set[int]
) -> None:
    fast, slow = Side(100), Side(0)
    for number, message in enumerate(world):
        if number in aborted:
            fast.fold([message], commit=False)
        assert fast.fold([message]) == slow.fold([message])
    assert fast.cells() == slow.cells()


@given(worlds())
def test_a_batch_folded_whole_ends_as_message_by_message(world: list[tuple[str, Any]]) -> None:
    whole, single = Side(100), Side(100)
    whole.fold(world)
    for message in world:
        single.fold([message])
    judged = (UNIT, "judged")
    assert {k: v for k, v in whole.cells().items() if k != judged} == {
        k: v for k, v in single.cells().items() if k != judged
    }

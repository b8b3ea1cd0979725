"""A flag that supersedes another inherits what was answered on it, wherever the two lie."""

from collections import deque
from typing import Any

import pytest

from sstl.core.flags import feedback_on
from sstl.core.stage import Work
from sstl.models.records import Finding, Placed, Version, Withdrawn
from tests.flag_records import ANCHOR, HOUR, action, feedback, finding
from tests.flag_run import HERE, POLICY, Flags, Told, beat

A = "00000000-0000-5000-8000-00000000000a"
B = "00000000-0000-5000-8000-00000000000b"
C = "00000000-0000-5000-8000-00000000000c"


class World:
    """One partition whose own messages come back to it."""

    def __init__(self) -> None:
        self.flags = Flags()
        self.status: dict[str, str] = {}

    def tell(self, *messages: Told) -> None:
        waiting = deque(messages)
        while waiting:
            outcome = self.flags.fold(waiting.popleft())
            for output in outcome.outputs:
                if output.topic == "findings":
                    waiting.append((output.key, output.message))
                elif output.topic != "observations":
                    self.status[output.key] = output.message["status"]

    def feedback_on(self, flag_id: str) -> list[str]:
        work = Work(self.flags.state, POLICY, HERE)
        return [event.id for event in feedback_on(work, flag_id)]


def on(flag_id: str, answer: Placed) -> Told:
    return flag_id, answer


def found(flag_id: str, supersedes: str | None = None, **changed: Any) -> Finding:
    return finding(flag_id=flag_id, supersedes=supersedes, **changed)


CLOSING = feedback("f1", outcome="CONFIRMED")


@pytest.mark.parametrize(
    "order",
    [
        pytest.param([found(A), on(A, CLOSING), found(B, A)], id="answered-before"),
        pytest.param([found(A), found(B, A), on(A, CLOSING)], id="answered-afterwards"),
        pytest.param([found(B, A), on(A, CLOSING)], id="the-earlier-flag-was-never-raised"),
        pytest.param([on(A, CLOSING), found(B, A)], id="answered-before-either"),
    ],
)
def test_feedback_follows_the_flag(order: list[Told]) -> None:
    world = World()
    world.tell(*order)
    assert world.feedback_on(B) == ["f1"]
    assert world.status[B] == "CLOSED"


def test_a_cleared_heir_of_an_answered_flag_is_corrected() -> None:
    world = World()
    world.tell(found(A), on(A, action("acknowledged")), found(B, A), found(B, A, state="CLEARED"))
    assert world.status[B] == "CORRECTED"


def test_what_is_taken_back_is_taken_back_from_the_heir() -> None:
    world = World()
    world.tell(found(B, A), on(A, CLOSING))
    world.tell(on(A, feedback("f1", ANCHOR + 2 * HOUR, outcome="CONFIRMED", retracted=True)))
    assert world.feedback_on(B) == []
    assert world.status[B] == "UPDATED"


def test_what_moves_from_the_flag_to_another_leaves_its_heir() -> None:
    world = World()
    world.tell(found(B, A), on(A, CLOSING))
    moved = Version(ANCHOR + 9 * HOUR, retracted=False, digest="e")
    world.tell((A, Withdrawn(identity=CLOSING.event.identity, version=moved)))
    assert world.feedback_on(B) == []


def test_what_answers_both_flags_stays_when_it_no_longer_comes_from_one() -> None:
    world = World()
    world.tell(found(B, A), on(A, CLOSING), on(B, CLOSING), found(B, None, state="CHANGED"))
    assert world.feedback_on(B) == ["f1"]
    assert world.status[B] == "CLOSED"


def test_a_flag_that_supersedes_another_no_longer_gives_its_answers_back() -> None:
    world = World()
    world.tell(found(B, A), on(A, CLOSING), found(B, C, state="CHANGED"))
    assert world.feedback_on(B) == []
    world.tell(on(C, feedback("f2")))
    assert world.feedback_on(B) == ["f2"]


def test_feedback_follows_from_flag_to_flag() -> None:
    world = World()
    world.tell(found(C, B), found(B, A), on(A, CLOSING))
    assert world.feedback_on(C) == ["f1"]
    assert world.flags.fold().outputs == []


def test_flags_that_supersede_each_other_forget_what_is_taken_back() -> None:
    world = World()
    world.tell(found(A, B), found(B, A), on(A, CLOSING))
    assert world.feedback_on(A) == world.feedback_on(B) == ["f1"]
    world.tell(on(A, feedback("f1", ANCHOR + 2 * HOUR, retracted=True)))
    assert world.feedback_on(A) == world.feedback_on(B) == []


def test_an_inherited_feedback_is_counted_once() -> None:
    flags = Flags()
    (_, succession) = flags.fold(found(B, A)).outputs
    first = flags.fold((succession.key, succession.message), on(A, CLOSING))
    (forwarded,) = first.outputs
    inherited = flags.fold((forwarded.key, forwarded.message))
    assert first.counts[("feedback", "CONTROL_DONE:CONFIRMED")] == 1
    assert inherited.counts[("feedback", "CONTROL_DONE:CONFIRMED")] == 0
    assert inherited.counts[("flag", "CLOSED:MEDIUM:leg-late")] == 1


def test_an_heir_of_a_flag_that_never_came_is_forgotten_with_it() -> None:
    world = World()
    world.tell(found(B, A))
    assert list(world.flags.state.parts(A)) == [f"heir/{B}"]
    world.tell(beat(ANCHOR + (720 + 400 * 24) * HOUR + 60_000))
    assert list(world.flags.state.parts(A)) == []


def test_whose_answers_a_flag_inherits_besides_is_no_news_of_it() -> None:
    world = World()
    world.tell(found(B, A))
    world.status.clear()
    world.tell(found(B, A, follows=(C,)))
    assert world.status == {}
    world.tell(on(C, CLOSING))
    assert (world.status, world.feedback_on(B)) == ({B: "CLOSED"}, ["f1"])

"""What each report makes of each state of a lock."""

import itertools
from typing import Any

import pytest

from sstl.core.seals.machine import SYMBOLS, TRANSITIONS, Effect, State, step, symbol_of
from sstl.models.seallock import KINDS
from tests.journey_events import START, event

REVIEWED = {
    (State.UNPAIRED, "opened"),
    (State.ARMED, "paired"),
    (State.ARMED, "unpaired"),
    (State.ARMED, "state.UNPAIRED"),
    (State.ARMED, "state.PAIRED"),
    (State.ARMED, "state.CLOSED"),
    (State.OPENED, "paired"),
    (State.ALARM, "paired"),
}
NO_REPORT_OF_A_LOCK = {"authorisation.granted", "authorisation.revoked"}


def test_every_state_has_an_answer_to_everything_that_may_come() -> None:
    assert set(TRANSITIONS) == set(itertools.product(State, SYMBOLS))


def test_what_no_transition_is_meant_for_goes_to_review() -> None:
    assert {pair for pair, answer in TRANSITIONS.items() if not answer.known} == REVIEWED


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_report_means_something_to_the_machine(kind: str) -> None:
    body: dict[str, Any] = {"state": "ARMED"} if kind == "state.reported" else {}
    symbol = symbol_of(event(f"seallock.{kind}", START, **body))
    assert (symbol is None) == (kind in NO_REPORT_OF_A_LOCK)
    assert symbol is None or symbol in SYMBOLS


def test_a_snapshot_without_a_known_state_is_a_sign_of_life() -> None:
    assert symbol_of(event("seallock.state.reported", START, state="MELTED")) == "report"


@pytest.mark.parametrize(
    ("state", "symbol", "after", "effect"),
    [
        pytest.param("UNPAIRED", "paired", "PAIRED", Effect.NONE, id="paired"),
        pytest.param("PAIRED", "armed", "ARMED", Effect.ARM, id="armed"),
        pytest.param("UNPAIRED", "armed", "ARMED", Effect.ARM, id="bolt-seals-are-never-paired"),
        pytest.param("PAIRED", "opened", "OPENED", Effect.NONE, id="open-for-loading"),
        pytest.param("ARMED", "opened", "OPENED", Effect.OPEN, id="opened-while-armed"),
        pytest.param("ARMED", "closed", "ARMED", Effect.NONE, id="closed-again-after-a-bounce"),
        pytest.param("ARMED", "alarm", "ARMED", Effect.NONE, id="alarm-that-does-not-latch"),
        pytest.param("ARMED", "alarm.latched", "ALARM", Effect.NONE, id="alarm-latches"),
        pytest.param("ALARM", "alarm.latched", "ALARM", Effect.NONE, id="latched-alarm-repeated"),
        pytest.param("ALARM", "opened", "ALARM", Effect.OPEN, id="opened-in-alarm"),
        pytest.param("ALARM", "armed", "ARMED", Effect.ARM, id="arming-resets-the-alarm"),
        pytest.param("ALARM", "report", "ALARM", Effect.NONE, id="sign-of-life-resets-nothing"),
        pytest.param("OPENED", "closed", "CLOSED", Effect.NONE, id="closed"),
        pytest.param("CLOSED", "armed", "ARMED", Effect.ARM, id="armed-again"),
        pytest.param("OPENED", "resealed", "ARMED", Effect.ARM, id="resealed"),
        pytest.param("ARMED", "replaced", "UNPAIRED", Effect.END, id="another-seal-in-its-place"),
        pytest.param("ARMED", "state.OPENED", "OPENED", Effect.OPEN, id="snapshot-open"),
        pytest.param("OPENED", "state.ARMED", "ARMED", Effect.ARM, id="snapshot-armed"),
        pytest.param("ARMED", "unpaired", "UNPAIRED", Effect.END, id="unpaired-while-armed"),
        pytest.param("OPENED", "unpaired", "UNPAIRED", Effect.NONE, id="unpaired-at-the-end"),
    ],
)
def test_a_report_moves_the_lock(state: str, symbol: str, after: str, effect: Effect) -> None:
    answer = step(State(state), symbol)
    assert (answer.state.value, answer.effect) == (after, effect)

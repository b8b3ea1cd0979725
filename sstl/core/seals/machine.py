"""States of a seal or smart lock, and what each report makes of them: a table without gaps.

A device knows that it was opened, never whether it was allowed to be: that is judged in `sstl.core.seals.grants`. Every
pair of state and report has one answer. Where no transition is meant (a device that is unpaired while it is armed), the
report is believed as far as it can be and the pair goes to review. Source of the states: ISO 18185 seal status and this
project's own design (docs/rules/seals.md); of the conditions of a check UN/EDIFACT 4517.
"""

from dataclasses import dataclass
from enum import StrEnum

from sstl.models.records import Event


class State(StrEnum):
    """Where a lock stands."""

    UNPAIRED = "UNPAIRED"
    """Nothing is known of it yet, or it has left the unit."""
    PAIRED = "PAIRED"
    ARMED = "ARMED"
    OPENED = "OPENED"
    CLOSED = "CLOSED"
    """Closed, not armed."""
    ALARM = "ALARM"
    """A latched alarm that nobody has reset."""


class Effect(StrEnum):
    """What a step does besides changing the state."""

    NONE = "none"
    ARM = "arm"
    """Begin a time of being armed (or go on, if it is armed under the same number)."""
    OPEN = "open"
    """End the time of being armed by an opening."""
    END = "end"
    """End the time of being armed without an opening."""


@dataclass(frozen=True, slots=True)
class Step:
    """The answer to one report in one state."""

    state: State
    effect: Effect = Effect.NONE
    known: bool = True
    """False: no transition is meant here; for review."""


SYMBOLS = (
    "paired",
    "unpaired",
    "armed",
    "opened",
    "closed",
    "alarm",
    "alarm.latched",
    "resealed",
    "replaced",
    "checked",
    "state.UNPAIRED",
    "state.PAIRED",
    "state.ARMED",
    "state.OPENED",
    "state.CLOSED",
    "state.ALARM",
    "report",
)
"""What may come. ``resealed``: it carries a new seal from now on; ``replaced``: another seal took its place;
``report``: a sign of life (position, motion, geofence, status)."""

_U, _P, _A, _O, _C, _L = State


def _row(state: State, **answers: Step) -> dict[tuple[State, str], Step]:
    """Answers of one state; signs of life and checks change none."""
    stay = Step(state)
    row = {(state, symbol): stay for symbol in ("report", "checked", "alarm")}
    row[state, "alarm.latched"] = Step(_L)
    row[state, "state.ALARM"] = Step(_L)
    row[state, "armed"] = row[state, "resealed"] = row[state, "state.ARMED"] = Step(_A, Effect.ARM)
    row |= {(state, name.replace("state_", "state.")): step for name, step in answers.items()}
    return row


def _review(state: State, effect: Effect = Effect.NONE) -> Step:
    return Step(state, effect, known=False)


TRANSITIONS: dict[tuple[State, str], Step] = {
    **_row(
        _U,
        paired=Step(_P),
        unpaired=Step(_U),
        opened=_review(_O),
        closed=Step(_C),
        replaced=Step(_U),
        state_UNPAIRED=Step(_U),
        state_PAIRED=Step(_P),
        state_OPENED=Step(_O),
        state_CLOSED=Step(_C),
    ),
    **_row(
        _P,
        paired=Step(_P),
        unpaired=Step(_U),
        opened=Step(_O),
        closed=Step(_C),
        replaced=Step(_U),
        state_UNPAIRED=Step(_U),
        state_PAIRED=Step(_P),
        state_OPENED=Step(_O),
        state_CLOSED=Step(_C),
    ),
    **_row(
        _A,
        paired=_review(_A),
        unpaired=_review(_U, Effect.END),
        opened=Step(_O, Effect.OPEN),
        closed=Step(_A),
        replaced=Step(_U, Effect.END),
        state_UNPAIRED=_review(_U, Effect.END),
        state_PAIRED=_review(_P, Effect.END),
        state_OPENED=Step(_O, Effect.OPEN),
        state_CLOSED=_review(_C, Effect.END),
    ),
    **_row(
        _O,
        paired=_review(_P),
        unpaired=Step(_U),
        opened=Step(_O),
        closed=Step(_C),
        replaced=Step(_U),
        state_UNPAIRED=Step(_U),
        state_PAIRED=Step(_P),
        state_OPENED=Step(_O),
        state_CLOSED=Step(_C),
    ),
    **_row(
        _C,
        paired=Step(_P),
        unpaired=Step(_U),
        opened=Step(_O),
        closed=Step(_C),
        replaced=Step(_U),
        state_UNPAIRED=Step(_U),
        state_PAIRED=Step(_P),
        state_OPENED=Step(_O),
        state_CLOSED=Step(_C),
    ),
    # A latched alarm stays until it is reset: by arming again, by a snapshot without it, by the end of the pairing. An
    # armed lock in alarm is still armed until it is opened.
    **_row(
        _L,
        paired=_review(_P, Effect.END),
        unpaired=Step(_U, Effect.END),
        opened=Step(_L, Effect.OPEN),
        closed=Step(_L),
        replaced=Step(_U, Effect.END),
        state_UNPAIRED=Step(_U, Effect.END),
        state_PAIRED=Step(_P, Effect.END),
        state_OPENED=Step(_O, Effect.OPEN),
        state_CLOSED=Step(_C, Effect.END),
    ),
}
"""(state, what comes) to the answer, complete."""

_TYPES = {
    "seallock.paired": "paired",
    "seallock.unpaired": "unpaired",
    "seallock.armed": "armed",
    "seallock.opened": "opened",
    "seallock.closed": "closed",
    "seallock.resealed": "resealed",
    "seallock.checked": "checked",
    "seallock.position": "report",
    "seallock.geofence.entered": "report",
    "seallock.geofence.exited": "report",
    "seallock.motion.started": "report",
    "seallock.motion.stopped": "report",
    "seallock.device.status": "report",
}


def symbol_of(event: Event) -> str | None:
    """Return what an event of a lock is to the machine; None for grants and what is no report of a lock.

    A snapshot without a state that is known is a sign of life.
    """
    symbol = _TYPES.get(event.type)
    if symbol is not None:
        return symbol
    if event.type == "seallock.alarm":
        return "alarm.latched" if event.data.get("latched") is True else "alarm"
    if event.type == "seallock.state.reported":
        state = event.data.get("state")
        return f"state.{state}" if state in State.__members__ else "report"
    return None


def step(state: State, symbol: str) -> Step:
    """Return the answer to what comes in a state."""
    return TRANSITIONS[state, symbol]

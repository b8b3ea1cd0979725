"""Grants of a reused unit that were entered on one journey and hold on another: each journey is lent those.

What decides is the time that a grant holds for. A grant that comes before the lock is armed for the next journey, or is
entered when that has begun, lies on another journey than the opening that it allows.
"""

from collections.abc import Sequence

from sstl.core.seals.grants import GRANTED, REVOKED, window_of
from sstl.models.records import Event

_NEVER = 1 << 62


def lent(
    events: Sequence[Event],
    parts: Sequence[Sequence[Event]],
    starts: Sequence[Event],
    since_ms: int,
) -> list[tuple[Event, ...]]:
    """Return for each journey the grants of others that hold while it lasts, with what takes these back.

    Args:
        events: All of the unit, those of journeys that are forgotten too.
        parts: The events of each journey that is kept.
        starts: What begins each of them but the first.
        since_ms: When the first of them begins; 0 where none is forgotten.
    """
    entered = [event for event in events if event.type in (GRANTED, REVOKED)]
    if not entered or (len(parts) == 1 and not since_ms):
        return [()] * len(parts)
    begins = [since_ms, *(start.event_ms for start in starts)]
    ends = [*begins[1:], _NEVER]
    return [
        _of_others(entered, {event.identity for event in part}, begin_ms, end_ms)
        for part, begin_ms, end_ms in zip(parts, begins, ends, strict=True)
    ]


def _of_others(
    entered: Sequence[Event], own: set[str], begin_ms: int, end_ms: int
) -> tuple[Event, ...]:
    others = [event for event in entered if event.identity not in own]
    holding = [one for one in others if one.type == GRANTED and _holds(one, begin_ms, end_ms)]
    commands = {one.data.get("commandId") for one in holding}
    back = [one for one in others if one.type == REVOKED and one.data.get("commandId") in commands]
    return (*holding, *back) if holding else ()


def _holds(grant: Event, begin_ms: int, end_ms: int) -> bool:
    window = window_of(grant)
    return window is not None and window[0] <= end_ms and window[1] >= begin_ms

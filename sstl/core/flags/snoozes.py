"""Snoozes by rule, lane and unit: they reach every partition, and find the flags that they cover by day."""

from collections.abc import Iterable, Iterator

from sstl.core.flags.answers import answers_on
from sstl.core.flags.cells import FLAG, Anchored, FlagCell
from sstl.core.flags.standing import SNOOZED, in_scope, scope_of, until_ms
from sstl.core.routing import SNOOZES
from sstl.core.stage import RESERVED, Work
from sstl.models.records import Event

_DAY_MS = 86_400_000
_ANCHORED = Anchored()


def scoped(work: Work) -> list[Event]:
    """Return every snooze by rule, lane or unit, and what ended one, in order of identity."""
    return answers_on(work, SNOOZES)


def move(work: Work, flag_id: str, before_ms: int | None, after_ms: int | None) -> None:
    """Move a flag in the index by day from one governing instant to another; None: it is not in it."""
    before = None if before_ms is None else before_ms // _DAY_MS
    after = None if after_ms is None else after_ms // _DAY_MS
    if before == after:
        return
    if before is not None:
        work.put(_day(before), flag_id, None)
    if after is not None:
        work.put(_day(after), flag_id, _ANCHORED)


def touched(work: Work, changed: Iterable[Event | None]) -> Iterator[FlagCell]:
    """Yield the flags that may be snoozed or not because of these, sorted by day and flag id.

    A snooze touches what its own time covers, the end of one what the snoozes of the same scope cover. Costs the
    flags of those days.
    """
    events = [event for event in changed if event is not None]
    scopes = {scope_of(event) for event in events}
    events += [event for event in scoped(work) if scope_of(event) in scopes]
    days: set[int] = set()
    for event in events:
        if event.type == SNOOZED:
            days.update(range(event.event_ms // _DAY_MS, until_ms(event) // _DAY_MS + 1))
    for day in sorted(days):
        for flag_id in work.parts(_day(day)):
            cell: FlagCell | None = work.get(flag_id, FLAG)
            if cell is not None and any(in_scope(cell.finding, scope) for scope in scopes):
                yield cell


def _day(day: int) -> str:
    return f"{RESERVED}anchored/{day:06d}"

"""When a subject may be forgotten, and the index by which that is found without looking at all of them.

A closed subject is dropped when the watermark has passed the last report on it by the greatest lateness plus the
parking horizon: nothing that still belongs to it can be accepted after that. A subject that never closes is dropped
when nothing was heard of it for `Policy.open_journey_horizon_s`. Neither is dropped before the deadlines that it waits
for, and a heartbeat that passes both judges first. Dropping emits nothing: flags and observations that were published
stay, and what was open stays open. Of a unit that is used again, each journey is dropped by itself
(`sstl.core.journeys.begun`).

The index has a reserved key a day (`~drop/<day>`, one part a subject) and one that counts them (`~drop`), both whole
days of arrival time; a subject is dropped when the day of its deadline has passed.
"""

from collections.abc import Iterable, Iterator

import msgspec

from sstl.core.stage import RESERVED, Work, watermark
from sstl.models.policy import Policy
from sstl.models.records import Share

DAY_MS = 86_400_000
DAYS = f"{RESERVED}drop"
AT_ONCE = 200
"""Most subjects that one heartbeat drops; the rest waits for the next."""


class Due(msgspec.Struct, frozen=True, tag="due.1"):
    """Cell: this subject is due on this day."""


class DueCount(msgspec.Struct, frozen=True, tag="due-count.1"):
    """Cell: how many subjects are due on a day."""

    subjects: int


_DUE = Due()


def due_day(
    touched_ms: int, policy: Policy, *, closed: bool, deadline_ms: int | None = None
) -> int | None:
    """Return the day (since the epoch) on which a subject may be dropped.

    Args:
        touched_ms: The last report on it; 0, no report with an arrival time, gives None: not yet known.
        policy: The latest version.
        closed: Whether it has ended.
        deadline_ms: The least deadline that it waits for; it is not dropped before that has come.
    """
    if touched_ms == 0:
        return None
    horizon_s = (
        policy.max_lateness_s + policy.parking_horizon_s
        if closed
        else policy.open_journey_horizon_s
    )
    due_ms = touched_ms + horizon_s * 1000
    return max(due_ms, due_ms if deadline_ms is None else deadline_ms) // DAY_MS


def shares_touched_ms(shares: Iterable[Share]) -> int:
    """Return the last instant at which a manifest was reported, 0 for none."""
    last = 0
    for share in shares:
        if share.evidence is not None:
            last = max(last, share.evidence.arrival_ms)
        if share.lodged_ms is not None:
            last = max(last, share.lodged_ms)
    return last


def move(work: Work, key: str, before: int | None, after: int | None) -> None:
    """Move a subject in the index from one day to another; None: it is not in it."""
    if before == after:
        return
    if before is not None:
        work.put(_day_key(before), key, None)
        _add(work, before, -1)
    if after is not None:
        work.put(_day_key(after), key, _DUE)
        _add(work, after, 1)


def due(work: Work) -> Iterator[tuple[str, int]]:
    """Yield (subject, day) of what the watermark allows to be dropped, at most `AT_ONCE`."""
    now = watermark(work)
    left = AT_ONCE
    for part in () if now is None else work.parts(DAYS):
        day = int(part)
        if now is None or left == 0 or (day + 1) * DAY_MS > now:
            return
        for key in work.parts(_day_key(day))[:left]:
            left -= 1
            yield key, day


def _day_key(day: int) -> str:
    return f"{DAYS}/{day:06d}"


def _add(work: Work, day: int, by: int) -> None:
    cell: DueCount | None = work.get(DAYS, f"{day:06d}")
    subjects = by if cell is None else cell.subjects + by
    work.put(DAYS, f"{day:06d}", DueCount(subjects) if subjects else None)

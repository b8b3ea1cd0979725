"""Wake-ups: what a stage must look at again once its watermark has passed an instant.

A wake-up is a hint, not a truth: whoever is woken judges by its own cell whether it is really due, and asks to
be woken again if not. So a changed deadline needs no search for the old wake-up.

They lie in reserved cells, one a wake-up, by minute, so that a step of the watermark touches only what is due:
``~wake`` has a part for each hour that has any, ``~wake/h<hour>`` for each minute, ``~wake/m<minute>`` for each
wake-up. Asking costs three cell reads and at most three writes; a step costs the hours still open (about two
thousand at a horizon of 90 days) and what is due.
"""

import msgspec

from sstl.core.stage import Work

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
STEP_LIMIT = 5_000
"""Wake-ups taken in one step at the most, so that a step after an outage still fits one transaction."""

_HOURS = "~wake"


class Wake(msgspec.Struct, frozen=True, tag="wake.1"):
    """Cell: something is to be woken here."""


_WAKE = Wake()


def wake_at(work: Work, at_ms: int, kind: str, part: str, key: str) -> None:
    """Ask to be woken when the watermark has passed the minute of an instant.

    Args:
        work: The fold in progress.
        at_ms: Instant of arrival time; one that has passed wakes at the next step.
        kind: What is woken; no ``|`` in it.
        part: Which cell; no ``|`` in it.
        key: Of which key.
    """
    minute = at_ms // MINUTE_MS
    hour = at_ms // HOUR_MS
    work.put(_HOURS, f"{hour:012d}", _WAKE)
    work.put(f"{_HOURS}/h{hour}", f"{minute:014d}", _WAKE)
    work.put(f"{_HOURS}/m{minute}", f"{kind}|{part}|{key}", _WAKE)


def take_due(work: Work, now_ms: int) -> list[tuple[str, str, str]]:
    """Take away and return the wake-ups that are due, (kind, part, key), `STEP_LIMIT` of them at the most.

    What is left over is taken at the next step.
    """
    due: list[tuple[str, str, str]] = []
    for hour_part in work.parts(_HOURS):
        hour = int(hour_part)
        if hour * HOUR_MS > now_ms:
            break
        minutes = f"{_HOURS}/h{hour}"
        open_minutes = work.parts(minutes)
        for minute_part in open_minutes:
            minute = int(minute_part)
            if (minute + 1) * MINUTE_MS > now_ms:
                return due
            names = f"{_HOURS}/m{minute}"
            waiting = work.parts(names)
            room = STEP_LIMIT - len(due)
            for name in waiting[:room]:
                kind, part, key = name.split("|", 2)
                due.append((kind, part, key))
                work.put(names, name, None)
            if len(waiting) > room:
                return due
            work.put(minutes, minute_part, None)
        work.put(_HOURS, hour_part, None)
    return due

"""How a stage that has begun ended: as it is defined, by what makes that end impossible, or not yet.

Seizure, return, destruction and abandonment are competing events: after one of them no release and no delivery is to
come. The first of them ends every stage that is under way; an end reported after it does not count, for the goods went
another way before. What ends at the same instant has ended as it is defined.

A stage whose start comes after such an event has begun all the same where its end is reported, as goods that were
given back do; without an end nobody waits for it and it is not observed.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sstl.models.records import OPEN, Event

COMPETING: Mapping[str, str] = {
    "inspection.seized": "SEIZED",
    "inspection.returned": "RETURNED",
    "inspection.destroyed": "DESTROYED",
    "inspection.abandoned": "ABANDONED",
}
"""Type of event to the outcome that a measure names."""
Competing = tuple[int, str]
"""(instant, outcome)."""


class Ending(NamedTuple):
    """How a stage ended."""

    outcome: str | None
    """None: as defined; `OPEN`: not yet; else the competing event."""
    at_ms: int
    """When; of an open one its start."""


def competing(by_type: Mapping[str, Sequence[Event]]) -> list[Competing]:
    """Return the competing events of a record, in order; one that says that it was not done is none."""
    if COMPETING.keys().isdisjoint(by_type):
        return []
    return sorted(
        (event.event_ms, outcome)
        for name, outcome in COMPETING.items()
        for event in by_type.get(name, ())
        if event.data.get("status") != "NOT_DONE"
    )


def ending(start_ms: int, end_ms: int | None, others: Iterable[Competing] = ()) -> Ending | None:
    """Return how a stage ended that has begun; None where it is not observed.

    Args:
        start_ms: Its start.
        end_ms: Its end as defined, None: not reported.
        others: Competing events, in order.
    """
    before = False
    for at_ms, outcome in others:
        if at_ms < start_ms:
            before = True
        elif end_ms is None or at_ms < end_ms:
            return Ending(outcome, at_ms)
        else:
            break
    if end_ms is not None:
        return Ending(None, end_ms)
    return None if before else Ending(OPEN, start_ms)

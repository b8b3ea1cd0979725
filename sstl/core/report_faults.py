"""Which reports cannot be right, by rules that need nothing but the reports themselves (docs/indicators.md lists them).

A report is what one source says of one milestone of one journey or consignment. It is implausible where it was
recorded before it happened or absurdly long after, where the chain cannot have gone in that order, or where reports of
a thing that happens once differ by more than a day. Of two reports that cannot both be right each is implausible: which
one is wrong they do not tell. What is measured from them stays as it is; durations that are absurd are kept out where
they are counted.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from sstl.core.milestones import (
    KINDS,
    REVOKED,
    Kind,
    Plan,
    at_place,
    of_side,
    order,
)
from sstl.models.records import Event

DAY_MS: Final = 86_400_000
LATEST_REPORT_MS: Final = 400 * DAY_MS
"""Recorded longer after it happened than this, no report is believed."""
ORDER_TOLERANCE_MS: Final = 2 * 3_600_000
"""Reports are rounded, and lists are finished afterwards."""
LONG_BEFORE_MS: Final = 30 * DAY_MS
"""Goods released so long before they were filed for the first time are other goods."""
SAME_MS: Final = DAY_MS
"""Reports of what happens once may differ by this."""


NO_FAULT: Final = "NONE"
"""Category of a report without a fault."""


class Fault(StrEnum):
    """Why a report cannot be right; of several the first in this order."""

    RECORDED_BEFORE = "RECORDED_BEFORE"
    """Recorded before it happened, by more than the policy's clock tolerance."""
    RECORDED_LATE = "RECORDED_LATE"
    """Recorded more than `LATEST_REPORT_MS` after it happened."""
    OUT_OF_ORDER = "OUT_OF_ORDER"
    """Reported before what must come first, or after what must come later."""
    CONTRADICTED = "CONTRADICTED"
    """Another report of the same milestone and place differs by more than `SAME_MS`."""


_WAY: Final = ("T2", "T5", "T6", "T14")
_ORDER: Final[tuple[tuple[str, str, int], ...]] = (
    *(
        (first, later, ORDER_TOLERANCE_MS)
        for number, first in enumerate(_WAY)
        for later in _WAY[number + 1 :]
    ),
    ("T6", "T7", ORDER_TOLERANCE_MS),
    ("T7", "T14", ORDER_TOLERANCE_MS),
    ("T8", "T13", ORDER_TOLERANCE_MS),
    ("T0", "T13", LONG_BEFORE_MS),
)
"""(milestone, one that cannot have come before it, by how much it may seem so)."""
_PAIRS: Final[Mapping[str, tuple[tuple[str, str, int], ...]]] = {
    code: tuple(pair for pair in _ORDER if code in pair[:2])
    for code in {name for first, later, _ in _ORDER for name in (first, later)}
}
_ONCE: Final = frozenset({"T5", "T6"})
"""Happen once to a unit's journey at a place. Gates are passed again, seals armed again, releases given again."""
_KINDS: Final = {kind.code: kind for kind in KINDS}


def reported_by(codes: Iterable[str]) -> frozenset[str]:
    """Return the types of event that report some milestones."""
    return frozenset(name for code in codes for name in _KINDS[code].types)


class Report(msgspec.Struct, frozen=True):
    """What a source says of a milestone."""

    code: str
    event: Event
    """Of several of the source the one by which the milestone is told."""
    fault: Fault | None


def reports(
    codes: Sequence[str],
    by_type: Mapping[str, Sequence[Event]],
    plan: Plan,
    instants: Mapping[str, int],
    clock_tolerance_ms: int,
    *,
    once: bool,
) -> Iterator[Report]:
    """Yield the reports of some milestones, one for each milestone and source.

    Args:
        codes: The milestones.
        by_type: ACTUAL events by their type, in their total order.
        plan: Says to which places the milestones are bound.
        instants: Instants of all milestones of the subject, ms, each as the report that counts has it.
        clock_tolerance_ms: How far clocks may be off.
        once: Whether the subject is one thing; loose cargo may travel in parts.
    """
    for code in codes:
        events = _reported(_KINDS[code], by_type, plan)
        if not events:
            continue
        apart = once and code in _ONCE and _differ(events)
        for event in _by_source(events, last=_KINDS[code].last):
            fault = _fault(code, event, instants, clock_tolerance_ms)
            if fault is None and apart:
                fault = Fault.CONTRADICTED
            yield Report(code, event, fault)


def _reported(kind: Kind, by_type: Mapping[str, Sequence[Event]], plan: Plan) -> Sequence[Event]:
    """Return the reports of a milestone that the milestone is chosen from."""
    events: Sequence[Event]
    if len(kind.types) == 1:
        events = by_type.get(kind.types[0], ())
    else:
        events = [event for name in kind.types for event in by_type.get(name, ())]
    if kind.side is not None and events:
        events = of_side(events, kind.side, plan, by_type.get(REVOKED, ()))
    if kind.place is not None:
        place = plan.place_of_loading if kind.place == "loading" else plan.place_of_unloading
        events = at_place(events, place)
    return events


def _by_source(events: Sequence[Event], *, last: bool) -> list[Event]:
    if len(events) == 1:
        return list(events)
    found: dict[str, Event] = {}
    for event in events:
        known = found.get(event.source)
        if known is None or (order(event) > order(known)) is last:
            found[event.source] = event
    return [found[source] for source in sorted(found)]


def _differ(events: Sequence[Event]) -> bool:
    instants = [event.event_ms for event in events]
    return max(instants) - min(instants) > SAME_MS


def _fault(
    code: str, event: Event, instants: Mapping[str, int], clock_tolerance_ms: int
) -> Fault | None:
    delay_ms = event.version.recorded_ms - event.event_ms
    if delay_ms < -clock_tolerance_ms:
        return Fault.RECORDED_BEFORE
    if delay_ms > LATEST_REPORT_MS:
        return Fault.RECORDED_LATE
    for first, later, tolerance_ms in _PAIRS.get(code, ()):
        other = instants.get(later if code == first else first)
        if other is None:
            continue
        before_ms = event.event_ms - other if code == first else other - event.event_ms
        if before_ms > tolerance_ms:
            return Fault.OUT_OF_ORDER
    return None

"""Where one journey of a reused unit ends and the next begins: a pure function of the set of events.

A journey ends with stripping, delivery (one that names a leg ends that leg only) or the return of the empty unit;
the next one begins with what comes first then: stuffing, the pick-up of the empty unit, a lock armed, an
export-side gate-in, acceptance or loading. Stuffing and the pick-up of the empty unit begin a journey too where the
end of the one before was not reported but the unit had travelled.

Where physical boundaries are missing, the gap rule of the policy decides: an export-side gate-in or loading at least
``journey_gap_s`` after an import-side discharge or gate-out begins another journey. A move is export-side where the
publisher says so (``transportPhase``), else where it is at the place at which the journey itself began, or back at
the place of the discharge after the unit has left it; onward carriage from elsewhere is neither. What is sealed or
stuffed between the last import-side move and that gate-in belongs to the new journey.

A unit that is a transport document (loose cargo, a parcel) makes one journey only. A new consignment never ends one.
"""

from bisect import bisect_right
from collections.abc import Sequence

from sstl.core.milestones import ACTUAL, classifier_of, order, place_of
from sstl.models.records import Event

_ENTRIES = frozenset({"transport.gated_in", "transport.loaded", "transport.rcs", "transport.man"})
_TRAVEL = frozenset({"transport.loaded", "transport.departed", "transport.man", "transport.dep"})
_ENDS = frozenset({"transport.stripped", "transport.dlv"})
_EMPTY_ENDS = frozenset({"transport.gated_in", "transport.dropped_off"})
_EMPTY_STARTS = frozenset({"transport.gated_out", "transport.picked_up"})
_UNLOADED = frozenset({"transport.discharged", "transport.gated_out", "transport.rcf"})
_ARMED = "seallock.armed"
_STUFFED = "transport.stuffed"
BOUNDARIES = (
    _ENTRIES
    | _TRAVEL
    | _ENDS
    | _EMPTY_ENDS
    | _EMPTY_STARTS
    | _UNLOADED
    | {_ARMED, _STUFFED, "transport.arrived", "transport.arr"}
)
"""Types of event that can move a boundary."""


class Walk:
    """One pass over the events of a unit.

    Args:
        gap_ms: Gap of the gap rule.
        since: Place in the total order from which on it goes, where journeys before it are forgotten.
    """

    def __init__(self, gap_ms: int, since: tuple[int, int, str, str] | None = None) -> None:
        self.gap_ms = gap_ms
        self.since = since
        self.starts: list[Event] = []
        self.seen_by: list[Event] = []
        """Of each start the event by which it was known; an arming may be a start only in hindsight."""
        self.last: Event | None = None
        """The last event seen."""
        self._reset()

    def _reset(self) -> None:
        self.moved = self.travelled = self.ended = self.left = False
        self.unloaded_ms: int | None = None
        self.origin: str | None = None
        self.unloaded_at: set[str | None] = set()
        self.candidate: Event | None = None

    def begin(self, event: Event) -> None:
        """Begin another journey."""
        self.starts.append(event)
        self.seen_by.append(event if self.last is None else self.last)
        self._reset()

    def see(self, event: Event) -> None:
        """Go one event further; it is of a type in `BOUNDARIES` and ACTUAL."""
        if self.since is not None and order(event) < self.since:
            return
        self.last = event
        kind = event.type
        if kind == _ARMED:
            if self.ended:
                self.begin(event)
            elif self.unloaded_ms is not None and self.candidate is None:
                self.candidate = event
            return
        empty = event.data.get("emptyIndicator") == "EMPTY"
        if kind == _STUFFED or (empty and kind in _EMPTY_STARTS):
            if self.ended or self.travelled or self.unloaded_ms is not None:
                self.begin(event)
        elif empty:
            self.ended = self.ended or (self.moved and kind in _EMPTY_ENDS)
        elif kind in _ENDS:
            self.ended = self.ended or event.data.get("legId") is None
            self.moved = True
        else:
            self._move(event)

    def _move(self, event: Event) -> None:
        kind, place = event.type, place_of(event)
        if kind in _ENTRIES and (self.ended or self._again(event, place)):
            self.begin(event if self.candidate is None or self.ended else self.candidate)
        self.moved = True
        self.travelled = self.travelled or kind in _TRAVEL
        if kind in _ENTRIES and self.origin is None:
            self.origin = place
        if kind in _UNLOADED and (self.unloaded_ms is not None or _import_side(event)):
            self.left = self.left or (kind == "transport.gated_out")
            self.unloaded_ms = event.event_ms
            self.unloaded_at.add(place)
            self.candidate = None

    def _again(self, event: Event, place: str | None) -> bool:
        if self.unloaded_ms is None or event.event_ms - self.unloaded_ms < self.gap_ms:
            return False
        phase = event.data.get("transportPhase")
        if phase is not None or event.data.get("isTransshipmentMove"):
            return phase == "EXPORT" and not event.data.get("isTransshipmentMove")
        if place is not None and place == self.origin:
            return True
        return self.left and place in self.unloaded_at


def _import_side(event: Event) -> bool:
    if event.type == "transport.gated_out":
        return event.data.get("transportPhase") == "IMPORT"
    if event.data.get("isTransshipmentMove"):
        return False
    return event.data.get("transportPhase") in (None, "IMPORT")


def parted(events: Sequence[Event], starts: Sequence[Event], gap_ms: int) -> list[list[Event]]:
    """Return the events of each journey, in order.

    What is planned or estimated belongs to the journey that begins up to the gap after its instant: a plan is not
    exact.
    """
    if not starts:
        return [list(events)]
    orders = [order(start) for start in starts]
    instants = [start.event_ms for start in starts]
    found: list[list[Event]] = [[] for _ in range(len(starts) + 1)]
    for event in events:
        if classifier_of(event) == ACTUAL:
            number = bisect_right(orders, order(event))
        else:
            number = bisect_right(instants, event.event_ms + gap_ms)
        found[number].append(event)
    return found

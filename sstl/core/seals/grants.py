"""Whether an opening was allowed: by a grant that names it, or by a control in progress.

Only what is stated can contradict: an opening that names no office is not the wrong office's. What decides is the time
that a grant holds for, not when somebody entered it: a valid grant that comes late allows the opening all the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sstl.core.routing import device_of
from sstl.core.seals.places import Places
from sstl.models.common import to_ms
from sstl.models.records import Event

HOUR_MS = 3_600_000
UNENDED_CONTROL_MS = 24 * HOUR_MS
"""A control whose end (or whose beginning) nobody reported is taken to last at most so long."""
RESEAL_AFTER_CONTROL_MS = 24 * HOUR_MS
"""A seal put on so long after a control that opens the unit is the control's."""

NEAR_MS = 12 * HOUR_MS
"""A grant so far from an opening that states no command is still about it."""

GRANTED = "seallock.authorisation.granted"
REVOKED = "seallock.authorisation.revoked"
_STARTED = {
    "inspection.physical.started": "inspection.physical.completed",
    "inspection.oga.started": "inspection.oga.completed",
    "inspection.sample.taken": "",
}
_COMPLETED = {end: start for start, end in _STARTED.items() if end}
CONTROL_TYPES = frozenset(_STARTED) | frozenset(_COMPLETED)
"""Controls that open the unit."""


def instant_ms(value: object) -> int | None:
    """Return an instant of a body (RFC 3339) in ms; None where there is none."""
    return _parsed(value) if isinstance(value, str) else None


@lru_cache(maxsize=16_384)
def _parsed(value: str) -> int | None:
    try:
        return to_ms(datetime.fromisoformat(value))
    except (TypeError, ValueError):
        return None  # an event made by hand; intake lets none through


@dataclass(frozen=True, slots=True)
class Grant:
    """One grant, its instants parsed."""

    event: Event
    command: str | None
    device: str | None
    unit: str | None
    office: str | None
    place: str | None
    from_ms: int
    to_ms: int
    revoked_ms: int | None
    """When it was taken back; None: it stands."""


@dataclass(frozen=True, slots=True)
class Control:
    """A time in which a control that opens the unit is in progress."""

    event: Event
    """The first report of it."""
    place: str | None
    from_ms: int
    to_ms: int


def grants_of(events: Iterable[Event]) -> list[Grant]:
    """Return the grants among some events, with what was taken back; in the order of the events."""
    granted: list[Event] = []
    revoked: list[Event] = []
    for event in events:
        if event.type == GRANTED:
            granted.append(event)
        elif event.type == REVOKED:
            revoked.append(event)
    found = []
    for event in granted:
        data = event.data
        window = window_of(event)
        if window is None:
            continue
        found.append(
            Grant(
                event,
                data.get("commandId"),
                device_of(data),
                data.get("equipmentReference"),
                data.get("office"),
                data.get("unLocationCode"),
                *window,
                min((one.event_ms for one in revoked if _takes_back(one.data, data)), default=None),
            )
        )
    return found


def window_of(grant: Event) -> tuple[int, int] | None:
    """Return from when and until when a grant holds (ms), None where it does not say both."""
    from_ms, until_ms = (instant_ms(grant.data.get(name)) for name in ("validFrom", "validTo"))
    return None if from_ms is None or until_ms is None else (from_ms, until_ms)


def _takes_back(revocation: dict[str, Any], grant: dict[str, Any]) -> bool:
    if revocation.get("commandId") != grant.get("commandId"):
        return False
    ours, theirs = device_of(grant), device_of(revocation)
    return ours is None or theirs is None or ours == theirs


def controls_of(events: Sequence[Event]) -> list[Control]:
    """Return the times in which controls that open the unit are in progress.

    A beginning is met by the first end after it, of the same inspection where both name one. Without its other side a
    control lasts as its body says (``startedAt``, ``endedAt``), else at most `UNENDED_CONTROL_MS`. A result that tells
    of a new seal is the end of a control too.
    """
    found: list[Control] = []
    ends: set[str] = set()
    for event in events:
        if event.type not in _STARTED:
            continue
        end = _end_of(event, events)
        last = event.event_ms + UNENDED_CONTROL_MS
        if end is not None:
            ends.add(end.identity)
            last = max(end.event_ms, instant_ms(end.data.get("endedAt")) or 0)
        else:
            last = instant_ms(event.data.get("endedAt")) or last
        first = min(event.event_ms, instant_ms(event.data.get("startedAt")) or event.event_ms)
        found.append(Control(event, _place(event, end), first, last))
    for event in events:
        if event.identity in ends or not (
            event.type in _COMPLETED
            or ("sealAfter" in event.data and event.type.startswith("inspection."))
        ):
            continue
        first = instant_ms(event.data.get("startedAt")) or event.event_ms - UNENDED_CONTROL_MS
        last = max(event.event_ms, instant_ms(event.data.get("endedAt")) or 0)
        found.append(Control(event, _place(event, None), min(first, last), last))
    return found


def _place(event: Event, end: Event | None) -> str | None:
    place = event.data.get("unLocationCode")
    if place is None and end is not None:
        place = end.data.get("unLocationCode")
    return place if isinstance(place, str) else None


def _end_of(started: Event, events: Sequence[Event]) -> Event | None:
    wanted = _STARTED[started.type]
    if not wanted:
        return None
    ours = started.data.get("inspectionId")
    for event in events:
        if event.type == wanted and event.event_ms >= started.event_ms:
            theirs = event.data.get("inspectionId")
            if ours is None or theirs is None or ours == theirs:
                return event
    return None


def control_at(
    controls: Iterable[Control], event: Event, at_ms: int, places: Places, tolerance_ms: int
) -> Control | None:
    """Return a control that was in progress when and where something happened, None where none was."""
    for control in controls:
        if not control.from_ms - tolerance_ms <= at_ms <= control.to_ms + tolerance_ms:
            continue
        if not places.contradicts(control.place, event):
            return control
    return None


def judge(
    grants: Iterable[Grant],
    lock: str,
    opened: Event,
    at_ms: int,
    *,
    places: Places,
    tolerance_ms: int,
) -> tuple[Grant | None, str | None]:
    """Return the grant that names an opening and what it lacks: (grant, None) allows it, (None, None): none names it.

    Of several that lack something the one that lacks least counts.

    Args:
        grants: Those of the unit, in order.
        lock: The lock or seal that was opened.
        opened: The report of it.
        at_ms: When it was opened.
        places: Those that the policy has geofences for.
        tolerance_ms: How far the device's clock may be off.
    """
    best: tuple[int, Grant, str] | None = None
    for grant in grants:
        if not _names(grant, lock, opened, at_ms):
            continue
        lacks = _shortcomings(grant, lock, opened, at_ms)
        if places.contradicts(grant.place, opened):
            lacks.append("place")
        if not grant.from_ms - tolerance_ms <= at_ms <= grant.to_ms + tolerance_ms:
            lacks.append("window")
        if not lacks:
            return grant, None
        if best is None or len(lacks) < best[0]:
            best = (len(lacks), grant, lacks[0])
    return (None, None) if best is None else (best[1], best[2])


def _names(grant: Grant, lock: str, opened: Event, at_ms: int) -> bool:
    """Tell whether a grant is about this opening: the command that the lock executed, else the device and the time."""
    command = opened.data.get("commandId")
    if command is not None and grant.command is not None:
        return bool(command == grant.command)
    if grant.device is not None and lock.startswith("device:") and grant.device != lock:
        return False
    return grant.from_ms - NEAR_MS <= at_ms <= grant.to_ms + NEAR_MS


def _shortcomings(grant: Grant, lock: str, opened: Event, at_ms: int) -> list[str]:
    """Return what a grant lacks besides place and time."""
    lacks = []
    data = opened.data
    if grant.revoked_ms is not None and grant.revoked_ms <= at_ms:
        lacks.append("revoked")
    unit = data.get("equipmentReference")
    if (grant.device is not None and lock.startswith("device:") and grant.device != lock) or (
        grant.unit is not None and unit is not None and grant.unit != unit
    ):
        lacks.append("device")
    office = data.get("authorisationOffice")
    if grant.office is not None and office is not None and grant.office != office:
        lacks.append("office")
    return lacks

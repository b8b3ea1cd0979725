"""The story of a journey's seals and locks, told from its events: a pure function of the set.

Reports are parted by lock, put into the lock's own order (when it happened, the boot, the counter), debounced and run
through the machine. A seal that an inspection put on counts as a report of that seal.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from sstl.core.milestones import order
from sstl.core.positions import Positions
from sstl.core.routing import device_of
from sstl.core.seals.facts import Alarm, Armed, Opening, Reseal, SealStory
from sstl.core.seals.fold import LockFold
from sstl.core.seals.grants import (
    CONTROL_TYPES,
    RESEAL_AFTER_CONTROL_MS,
    Control,
    Grant,
    control_at,
    controls_of,
    grants_of,
    judge,
)
from sstl.core.seals.machine import symbol_of
from sstl.core.seals.places import Places
from sstl.models.identifiers import canonical_seal_number
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import Event

__all__ = ["Alarm", "Armed", "Opening", "Reseal", "SealStory", "concerns", "is_told", "tell"]

_NOTHING = SealStory()
DOOR = "door"
"""Lock of reports that name neither device nor number, where the unit has not just one lock."""
_KINDS = ("paired", "armed", "opened", "closed", "resealed", "replaced", "unpaired")
_KIND_ORDER = {symbol: index for index, symbol in enumerate(_KINDS)}


def tell(
    events: Sequence[Event],
    structure: Policy,
    lane: LanePolicy | None,
    positions: Sequence[Positions],
) -> SealStory:
    """Return what the reports on a journey's seals and locks amount to.

    Args:
        events: What counts of the journey, each identity once; positions may be left out. Their order does not matter.
        structure: The policy in force at the journey's first event (debounce, clock tolerance).
        lane: The lane's policy. Nothing depends on it yet.
        positions: First and last ping of each bucket. Nothing depends on them: they tell no state, and what they say
            of silence the rule on it reads itself, so that a ping need not have the story told again.
    """
    del lane, positions
    reports: list[Event] = []
    customs: list[Event] = []
    for event in events:
        if event.type.startswith("seallock."):
            reports.append(event)
        elif concerns(event):
            customs.append(event)
    if not reports and not any("sealAfter" in event.data for event in customs):
        return _NOTHING
    locks = _by_lock(reports, customs)
    if not locks:
        return _NOTHING
    folds = [LockFold(lock, locks[lock], structure) for lock in sorted(locks)]
    for fold in folds:
        fold.run()
    return _joined(folds, reports, customs, structure)


def concerns(event: Event) -> bool:
    """Tell whether the story can depend on an event; without such events it need not be told again."""
    kind = event.type
    return (
        kind.startswith("seallock.")
        or kind in CONTROL_TYPES
        or (kind.startswith("inspection.") and "sealAfter" in event.data)
    )


def is_told(kind: str) -> bool:
    """Tell whether the story can depend on events of a type (`concerns`)."""
    return kind.startswith(("seallock.", "inspection.")) or kind in CONTROL_TYPES


class _Parting:
    """Reports parted by lock, each with what it is to the machine.

    A number that exactly one device reports as its own is that device. What names neither belongs to the unit's only
    lock, else to the door.
    """

    def __init__(self, reports: Iterable[Event]) -> None:
        self.found: dict[str, list[tuple[str, Event]]] = {}
        self._devices: dict[str, set[str]] = {}
        self._reports: list[tuple[str, Event, str | None, str | None]] = []
        for event in reports:
            symbol = symbol_of(event)
            if symbol is None:
                continue
            device = device_of(event.data)
            text = event.data.get("sealNumber")
            number = canonical_seal_number(text) if isinstance(text, str) else None
            if device is not None and number is not None:
                self._devices.setdefault(number, set()).add(device)
            self._reports.append((symbol, event, device, number))

    def _lock_of(self, number: str) -> str:
        owners = self._devices.get(number, ())
        return next(iter(owners)) if len(owners) == 1 else f"seal:{number}"

    def _add(self, lock: str, symbol: str, event: Event) -> None:
        self.found.setdefault(lock, []).append((symbol, event))

    def _replace(self, old: object, new: str, event: Event) -> None:
        """Note under the old seal, where it is stated and another, that the new one took its place."""
        if isinstance(old, str):
            before = self._lock_of(canonical_seal_number(old))
            if before != new:
                self._add(before, "replaced", event)

    def take_reports(self) -> None:
        """Part the reports of seals and locks."""
        nameless = []
        for symbol, event, device, number in self._reports:
            if device is None and number is None:
                nameless.append((symbol, event))
                continue
            lock = device or self._lock_of(str(number))
            self._add(lock, symbol, event)
            if symbol == "resealed":
                self._replace(event.data.get("oldSealNumber"), lock, event)
        if nameless:
            only = next(iter(self.found)) if len(self.found) == 1 else DOOR
            self.found.setdefault(only, []).extend(nameless)

    def take_inspections(self, events: Iterable[Event]) -> None:
        """Let inspections put on the seals that they name."""
        for event in events:
            after, before = event.data.get("sealAfter"), event.data.get("sealBefore")
            if not isinstance(after, str):
                continue
            number = canonical_seal_number(after)
            if isinstance(before, str) and canonical_seal_number(before) == number:
                continue
            lock = self._lock_of(number)
            self._replace(before, lock, event)
            self._add(lock, "resealed", event)


def _by_lock(
    reports: Sequence[Event], customs: Sequence[Event]
) -> dict[str, list[tuple[str, Event]]]:
    """Return the reports of each lock in the lock's order."""
    parting = _Parting(reports)
    parting.take_reports()
    parting.take_inspections(customs)
    for several in parting.found.values():
        if len(several) > 1:
            _sort(several)
    return parting.found


def _sort(reports: list[tuple[str, Event]]) -> None:
    """Sort the reports of one lock: when, the boot (by its own first report), the counter, then what and who."""
    boots: dict[object, int] = {}
    for _, event in reports:
        boot = event.data.get("bootId")
        known = boots.get(boot)
        if known is None or event.event_ms < known:
            boots[boot] = event.event_ms

    def key(report: tuple[str, Event]) -> tuple[int, int, int, str, int, int, str, str]:
        symbol, event = report
        boot = event.data.get("bootId")
        text = "" if boot is None else str(boot)
        sequence = event.data.get("sequence")
        return (
            event.event_ms,
            boots[boot],
            int(text) if text.isdecimal() else -1,
            text,
            sequence if type(sequence) is int else -1,
            _KIND_ORDER.get(symbol, 3),
            event.source,
            event.id,
        )

    reports.sort(key=key)


def _joined(
    folds: Sequence[LockFold], reports: Sequence[Event], customs: Sequence[Event], policy: Policy
) -> SealStory:
    armed = [one for fold in folds for one in fold.armed]
    openings = [one for fold in folds for one in fold.openings]
    if len(folds) > 1:
        openings += _of_the_door(folds, armed)
    reseals = [one for fold in folds for one in fold.reseals]
    alarms = [one for fold in folds for one in fold.alarms]
    if openings or reseals or alarms:
        allowed = _Allowed(
            grants_of(sorted(reports, key=order)),
            controls_of(sorted(customs, key=order)),
            policy,
        )
        openings = [allowed.opening(_renewed(one, armed)) for one in openings]
        reseals = _reseals(reseals, openings, allowed)
        alarms = [allowed.alarm(one) for one in alarms]
    return SealStory(
        openings=tuple(sorted(openings, key=lambda one: (one.at_ms, one.lock, one.opened.id))),
        alarms=tuple(
            sorted(
                alarms,
                key=lambda one: (one.first.event_ms, one.lock, one.kind, one.first.id),
            )
        ),
        armed=tuple(sorted(armed, key=lambda one: (one.from_ms, one.lock, one.armed.id))),
        states=tuple((fold.lock, fold.state.value) for fold in folds),
        unknown=tuple(one for fold in folds for one in fold.unknown),
        reseals=tuple(sorted(reseals, key=lambda one: (one.event.event_ms, one.event.identity))),
    )


def _of_the_door(folds: Sequence[LockFold], armed: Sequence[Armed]) -> list[Opening]:
    """Return the openings of the unit by reports that name no lock, while one of its several locks is armed."""
    found = []
    for fold in folds:
        if fold.lock != DOOR:
            continue
        for state, symbol, event in fold.unknown:
            if state != "UNPAIRED" or symbol != "opened":
                continue
            at_ms = event.event_ms
            if any(
                one.from_ms <= at_ms and (one.ended is None or at_ms < one.ended.event_ms)
                for one in armed
            ):
                found.append(Opening(DOOR, event, None, None, at_ms=at_ms))
    return found


def _renewed(opening: Opening, armed: Sequence[Armed]) -> Opening:
    """Return the opening with the new seal that another lock carries since, where its own was not armed again."""
    if opening.resealed is not None:
        return opening
    later = [one for one in armed if one.lock != opening.lock and one.from_ms >= opening.at_ms]
    if not later:
        return opening
    first = min(later, key=lambda one: (one.from_ms, one.lock))
    return replace(opening, resealed=first.armed)


class _Allowed:
    """What allows openings and new seals, and explains alarms."""

    def __init__(
        self, grants: Sequence[Grant], controls: Sequence[Control], policy: Policy
    ) -> None:
        self._grants = grants
        self._controls = controls
        self._places = Places(policy)
        self._tolerance_ms = policy.clock_tolerance_s * 1000

    def _by(
        self, lock: str, event: Event, at_ms: int
    ) -> tuple[Event | None, Grant | None, str | None]:
        """Return (the grant or control that allows something, the grant that names it, what that lacks)."""
        places, tolerance_ms = self._places, self._tolerance_ms
        grant, lacks = judge(
            self._grants, lock, event, at_ms, places=places, tolerance_ms=tolerance_ms
        )
        if grant is not None and lacks is None:
            return grant.event, grant, None
        control = control_at(self._controls, event, at_ms, places, tolerance_ms)
        return None if control is None else control.event, grant, lacks

    def opening(self, opening: Opening) -> Opening:
        """Return the opening with what allows it, or with what the grant lacks."""
        by, grant, lacks = self._by(opening.lock, opening.opened, opening.at_ms)
        if by is not None:
            allows = None if lacks is not None or grant is None else grant.event
            return replace(opening, authorised_by=by, grant=allows)
        if grant is not None:
            return replace(opening, shortcoming=lacks, grant=grant.event)
        return opening

    def alarm(self, alarm: Alarm) -> Alarm:
        """Return the alarm with what explains it: whoever may open the lock may set its alarm off."""
        by, _grant, _lacks = self._by(alarm.lock, alarm.first, alarm.first.event_ms)
        return alarm if by is None else replace(alarm, authorised_by=by)

    def reseal(self, event: Event, lock: str) -> Event | None:
        """Return what allows a new seal at its instant, None where nothing is known to."""
        if event.type.startswith("inspection."):
            return event
        by, _grant, _lacks = self._by(lock, event, event.event_ms)
        if by is not None:
            return by
        for control in self._controls:
            from_ms = control.from_ms - self._tolerance_ms
            if (
                from_ms <= event.event_ms <= control.to_ms + RESEAL_AFTER_CONTROL_MS
                and not self._places.contradicts(control.place, event)
            ):
                return control.event
        return None


def _reseals(
    found: Sequence[Reseal], openings: Sequence[Opening], allowed: _Allowed
) -> list[Reseal]:
    """Return the new seals with what allows them: the opening that they answer, else a grant or a control."""
    answered: dict[str, Opening] = {}
    for opening in openings:
        if opening.resealed is not None:
            answered.setdefault(opening.resealed.identity, opening)
    result = []
    named = set()
    for reseal in found:
        identity = reseal.event.identity
        named.add(identity)
        before = answered.get(identity)
        by = None if before is None else before.authorised_by
        result.append(replace(reseal, authorised_by=by or allowed.reseal(reseal.event, "")))
    for identity, opening in answered.items():
        new = opening.resealed
        if new is None or identity in named:
            continue
        number = new.data.get("sealNumber")
        after = canonical_seal_number(number) if isinstance(number, str) else None
        was = None if opening.armed is None else opening.armed.seal_number
        if after is None or after == was:
            continue  # the same lock, armed again
        by = opening.authorised_by or allowed.reseal(new, "")
        result.append(Reseal(new, was, after, by))
    return result

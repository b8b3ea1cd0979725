"""Events at a reference: which version counts, and who gets it.

What is forwarded is a function of three registers: the versions of the event, the links of the reference, the
pairings of the device. Each change of one of them tells exactly the difference, so that at any time the sum of
what was told is that function of what has arrived, whatever the order (law 1).
"""

from sstl.core.references.bindings import (
    HOUSE,
    PAIRED,
    UNIT,
    Pairing,
    covers,
    events_key,
    fixed_targets,
    granted_unit,
    is_point,
    link_of,
    links_key,
    pings_key,
    point_order,
    points_key,
    put_link,
    targets_of,
)
from sstl.core.references.cells import Holder, Link, Point, ReferredEvent
from sstl.core.references.claims import take_claim
from sstl.core.references.parking import forget_link, park
from sstl.core.references.pings import linked_units, ping_of, retell, take_ping
from sstl.core.registers import first_copy, part_of
from sstl.core.stage import Work
from sstl.models.records import Event, Forwarded, Linked, Referred, Withdrawn

_Changed = dict[str, tuple[tuple[Holder, ...], tuple[Holder, ...]]]


def take_referred(work: Work, reference: str, message: Referred) -> None:
    """Merge a version of an event that names this reference.

    Costs the targets of the reference, whatever waits there; an event that binds (pairing, grant) costs the
    events kept there.
    """
    event = message.event
    if message.to_units:
        ping = ping_of(event)
        if ping is not None:
            take_ping(work, reference, message, ping)
            return
    counts = None if event.version.retracted else message
    _take(work, reference, ReferredEvent(event.identity, event.version, counts))


def take_withdrawn(work: Work, reference: str, message: Withdrawn) -> None:
    """Merge word that a later version of an event no longer names this reference."""
    _take(work, reference, ReferredEvent(message.identity, message.version))


def _join(known: ReferredEvent | None, seen: ReferredEvent) -> ReferredEvent:
    """Join two versions as `sstl.core.registers.merge` does; what was given up stays given up."""
    if known is None or known.version < seen.version:
        return seen
    if seen.version < known.version or seen.referred is None or known.given_up:
        return known
    if known.referred is None:
        return seen
    first = first_copy(known.referred.event, seen.referred.event)
    return known if first == known.referred.event else seen


def _take(work: Work, reference: str, seen: ReferredEvent) -> None:
    key, part = events_key(reference), part_of(seen.identity)
    known: ReferredEvent | None = work.get(key, part)
    joined = _join(known, seen)
    if joined == known:
        return
    old = None if known is None else known.referred
    new = joined.referred
    pairing = Pairing.read(work, reference)
    before = targets_of(work, reference, old, pairing)
    work.put(key, part, joined)
    if _rebind(work, reference, part, old, new):
        pairing = Pairing.read(work, reference)
    after = targets_of(work, reference, new, pairing)
    for target in sorted(before - after):
        _forward(work, reference, target, seen.identity, None)
    if new is not None:
        same = old is not None and old.event == new.event
        for target in sorted(after - before if same else after):
            _forward(work, reference, target, seen.identity, new.event)
    take_claim(work, reference, old, new)
    park(work, reference, part, joined)


def _forward(work: Work, reference: str, target: str, identity: str, event: Event | None) -> None:
    topic = "journeys" if target.startswith(UNIT) else "consignments"
    key = target.removeprefix(UNIT if topic == "journeys" else HOUSE)
    work.emit(topic, key, Forwarded(identity=identity, path=reference, event=event))


def _rebind(
    work: Work, reference: str, part: str, old: Referred | None, new: Referred | None
) -> bool:
    """Let a changed pairing or grant change where the other events go; True if it did change one."""
    old_unit, new_unit = granted_unit(reference, old), granted_unit(reference, new)
    if old_unit != new_unit:
        link = None if new_unit is None else Link((new_unit,))
        changed = put_link(work, reference, f"={part}", link)
        _relink(work, reference, changed, but=part)
    old_point, new_point = _point(reference, part, old), _point(reference, part, new)
    if old_point != new_point:
        before = Pairing.read(work, reference)
        for point, keep in ((old_point, False), (new_point, True)):
            if point is not None:
                work.put(points_key(reference), point[0], point[1] if keep else None)
        _repair(work, reference, before, Pairing.read(work, reference), but=part)
    return old_unit != new_unit or old_point != new_point


def _point(reference: str, part: str, referred: Referred | None) -> tuple[str, Point] | None:
    if referred is None or not is_point(reference, referred.event):
        return None
    unit = referred.binds_unit if referred.event.type == PAIRED else None
    return point_order(referred.event), Point(part, unit)


def take_linked(work: Work, reference: str, message: Linked) -> None:
    """Set what a manifest links this reference to.

    Costs the targets that this changes times the events and buckets kept here, which is what it may have to
    tell; nothing, where the manifest says again what it said before.
    """
    if message.forgotten:
        forget_link(work, reference, message.manifest_id)
        return
    link = link_of(message)
    if link == work.get(links_key(reference), message.manifest_id):
        return
    changed = put_link(work, reference, message.manifest_id, link)
    _relink(work, reference, changed, but=None)


def _relink(work: Work, reference: str, changed: _Changed, *, but: str | None) -> None:
    """Tell the targets whose links changed which events they gain and lose."""
    if not changed:
        return
    key = events_key(reference)
    parts = work.parts(key)
    pairing = Pairing.read(work, reference)
    for part in parts:
        cell: ReferredEvent | None = work.get(key, part)
        if part == but or cell is None or cell.referred is None:
            continue
        event = cell.referred.event
        fixed = fixed_targets(reference, cell.referred, pairing)
        for target, (old, new) in changed.items():
            if target in fixed or (target.startswith(UNIT) and not cell.referred.to_units):
                continue
            now = covers(new, event.event_ms)
            if now != covers(old, event.event_ms):
                _forward(work, reference, target, cell.identity, event if now else None)
    if work.parts(pings_key(reference)):
        units = {t.removeprefix(UNIT): sides for t, sides in changed.items() if t[:2] == UNIT}
        old_links = {unit: old for unit, (old, _) in units.items()}
        new_links = {unit: new for unit, (_, new) in units.items()}
        retell(work, reference, (pairing, old_links), (pairing, new_links))


def _repair(work: Work, reference: str, before: Pairing, after: Pairing, *, but: str) -> None:
    """Move the device's events and positions from the units it was on to those it is on.

    Costs the events and buckets kept for the device.
    """
    key = events_key(reference)
    links = linked_units(work, reference)
    for part in work.parts(key):
        cell: ReferredEvent | None = work.get(key, part)
        if part == but or cell is None or cell.referred is None or not cell.referred.to_units:
            continue
        event = cell.referred.event
        lost, gained = before.unit_of(event), after.unit_of(event)
        if lost == gained:
            continue
        linked = {unit for unit in links if covers(links[unit], event.event_ms)}
        if lost is not None and lost not in linked:
            _forward(work, reference, UNIT + lost, cell.identity, None)
        if gained is not None and gained not in linked:
            _forward(work, reference, UNIT + gained, cell.identity, event)
    retell(work, reference, (before, links), (after, links))

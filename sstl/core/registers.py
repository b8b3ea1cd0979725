"""Registers: what makes the order and the repetition of messages not matter (law 1).

A register is a value that messages are merged into, so that any order and any number of copies of the same
messages give the same value. Three are shared by the stages:

* `Register`: the greatest version of one event that one place has seen (``Placed``, ``Withdrawn``). Its merge is
  a join: associative, commutative, idempotent.
* `Held`: all ways by which one event is at one place, that is the `Register` of the direct way and one event for
  each path that forwards it (``Forwarded``, a last-message register whose one writer is [references]). The event
  counts while any way holds it; the greatest version among those ways counts.
* A last-message register (``Shared``, ``Linked``, ``PingBucket``) needs no code: the newest message replaces.

Typical use at a place that keeps one `Held` an event identity::

    held = cells.get(identity)                   # Held | None
    match message:
        case Placed(): held = hold_placed(held, message)
        case Withdrawn(): held = hold_withdrawn(held, message)
        case Forwarded(): held = hold_forwarded(held, message)
    cells[identity] = held                       # None: nothing to keep, delete
    event = counting(held)                       # Event | None
"""

import hashlib

import msgspec

from sstl.models.records import Event, Forwarded, Placed, Version, Withdrawn


class Register(msgspec.Struct, frozen=True, array_like=True):
    """Greatest version of one event that one place has seen."""

    version: Version
    event: Event | None = None
    """The event, where this version lies here and is not retracted. None: nothing counts, but the version is
    kept so that an older one that arrives later does not come back."""


class Held(msgspec.Struct, frozen=True, array_like=True):
    """All ways by which one event is at one place. Never empty: nothing held is None."""

    direct: Register | None = None
    """By `Placed` and `Withdrawn`. None: neither was seen."""
    paths: tuple[tuple[str, Event], ...] = ()
    """(path, event) of every reference that forwards it now, sorted by path."""


def part_of(identity: str) -> str:
    """Return a part name for an event's cell: 128 bits of BLAKE2b of its identity, hexadecimal."""
    return hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()


def first_copy(one: Event, other: Event) -> Event:
    """Choose between two copies of the same version: the one that arrived first counts."""
    return min(one, other, key=_copy_order)


def _copy_order(event: Event) -> tuple[int, str, int, int]:
    origin = event.origin
    return (event.arrival_ms, origin.topic, origin.partition, origin.offset)


def placed(event: Event) -> Register:
    """Return the register of a place that has seen only this event."""
    return Register(event.version, None if event.version.retracted else event)


def withdrawn(version: Version) -> Register:
    """Return the register of a place that was only told that this version lies elsewhere."""
    return Register(version)


def merge(one: Register | None, other: Register) -> Register:
    """Join two registers of the same event at the same place.

    The greater version counts. Where both have the same version, an event that lies here outweighs word that it
    does not (the word was sent before it was known here), and the first copy outweighs later ones.
    """
    if one is None or one.version < other.version:
        return other
    if other.version < one.version or other.event is None:
        return one
    if one.event is None:
        return other
    return Register(one.version, first_copy(one.event, other.event))


def hold_placed(held: Held | None, message: Placed) -> Held:
    """Merge an event that names this place itself."""
    return _hold_direct(held, placed(message.event))


def hold_withdrawn(held: Held | None, message: Withdrawn) -> Held:
    """Merge word that a later version no longer names this place."""
    return _hold_direct(held, withdrawn(message.version))


def _hold_direct(held: Held | None, seen: Register) -> Held:
    if held is None:
        return Held(seen)
    return Held(merge(held.direct, seen), held.paths)


def hold_forwarded(held: Held | None, message: Forwarded) -> Held | None:
    """Set or (event None) end one path. None: no way is left, and there is nothing to keep."""
    direct = None if held is None else held.direct
    before = () if held is None else held.paths
    paths = [known for known in before if known[0] != message.path]
    if message.event is not None:
        paths.append((message.path, message.event))
        paths.sort(key=lambda known: known[0])
    if direct is None and not paths:
        return None
    return Held(direct, tuple(paths))


def counting(held: Held | None) -> Event | None:
    """Return the version of the event that counts at this place, None where no way holds it.

    The greatest version among the ways, of equal ones the first copy. A direct register without an event
    (withdrawn, retracted) holds nothing; it does not outweigh what a path forwards, because [references] has
    judged the same versions for its paths.
    """
    if held is None:
        return None
    best = None if held.direct is None else held.direct.event
    for _, event in held.paths:
        if best is None or best.version < event.version:
            best = event
        elif best.version == event.version:
            best = first_copy(best, event)
    return best

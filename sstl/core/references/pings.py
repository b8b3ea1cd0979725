"""Positions of devices: kept compactly, told to units as summaries that may change.

A ping cannot be corrected, but the pairing that says whose it is can. So the pings stay here until the horizon,
reduced by a rule that looks at nothing but the pings themselves: of each sixth of a bucket only the first and the
last by (event_ms, sequence, id), which is at most twelve a bucket however fast the device reports. What a unit
is told of a bucket is the first and last of those kept that fall on it; whenever pings, pairing or links change,
both summaries are computed and the difference is told.
"""

from collections.abc import Mapping

from sstl.core.references.bindings import (
    UNIT,
    Pairing,
    covers,
    pings_key,
    targets_key,
)
from sstl.core.references.cells import Holder, Ping, Pings, Target, order_of, sequence_of
from sstl.core.stage import Work
from sstl.core.wakeups import wake_at
from sstl.models.policy import Policy
from sstl.models.records import Event, PingBucket, Referred

POSITION = "seallock.position"
SLOTS = 6
"""Parts of a bucket of which first and last are kept."""

Holders = Mapping[str, tuple[Holder, ...]]
"""Unit to who links it."""
_Summary = dict[str, tuple[Ping, Ping]]


def ping_of(event: Event) -> Ping | None:
    """Return the position that an event reports, None where it is not a ping."""
    if event.type != POSITION:
        return None
    latitude, longitude = event.data.get("latitude"), event.data.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    return (event.event_ms, sequence_of(event), event.id, float(latitude), float(longitude))


def take_ping(work: Work, reference: str, referred: Referred, ping: Ping) -> None:
    """Keep a position and tell the units whose summary changes. Costs the pairings and targets of R."""
    if referred.event.version.retracted:
        work.count("ping_not_correctable")
        return
    width_ms = work.policy.ping_bucket_s * 1000
    bucket_ms = ping[0] // width_ms * width_ms
    part = f"{bucket_ms:015d}"
    key = pings_key(reference)
    known: Pings | None = work.get(key, part)
    kept = _with(known, ping, width_ms, bucket_ms)
    if kept == known:
        return
    pairing = Pairing.read(work, reference)
    holders = linked_units(work, reference)
    before = _summaries(known, pairing, holders)
    work.put(key, part, kept)
    _tell(work, reference, bucket_ms, before, _summaries(kept, pairing, holders))
    if known is None:
        wake_at(work, _due_ms(bucket_ms, kept, work.policy), "p", part, reference)


def _with(known: Pings | None, ping: Ping, width_ms: int, bucket_ms: int) -> Pings:
    slots = {} if known is None else {slot: (first, last) for slot, first, last in known.slots}
    number = (ping[0] - bucket_ms) * SLOTS // width_ms
    first, last = slots.get(number, (ping, ping))
    slots[number] = (min(first, ping), max(last, ping))
    kept = tuple((slot, *slots[slot]) for slot in sorted(slots))
    return Pings(width_ms if known is None else known.width_ms, kept)


def linked_units(work: Work, reference: str) -> Holders:
    """Return who links which unit to a reference."""
    key = targets_key(reference)
    found = {}
    for part in work.parts(key):
        if part.startswith(UNIT):
            target: Target | None = work.get(key, part)
            if target is not None:
                found[part.removeprefix(UNIT)] = target.holders
    return found


def retell(
    work: Work,
    reference: str,
    before: tuple[Pairing, Holders],
    after: tuple[Pairing, Holders],
) -> None:
    """Tell the units of all buckets what a change of pairing or links changed for them.

    Costs the buckets kept times the units handed in; units that did not change may be left out of both.
    """
    key = pings_key(reference)
    for part in work.parts(key):
        kept: Pings | None = work.get(key, part)
        _tell(work, reference, int(part), _summaries(kept, *before), _summaries(kept, *after))


def _summaries(kept: Pings | None, pairing: Pairing, holders: Holders) -> _Summary:
    found: _Summary = {}
    if kept is None:
        return found
    for _, *pings in kept.slots:
        for ping in pings:
            for unit in _units_of(ping, pairing, holders):
                first, last = found.get(unit, (ping, ping))
                found[unit] = (min(first, ping), max(last, ping))
    return found


def _units_of(ping: Ping, pairing: Pairing, holders: Holders) -> set[str]:
    units = {unit for unit, links in holders.items() if covers(links, ping[0])}
    paired = pairing.unit_at(order_of(ping[0], ping[1], ping[2]))
    if paired is not None:
        units.add(paired)
    return units


def _tell(work: Work, reference: str, bucket_ms: int, before: _Summary, after: _Summary) -> None:
    for unit in sorted(before.keys() | after.keys()):
        now = after.get(unit)
        if now != before.get(unit):
            first, last = (None, None) if now is None else now
            bucket = PingBucket(path=reference, bucket_ms=bucket_ms, first=first, last=last)
            work.emit("journeys", unit, bucket)


def _due_ms(bucket_ms: int, kept: Pings, policy: Policy) -> int:
    horizon_s = policy.max_lateness_s + policy.parking_horizon_s
    return bucket_ms + kept.width_ms + horizon_s * 1000


def drop_bucket(work: Work, reference: str, part: str, now_ms: int) -> bool:
    """Drop a bucket past the horizon, counting what is on no unit; False: it is not due yet.

    What units were told stays with them.
    """
    key = pings_key(reference)
    kept: Pings | None = work.get(key, part)
    if kept is None:
        return False
    due_ms = _due_ms(int(part), kept, work.policy)
    if now_ms < due_ms:
        wake_at(work, due_ms, "p", part, reference)
        return False
    pairing, holders = Pairing.read(work, reference), linked_units(work, reference)
    pings = {ping for _, *pair in kept.slots for ping in pair}
    unbound = sum(1 for ping in pings if not _units_of(ping, pairing, holders))
    if unbound:
        work.count("unbound_pings", by=unbound)
    work.put(key, part, None)
    return True

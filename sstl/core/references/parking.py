"""Parking: how long events wait for their reference to be linked, and when all is let go.

Judged on the stage's watermark, never on device time. An event waits for ``parking_horizon_s`` from its arrival
(or from the instant it speaks of, where that is later). What nothing links at that deadline ends as unbound; a
link that came and went before it makes no difference, because with another order of arrival it would never have
been seen. What is linked is kept for ``max_lateness_s`` more, the time in which a filing of the same days may
still be corrected or come late, and is then dropped here; what was forwarded stays where it is.
"""

from sstl.core.references.bindings import (
    Pairing,
    events_key,
    granted_unit,
    is_point,
    links_key,
    pings_key,
    points_key,
    put_link,
    targets_of,
)
from sstl.core.references.cells import Link, Point, ReferredEvent, Whereabouts
from sstl.core.references.claims import claim_of, drop_claim
from sstl.core.references.pings import drop_bucket
from sstl.core.stage import Work
from sstl.core.wakeups import take_due, wake_at
from sstl.models.policy import Policy
from sstl.models.records import Referred, Unbound

EVENT = "e"
PINGS = "p"
WHEREABOUTS = "r"
LASTING = "registry."
"""Types that begin so are entries of registers: they hold until they are replaced, and never expire."""


def parked_until_ms(referred: Referred, policy: Policy) -> int:
    """Return when an event that nothing links is given up."""
    event = referred.event
    return max(event.arrival_ms, event.event_ms) + policy.parking_horizon_s * 1000


def _kept_until_ms(reference: str, cell: ReferredEvent, policy: Policy) -> int:
    """Return when an event, or the memory of a version that does not count, is no longer needed."""
    lateness_ms = policy.max_lateness_s * 1000
    if cell.referred is None:
        return cell.version.recorded_ms + lateness_ms + policy.parking_horizon_s * 1000
    kept_ms = max(parked_until_ms(cell.referred, policy), cell.version.recorded_ms) + lateness_ms
    if is_point(reference, cell.referred.event) or _claims(reference, cell.referred):
        # Events of the pairing that it ends may arrive late, and are then kept as long as any other.
        return kept_ms + lateness_ms + policy.ping_bucket_s * 1000
    return kept_ms


def is_lasting(event_type: str) -> bool:
    """Say whether events of a type never expire."""
    return event_type.startswith(LASTING)


def park(work: Work, reference: str, part: str, cell: ReferredEvent) -> None:
    """Ask to be woken when an event's waiting ends."""
    if cell.referred is None:
        until_ms = _kept_until_ms(reference, cell, work.policy)
    elif is_lasting(cell.referred.event.type):
        return
    else:
        until_ms = parked_until_ms(cell.referred, work.policy)
    wake_at(work, until_ms, EVENT, part, reference)


def sweep(work: Work, now_ms: int) -> None:
    """Give up and drop what the watermark has passed. Costs what is due."""
    emptied = set()
    for kind, part, key in take_due(work, now_ms):
        if kind == WHEREABOUTS:
            _drop_whereabouts(work, key, now_ms)
        elif kind == PINGS:
            if drop_bucket(work, key, part, now_ms):
                emptied.add(key)
        elif _drop_event(work, key, part, now_ms):
            emptied.add(key)
    for reference in sorted(emptied):
        _drop_forgotten(work, reference)


def _drop_event(work: Work, reference: str, part: str, now_ms: int) -> bool:
    """Give up or drop one event, if it is due; True: something is gone."""
    key = events_key(reference)
    cell: ReferredEvent | None = work.get(key, part)
    if cell is None or (cell.referred is not None and is_lasting(cell.referred.event.type)):
        return False
    if cell.referred is not None and _is_unbound(work, reference, cell.referred):
        until_ms = parked_until_ms(cell.referred, work.policy)
        if now_ms >= until_ms:
            _give_up(work, reference, part, cell, until_ms)
            return True
    else:
        until_ms = _kept_until_ms(reference, cell, work.policy)
        if now_ms >= until_ms:
            return _drop(work, reference, part, cell, now_ms)
    wake_at(work, until_ms, EVENT, part, reference)
    return False


def _claims(reference: str, referred: Referred) -> bool:
    return not referred.to_units and claim_of(reference, referred) is not None


def _is_unbound(work: Work, reference: str, referred: Referred) -> bool:
    """Say whether an event is nowhere; one that names its unit, or binds one, is somewhere."""
    if not referred.to_units or is_point(reference, referred.event):
        return False
    if granted_unit(reference, referred) is not None:
        return False
    return not targets_of(work, reference, referred, Pairing.read(work, reference))


def _give_up(work: Work, reference: str, part: str, cell: ReferredEvent, until_ms: int) -> None:
    if cell.referred is None:
        return
    event = cell.referred.event
    family = event.type.partition(".")[0]
    work.count("unbound", family)
    unbound = Unbound(
        reference=reference,
        source=event.source,
        id=event.id,
        type=event.type,
        event_ms=event.event_ms,
        arrival_ms=event.arrival_ms,
        deadline_ms=until_ms,
        origin=event.origin,
    )
    work.emit("unbound", event.identity, unbound)
    # The version is remembered, so that a late copy of it is not given up a second time.
    given_up = ReferredEvent(cell.identity, cell.version, given_up=True)
    work.put(events_key(reference), part, given_up)
    wake_at(work, _kept_until_ms(reference, cell, work.policy), EVENT, part, reference)


def _drop(work: Work, reference: str, part: str, cell: ReferredEvent, now_ms: int) -> bool:
    if cell.referred is not None and is_point(reference, cell.referred.event):
        return _drop_points(work, reference, now_ms)
    key = events_key(reference)
    if granted_unit(reference, cell.referred) is not None:
        if work.parts(key) != [part]:
            horizon_ms = work.policy.max_lateness_s * 1000
            wake_at(work, now_ms + max(horizon_ms, 1), EVENT, part, reference)
            return False
        put_link(work, reference, f"={part}", None)
    work.put(key, part, None)
    drop_claim(work, reference, cell.referred)
    return True


def _drop_points(work: Work, reference: str, now_ms: int) -> bool:
    """Drop the pairings that a later one, itself past the horizon, has ended.

    The last of those that are due stays: it says where the device is now.
    """
    key = events_key(reference)
    due: list[tuple[str, str]] = []
    for order in work.parts(points_key(reference)):
        point: Point | None = work.get(points_key(reference), order)
        if point is None:
            continue
        cell: ReferredEvent | None = work.get(key, point.part)
        if cell is None or now_ms >= _kept_until_ms(reference, cell, work.policy):
            due.append((order, point.part))
    for order, part in due[:-1]:
        cell = work.get(key, part)
        work.put(points_key(reference), order, None)
        work.put(key, part, None)
        drop_claim(work, reference, None if cell is None else cell.referred)
    return len(due) > 1


def forget_link(work: Work, reference: str, manifest_id: str) -> None:
    """Let the link of a manifest past its horizon go as soon as no event is left that it could have bound."""
    link: Link | None = work.get(links_key(reference), manifest_id)
    if link is None:
        return
    forgotten = Link(link.units, link.consignments, link.from_ms, link.to_ms, forgotten=True)
    work.put(links_key(reference), manifest_id, forgotten)
    _drop_forgotten(work, reference)


def _drop_forgotten(work: Work, reference: str) -> None:
    if work.parts(pings_key(reference)):
        return
    events = events_key(reference)
    for part in work.parts(events):
        cell: ReferredEvent | None = work.get(events, part)
        referred = None if cell is None else cell.referred
        if referred is not None and not is_lasting(referred.event.type):
            return
    for holder in work.parts(links_key(reference)):
        link: Link | None = work.get(links_key(reference), holder)
        if link is not None and link.forgotten:
            put_link(work, reference, holder, None)


def _drop_whereabouts(work: Work, key: str, now_ms: int) -> None:
    known: Whereabouts | None = work.get(key, "")
    if known is None or known.lasting:
        return
    until_ms = whereabouts_until_ms(known, work.policy)
    if now_ms < until_ms:
        wake_at(work, until_ms, WHEREABOUTS, "", key)
    else:
        work.put(key, "", None)


def whereabouts_until_ms(known: Whereabouts, policy: Policy) -> int:
    """Return when no further version of an event can be accepted."""
    return known.keep_ms + (policy.max_lateness_s + policy.parking_horizon_s) * 1000

"""One unit while a batch is folded into it: from its cells, or from what was kept of it in memory."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from sstl.core.deadlines import as_of, move_deadline
from sstl.core.journeys.asking import Journey
from sstl.core.journeys.assess import Assessment, assess, extend
from sstl.core.journeys.begun import Begun, admitted, closing_day
from sstl.core.journeys.counts import count_all, count_moved
from sstl.core.journeys.hot import Hot
from sstl.core.journeys.pings import (
    POSITION,
    add_ping,
    read_bucket,
    read_positions,
    set_bucket,
)
from sstl.core.journeys.record import Record
from sstl.core.journeys.retention import due_day, move, shares_touched_ms
from sstl.core.journeys.telling import tell_findings, tell_milestones
from sstl.core.milestones import order
from sstl.core.observations import tell_observations
from sstl.core.positions import Positions
from sstl.core.publishers import Publishers, move_awaits
from sstl.core.rules import UNIT_RULES
from sstl.core.stage import Work
from sstl.models.policy import Policy
from sstl.models.records import Event, Forwarded, PingBucket, Placed, Share, Shared, Withdrawn

Message = Placed | Withdrawn | Forwarded | Shared | PingBucket

USED_FAMILIES = frozenset(
    {"transport", "seallock", "inspection", "declaration", "duty"}
    | {need.partition(".")[0] for one in UNIT_RULES for need in one.rule.needs}
)
"""Families of events that a milestone, the seals or a rule read."""


class Head(msgspec.Struct, frozen=True, kw_only=True, tag="unit.2", omit_defaults=True):
    """Cell: what is found where, what the unit waits for, and when it may be forgotten."""

    chunks: int = 0
    manifests: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    observations: tuple[str, ...] = ()
    closed: bool = False
    pinged_ms: int = 0
    """Start of the latest bucket of positions, 0 without."""
    due_day: int | None = None
    """When it is looked at whether something of it can be forgotten (day since the epoch)."""
    shed_day: int | None = None
    """When its first journey may be forgotten, where another one follows."""
    begun: Begun | None = None
    """What is remembered of journeys that are forgotten."""
    due_ms: int | None = None
    """The least deadline that is still to come."""
    awaited: dict[str, int] = {}
    """Silent publishers that a rule waits for, and the instant after which they must be heard of."""


class ShareCell(msgspec.Struct, frozen=True, tag="share.2"):
    """Cell: the unit's part of one manifest."""

    share: Share


@dataclass(slots=True)
class _Change:
    """What a batch changed in a unit."""

    added: list[Event] = field(default_factory=list)
    anew: bool = False
    """Something was replaced or taken away, or a manifest changed."""
    buckets: set[int] = field(default_factory=set)
    silent: bool = False
    """A report came that changes no event that counts, but perhaps when the unit was last heard of."""


def fold_unit(
    work: Work, unit: str, messages: Sequence[Message], hot: Hot | None, *, again: bool = False
) -> Hot | None:
    """Fold messages into a unit and tell what has changed; return what may be kept of it.

    Args:
        work: The fold in progress.
        unit: The unit.
        messages: What has come for it, in order.
        hot: What was kept of it, if that still stands (`HotUnits`); it is used up.
        again: Assess it even if nothing has come: a deadline has passed or a publisher has spoken.
    """
    before: Head = work.get(unit, "") or Head()
    if hot is None:
        record = Record(work, unit, before.chunks)
    else:
        record = hot.record
        record.bind(work)
    manifests = set(before.manifests)
    change = _Change()
    taken: Iterable[Message] = messages
    if before.begun is not None:
        taken = _admitted(work, before.begun, messages, record, manifests)
    for message in taken:
        _take(work, unit, message, record, manifests, change)
    pinged_ms = max(before.pinged_ms, *change.buckets, 0)
    record.save()
    known: Assessment | None = None
    kept = hot
    if changed := again or change.anew or bool(change.added) or bool(change.buckets):
        kept = None if hot is None or change.anew else _extended(work, unit, hot, change)
        if kept is not None and hot is not None:
            known = hot.assessment
        else:
            _, kept = survey(work, unit, record, manifests, before.begun)
    after, shed = before, before.shed_day
    if changed and kept is not None:
        after = _tell(work, unit, before, kept.assessment, known)
        shed = first_closing(kept.assessment, work.policy)
    if kept is None or change.silent:
        # Nothing that counts has come: it is not assessed, for by a newer policy it would say what is not told now.
        _, reported_ms = record.survey()
        heard_ms = max(reported_ms, shares_touched_ms(_shares(work, unit, manifests)))
        if kept is not None:
            kept.reported_ms = reported_ms
    else:
        heard_ms = max(kept.reported_ms, kept.shared_ms)
    names = tuple(sorted(manifests)) if change.anew else before.manifests
    head = _head_now(work, before, after, (record.chunks, names, pinged_ms), heard_ms, shed)
    move(work, unit, before.due_day, None if head is None else head.due_day)
    work.put(unit, "", head)
    return None if head is None else kept


def _head_now(
    work: Work,
    before: Head,
    told: Head,
    kept: tuple[int, tuple[str, ...], int],
    heard_ms: int,
    shed_day: int | None,
) -> Head | None:
    """Return the head, None of a unit of which nothing is kept.

    Args:
        work: The fold in progress.
        before: The head before the fold.
        told: With what has been told.
        kept: Chunks of events, manifests, and the start of the latest bucket of positions.
        heard_ms: The last report on the unit, positions left out.
        shed_day: When its first journey may be forgotten, None where no other follows it.
    """
    chunks, manifests, pinged_ms = kept
    since_ms = 0 if before.begun is None else before.begun.first[0]
    if chunks == 0 and not manifests and pinged_ms == 0 and since_ms == 0:
        return None
    day = look_day(max(heard_ms, pinged_ms, since_ms), told, shed_day, work.policy)
    same = (
        told is before
        and chunks == before.chunks
        and manifests == before.manifests
        and pinged_ms == before.pinged_ms
        and day == before.due_day
        and shed_day == before.shed_day
    )
    if same:
        return before
    return msgspec.structs.replace(
        told,
        chunks=chunks,
        manifests=manifests,
        pinged_ms=pinged_ms,
        due_day=day,
        shed_day=shed_day,
    )


def _admitted(
    work: Work, begun: Begun, messages: Iterable[Message], record: Record, manifests: set[str]
) -> Iterator[Message]:
    """Yield what is to be taken: of journeys that are forgotten nothing is."""
    for message in messages:
        taken = admitted(work, begun, message, record, manifests)
        if taken is not None:
            yield taken


def look_day(touched_ms: int, head: Head, shed_day: int | None, policy: Policy) -> int | None:
    """Return the day on which it is looked at whether a unit, or its first journey, can be forgotten.

    Args:
        touched_ms: The last report on the unit, 0 for none.
        head: Whether the unit has come to its end, and its least deadline.
        shed_day: When its first journey may be forgotten, None where no other follows it.
        policy: The latest version.
    """
    day = due_day(touched_ms, policy, closed=head.closed, deadline_ms=head.due_ms)
    if day is None or shed_day is None:
        return shed_day if day is None else day
    return min(day, shed_day)


def _extended(work: Work, unit: str, hot: Hot, change: _Change) -> Hot | None:
    """Go on with what was kept; None where the unit must be assessed anew."""
    positions = hot.positions
    if change.buckets:
        positions = _updated(work, unit, positions, change.buckets)
    change.added.sort(key=order)
    now = extend(
        hot.assessment,
        change.added,
        work.policy,
        positions=positions if change.buckets else None,
        publishers=Publishers(work),
        as_of_ms=as_of(work),
    )
    if now is None:
        return None
    reported_ms = hot.reported_ms
    for one in change.added:
        reported_ms = max(reported_ms, one.arrival_ms)
    return Hot({}, hot.record, reported_ms, hot.shared_ms, positions, now)


def first_closing(now: Assessment, policy: Policy, number: int = 0) -> int | None:
    """Return the day on which a journey may be forgotten, None where none follows it."""
    seen_by = now.walk.seen_by
    return closing_day(now.journeys[number], seen_by[number], policy) if seen_by[number:] else None


def survey(
    work: Work, unit: str, record: Record, manifests: set[str], begun: Begun | None
) -> tuple[list[Event], Hot]:
    """Return the events of a unit, in order, and what follows from all its cells."""
    events, reported_ms = record.survey()
    shares = _shares(work, unit, manifests)
    positions = read_positions(work, unit)
    now = assess(
        unit,
        events,
        shares,
        work.policy,
        positions=positions,
        publishers=Publishers(work),
        as_of_ms=as_of(work),
        begun=begun,
    )
    return events, Hot({}, record, reported_ms, shares_touched_ms(shares), positions, now)


def _take(
    work: Work,
    unit: str,
    message: Message,
    record: Record,
    manifests: set[str],
    change: _Change,
) -> None:
    if isinstance(message, PingBucket):
        set_bucket(work, unit, message)
        change.buckets.add(message.bucket_ms)
        work.count("pings_folded")
    elif isinstance(message, Shared):
        change.anew = _take_share(work, unit, message, manifests) or change.anew
    elif isinstance(message, Placed) and message.event.type == POSITION:
        ping = add_ping(work, unit, message.event)
        if ping is not None:
            change.buckets.add(ping.bucket_ms)
        work.count("pings_folded")
    else:
        _take_event(work, record, message, change)


def _take_share(work: Work, unit: str, message: Shared, manifests: set[str]) -> bool:
    part = f"share/{message.manifest_id}"
    known: ShareCell | None = work.get(unit, part)
    if message.share is None:
        manifests.discard(message.manifest_id)
        work.put(unit, part, None)
        return known is not None
    manifests.add(message.manifest_id)
    cell = ShareCell(message.share)
    work.put(unit, part, cell)
    return known != cell


def _take_event(
    work: Work, record: Record, message: Placed | Withdrawn | Forwarded, change: _Change
) -> None:
    old, new = record.take(message)
    work.count("events_folded")
    if old == new:
        change.silent = True
        return
    if old is None and new is not None:
        change.added.append(new)
        if new.type.partition(".")[0] not in USED_FAMILIES:
            work.count("unused_event", new.type.partition(".")[0])
    else:
        change.anew = True


def _shares(work: Work, unit: str, manifests: set[str]) -> list[Share]:
    cells = (work.get(unit, f"share/{manifest}") for manifest in sorted(manifests))
    return [cell.share for cell in cells if cell is not None]


def _updated(
    work: Work, unit: str, positions: Sequence[Positions], buckets: Iterable[int]
) -> list[Positions]:
    found = list(positions)
    for bucket_ms in buckets:
        now = read_bucket(work, unit, bucket_ms)
        index = bisect_left(found, bucket_ms, key=_bucket_of)
        known = index < len(found) and found[index].bucket_ms == bucket_ms
        found[index : index + known] = [] if now is None else [now]
    return found


def _bucket_of(positions: Positions) -> int:
    return positions.bucket_ms


def _tell(work: Work, unit: str, before: Head, now: Assessment, known: Assessment | None) -> Head:
    """Tell what has changed; parts that are the same objects as in ``known`` were told then."""
    this, last = now.last, None if known is None else known.last
    flags, shown = before.flags, before.observations
    due_ms, awaited = before.due_ms, before.awaited
    if last is None or this.findings is not last.findings:
        findings = now.findings
        if findings or flags:
            tell_findings(work, unit, flags, findings, now)
            flags = tuple(sorted(findings))
    if last is None or this.derived.seen is not last.derived.seen:
        observations = now.observations
        if observations or shown:
            tell_observations(work, unit, shown, observations)
            shown = tuple(sorted(observations))
    if last is None or now.told_anew:
        tell_milestones(work, unit, now)
    _count_anew(work, unit, now, last)
    if last is None or this.answers is not last.answers:
        due_ms, awaited = now.due_ms, now.awaited
        move_deadline(work, unit, before.due_ms, due_ms)
        if awaited or before.awaited:
            move_awaits(work, unit, before.awaited, awaited)
            awaited = dict(sorted(awaited.items()))
    closed = now.closed
    if (
        flags is before.flags
        and shown is before.observations
        and due_ms == before.due_ms
        and awaited == before.awaited
        and closed == before.closed
    ):
        return before
    return msgspec.structs.replace(
        before, flags=flags, observations=shown, due_ms=due_ms, awaited=awaited, closed=closed
    )


def _count_anew(work: Work, unit: str, now: Assessment, last: Journey | None) -> None:
    """Count the answers again where there are others than in ``last``."""
    this = now.last
    if last is None or this.moved is None:
        count_all(work, unit, now.journeys)
    elif this.moved or this.view.seals is not last.view.seals:
        count_moved(work, unit, this)

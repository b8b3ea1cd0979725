"""Forgetting the first journeys of a unit that is used again, without a word to anybody.

Events, positions and manifests of a journey go, and what was told of it; what the later journeys need is kept
(`sstl.core.journeys.begun`). What holds of them is the same before and after.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from sstl.core.journeys.asking import Journey
from sstl.core.journeys.assess import Assessment
from sstl.core.journeys.begun import begun_after, closing_day
from sstl.core.journeys.counts import JUDGED, Judged, answers_of
from sstl.core.journeys.lending import lent
from sstl.core.journeys.pings import drop_buckets
from sstl.core.journeys.record import Record
from sstl.core.journeys.retention import move
from sstl.core.journeys.split import parted
from sstl.core.journeys.telling import Raised, Told
from sstl.core.journeys.unit import (
    Head,
    first_closing,
    look_day,
    survey,
)
from sstl.core.observations import forget_observations
from sstl.core.stage import Work
from sstl.models.records import Event


def forget_journeys(work: Work, unit: str, head: Head, day: int) -> int:
    """Forget the journeys of a unit that may be forgotten on a day; return how many."""
    record = Record(work, unit, head.chunks)
    events, whole = survey(work, unit, record, set(head.manifests), head.begun)
    now = whole.assessment
    many = _how_many(work, now, day)
    gone, kept = now.journeys[:many], now.journeys[many:]
    begun, manifests = head.begun, set(head.manifests)
    if many:
        first, seen = now.walk.starts[many - 1], now.walk.seen_by[many - 1]
        begun = begun_after(head.begun, gone, first, seen, events[0].event_ms)
        gap_ms = begun.gap_ms(work.policy)
        counted = [event for event in events if not begun.precedes(event, gap_ms)]
        starts = now.walk.starts[many:]
        parts: list[Sequence[Event]] = [*parted(counted, starts, gap_ms)]
        parts += lent(events, parts, starts, first.event_ms)
        record.reduce({event.identity for part in parts for event in part}, seen.event_ms)
        record.save()
        drop_buckets(
            work,
            unit,
            [one.bucket_ms for one in whole.positions if one.first[0] < first.event_ms],
        )
        for share in (share for journey in gone for share in journey.view.shares):
            manifests.discard(share.manifest_id)
            work.put(unit, f"share/{share.manifest_id}", None)
        head = _untold(work, unit, head, gone, kept)
    heard_ms = max(whole.reported_ms, whole.shared_ms, head.pinged_ms)
    shed = first_closing(now, work.policy, many)
    after = msgspec.structs.replace(
        head,
        chunks=record.chunks,
        manifests=tuple(sorted(manifests)),
        begun=begun,
        shed_day=shed,
        due_day=look_day(heard_ms, head, shed, work.policy),
    )
    move(work, unit, head.due_day, after.due_day)
    work.put(unit, "", after)
    return many


def _how_many(work: Work, now: Assessment, day: int) -> int:
    many = 0
    for journey, seen in zip(now.journeys, now.walk.seen_by, strict=False):
        if closing_day(journey, seen, work.policy) > day:
            break
        many += 1
    return many


def _untold(
    work: Work, unit: str, head: Head, gone: Sequence[Journey], kept: Sequence[Journey]
) -> Head:
    """Delete what was told of journeys, and return the head without it."""
    groups = {journey.group for journey in gone}
    flags = []
    for name in head.flags:
        cell: Raised | None = work.get(unit, f"flag/{name}")
        if cell is not None and cell.finding.group in groups:
            work.put(unit, f"flag/{name}", None)
        else:
            flags.append(name)
    still = {one.id for journey in kept for one in journey.derived.observed}
    ended = {one.id for journey in gone for one in journey.derived.observed} - still
    forget_observations(work, unit, ended)
    told: Told | None = work.get(unit, "told")
    if told is not None:
        lying = {name for journey in kept for name in journey.view.plan.consignments}
        left = tuple(one for one in told.journeys if not lying.isdisjoint(one.consignments))
        work.put(unit, "told", Told(left) if left else None)
    judged: Judged | None = work.get(unit, JUDGED)
    if judged is not None:
        answers, unknown = answers_of(gone)
        judged = Judged(_less(judged.answers, answers), _less(judged.unknown, unknown))
        work.put(unit, JUDGED, judged if judged.answers or judged.unknown else None)
    observations = tuple(name for name in head.observations if name not in ended)
    return msgspec.structs.replace(head, flags=tuple(flags), observations=observations)


def _less(known: dict[str, int], gone: Counter[str]) -> dict[str, int]:
    return {name: many - gone[name] for name, many in known.items() if many > gone[name]}

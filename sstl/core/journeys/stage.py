"""The stage [journeys]: keeps what is reported of each unit and tells what changed in its assessment.

Cells of a unit: ``""`` the head, ``events/<n>`` chunks of events, ``share/<manifest>``, ``pings/<bucket>``, and what
was last told of it: ``flag/<id>``, ``observation/<id>`` and ``told`` (milestones to consignments). A batch folds
each unit once; what is told is the difference between the assessment after it and what was told before, so that
folding whole or message by message ends the same.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sstl.core.journeys.assess import assess, used
from sstl.core.journeys.pings import POSITION, Bucket, add_ping, set_bucket
from sstl.core.journeys.record import Chunk, Record, drop
from sstl.core.journeys.retention import (
    Due,
    DueCount,
    due,
    due_day,
    move,
    shares_touched_ms,
)
from sstl.core.journeys.telling import (
    Raised,
    Shown,
    Told,
    tell_findings,
    tell_milestones,
    tell_observations,
)
from sstl.core.stage import Context, Inbound, Outcome, Reached, StateReader, Work, take_heartbeat
from sstl.models.policy import Policy
from sstl.models.records import (
    Event,
    Forwarded,
    Heartbeat,
    JourneysMessage,
    PingBucket,
    Placed,
    Share,
    Shared,
    Withdrawn,
)

Message = Placed | Withdrawn | Forwarded | Shared | PingBucket


class Head(msgspec.Struct, frozen=True, kw_only=True, tag="unit.1", omit_defaults=True):
    """Cell: what is found where, and when the unit may be forgotten."""

    chunks: int = 0
    manifests: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    observations: tuple[str, ...] = ()
    judged: dict[str, int] = {}
    """``<rule>:<answer>`` to how many of the unit's episodes have it."""
    closed: bool = False
    pinged_ms: int = 0
    """Start of the latest bucket of positions, 0 without."""
    due_day: int | None = None


class ShareCell(msgspec.Struct, frozen=True, tag="share.1"):
    """Cell: the unit's part of one manifest."""

    share: Share


class JourneysStage:
    """One unit's movement: milestones, legs, lead times, delays."""

    name = "journeys"
    message_type: Any = JourneysMessage
    cell_type: Any = (
        Head | Chunk | ShareCell | Bucket | Raised | Shown | Told | Due | DueCount | Reached
    )
    ticks = False

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch."""
        work = Work(state, policy, context)
        waiting: dict[str, list[Message]] = {}
        for record in records:
            if isinstance(record.message, Heartbeat):
                # What came before the heartbeat is told before it is passed on.
                _fold_units(work, waiting)
                waiting = {}
                self._beat(work, record.message)
            else:
                waiting.setdefault(record.key, []).append(record.message)
        _fold_units(work, waiting)
        return work.outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Do nothing: nothing waits for a pause."""
        return Outcome()

    def _beat(self, work: Work, beat: Heartbeat) -> None:
        downstream = ("consignments", "findings", "observations")
        if take_heartbeat(work, beat, name=self.name, downstream=downstream):
            for unit, day in list(due(work)):
                move(work, unit, day, None)
                drop(work, unit)
                work.count("unit_dropped")


def _fold_units(work: Work, waiting: Mapping[str, Sequence[Message]]) -> None:
    for unit, messages in waiting.items():
        _fold_unit(work, unit, messages)


def _fold_unit(work: Work, unit: str, messages: Sequence[Message]) -> None:
    before: Head = work.get(unit, "") or Head()
    record: Record | None = None
    manifests = set(before.manifests)
    pinged_ms = before.pinged_ms
    stale = False
    for message in messages:
        if isinstance(message, PingBucket):
            set_bucket(work, unit, message)
            pinged_ms = max(pinged_ms, message.bucket_ms)
            work.count("pings_folded")
        elif isinstance(message, Shared):
            stale = _take_share(work, unit, message, manifests) or stale
        elif isinstance(message, Placed) and message.event.type == POSITION:
            bucket_ms = add_ping(work, unit, message.event)
            pinged_ms = max(pinged_ms, bucket_ms or 0)
            work.count("pings_folded")
        else:
            if record is None:
                record = Record(work, unit, before.chunks)
            stale = _take_event(work, record, message) or stale
    if record is None and not stale and pinged_ms == before.pinged_ms:
        return
    if record is None:
        record = Record(work, unit, before.chunks)
    record.save()
    events, reported_ms = record.survey()
    shares = _shares(work, unit, manifests)
    after = msgspec.structs.replace(
        before,
        chunks=record.chunks,
        manifests=tuple(sorted(manifests)),
        pinged_ms=pinged_ms,
    )
    if stale:
        after = _assess(work, unit, events, shares, after)
    empty = record.chunks == 0 and not manifests and pinged_ms == 0
    touched_ms = 0 if empty else max(reported_ms, shares_touched_ms(shares), pinged_ms)
    day = due_day(touched_ms, work.policy, closed=after.closed)
    move(work, unit, before.due_day, day)
    work.put(unit, "", None if empty else msgspec.structs.replace(after, due_day=day))


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


def _take_event(work: Work, record: Record, message: Placed | Withdrawn | Forwarded) -> bool:
    """Merge into the record; tell whether the assessment may have changed."""
    old, new = record.take(message)
    work.count("events_folded")
    if old == new:
        return False
    if old is None and new is not None and not used(new):
        work.count("unused_event", new.type.partition(".")[0])
    return any(event is not None and used(event) for event in (old, new))


def _shares(work: Work, unit: str, manifests: set[str]) -> list[Share]:
    cells = (work.get(unit, f"share/{manifest}") for manifest in sorted(manifests))
    return [cell.share for cell in cells if cell is not None]


def _assess(
    work: Work, unit: str, events: Sequence[Event], shares: Sequence[Share], head: Head
) -> Head:
    now = assess(unit, events, shares, work.policy)
    tell_findings(work, unit, head.flags, now)
    tell_observations(work, unit, head.observations, now.observations)
    tell_milestones(work, unit, now)
    judged = Counter(f"{verdict.rule_id}:{verdict.result.value}" for verdict in now.verdicts)
    for answer, many in judged.items():
        more = many - head.judged.get(answer, 0)
        if more > 0:
            work.count("rule", answer, more)
    return msgspec.structs.replace(
        head,
        flags=tuple(sorted(now.findings)),
        observations=tuple(sorted(now.observations)),
        judged=dict(sorted(judged.items())),
        closed=now.closed,
    )

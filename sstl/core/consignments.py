"""The stage [consignments]: what is known of a house transport document whose goods lie in one or more units.

Knows releases and revocations, the units it lies in (from its manifests) and their milestones (from [journeys]), and
observes arrival to release. It has arrived with the last of its units and is released by the last release on the
import side that stands; while one of these is not known, there is no observation.

Cells of a consignment: ``""`` the head, ``events/<n>`` chunks of events, ``share/<manifest>``, ``unit/<unit>`` and
``observation/<id>``, what was last told.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from sstl.core.journeys.record import Chunk, Record, drop
from sstl.core.journeys.retention import (
    Due,
    DueCount,
    due,
    due_day,
    move,
    shares_touched_ms,
)
from sstl.core.journeys.telling import Shown, tell_observations
from sstl.core.leadtime import Observed, observe_release
from sstl.core.milestones import RELEASED, REVOKED, gather, milestones, plan_of
from sstl.core.stage import Context, Inbound, Outcome, Reached, StateReader, Work, take_heartbeat
from sstl.models.policy import Policy
from sstl.models.records import (
    ConsignmentsMessage,
    Event,
    Forwarded,
    Heartbeat,
    Placed,
    Share,
    Shared,
    UnitMilestones,
    Withdrawn,
)

Message = Placed | Withdrawn | Forwarded | Shared | UnitMilestones

_USED = frozenset({RELEASED, REVOKED, "transport.ccd"})


class Head(msgspec.Struct, frozen=True, kw_only=True, tag="consignment.1", omit_defaults=True):
    """Cell: what is found where, and when the consignment may be forgotten."""

    chunks: int = 0
    manifests: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    """Units whose milestones are known; not all of them need to be in a manifest any more."""
    observations: tuple[str, ...] = ()
    due_day: int | None = None


class ShareCell(msgspec.Struct, frozen=True, tag="consignment-share.1"):
    """Cell: what one manifest says of the consignment and the units it lies in."""

    share: Share
    units: tuple[str, ...]


class UnitCell(msgspec.Struct, frozen=True, tag="unit-milestones.1"):
    """Cell: milestones of one unit."""

    milestones: dict[str, int]


class Known(msgspec.Struct, frozen=True):
    """Everything that is known of a consignment."""

    events: Sequence[Event]
    shares: Sequence[ShareCell]
    units: Mapping[str, UnitCell]


def assess(consignment: str, known: Known, policy: Policy) -> dict[str, Observed]:
    """Return the consignment's observations by id: a pure function of what is known."""
    plan = plan_of((cell.share for cell in known.shares), policy)
    released = milestones(gather(known.events), plan).actual.get("T13")
    arrivals: dict[str, int | None] = {}
    for unit in {unit for cell in known.shares for unit in cell.units}:
        reported = known.units.get(unit)
        arrivals[unit] = None if reported is None else reported.milestones.get("T6")
    observed = observe_release(consignment, plan, released, arrivals, policy)
    return {} if observed is None else {observed.id: observed}


class ConsignmentsStage:
    """Release times of consignments."""

    name = "consignments"
    message_type: Any = ConsignmentsMessage
    cell_type: Any = Head | Chunk | ShareCell | UnitCell | Shown | Due | DueCount | Reached
    ticks = False

    def fold(
        self, state: StateReader, records: Sequence[Inbound], policy: Policy, context: Context
    ) -> Outcome:
        """Fold a batch; each consignment is assessed once, after its messages."""
        work = Work(state, policy, context)
        waiting: dict[str, list[Message]] = {}
        for record in records:
            if isinstance(record.message, Heartbeat):
                # What came before the heartbeat is told before it is passed on.
                _fold_all(work, waiting)
                waiting = {}
                self._beat(work, record.message)
            else:
                waiting.setdefault(record.key, []).append(record.message)
        _fold_all(work, waiting)
        return work.outcome

    def tick(self, state: StateReader, policy: Policy, context: Context) -> Outcome:
        """Do nothing: nothing waits for a pause."""
        return Outcome()

    def _beat(self, work: Work, beat: Heartbeat) -> None:
        if take_heartbeat(work, beat, name=self.name, downstream=("findings", "observations")):
            for consignment, day in list(due(work)):
                move(work, consignment, day, None)
                drop(work, consignment)
                work.count("consignment_dropped")


def _fold_all(work: Work, waiting: Mapping[str, Sequence[Message]]) -> None:
    for consignment, messages in waiting.items():
        _fold_one(work, consignment, messages)


def _fold_one(work: Work, key: str, messages: Sequence[Message]) -> None:
    before: Head = work.get(key, "") or Head()
    record = Record(work, key, before.chunks)
    manifests, units = set(before.manifests), set(before.units)
    for message in messages:
        if isinstance(message, Shared):
            _take_share(work, key, message, manifests)
        elif isinstance(message, UnitMilestones):
            _take_unit(work, key, message, units)
        else:
            _take_event(work, record, message)
    record.save()
    events, reported_ms = record.survey()
    known = _known(work, key, events, manifests, units)
    observed = assess(key, known, work.policy)
    tell_observations(work, key, before.observations, observed)
    empty = record.chunks == 0 and not manifests and not units
    day = (
        None
        if empty
        else due_day(_touched_ms(reported_ms, known), work.policy, closed=bool(observed))
    )
    move(work, key, before.due_day, day)
    after = Head(
        chunks=record.chunks,
        manifests=tuple(sorted(manifests)),
        units=tuple(sorted(units)),
        observations=tuple(sorted(observed)),
        due_day=day,
    )
    work.put(key, "", None if empty else after)


def _take_share(work: Work, key: str, message: Shared, manifests: set[str]) -> None:
    part = f"share/{message.manifest_id}"
    if message.share is None:
        manifests.discard(message.manifest_id)
        work.put(key, part, None)
    else:
        manifests.add(message.manifest_id)
        work.put(key, part, ShareCell(message.share, message.units))


def _take_unit(work: Work, key: str, message: UnitMilestones, units: set[str]) -> None:
    part = f"unit/{message.unit}"
    if message.milestones is None:
        units.discard(message.unit)
        work.put(key, part, None)
    else:
        units.add(message.unit)
        work.put(key, part, UnitCell(message.milestones))


def _take_event(work: Work, record: Record, message: Placed | Withdrawn | Forwarded) -> None:
    old, new = record.take(message)
    work.count("events_folded")
    if old is None and new is not None and new.type not in _USED:
        work.count("unused_event", new.type.partition(".")[0])


def _known(
    work: Work, key: str, events: Sequence[Event], manifests: set[str], units: set[str]
) -> Known:
    shares = [work.get(key, f"share/{manifest}") for manifest in sorted(manifests)]
    reported = {unit: work.get(key, f"unit/{unit}") for unit in sorted(units)}
    return Known(
        events,
        [cell for cell in shares if cell is not None],
        {unit: cell for unit, cell in reported.items() if cell is not None},
    )


def _touched_ms(reported_ms: int, known: Known) -> int:
    reached = [max(cell.milestones.values(), default=0) for cell in known.units.values()]
    shares = shares_touched_ms(cell.share for cell in known.shares)
    return max(reported_ms, shares, *reached, 0)

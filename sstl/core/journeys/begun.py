"""Where the journeys of a unit begin that are still kept, and what is remembered of those before.

A journey is forgotten once nothing that belongs to it can be accepted any more (`closing_day`). What the ones after it
need is kept in the unit's head: the name of the first one kept, so that flags and observations keep their ids, from
which event on the walk that parts journeys goes on, and which seals and locks the unit had before.
"""

from collections.abc import Container, Sequence

import msgspec

from sstl.core.journeys.asking import Journey
from sstl.core.journeys.retention import due_day, shares_touched_ms
from sstl.core.journeys.view import JourneyView
from sstl.core.milestones import ACTUAL, Milestones, Plan, classifier_of, order
from sstl.core.seals.facts import Armed, SealStory
from sstl.core.stage import Work
from sstl.models.policy import Policy
from sstl.models.records import Event, Forwarded, PingBucket, Placed, Shared, Withdrawn

Order = tuple[int, int, str, str]
Message = Placed | Withdrawn | Forwarded | Shared | PingBucket
MOST_SEALS = 64
"""So many seal numbers are remembered, those put on last."""
MOST_LOCKS = 16
"""So many locks are remembered of the journey before."""


class PastSeal(msgspec.Struct, frozen=True, array_like=True):
    """A mechanical seal of a journey that is forgotten."""

    number: str
    armed: Event
    """The event that tells of it, without its body."""


class Begun(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of journeys that are forgotten."""

    key: str
    """Identity of the event that begins the first journey kept: its key."""
    first: Order
    """Place of that event in the total order; what happened before is forgotten."""
    seen: Order
    """Place of the event by which it was known that a journey begins; walks go on from here."""
    governed_ms: int
    """First event that the unit ever had: the gap rule in force there parts its journeys."""
    seals: tuple[PastSeal, ...] = ()
    locks: tuple[tuple[str, str], ...] = ()
    """(device, state it was in at the end of the journey before)."""

    def gap_ms(self, policy: Policy) -> int:
        """Return the gap of the gap rule."""
        return policy.at(self.governed_ms).journey_gap_s * 1000

    def precedes(self, event: Event, gap_ms: int) -> bool:
        """Tell whether an event belongs to a journey that is forgotten; plans may be as early as the gap."""
        if classifier_of(event) == ACTUAL:
            return order(event) < self.first
        return event.event_ms + gap_ms < self.first[0]

    def past(self, unit: str, policy: Policy) -> JourneyView:
        """Return the forgotten journeys as one, for rules that compare with the unit's journeys before."""
        armed = tuple(
            Armed(f"seal:{one.number}", one.armed, one.armed, one.number, None, ())
            for one in self.seals
        )
        return JourneyView(
            unit=unit,
            key="",
            loose=False,
            events=(),
            shares=(),
            plan=Plan(),
            milestones=Milestones({}, {}, {}),
            legs=(),
            seals=SealStory(armed=armed, states=self.locks),
            positions=(),
            structure=policy.at(self.governed_ms),
        )


def begun_after(
    before: Begun | None, gone: Sequence[Journey], first: Event, seen: Event, governed_ms: int
) -> Begun:
    """Return what is remembered once some more journeys are forgotten.

    Args:
        before: What was remembered of those before them.
        gone: The journeys, in order, at least one.
        first: The event that begins the first journey kept.
        seen: The event by which that was known.
        governed_ms: First event of the unit, where nothing was remembered yet.
    """
    seals = {} if before is None else {one.number: one for one in before.seals}
    for journey in gone:
        for one in journey.view.seals.armed:
            if one.seal_number is not None:
                bare = msgspec.structs.replace(one.armed, data={})
                seals.setdefault(one.seal_number, PastSeal(one.seal_number, bare))
    locks = [one for one in gone[-1].view.seals.states if one[0].startswith("device:")]
    return Begun(
        key=first.identity,
        first=order(first),
        seen=order(seen),
        governed_ms=governed_ms if before is None else before.governed_ms,
        seals=tuple(seals.values())[-MOST_SEALS:],
        locks=tuple(locks[-MOST_LOCKS:]),
    )


def closing_day(journey: Journey, seen: Event, policy: Policy) -> int:
    """Return the day (since the epoch) on which a journey may be forgotten that another one follows.

    Nothing of it can be accepted once the watermark has passed its end by the greatest lateness and the parking
    horizon; deadlines that it waits for come first.

    Args:
        journey: The journey.
        seen: The event by which it was known that another one begins.
        policy: The latest version.
    """
    view = journey.view
    ended_ms = max(
        seen.event_ms,
        seen.arrival_ms,
        shares_touched_ms(view.shares),
        *(event.arrival_ms for event in view.events),
        *(one.last[0] for one in view.positions[-1:]),
    )
    dues = [answer.due_ms for answer in journey.answers.values() if answer.due_ms is not None]
    day = due_day(ended_ms, policy, closed=True, deadline_ms=min(dues, default=None))
    return 0 if day is None else day


def admitted(
    work: Work, begun: Begun, message: Message, holds: Container[str], manifests: Container[str]
) -> Message | None:
    """Return a message as it is to be taken by a unit with forgotten journeys, None where it belongs to those.

    Intake refuses such events as too late; what comes here nevertheless is counted.

    Args:
        work: The fold in progress.
        begun: What is remembered of the forgotten journeys.
        message: What has come.
        holds: Identities of the events that the record has.
        manifests: Manifests that the unit has a part of.
    """
    since_ms = begun.first[0]
    if isinstance(message, PingBucket):
        if message.first is None or message.first[0] >= since_ms:
            return message
        work.count("before_journeys")
        return msgspec.structs.replace(message, first=None, last=None)
    if isinstance(message, Shared):
        share = message.share
        if share is None or message.manifest_id in manifests:
            return message
        instants = [one for one in (share.atd_ms, share.etd_ms, share.eta_ms) if one is not None]
        late = bool(instants) and max(instants) < since_ms
    elif isinstance(message, Withdrawn) or message.event is None:
        return message
    elif message.event.type == "seallock.position":
        late = message.event.event_ms < since_ms
    else:
        known = message.event.identity in holds
        late = not known and begun.precedes(message.event, begun.gap_ms(work.policy))
    if late:
        work.count("before_journeys")
        return None
    return message

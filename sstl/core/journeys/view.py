"""What a rule on a unit is shown: one journey of the unit, with everything that follows from its events.

A view is a pure function of the unit's events, positions and shares, and of the policy's structural parameters. Rules
read it and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sstl.core.leadtime import LegTimes
from sstl.core.milestones import Milestones, Plan, order
from sstl.core.seals.story import SealStory
from sstl.core.shown import Shown
from sstl.models.policy import Policy
from sstl.models.records import Event, Share

if TYPE_CHECKING:
    # positions are read into views
    from sstl.core.journeys.pings import Span

Ping = tuple[int, int, float, float]
"""(event_ms, sequence, latitude, longitude)"""


@dataclass(slots=True)
class Positions:
    """First and last ping of a bucket of time, all paths merged; nobody changes it (freezing it costs more than it)."""

    bucket_ms: int
    first: Ping
    last: Ping
    spans: Sequence["Span"] = field(default=(), repr=False)
    """What of it came by which path (`sstl.core.journeys.pings`); empty: not known."""
    notes: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What rules have worked out at this bucket before, each under a name of its own; it only saves time."""


@dataclass(eq=False)
class JourneyView(Shown):
    """One physical movement of a unit, from stuffing, sealing or empty pick-up to delivery or stripping.

    Events of the unit's other journeys are not in it. Rules change nothing of it (freezing it costs as much as one).
    """

    unit: str
    key: str
    """"" of the unit's first journey, else the identity of the event that begins it; goes into anchors of milestones,
    so that a reused unit's flags stay apart (`anchor`)."""
    loose: bool
    """The unit is a transport document: loose cargo or a parcel."""
    events: Sequence[Event]
    """All that count, in the total order of `milestones.order`, positions left out."""
    shares: Sequence[Share]
    """The unit's parts of manifests that fit this journey, the governing one first."""
    plan: Plan
    milestones: Milestones
    legs: Sequence[LegTimes]
    seals: SealStory
    positions: Sequence[Positions]
    """Ascending by time."""
    structure: Policy
    """The version in force at the journey's first event: structural parameters (debounce, gaps)."""
    publishers: Mapping[str, int] = field(default_factory=dict)
    """CloudEvents source to its latest arrival time, ms."""
    others: Sequence["JourneyView"] = ()
    """The unit's other journeys, in their order (a lock reused, a number used again)."""
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What rules of one module have derived from this view once, under a name of their own."""
    arrived: Sequence[Event] | None = field(default=None, repr=False, compare=False)
    """The events in the order in which the journey has been gone on with; None: as in ``events``."""
    carried: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What rules of one module have derived and go on with from view to view, with how many of `arrived` are in it."""
    awaited: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    """Publishers found silent while asking, each with the least instant (ms) after which it must be heard of."""

    def of(self, *types: str) -> list[Event]:
        """Return the events of some types (ACTUAL), in order."""
        found = [event for name in types for event in self.by_type.get(name, ())]
        return found if len(types) == 1 else sorted(found, key=order)

    def at(self, milestone: str) -> int | None:
        """Return the actual instant of a milestone (ms), None while it is not reported."""
        if milestone == "T0":
            return self.milestones.lodged_ms
        event = self.milestones.actual.get(milestone)
        return None if event is None else event.event_ms

    def anchor(self, name: str) -> str:
        """Return the anchor of an episode that a milestone or a plan names, not an event."""
        return name if not self.key else f"{self.key}|{name}"

    @property
    def first_ms(self) -> int:
        """The journey's first event; 0 without any."""
        return self.events[0].event_ms if self.events else 0

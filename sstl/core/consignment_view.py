"""What a rule on a consignment is shown: one house transport document, whose goods lie in one or more units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sstl.core.milestones import Milestones, Plan
from sstl.core.shown import Shown
from sstl.models.policy import Policy
from sstl.models.records import Event, Share, UnitMilestones


@dataclass(frozen=True)
class ConsignmentView(Shown):
    """A consignment with everything that is known of it."""

    consignment: str
    events: Sequence[Event]
    """Inspections, declarations, channels, duty, bond, releases, air status: all that count, in their total order,
    those that name only one of its units among them; registry entries are in ``registry``."""
    shares: Sequence[Share]
    """What each manifest says of it, the governing one first; ``goods``, ``filings``, ``referrals`` are in them."""
    units: Mapping[str, UnitMilestones]
    """Unit to what [journeys] told of it; the units of ``shares`` that nobody told of are missing."""
    unit_names: Sequence[str]
    """The units it lies in by its manifests, sorted."""
    plan: Plan
    milestones: Milestones
    """From its own events (T8 to T13); T13 once each of its units is released (`sstl.core.releases`)."""
    structure: Policy
    """The version in force at its first event."""
    registry: Mapping[str, Sequence[Event]] = field(default_factory=dict)
    """Pseudonym of a party to the registry entries on it (``registry.operator.status``, ``registry.partner.risk``)."""
    publishers: Mapping[str, int] = field(default_factory=dict)
    """CloudEvents source to its latest arrival time, ms."""
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """What rules of one module have derived from this view once, under a name of their own."""
    awaited: dict[str, int] = field(default_factory=dict, repr=False, compare=False)
    """Publishers found silent while asking, each with the least instant (ms) after which it must be heard of."""

    def of(self, *types: str) -> list[Event]:
        """Return the events of some types, in order."""
        return [event for event in self.events if event.type in types]

    def unit_at(self, milestone: str, *, last: bool = False) -> tuple[int, Event | None] | None:
        """Return the first (or last) instant at which a unit of it reached a milestone, and the event where known."""
        found = []
        for told in self.units.values():
            instant = (told.milestones or {}).get(milestone)
            if instant is not None:
                events = [event for code, event in told.events if code == milestone]
                found.append((instant, events[0] if events else None))
        if not found:
            return None
        return (max if last else min)(found, key=lambda one: one[0])

    @cached_property
    def first_ms(self) -> int:
        """The first instant known of it; 0 without any."""
        instants = [event.event_ms for event in self.events[:1]]
        instants += [share.lodged_ms for share in self.shares if share.lodged_ms is not None]
        return min(instants, default=0)

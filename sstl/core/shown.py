"""What the views of journeys and of consignments have in common, so that a rule reads both in the same way."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from sstl.core.milestones import ACTUAL, Plan, classifier_of
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import Event


class Shown:
    """A subject as rules are shown it: its events, its lane, and whether a publisher explains that one is missing."""

    events: Sequence[Event]
    plan: Plan
    structure: Policy
    """The version in force at the subject's first event: structural parameters (debounce, gaps)."""
    publishers: Mapping[str, int]
    """CloudEvents source to its latest arrival time, ms."""
    awaited: dict[str, int]
    """Publishers found silent while asking, each with the least instant (ms) after which it must be heard of."""

    @property
    def lane(self) -> LanePolicy | None:
        """The lane's policy in force at the subject's first event."""
        return self.structure.lanes.get(self.plan.lane_id or "")

    @cached_property
    def by_type(self) -> Mapping[str, Sequence[Event]]:
        """Type to its events, in order; of transport events the ACTUAL ones only."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            if classifier_of(event) == ACTUAL:
                found.setdefault(event.type, []).append(event)
        return found

    def publisher_silent(self, milestone: str, instant_ms: int) -> bool:
        """Tell whether the publisher that should report a milestone had gone silent by an instant and still is.

        True while it has not been heard of at or after the instant; False where the lane names no publisher.
        """
        lane = self.lane
        source = None if lane is None else lane.publishers.get(milestone)  # type: ignore[call-overload]
        if source is None or self.publishers.get(source, 0) >= instant_ms:
            return False
        self.awaited[source] = min(instant_ms, self.awaited.get(source, instant_ms))
        return True

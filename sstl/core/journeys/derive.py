"""What follows from one journey's events and shares before any rule is asked: milestones, legs, seals, lead times."""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec

from sstl.core.incidents import seal_incidents
from sstl.core.journeys.view import JourneyView, Positions
from sstl.core.leadtime import LegTimes, Observed, leg_times, observe_journey
from sstl.core.milestones import (
    ACTUAL,
    USED_TYPES,
    Milestones,
    Plan,
    Reports,
    classifier_of,
    milestones,
    order,
    plan_of,
)
from sstl.core.rules.base import Part
from sstl.core.seals.story import SealStory, tell
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import Event, Share

_TRANSPORT = frozenset({Part.TRANSPORT})
_PHYSICAL = ("T1", "T2", "T4", "T5", "T6", "T7", "T14", "T15")
_STORY = ("seallock.", "inspection.")
"""Events that the story of the seals is told from."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one journey is derived from."""

    unit: str
    key: str
    loose: bool
    events: list[Event]
    shares: tuple[Share, ...]
    positions: Sequence[Positions]
    publishers: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Derived:
    """What is kept of a derivation, so that it can be gone on with."""

    facts: Facts
    reports: Reports
    reported: Milestones
    """Milestones as reported, before the seals say when the unit was opened at its end."""
    observed: tuple[Observed, ...]

    def extended(
        self,
        view: JourneyView,
        added: Sequence[Event],
        positions: Sequence[Positions] | None,
        publishers: Mapping[str, int],
        changed: frozenset[Part],
    ) -> tuple[JourneyView, "Derived", frozenset[Part]]:
        """Return view and derivation with events added, and the parts that have changed by that.

        Events and reports of this derivation are extended in place: it is used up.
        """
        facts, plan, structure = self.facts, view.plan, view.structure
        for event in added:
            insort(facts.events, event, key=order)
            by_type = self.reports.by_classifier.get(classifier_of(event))
            if by_type is not None:
                insort(by_type.setdefault(event.type, []), event, key=order)
        reports_milestone = any(event.type in USED_TYPES for event in added)
        if positions is not None or publishers is not facts.publishers:
            facts = replace(
                facts,
                positions=facts.positions if positions is None else positions,
                publishers=publishers,
            )
        reported = milestones(self.reports, plan) if reports_milestone else self.reported
        story = view.seals
        if any(event.type.startswith(_STORY) for event in added):
            story = tell(facts.events, structure, view.lane, facts.positions)
            story = view.seals if story == view.seals else story
        now = with_opening(reported, story, view.lane)
        now = view.milestones if now == view.milestones else now
        parts = changed
        if story is not view.seals:
            parts |= {Part.SEALS}
        if now is not view.milestones and _physical(now) != _physical(view.milestones):
            parts |= _TRANSPORT
        legs = view.legs
        if Part.TRANSPORT in changed:
            legs = leg_times(plan, facts.events)
        shown = _view(facts, structure, plan, now, legs, story, self.reports)
        observed = self.observed
        if now is not view.milestones or legs is not view.legs or story is not view.seals:
            observed = _observed(shown)
        return shown, Derived(facts, self.reports, reported, observed), parts


def _physical(known: Milestones) -> list[Event | None]:
    """Return what is not a customs milestone: that is of the part CONTROLS, which has changed then."""
    return [known.actual.get(code) for code in _PHYSICAL] + [
        reports.get(code) for reports in (known.planned, known.estimated) for code in _PHYSICAL
    ]


def derive(facts: Facts, policy: Policy) -> tuple[JourneyView, Derived]:
    """Derive everything from a journey's facts."""
    structure = policy.at(facts.events[0].event_ms) if facts.events else policy
    plan = plan_of(facts.shares, structure)
    lane = structure.lanes.get(plan.lane_id or "")
    reports = Reports()
    known = reports.by_classifier
    for event in facts.events:
        by_type = known.get(classifier_of(event))
        if by_type is not None:
            by_type.setdefault(event.type, []).append(event)
    reported = milestones(reports, plan)
    story = tell(facts.events, structure, lane, facts.positions)
    now = with_opening(reported, story, lane)
    legs = leg_times(plan, facts.events)
    view = _view(facts, structure, plan, now, legs, story, reports)
    return view, Derived(facts, reports, reported, _observed(view))


def _observed(view: JourneyView) -> tuple[Observed, ...]:
    """Return what lanes count of a journey: its lead times and its seal incidents."""
    times = observe_journey(
        view.unit, view.plan, view.legs, view.milestones, view.structure, key=view.key
    )
    return (*times, *seal_incidents(view))


def _view(
    facts: Facts,
    structure: Policy,
    plan: Plan,
    known: Milestones,
    legs: Sequence[LegTimes],
    story: SealStory,
    reports: Reports,
) -> JourneyView:
    view = JourneyView(
        unit=facts.unit,
        key=facts.key,
        loose=facts.loose,
        events=facts.events,
        shares=facts.shares,
        plan=plan,
        milestones=known,
        legs=legs,
        seals=story,
        positions=facts.positions,
        structure=structure,
        publishers=facts.publishers,
    )
    # What the view would gather itself is at hand.
    view.__dict__["by_type"] = reports.by_classifier[ACTUAL]
    return view


def with_opening(reported: Milestones, story: SealStory, lane: LanePolicy | None) -> Milestones:
    """Return the milestones with T15 where no delivery is reported but the lock was opened for good where it may be.

    That is the last opening that a grant or a control allows, after gate-out (after discharge, where the lane unlocks
    there), and after which nothing was armed again.
    """
    if not story.openings or "T15" in reported.actual:
        return reported
    from_code = "T7" if lane is not None and lane.unlock_at == "DISCHARGE" else "T14"
    since = reported.actual.get(from_code)
    if since is None:
        return reported
    ends = [
        opening.opened
        for opening in story.openings
        if opening.authorised_by is not None
        and opening.resealed is None
        and opening.opened.event_ms >= since.event_ms
    ]
    if not ends:
        return reported
    last = max(ends, key=lambda event: (event.event_ms, event.identity))
    return msgspec.structs.replace(reported, actual={**reported.actual, "T15": last})

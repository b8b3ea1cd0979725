"""What follows from one journey's events and shares before any rule is asked: milestones, legs, seals, lead times."""

from bisect import insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sstl.core.controls import concerns_contents
from sstl.core.journeys.observing import Parts, observed, observed_again
from sstl.core.journeys.view import JourneyView
from sstl.core.leadtime import LEG_TYPES, LegTimes, Observed, leg_times
from sstl.core.milestones import (
    ACTUAL,
    PLANNED,
    Milestones,
    Plan,
    Reports,
    classifier_of,
    gather,
    milestones,
    order,
    plan_of,
    renewed,
)
from sstl.core.positions import Positions
from sstl.core.rules.reads import (
    BATTERY,
    DEVICE_TIME,
    LEGS,
    MODE,
    OF_STORY,
    POSITIONS,
    SEALS_NAMED,
    STORY,
)
from sstl.core.seals.story import SealStory, concerns, is_told, tell
from sstl.models.policy import LanePolicy, Policy
from sstl.models.records import Event, Share


@dataclass(slots=True, eq=False)
class Facts:
    """What one journey is derived from."""

    unit: str
    key: str
    loose: bool
    events: list[Event]
    shares: tuple[Share, ...]
    positions: Sequence[Positions]
    publishers: Mapping[str, int]
    past: tuple[JourneyView, ...] = ()
    """The unit's journeys that are forgotten, as one; none of them: empty."""
    lent: tuple[Event, ...] = ()
    """Grants that were entered on its other journeys and hold on this one (`sstl.core.journeys.lending`)."""


@dataclass(slots=True, eq=False)
class Derived:
    """What is kept of a derivation, so that it can be gone on with."""

    facts: Facts
    reports: Reports
    reported: Milestones
    """Milestones as reported, before the seals say when the unit was opened at its end."""
    seen: Parts
    """What lanes count of it, by what it rests on (`sstl.core.journeys.observing`)."""
    controls: list[Event]
    """Controls that consignments are told of, in order (`sstl.core.controls`)."""
    arrived: list[Event]
    """The events in the order in which they were added."""
    bares: dict[int, tuple[Event, Event]]
    """Events and what is told of them, by the address of the event; it only saves time."""

    @property
    def observed(self) -> tuple[Observed, ...]:
        """What lanes count of it."""
        return tuple([one for part in self.seen for one in part])

    def extended(
        self,
        view: JourneyView,
        added: Sequence[Event],
        positions: Sequence[Positions] | None,
        publishers: Mapping[str, int],
    ) -> tuple[JourneyView, "Derived", frozenset[str]]:
        """Return view and derivation with events added, and the traces of what has changed by that.

        Events and reports of this derivation are extended in place: it is used up.
        """
        facts, plan, structure = self.facts, view.plan, view.structure
        facts.publishers = publishers
        traces: set[str] = set()
        if positions is not None:
            facts.positions = positions
            traces.add(POSITIONS)
        for event in added:
            self._take(event, plan, traces)
        story, legs = self._story(view, added, traces), self._run(view, added, traces)
        reported = renewed(self.reported, self.reports, plan, added) if added else self.reported
        now = view.milestones
        if reported is not self.reported or story is not view.seals:
            now = _changed(now, with_opening(reported, story, view.lane), traces)
        shown = _view(facts, structure, plan, now, legs, story, self.reports)
        shown.arrived = self.arrived
        shown.carried = view.carried
        seen = self.seen
        if traces:
            seen = observed_again(shown, seen, traces)
        return (
            shown,
            Derived(facts, self.reports, reported, seen, self.controls, self.arrived, self.bares),
            frozenset(traces),
        )

    def _take(self, event: Event, plan: Plan, traces: set[str]) -> None:
        _insert(self.facts.events, event)
        self.arrived.append(event)
        if concerns_contents(event):
            _insert(self.controls, event)
            traces.add(TOLD)
        classifier = classifier_of(event)
        by_type = self.reports.by_classifier.get(classifier)
        if by_type is not None:
            _insert(by_type.setdefault(event.type, []), event)
        leave_traces(event, classifier, plan, traces)

    def _story(self, view: JourneyView, added: Sequence[Event], traces: set[str]) -> SealStory:
        """Return the story of the seals, the same object where nothing in it is another."""
        before = view.seals
        for event in added:
            if _retells(event, before):
                break
        else:
            return before
        by_type = self.reports.by_classifier[ACTUAL]
        told = [event for kind in by_type if is_told(kind) for event in by_type[kind]]
        told += self.facts.lent
        story = tell(told, view.structure, view.lane, self.facts.positions)
        changed = [part for part in _PARTS if getattr(story, part) != getattr(before, part)]
        if not changed:
            return before
        traces.add(STORY)
        traces.update(changed)
        return story

    def _run(
        self, view: JourneyView, added: Sequence[Event], traces: set[str]
    ) -> Sequence[LegTimes]:
        """Return the times of the legs, the same object where none is another."""
        if not view.plan.legs:
            return view.legs
        for event in added:
            if event.type in LEG_TYPES and classifier_of(event) in (ACTUAL, PLANNED):
                break
        else:
            return view.legs
        legs = _legs(view.plan, self.reports)
        if legs == view.legs:
            return view.legs
        traces.add(LEGS)
        return legs


TOLD = "told"
"""Trace of a control that consignments are told of; no rule on units reads it."""
_PARTS = (*OF_STORY, "unknown")
"""Fields of the story of the seals; what is unknown is for review, no rule reads it."""
_STATED = (
    ("seals", SEALS_NAMED),
    ("sealBefore", SEALS_NAMED),
    ("sealAfter", SEALS_NAMED),
    ("batteryPct", BATTERY),
    ("deviceTime", DEVICE_TIME),
)
"""Fields that leave a trace of their own."""


def _insert(events: list[Event], event: Event) -> None:
    if not events or events[-1].event_ms < event.event_ms or order(events[-1]) <= order(event):
        events.append(event)
    else:
        insort(events, event, key=order)


def leave_traces(event: Event, classifier: str, plan: Plan, traces: set[str]) -> None:
    """Add the traces that an event leaves by itself."""
    kind, data = event.type, event.data
    if classifier == ACTUAL:
        traces.add(kind)
        traces.add(kind[: kind.find(".") + 1])
    else:
        traces.add(f"~{kind}")
    for name, trace in _STATED:
        if name in data:
            traces.add(trace)
    if plan.mode is None and "mode" in data:
        traces.add(MODE)


def _retells(event: Event, story: SealStory) -> bool:
    """Tell whether an event may change a story.

    Controls, which only allow something, do so only where there is something to allow.
    """
    if not concerns(event):
        return False
    if event.type.startswith("seallock.") or "sealAfter" in event.data:
        return True
    return bool(story.openings or story.reseals or story.alarms)


def _changed(before: Milestones, now: Milestones, traces: set[str]) -> Milestones:
    """Return the milestones now, those before where they are the same, and add the traces of the others."""
    same = True
    for tilde, old, new in (
        ("", before.actual, now.actual),
        ("~", before.estimated, now.estimated),
        ("~", before.planned, now.planned),
    ):
        if old is new:
            continue
        for code in old.keys() | new.keys():
            if old.get(code) is not new.get(code):
                same = False
                traces.add(tilde + code)
    return before if same else now


def _legs(plan: Plan, reports: Reports) -> tuple[LegTimes, ...]:
    """Return the times of the legs; in which order their reports come makes no difference to them."""
    known = [reports.by_classifier[name] for name in (ACTUAL, PLANNED)]
    return leg_times(
        plan, [event for by_type in known for name in LEG_TYPES for event in by_type.get(name, ())]
    )


def derive(facts: Facts, policy: Policy) -> tuple[JourneyView, Derived]:
    """Derive everything from a journey's facts."""
    structure = policy.at(facts.events[0].event_ms) if facts.events else policy
    plan = plan_of(facts.shares, structure)
    lane = structure.lanes.get(plan.lane_id or "")
    reports = gather(facts.events)
    reported = milestones(reports, plan)
    told = [*facts.events, *facts.lent] if facts.lent else facts.events
    story = tell(told, structure, lane, facts.positions)
    now = with_opening(reported, story, lane)
    legs = _legs(plan, reports)
    view = _view(facts, structure, plan, now, legs, story, reports)
    controls = [event for event in facts.events if concerns_contents(event)]
    arrived = list(facts.events)
    view.arrived = arrived
    return view, Derived(facts, reports, reported, observed(view), controls, arrived, {})


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
        others=facts.past,
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

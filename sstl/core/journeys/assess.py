"""What a unit's events and manifests mean: a pure function of their set and the policy.

`assess` is the whole truth about a unit; the stage only keeps the set and tells what has changed in the answer.
One unit has one journey here; where a unit's timeline falls into several, each part is assessed by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sstl.core.leadtime import LegTimes, Observed, leg_times, observe_journey
from sstl.core.milestones import USED_TYPES, Milestones, Plan, gather, milestones, plan_of
from sstl.core.routing import unit_of
from sstl.core.rules import FAMILIES, RULES, About, Result, Verdict, delay, finding_of
from sstl.models.policy import Policy
from sstl.models.records import Event, Finding, Share, Subject

_USED = USED_TYPES | delay.USED_TYPES
_REFERENCES = {"mrn": "mrn", "ucr": "ucr", "transport-document": "transport_document"}


@dataclass(frozen=True, slots=True)
class Assessment:
    """Everything that follows from a unit's events and shares."""

    plan: Plan
    milestones: Milestones
    legs: tuple[LegTimes, ...]
    observations: Mapping[str, Observed]
    """By observation id."""
    verdicts: tuple[Verdict, ...]
    findings: Mapping[str, Finding]
    """By flag id, all in state RAISED."""

    @property
    def closed(self) -> bool:
        """Whether the journey has ended: gate-out, delivery, or the end of all planned legs."""
        if "T14" in self.milestones.actual or "T15" in self.milestones.actual:
            return True
        return bool(self.legs) and all(leg.end is not None for leg in self.legs)


def used(event: Event) -> bool:
    """Tell whether the assessment reads this event."""
    return event.type in _USED


def assess(
    unit: str, events: Sequence[Event], shares: Iterable[Share], policy: Policy
) -> Assessment:
    """Assess a unit. Moves of empty equipment report nothing.

    Args:
        unit: Its number.
        events: What counts of it, each identity once, in the order of `milestones.order`.
        shares: Its parts of the manifests that name it.
        policy: By which it is judged.
    """
    manifests = tuple(shares)
    events = [event for event in events if event.data.get("emptyIndicator") != "EMPTY"]
    plan = plan_of(manifests, policy)
    known = milestones(gather(events), plan)
    legs = leg_times(plan, events)
    observed = observe_journey(unit, plan, legs, known, policy)
    verdicts = _judge(events, plan, known, legs, policy)
    hits = [verdict for verdict in verdicts if verdict.result is Result.HIT]
    findings: dict[str, Finding] = {}
    if hits:
        about = _about(unit, events, manifests, plan)
        for hit in hits:
            finding = finding_of(RULES[hit.rule_id], hit, about, policy)
            findings[finding.flag_id] = finding
    return Assessment(
        plan, known, legs, {one.id: one for one in observed}, tuple(verdicts), findings
    )


def _judge(
    events: Sequence[Event],
    plan: Plan,
    known: Milestones,
    legs: Sequence[LegTimes],
    policy: Policy,
) -> list[Verdict]:
    thresholds = {}
    for rule in FAMILIES["delay"]:
        judged_by = policy.rule(rule.id)
        if judged_by.enabled:
            thresholds[rule.id] = judged_by.threshold_for(mode=plan.mode, lane_id=plan.lane_id)
    if not thresholds:
        return []
    return delay.judge(delay.services(events, plan, known), legs, thresholds)


def _about(unit: str, events: Iterable[Event], shares: Sequence[Share], plan: Plan) -> About:
    loose = unit in plan.consignments or any(
        event.data.get("looseCargo") and unit_of(event.data) == unit for event in events
    )
    named: dict[str, set[str]] = {"mrn": set(), "ucr": set(), "transport_document": set()}
    for manifest in shares:
        for reference in manifest.references:
            kind, _, value = reference.partition(":")
            if kind in _REFERENCES:
                named[_REFERENCES[kind]].add(value)
    if loose:
        named["transport_document"] = {unit}
    single = {name: min(found) if len(found) == 1 else None for name, found in named.items()}
    subject = Subject(
        equipment_reference=None if loose else unit,
        consignments=plan.consignments,
        lrn=shares[0].manifest_id if len(shares) == 1 else None,
        lane_id=plan.lane_id,
        mode=plan.mode,
        mrn=single["mrn"],
        ucr=single["ucr"],
        transport_document=single["transport_document"],
    )
    share = (
        None if plan.share is None else msgspec.structs.replace(plan.share, legs=(), references=())
    )
    return About(unit, subject, "CONSIGNMENT" if loose else "EQUIPMENT", share)

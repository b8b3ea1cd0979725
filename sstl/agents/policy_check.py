"""What a policy may have wrong although it fits the model: names that lead nowhere, numbers that cannot be meant.

Of a version on the topic this is only warned of: what older releases accepted stays accepted.
"""

from collections.abc import Iterator, Mapping

from sstl.core.rules import RULES, Rule
from sstl.models.identifiers import NO_CHAPTERS
from sstl.models.policy import LanePolicy, PlannedLeg, Policy, RulePolicy, StageLimit
from sstl.policy_files import Location, likely


def check(policy: Policy, rules: Mapping[str, Rule] = RULES) -> Iterator[tuple[Location, str]]:
    """Yield (where, what) for every name that this release does not know, and every number that cannot be meant.

    Args:
        policy: A policy that fits the model.
        rules: Rule id to rule.
    """
    for rule_id, stated in policy.rules.items():
        at: Location = ("rules", rule_id)
        if rule_id not in rules:
            yield at, f"unknown rule{likely(rule_id, rules)}"
        else:
            yield from _parameters(at, stated, rules[rule_id])
            for lane_id in stated.thresholds_by_lane:
                if lane_id not in policy.lanes:
                    place = (*at, "thresholds_by_lane", lane_id)
                    yield place, f"unknown lane{likely(lane_id, policy.lanes)}"
    for lane_id, lane in policy.lanes.items():
        yield from _lane(("lanes", lane_id), lane_id, lane, policy)
    for name, listed in policy.watch_lists.items():
        for number, prefix in enumerate(listed.hs_prefixes):
            if prefix[:2] in NO_CHAPTERS:
                yield (
                    ("watch_lists", name, "hs_prefixes", number),
                    f"HS has no chapter {prefix[:2]}",
                )


def _parameters(at: Location, stated: RulePolicy, rule: Rule) -> Iterator[tuple[Location, str]]:
    groups: dict[Location, dict[str, float]] = {("thresholds",): stated.thresholds}
    groups |= {("thresholds_by_mode", mode): v for mode, v in stated.thresholds_by_mode.items()}
    groups |= {("thresholds_by_lane", lane): v for lane, v in stated.thresholds_by_lane.items()}
    for inner, values in groups.items():
        for name, value in values.items():
            if name not in rule.parameters:
                hint = likely(name, rule.parameters) or "; the rule has none"
                yield (*at, *inner, name), f"unknown parameter of {rule.id}{hint}"
            elif value < 0:
                # durations, distances, shares, numbers: no parameter of any rule is one below zero
                yield (*at, *inner, name), f"expected at least 0, got {value:g}"


def _lane(
    at: Location, lane_id: str, lane: LanePolicy, policy: Policy
) -> Iterator[tuple[Location, str]]:
    expected = f"{lane.origin}-{lane.destination}-{lane.mode}"
    if lane_id != expected:
        yield at, f"a lane is called origin-destination-mode: expected {expected}"
    for number, name in enumerate(lane.stops):
        if name not in policy.geofences:
            yield (*at, "stops", number), f"unknown geofence{likely(name, policy.geofences)}"
    yield from _durations(at, lane)
    here = lane.origin
    for number, leg in enumerate(lane.legs):
        if leg.origin != here:
            yield (
                (*at, "legs", number),
                f"this leg begins at {leg.origin}, but the plan is at {here}",
            )
        here = leg.destination
    if lane.legs and here != lane.destination:
        yield (*at, "legs"), f"the legs end at {here}, the lane at {lane.destination}"


def _durations(at: Location, lane: LanePolicy) -> Iterator[tuple[Location, str]]:
    timed: list[tuple[str, int, PlannedLeg | StageLimit]] = [
        *(("legs", number, leg) for number, leg in enumerate(lane.legs)),
        *(("stages", number, stage) for number, stage in enumerate(lane.stages)),
    ]
    for part, number, one in timed:
        target, limit = one.target_hours, one.limit_hours
        if target is not None and limit is not None and limit < target:
            yield (
                (*at, part, number, "limit_hours"),
                f"expected target_hours ({target:g}) or more, got {limit:g}",
            )
    for number, stage in enumerate(lane.stages):
        low, high = stage.learnt_low_hours, stage.learnt_high_hours
        if low is not None and high is not None and low >= high:
            yield (
                (*at, "stages", number, "learnt_high_hours"),
                f"expected more than learnt_low_hours ({low:g}), got {high:g}",
            )

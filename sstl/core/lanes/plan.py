"""How the observations of one indicator, lane and mode are counted."""

from sstl.core.indicators.registry import Kind, definition
from sstl.core.lanes.cell import END, START, Series
from sstl.core.lanes.tally import (
    EXCLUDED,
    Aside,
    Contribution,
    Events,
    Value,
    What,
)
from sstl.core.lanes.terms import Terms, terms_since
from sstl.core.lanes.zones import calendar_of
from sstl.models.policy import Policy
from sstl.models.records import OPEN, Measure

Group = tuple[str, str, str, str]
"""Indicator, counting unit, lane, mode."""

_MOST_PLANS = 16_384
"""Beyond, those of a version of the policy are made anew."""


class Plan:
    """How the observations of one indicator, lane and mode are counted under a policy and the versions before it."""

    __slots__ = ("days", "ended", "group", "kind", "sole_terms", "terms", "whole")

    def __init__(self, policy: Policy, group: Group, by: str = START) -> None:
        indicator, counting_unit = group[:2]
        declared = definition(indicator, counting_unit)
        self.group = group
        self.kind = declared.kind
        self.terms = terms_since(policy, *group)
        self.sole_terms = self.terms[0][1] if len(self.terms) == 1 else None
        """None: they have changed."""
        self.days = calendar_of(policy, *group[:3])
        self.whole = Series(*group, (), by).key
        ended = by == START and declared.by_completion
        self.ended: Plan | None = Plan(policy, group, END) if ended else None
        """How they are counted by when they ended; None: they are not."""

    def contribution(self, measure: Measure) -> Value | Aside | None:
        """Return what a measure contributes, None where it is no value of the indicator."""
        outcome, value = measure.outcome, measure.value_ms
        if outcome == OPEN:
            return Aside.not_ended(measure)
        if outcome is None and self.kind is not Kind.DURATION:
            return self._counted(measure)
        target_ms, plausible = self.sole_terms or self._terms_at(measure.start_ms)
        if plausible is not None and not plausible[0] <= value <= plausible[1]:
            return EXCLUDED
        if outcome is not None:
            return Aside.ended_by(outcome, measure)
        return Contribution.of(measure, target_ms)

    def _counted(self, measure: Measure) -> Value | Aside | None:
        value = measure.value_ms
        if self.kind is Kind.TALLY:
            return None if measure.category is None else Aside(What.CATEGORY, measure.category)
        if self.kind is Kind.SHARE:
            return Contribution.of_share(measure) if value in (0, 1) else None
        exposure = 1 if measure.exposure is None else measure.exposure
        return Events(value, exposure) if value >= 0 and exposure >= 0 else None

    def _terms_at(self, start_ms: int) -> Terms:
        terms = self.terms[0][1]
        for since_ms, later in self.terms[1:]:
            if since_ms > start_ms:
                break
            terms = later
        return terms


class Plans:
    """The plans under one policy and the versions before it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self._plans: dict[Group, Plan] = {}

    def of(self, group: Group) -> Plan:
        """Return how observations of a group are counted."""
        plan = self._plans.get(group)
        if plan is None:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            plan = self._plans[group] = Plan(self.policy, group)
        return plan


def plans_under(policy: Policy) -> Plans:
    """Return the plans under a policy, which it keeps at hand from batch to batch."""
    kept: Plans | None = policy.__dict__.get("_lane_plans")
    if kept is None or kept.policy is not policy:
        # a copy of a policy has what was kept with the one that it is a copy of
        kept = policy.__dict__["_lane_plans"] = Plans(policy)
    return kept

"""Consignments as they were decided upon: which control they got, what it found, and what flags said before.

A score that has seen the result would rank nothing but the result: only flags whose instant (``issuedAt``) lies before
the decision count, that is before the consignment's first channel, without one its draw, then its first selection.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from sstl.core.comparing import Cohort
from sstl.core.consignments.arms import CONTROL_ARM, REVENUE_FOUND
from sstl.core.indicators.arm import Arm, decode
from sstl.core.scores import noisy_or
from sstl.models.common import to_ms
from sstl.models.records import Measure, Observation
from sstl.models.risk_flag import RiskFlag, in_net_set

OBSERVED = frozenset({CONTROL_ARM, REVENUE_FOUND})
"""Indicators whose observations are read."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """One eligible consignment."""

    consignment: str
    lane_id: str
    mode: str
    at_ms: int
    """When it was decided upon."""
    arm: Arm
    revenue: int | None = None
    """Recoverable, as its controls state; None: none states any."""


def decided(observations: Iterable[tuple[Observation, Measure]], cohort: Cohort) -> list[Decided]:
    """Return the consignments of a period, in the order of their ids.

    Args:
        observations: What holds (`sstl.core.comparing.current_measures`); of other indicators it is passed over.
        cohort: Decisions of other times are passed over.
    """
    arms: dict[str, Measure] = {}
    revenue: dict[tuple[str, str], int] = {}
    for one, measure in observations:
        consignment = one.id.partition("|")[2]
        if one.indicator == CONTROL_ARM and cohort.from_ms <= measure.start_ms < cohort.to_ms:
            arms[consignment] = measure
        elif one.indicator == REVENUE_FOUND:
            revenue[consignment, measure.lane_id] = measure.value_ms
    return [
        Decided(
            consignment=consignment,
            lane_id=measure.lane_id,
            mode=measure.mode,
            at_ms=measure.start_ms,
            arm=decode(measure.category or ""),
            revenue=revenue.get((consignment, measure.lane_id)),
        )
        for consignment, measure in sorted(arms.items())
    ]


class FlagScores:
    """The combined score of a consignment by the flags that hold on it and on the journeys it lies in."""

    def __init__(self, told: Iterable[RiskFlag]) -> None:
        last = {flag.flag_id: flag for flag in told}
        of: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for flag in last.values():
            if in_net_set(flag):
                for consignment in {*flag.subject.consignments, flag.group} - {None}:
                    of[str(consignment)].append((to_ms(flag.issued_at), flag.score))
        self._of: Mapping[str, list[tuple[int, int]]] = of

    def before(self, consignment: str, at_ms: int) -> int:
        """Return the combined score of the flags issued before an instant; 0 where there is none."""
        known = self._of.get(consignment, ())
        return noisy_or(score for issued_ms, score in known if issued_ms < at_ms)

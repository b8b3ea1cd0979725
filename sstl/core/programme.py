"""How far the programme reaches among units: what lanes count of a journey where the filing says who takes part."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sstl.core.leadtime import Observed, observation_id
from sstl.models.records import Measure

if TYPE_CHECKING:
    # [journeys] imports this module
    from sstl.core.journeys.view import JourneyView

UNIT_SHARE = "sstl_unit_share"
TEU_SHARE = "sstl_teu_share"
_CONTAINERS = frozenset({"SEA", "RAIL", "ROAD"})
"""Modes whose trade is counted in TEU."""


def journey_membership(view: "JourneyView") -> Iterator[Observed]:
    """Yield 1 if everything in a unit takes part, 0 if nothing does, and its TEU.

    None of what is mixed, empty or not said. Once it has arrived: units under way are many, and each would be kept for
    this alone.
    """
    plan = view.plan
    share, lodged_ms, lane_id, mode = plan.share, plan.lodged_ms, plan.lane_id, plan.mode
    if (
        share is None
        or plan.sstl_member is None
        or plan.empty
        or "T6" not in view.milestones.actual
    ):
        return
    if lodged_ms is None or lane_id is None or mode is None:
        return
    subject = f"{view.unit}#{view.key}" if view.key else view.unit
    member = int(plan.sstl_member)

    def made(indicator: str, value: int, exposure: int | None = None) -> Observed:
        measure = Measure(
            lane_id=lane_id, mode=mode, start_ms=lodged_ms, value_ms=value, exposure=exposure
        )
        return Observed(observation_id(indicator, subject), indicator, "journey", measure)

    yield made(UNIT_SHARE, member)
    if share.teu is not None and mode in _CONTAINERS:
        yield made(TEU_SHARE, member * share.teu, share.teu)

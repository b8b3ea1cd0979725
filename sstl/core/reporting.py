"""How late sources report: the time from a milestone to its report, of the version that counts.

One milestone stands for each kind of publisher: T1 for locks, T6 for carriers, T14 for terminals, T13 for customs. A
negative delay is a report of the future: the clocks differ.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sstl.core.leadtime import Observed, observation_id
from sstl.core.milestones import mode_of_lane
from sstl.core.strata import SOURCE
from sstl.models.records import Measure

if TYPE_CHECKING:
    # [journeys] and [consignments] import this module
    from sstl.core.consignment_view import ConsignmentView
    from sstl.core.journeys.view import JourneyView

REPORTING_DELAY = "reporting_delay"
OF_JOURNEY = ("T1", "T6", "T14")
OF_CONSIGNMENT = ("T13",)


def journey_delays(view: "JourneyView") -> Iterator[Observed]:
    """Yield the delays of a journey's reports; none of empty equipment."""
    if view.plan.empty:
        return iter(())
    subject = f"{view.unit}#{view.key}" if view.key else view.unit
    return _delays(view, subject, OF_JOURNEY)


def consignment_delays(view: "ConsignmentView") -> Iterator[Observed]:
    """Yield the delays of the reports on a consignment."""
    return _delays(view, view.consignment, OF_CONSIGNMENT)


def _delays(
    view: "JourneyView | ConsignmentView", subject: str, codes: tuple[str, ...]
) -> Iterator[Observed]:
    actual, plan = view.milestones.actual, view.plan
    for code in codes:
        event = actual.get(code)
        if event is None:
            continue
        lane_id = plan.lane_id or event.lane_id
        mode = plan.mode or mode_of_lane(lane_id, view.structure)
        if lane_id is None or mode is None:
            continue
        yield Observed(
            observation_id(REPORTING_DELAY, subject, code),
            REPORTING_DELAY,
            "report",
            Measure(
                lane_id=lane_id,
                mode=mode,
                start_ms=event.event_ms,
                value_ms=event.version.recorded_ms - event.event_ms,
                strata={SOURCE: event.source},
            ),
        )

"""What is told of sources: how late they report, and which of their reports cannot be right.

The delay is the time from a milestone to its report, of the version that counts. One milestone stands for each kind of
publisher: T1 for locks, T6 for carriers, T14 for terminals, T13 for customs. A negative delay is a report of the
future: the clocks differ. Faults (`sstl.core.report_faults`) are judged of the same milestones and of acceptance (T8),
of every source that reports one.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sstl.core.leadtime import Observed, observation_id
from sstl.core.milestones import mode_of_lane
from sstl.core.report_faults import NO_FAULT, reported_by, reports
from sstl.core.strata import SOURCE
from sstl.models.records import Event, Measure

if TYPE_CHECKING:
    # [journeys] and [consignments] import this module
    from sstl.core.consignment_view import ConsignmentView
    from sstl.core.journeys.view import JourneyView

REPORTING_DELAY = "reporting_delay"
REPORT_FAULT = "report_fault"
OF_JOURNEY = ("T1", "T6", "T14")
OF_CONSIGNMENT = ("T13",)
JUDGED_OF_JOURNEY = OF_JOURNEY
JUDGED_OF_CONSIGNMENT = ("T8", "T13")
READ_OF_JOURNEY = frozenset({"T7", *reported_by(JUDGED_OF_JOURNEY)})
"""Milestones and types of event by which what is told of a journey's reports may change, beside those it is told of."""


def journey_reports(view: "JourneyView") -> Iterator[Observed]:
    """Yield what is told of the reports on a journey; nothing of empty equipment."""
    if view.plan.empty:
        return
    subject = f"{view.unit}#{view.key}" if view.key else view.unit
    yield from _delays(view, subject, OF_JOURNEY)
    yield from _faults(view, subject, JUDGED_OF_JOURNEY, once=not view.loose)


def consignment_reports(view: "ConsignmentView") -> Iterator[Observed]:
    """Yield what is told of the reports on a consignment; nothing of empty equipment."""
    if view.plan.empty:
        return
    yield from _delays(view, view.consignment, OF_CONSIGNMENT)
    yield from _faults(view, view.consignment, JUDGED_OF_CONSIGNMENT, once=False)


def _delays(
    view: "JourneyView | ConsignmentView", subject: str, codes: tuple[str, ...]
) -> Iterator[Observed]:
    actual = view.milestones.actual
    for code in codes:
        event = actual.get(code)
        if event is None:
            continue
        measure = _of(view, event, value_ms=event.version.recorded_ms - event.event_ms)
        if measure is not None:
            name = observation_id(REPORTING_DELAY, subject, code)
            yield Observed(name, REPORTING_DELAY, "report", measure)


def _faults(
    view: "JourneyView | ConsignmentView", subject: str, codes: tuple[str, ...], *, once: bool
) -> Iterator[Observed]:
    known = view.milestones
    reached = [code for code in codes if code in known.actual]
    if not reached:
        return
    reported = reports(
        reached,
        view.by_type,
        view.plan,
        known.instants(),
        view.structure.clock_tolerance_s * 1000,
        once=once,
    )
    for report in reported:
        category = NO_FAULT if report.fault is None else report.fault.value
        measure = _of(view, report.event, category=category)
        if measure is not None:
            # the milestone's own report needs no source in its name: it is the one on nearly every journey
            own = known.actual[report.code].source == report.event.source
            source = () if own else (report.event.source,)
            name = observation_id(REPORT_FAULT, subject, report.code, *source)
            yield Observed(name, REPORT_FAULT, "report", measure)


def _of(
    view: "JourneyView | ConsignmentView",
    event: Event,
    *,
    value_ms: int = 0,
    category: str | None = None,
) -> Measure | None:
    """Return what is measured of a report, by its source; None while the lane is not known."""
    plan = view.plan
    lane_id = plan.lane_id or event.lane_id
    mode = plan.mode or mode_of_lane(lane_id, view.structure)
    if lane_id is None or mode is None:
        return None
    return Measure(
        lane_id=lane_id,
        mode=mode,
        start_ms=event.event_ms,
        value_ms=value_ms,
        strata={SOURCE: event.source},
        category=category,
    )

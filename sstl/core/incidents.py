"""What lanes count beside lead times: seal incidents, random selections and overridden results, as 0 or 1.

Pure functions of what a rule is shown. [journeys] tells the first with its own observations, [consignments] the other
two; [lanes] judges the lane rules by them (docs/rules/lane.md). ``value_ms`` holds the 0 or 1: these are no durations
and are not published as such.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from sstl.core.leadtime import Observed, observation_id
from sstl.core.milestones import mode_of_lane
from sstl.core.strata import OFFICE
from sstl.models.records import Event, Measure

if TYPE_CHECKING:
    # [journeys] and [consignments] import this module
    from sstl.core.consignment_view import ConsignmentView
    from sstl.core.journeys.view import JourneyView

SEAL_INCIDENT = "seal_incident"
RANDOM_SELECTION = "random_selection"
RESULT_OVERRIDE = "result_override"
COUNTED = frozenset({SEAL_INCIDENT, RANDOM_SELECTION, RESULT_OVERRIDE})
"""Indicators whose values are 0 or 1."""

GRAVE = frozenset({"TAMPER", "CUT", "LOST", "DAMAGED", "MISSING", "BROKEN"})
"""Alarms and conditions of a seal that are incidents; shock, light and a faulty device are none."""
_RESULTS = ("inspection.result.recorded",)
_SELECTED = ("inspection.selected",)


def seal_incidents(view: "JourneyView") -> list[Observed]:
    """Return one observation for each seal incident: an opening or a grave alarm that nobody allowed.

    None while the lane is not known: it is counted by lane.
    """
    lane_id = view.plan.lane_id
    mode = view.plan.mode or mode_of_lane(lane_id, view.structure)
    if lane_id is None or mode is None:
        return []
    found: dict[str, Observed] = {}
    for event in _incidents(view):
        name = observation_id(SEAL_INCIDENT, view.unit, event.source, event.id)
        found[name] = Observed(
            name,
            SEAL_INCIDENT,
            "incident",
            Measure(
                lane_id=lane_id,
                mode=mode,
                start_ms=event.event_ms,
                value_ms=1,
                evidence=(_bare(event),),
            ),
        )
    return list(found.values())


def _incidents(view: "JourneyView") -> Iterator[Event]:
    for opening in view.seals.openings:
        if opening.authorised_by is None:
            yield opening.opened
    for alarm in view.seals.alarms:
        if alarm.kind in GRAVE and alarm.authorised_by is None:
            yield alarm.first


def consignment_counts(view: "ConsignmentView") -> list[Observed]:
    """Return what lanes count of a consignment: whether it was drawn at random, which results were overridden.

    Nothing while its lane is not known.
    """
    lane_id = view.plan.lane_id
    mode = view.plan.mode or mode_of_lane(lane_id, view.structure)
    if lane_id is None or mode is None:
        return []
    return [*_random_selection(view, lane_id, mode), *_overrides(view, lane_id, mode)]


def _random_selection(view: "ConsignmentView", lane_id: str, mode: str) -> Iterator[Observed]:
    """Yield 1 if a random draw selected the consignment, 0 if not; counted in the week of its lodgement.

    Only on lanes that state a least share, and once the consignment is lodged: what is not lodged could not be drawn.
    """
    lane, lodged_ms = view.lane, view.plan.lodged_ms
    if lane is None or lane.random_control_rate is None or lodged_ms is None:
        return
    drawn = any(
        selection.get("basis") == "RANDOM"
        for event in view.of(*_SELECTED)
        for selection in event.data.get("selections") or ()
    )
    yield Observed(
        observation_id(RANDOM_SELECTION, view.consignment),
        RANDOM_SELECTION,
        "consignment",
        Measure(lane_id=lane_id, mode=mode, start_ms=lodged_ms, value_ms=int(drawn)),
    )


def _overrides(view: "ConsignmentView", lane_id: str, mode: str) -> Iterator[Observed]:
    """Yield 1 for a result that an officer overrode, 0 for one that says it was not; none where it is not said."""
    for event in view.of(*_RESULTS):
        overridden, office = event.data.get("officerOverride"), event.data.get("office")
        if type(overridden) is not bool or not isinstance(office, str):
            continue
        yield Observed(
            observation_id(RESULT_OVERRIDE, view.consignment, event.source, event.id),
            RESULT_OVERRIDE,
            "result",
            Measure(
                lane_id=lane_id,
                mode=mode,
                start_ms=event.event_ms,
                value_ms=int(overridden),
                strata={OFFICE: office},
                evidence=(_bare(event),) if overridden else (),
            ),
        )


def _bare(event: Event) -> Event:
    return msgspec.structs.replace(event, data={})

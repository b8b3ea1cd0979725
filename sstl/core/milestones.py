"""Milestones T0 to T15 of a journey, for sea, rail, road, air and post, as a pure function of a set of events.

T0 manifest lodged, T1 lock armed, T2 export gate-in, T3 export release, T4 loaded, T5 departed, T6 arrived,
T7 discharged, T8 declaration accepted or presented, T9 document check ended, T10a selected, T10b inspection
begun, T10c inspection ended, T11 other agencies ended, T12 duty paid, T13 released, T14 gate-out, T15 delivered.

Choices, each a function of the set and not of the order of arrival:

* Where several events report one milestone, the first counts up to T6 (and T8, T10a, T10b), the last from T7 on:
  a repeated gate-in, loading or arrival is a repeat of what has begun, a repeated discharge, release or gate-out
  means that it was not complete before.
* T2, T4, T5 are bound to the place of loading and T6, T7, T14 to the place of unloading where the manifest or
  the lane names one: the same thing elsewhere is transhipment. An event that names no place is believed where
  none at the place is known.
* A later PLANNED or ESTIMATED report (by recorded time) for the same place replaces an earlier one.
* PLANNED and ESTIMATED stay apart from ACTUAL. Only transport events have a classifier; all others are ACTUAL.
* A release that was revoked at its own instant or later (of the same inspection, where both name one) is none.
* Air: RCS is T2, MAN is T4, DEP is T5, ARR is T6, RCF is T7, DLV is T14 and T15; CRC is T8 and CCD is T13.
* A customs event that does not state its side has the one of its place: EXPORT at the place of loading, IMPORT at
  the place of unloading; anywhere else it is on no side and reports none of T3 and T8 to T13.
* T15 is delivery or stripping as reported; opening of the lock by an authority needs the grants and is not
  judged here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sstl.models.codes import MODE_NAMES
from sstl.models.policy import Policy
from sstl.models.records import Event, Leg, Share

ACTUAL = "ACTUAL"
ESTIMATED = "ESTIMATED"
PLANNED = "PLANNED"

_NEVER = 1 << 62


@dataclass(frozen=True, slots=True)
class Kind:
    """Which events report a milestone, and which of several counts."""

    code: str
    types: tuple[str, ...]
    last: bool = False
    place: str | None = None
    """``loading`` or ``unloading``: the place it is bound to."""
    side: str | None = None
    """Side (EXPORT, IMPORT) that a customs event must have."""


KINDS = (
    Kind("T1", ("seallock.armed",)),
    Kind("T2", ("transport.gated_in", "transport.rcs"), place="loading"),
    Kind("T3", ("inspection.released",), last=True, side="EXPORT"),
    Kind("T4", ("transport.loaded", "transport.man"), place="loading"),
    Kind("T5", ("transport.departed", "transport.dep"), place="loading"),
    Kind("T6", ("transport.arrived", "transport.arr"), place="unloading"),
    Kind("T7", ("transport.discharged", "transport.rcf"), last=True, place="unloading"),
    Kind("T8", ("declaration.accepted", "declaration.presented", "transport.crc"), side="IMPORT"),
    Kind("T9", ("inspection.document.checked",), last=True, side="IMPORT"),
    Kind("T10a", ("inspection.selected",), side="IMPORT"),
    Kind("T10b", ("inspection.scan.started", "inspection.physical.started"), side="IMPORT"),
    Kind(
        "T10c",
        ("inspection.scan.completed", "inspection.physical.completed"),
        last=True,
        side="IMPORT",
    ),
    Kind("T11", ("inspection.oga.completed",), last=True, side="IMPORT"),
    Kind("T12", ("duty.paid",), last=True, side="IMPORT"),
    Kind("T13", ("inspection.released", "transport.ccd"), last=True, side="IMPORT"),
    Kind("T14", ("transport.gated_out", "transport.dlv"), last=True, place="unloading"),
    Kind("T15", ("transport.stripped", "transport.dlv"), last=True),
)
REVOKED = "inspection.revoked"
RELEASED = "inspection.released"
USED_TYPES = frozenset(name for kind in KINDS for name in kind.types) | {REVOKED}
"""Types of event that a milestone reads."""
_PLACED = tuple(kind for kind in KINDS if kind.types[0].startswith("transport."))


@dataclass(frozen=True, slots=True)
class Plan:
    """What the manifests and the lane say of a unit's journey."""

    lane_id: str | None = None
    mode: str | None = None
    """SEA, RAIL, ROAD, AIR or POST."""
    place_of_loading: str | None = None
    place_of_unloading: str | None = None
    lodged_ms: int | None = None
    legs: tuple[Leg, ...] = ()
    share: Share | None = None
    """The share that governs goods and route."""
    consignments: tuple[str, ...] = ()
    empty: bool = False
    """Every manifest says that the equipment travels empty; it stays out of trade indicators."""
    sstl_member: bool | None = None
    """Whether all consignments take part in the programme, or none does. None: both, or it is not said of one."""


def mode_name(mode: str | None) -> str | None:
    """Return the mode's name for its UN code or its name; None where it is unknown."""
    if mode is None:
        return None
    named = MODE_NAMES.get(mode, mode)
    return named if named in MODE_NAMES.values() else None


def mode_of_lane(lane_id: str | None, policy: Policy) -> str | None:
    """Return the mode that the policy gives the lane, else the one its id ends with."""
    if lane_id is None:
        return None
    lane = policy.lanes.get(lane_id)
    return lane.mode if lane is not None else mode_name(lane_id.rpartition("-")[2])


def governing_order(share: Share) -> tuple[int, str]:
    """Order of several manifests on one subject: the first lodged governs, then the lesser id."""
    return (_NEVER if share.lodged_ms is None else share.lodged_ms, share.manifest_id)


def plan_of(shares: Iterable[Share], policy: Policy) -> Plan:
    """Join the shares of a unit into one plan: each attribute from the first share that states it."""
    ordered = sorted(shares, key=governing_order)
    if not ordered:
        return Plan()
    lane_id = next((share.lane_id for share in ordered if share.lane_id), None)
    lane = policy.lanes.get(lane_id) if lane_id is not None else None
    stated = next((share.mode for share in ordered if share.mode), None)
    loading = next((share.place_of_loading for share in ordered if share.place_of_loading), None)
    unloading = next(
        (share.place_of_unloading for share in ordered if share.place_of_unloading), None
    )
    return Plan(
        lane_id=lane_id,
        mode=mode_name(stated) or mode_of_lane(lane_id, policy),
        place_of_loading=loading or (lane.origin if lane else None),
        place_of_unloading=unloading or (lane.destination if lane else None),
        lodged_ms=ordered[0].lodged_ms,
        legs=next((share.legs for share in ordered if share.legs), ()),
        share=ordered[0],
        consignments=tuple(sorted({name for share in ordered for name in share.consignments})),
        empty=all(share.empty for share in ordered),
        sstl_member=_member(ordered),
    )


def _member(ordered: Sequence[Share]) -> bool | None:
    """Return what shares say of all consignments alike; of each the first one says it that lists it."""
    said: dict[str, bool | None] = {}
    for share in ordered:
        for name in share.consignments or (share.manifest_id,):
            said.setdefault(name, share.sstl_member)
    found = set(said.values())
    return found.pop() if len(found) == 1 else None


def sequence_of(event: Event) -> int:
    """Return the publisher's own count of the event, 0 where it gives none."""
    value = event.data.get("sequence")
    return value if type(value) is int else 0


def order(event: Event) -> tuple[int, int, str, str]:
    """Total order of events: when they happened, the publisher's count, then who they are."""
    count = event.data.get(
        "sequence"
    )  # as `sequence_of`, which would be a call for each comparison
    return (event.event_ms, count if type(count) is int else 0, event.source, event.id)


def recorded_order(event: Event) -> tuple[int, tuple[int, int, str, str]]:
    """Order in which reports of the same thing replace each other."""
    return (event.version.recorded_ms, order(event))


def classifier_of(event: Event) -> str:
    """Return ACTUAL, ESTIMATED or PLANNED."""
    if event.type.startswith("transport."):
        return str(event.data.get("eventClassifier", ""))
    return ACTUAL


def place_of(event: Event) -> str | None:
    """Return the UN/LOCODE (or other coded place) of an event, None where it names none."""
    place = event.data.get("unLocationCode")
    return place if isinstance(place, str) else None


def at_place(events: Sequence[Event], place: str | None) -> Sequence[Event]:
    """Return the events at a place, or those that name none where none is known there."""
    if place is None:
        return events
    there = [event for event in events if place_of(event) == place]
    return there or [event for event in events if place_of(event) is None]


def latest_by_place(events: Iterable[Event]) -> list[Event]:
    """Keep, of several reports of the future for one place, the one recorded last."""
    kept: dict[str | None, Event] = {}
    for event in events:
        place = place_of(event)
        known = kept.get(place)
        if known is None or recorded_order(known) < recorded_order(event):
            kept[place] = event
    return list(kept.values())


def standing_releases(events: Iterable[Event]) -> list[Event]:
    """Return the releases that no revocation at their own instant or later takes back.

    A revocation takes back the releases of its inspection, side and unit, or all earlier ones where either names none.
    """
    releases: list[Event] = []
    revoked: list[Event] = []
    for event in events:
        if event.type == RELEASED:
            releases.append(event)
        elif event.type == REVOKED:
            revoked.append(event)
    return [one for one in releases if not any(_takes_back(other, one) for other in revoked)]


def _takes_back(revocation: Event, release: Event) -> bool:
    if revocation.event_ms < release.event_ms:
        return False
    for name in ("inspectionId", "side", "equipmentReference"):
        theirs, ours = revocation.data.get(name), release.data.get(name)
        if theirs is not None and ours is not None and theirs != ours:
            return False
    return True


@dataclass(slots=True)
class Reports:
    """Events by classifier and type, in their total order."""

    by_classifier: dict[str, dict[str, list[Event]]] = field(
        default_factory=lambda: {ACTUAL: {}, ESTIMATED: {}, PLANNED: {}}
    )


def gather(events: Iterable[Event]) -> Reports:
    """Sort out events once for all milestones."""
    reports = Reports()
    known = reports.by_classifier
    for event in events:
        by_type = known.get(classifier_of(event))
        if by_type is not None:
            by_type.setdefault(event.type, []).append(event)
    return reports


class Milestones(msgspec.Struct, frozen=True):
    """The event that reports each milestone, by classifier; what is not reported is not there."""

    actual: Mapping[str, Event]
    estimated: Mapping[str, Event]
    planned: Mapping[str, Event]
    lodged_ms: int | None = None

    def instants(self) -> dict[str, int]:
        """Return the actual instants in ms, T0 included where the manifest's lodgement is known."""
        known = {code: event.event_ms for code, event in self.actual.items()}
        if self.lodged_ms is not None:
            known["T0"] = self.lodged_ms
        return known


def milestones(reports: Reports, plan: Plan) -> Milestones:
    """Choose the events that report the milestones of a journey."""
    return Milestones(
        _chosen(reports, plan, ACTUAL, KINDS),
        _chosen(reports, plan, ESTIMATED, _PLACED),
        _chosen(reports, plan, PLANNED, _PLACED),
        plan.lodged_ms,
    )


_KINDS_OF: dict[str, tuple[Kind, ...]] = {
    name: tuple(
        kind for kind in KINDS if name in kind.types or (name == REVOKED and RELEASED in kind.types)
    )
    for name in USED_TYPES
}
"""Type of event to the milestones that read it."""
_PLACED_OF: dict[str, tuple[Kind, ...]] = {
    name: placed
    for name, kinds in _KINDS_OF.items()
    if (placed := tuple(kind for kind in kinds if kind in _PLACED))
}
"""The same for what is planned or estimated."""


def renewed(known: Milestones, reports: Reports, plan: Plan, added: Iterable[Event]) -> Milestones:
    """Return the milestones of reports that some events have been added to; ``known`` itself where none is another.

    Args:
        known: The milestones of the same reports and plan without those events.
        reports: All reports.
        plan: The journey's plan.
        added: The events that have come.
    """
    actual, estimated, planned = known.actual, known.estimated, known.planned
    for event in added:
        name, classifier = event.type, classifier_of(event)
        if classifier == ACTUAL:
            if name in _KINDS_OF:
                actual = _again(actual, reports, plan, ACTUAL, _KINDS_OF[name])
        elif name not in _PLACED_OF:
            continue
        elif classifier == ESTIMATED:
            estimated = _again(estimated, reports, plan, ESTIMATED, _PLACED_OF[name])
        elif classifier == PLANNED:
            planned = _again(planned, reports, plan, PLANNED, _PLACED_OF[name])
    if actual is known.actual and estimated is known.estimated and planned is known.planned:
        return known
    return Milestones(actual, estimated, planned, known.lodged_ms)


def _again(
    before: Mapping[str, Event],
    reports: Reports,
    plan: Plan,
    classifier: str,
    kinds: Sequence[Kind],
) -> Mapping[str, Event]:
    found = _chosen(reports, plan, classifier, kinds)
    now: dict[str, Event] | None = None
    for kind in kinds:
        event = found.get(kind.code)
        if event is before.get(kind.code):
            continue
        if now is None:
            now = dict(before)
        if event is None:
            del now[kind.code]
        else:
            now[kind.code] = event
    return before if now is None else now


def _chosen(
    reports: Reports, plan: Plan, classifier: str, kinds: Iterable[Kind]
) -> dict[str, Event]:
    known = reports.by_classifier[classifier]
    found: dict[str, Event] = {}
    if not known:
        return found
    for kind in kinds:
        if known.keys().isdisjoint(kind.types):
            continue
        events: Sequence[Event]
        if len(kind.types) == 1:
            events = known[kind.types[0]]
        else:
            events = [event for name in kind.types for event in known.get(name, ())]
        if kind.side is not None:
            events = of_side(events, kind.side, plan, known.get(REVOKED, ()))
        if kind.place is not None:
            place = plan.place_of_loading if kind.place == "loading" else plan.place_of_unloading
            events = at_place(events, place)
        if classifier != ACTUAL:
            events = latest_by_place(events)
        if events:
            if len(events) == 1:
                found[kind.code] = events[0]
            else:
                found[kind.code] = (max if kind.last else min)(events, key=order)
    return found


def side_of(event: Event, plan: Plan) -> str | None:
    """Return EXPORT, TRANSIT or IMPORT as stated, else by the place; None where neither tells."""
    stated = event.data.get("side") or event.data.get("declarationType")
    if isinstance(stated, str):
        return stated
    if event.type.startswith("transport."):
        return "IMPORT"  # CRC and CCD are reported for the import side.
    place = place_of(event)
    if place is None or plan.place_of_loading == plan.place_of_unloading:
        return None
    if place == plan.place_of_loading:
        return "EXPORT"
    return "IMPORT" if place == plan.place_of_unloading else None


def of_side(
    events: Iterable[Event], side: str, plan: Plan, revoked: Sequence[Event]
) -> list[Event]:
    """Keep the customs events of one side, releases only while they stand."""
    kept = [event for event in events if side_of(event, plan) == side]
    if not revoked:
        return kept
    standing = {(event.source, event.id) for event in standing_releases((*kept, *revoked))}
    return [e for e in kept if e.type != RELEASED or (e.source, e.id) in standing]

"""What is measured on one consignment: from its arrival to its release and out of the port, and who the time is put to.

All durations are elapsed milliseconds between UTC instants of ACTUAL reports, of the import side unless a stratum says
otherwise. An observation exists only while everything that defines it is known: what is missing is not zero.

A consignment over several journeys has arrived (T6), is discharged (T7) and has left (T14) with the last of its units;
it was filed or declared *before arrival* if before the first of them arrived.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sstl.core.attribution import Interval, Part, attribute, paired
from sstl.core.consignments.on_lane import OnLane
from sstl.core.consignments.strata import by_clearance
from sstl.core.leadtime import RELEASE, Observed, latest, observation_id
from sstl.core.milestones import side_of
from sstl.core.rules.consignment_facts import SELECTED, Control, controls, is_done
from sstl.core.strata import CONTROL, SIDE
from sstl.models.policy import AttributedSpan
from sstl.models.records import Event

CLEAR = "LT_clear"
CLEAR_DECLARED = "LT_clear_declared"
POST_RELEASE = "LT_postrelease"
INSPECTION_WAIT = "LT_insp_wait"
INSPECTION = "LT_insp"
PREARRIVAL = "prearrival"
PREARRIVAL_LEAD = "prearrival_lead"
DECLARED_BEFORE_ARRIVAL = "declared_before_arrival"
BONDED_DWELL = "bonded_dwell"
ATTRIBUTED: Mapping[Part, str] = {
    "CUSTOMS": "LT_customs",
    "OGA": "LT_oga",
    "TRADE": "LT_trade",
    "UNATTRIBUTED": "unattributed",
}

_CONSIGNMENT, _DECLARATION, _CONTROL = "consignment", "declaration", "control"
_REFERRALS = ("manifest.referral.raised", "manifest.referral.answered")
_PHYSICAL = "inspection.physical.started"
_STARTS = frozenset({"inspection.scan.started", _PHYSICAL})
_ENDS = frozenset({"inspection.scan.completed", "inspection.physical.completed"})
_HERE = ("IMPORT", None)
"""Sides of what happens between arrival and release; a report that says none is one of it."""


def observe_clearance(on: OnLane) -> Iterator[Observed]:
    """Return everything that the reports on a consignment allow to be measured."""
    return _Clearance(on).observed()


def is_through(consignment: str, observations: Collection[str]) -> bool:
    """Tell from the ids of its observations whether a consignment has arrived and been released.

    Little can still come of it then.
    """
    return observation_id(RELEASE, consignment) in observations


class _Clearance:
    """One consignment on its lane."""

    def __init__(self, on: OnLane) -> None:
        self._on, self._view = on, on.view
        actual = on.view.milestones.actual
        self._known = {code: event.event_ms for code, event in actual.items()}
        for code in ("T6", "T7", "T14"):
            # what the consignment's own reports say of its transport is one unit's word
            self._known.pop(code, None)
            last = latest(one.get(code) for one in on.reached)
            if last is not None:
                self._known[code] = last

    def observed(self) -> Iterator[Observed]:
        """Yield what can be measured."""
        yield from self._before_arrival()
        released_ms = self._known.get("T13")
        if released_ms is not None:
            yield from self._released(released_ms)
        yield from self._bonded()
        if not self._view.by_type.keys().isdisjoint(_STARTS):
            for control in controls(self._view):
                yield from self._control(control)

    def _before_arrival(self) -> Iterator[Observed]:
        arrived_ms = self._on.first_arrival_ms
        if arrived_ms is None:
            return
        lodged_ms, declared_ms = self._view.plan.lodged_ms, self._known.get("T8")
        if lodged_ms is None and declared_ms is None:
            return
        strata = self._on.by_operator()
        if lodged_ms is not None:
            before = int(lodged_ms < arrived_ms)
            yield self._on.observed(PREARRIVAL, _CONSIGNMENT, lodged_ms, before, strata)
            lead_ms = arrived_ms - lodged_ms
            yield self._on.observed(PREARRIVAL_LEAD, _CONSIGNMENT, lodged_ms, lead_ms, strata)
        if declared_ms is not None:
            before = int(declared_ms < arrived_ms)
            yield self._on.observed(
                DECLARED_BEFORE_ARRIVAL, _DECLARATION, declared_ms, before, strata
            )

    def _released(self, released_ms: int) -> Iterator[Observed]:
        arrived_ms, declared_ms = self._known.get("T6"), self._known.get("T8")
        left_ms = self._known.get("T14")
        strata = by_clearance(self._view, released_ms, self._on.by_operator())
        if arrived_ms is not None:
            takes_ms = released_ms - arrived_ms
            yield self._on.observed(RELEASE, _CONSIGNMENT, arrived_ms, takes_ms, strata)
            for part, share_ms in self._attributed(arrived_ms, released_ms).items():
                yield self._on.observed(
                    ATTRIBUTED[part], _CONSIGNMENT, arrived_ms, share_ms, strata
                )
        if declared_ms is not None:
            takes_ms = released_ms - declared_ms
            yield self._on.observed(CLEAR_DECLARED, _DECLARATION, declared_ms, takes_ms, strata)
            if arrived_ms is not None:
                from_ms = max(declared_ms, arrived_ms)
                takes_ms = max(0, released_ms - from_ms)
                yield self._on.observed(CLEAR, _DECLARATION, from_ms, takes_ms, strata)
        if left_ms is not None:
            takes_ms = left_ms - released_ms
            yield self._on.observed(POST_RELEASE, _CONSIGNMENT, released_ms, takes_ms, strata)

    def _attributed(self, arrived_ms: int, released_ms: int) -> Mapping[Part, int]:
        table = self._view.structure.attribution
        spans = ((span.to, self._intervals(span)) for span in table.spans)
        return attribute((arrived_ms, released_ms), spans, table.default)

    def _intervals(self, span: AttributedSpan) -> Sequence[Interval]:
        """Return when a span was; of two types of event those of one inspection belong together."""
        if (span.start, span.end) == _REFERRALS:
            return [
                (referral.raised.event_ms, referral.answered.event_ms)
                for share in self._view.shares
                for referral in share.referrals
                if referral.answered is not None
            ]
        starts, ends = self._points(span.start), self._points(span.end)
        if not starts or not ends:
            return []
        if "." not in span.start or "." not in span.end:
            return [(starts[0][1], ends[-1][1])]
        return [
            interval
            for name in {name for name, _ in starts}
            for interval in paired(
                [instant for of, instant in starts if of == name],
                [instant for of, instant in ends if of == name],
            )[0]
        ]

    def _points(self, point: str) -> list[tuple[str | None, int]]:
        """Return (inspection, instant) of a milestone or of the events of a type, in order."""
        instant = self._known.get(point)
        if instant is not None:
            return [(None, instant)]
        return [
            (event.data.get("inspectionId"), event.event_ms)
            for event in self._view.by_type.get(point, ())
            if side_of(event, self._view.plan) in _HERE
        ]

    def _bonded(self) -> Iterator[Observed]:
        """Yield how long the goods lay under bond, once they have left every warehouse that they entered."""
        by_type = self._view.by_type
        entered, left = by_type.get("bond.entered"), by_type.get("bond.left")
        if not entered or not left:
            return
        dwelt_ms = 0
        for warehouse in {event.data.get("warehouseId") for event in entered}:
            intervals, is_open = paired(_instants(entered, warehouse), _instants(left, warehouse))
            if is_open:
                return
            dwelt_ms += sum(end - start for start, end in intervals)
        strata = self._on.by_operator()
        yield self._on.observed(BONDED_DWELL, _CONSIGNMENT, entered[0].event_ms, dwelt_ms, strata)

    def _control(self, control: Control) -> Iterator[Observed]:
        side, reports = control.side, [event for event in control.events if is_done(event)]
        started = [event for event in reports if event.type in _STARTS]
        if side is None or not started:
            return
        begun_ms = started[0].event_ms
        physical = any(event.type == _PHYSICAL for event in started)
        strata = {
            SIDE: side,
            CONTROL: "PHYSICAL" if physical else "NII",
            **self._on.by_operator(side),
        }
        selected = [event.event_ms for event in reports if event.type == SELECTED]
        if selected:
            waited_ms = begun_ms - selected[0]
            yield self._on.observed(
                INSPECTION_WAIT, _CONTROL, selected[0], waited_ms, strata, control.key
            )
        completed = [event.event_ms for event in reports if event.type in _ENDS]
        if completed:
            took_ms = completed[-1] - begun_ms
            yield self._on.observed(INSPECTION, _CONTROL, begun_ms, took_ms, strata, control.key)


def _instants(events: Iterable[Event], warehouse: str | None) -> list[int]:
    return [event.event_ms for event in events if event.data.get("warehouseId") == warehouse]

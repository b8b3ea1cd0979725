"""What is measured on one consignment: from its arrival to its release and out of the port, and who the time is put to.

All durations are elapsed milliseconds between UTC instants of ACTUAL reports, of the import side unless a stratum says
otherwise. A stage between two reports is observed from its start on: while its end is missing, and nothing else has
ended it (`sstl.core.endings`), it is open. Every other observation exists only while everything that defines it is
known: what is missing is not zero.

A consignment over several journeys has arrived (T6), is discharged (T7), is released (T13) and has left (T14) with the
last of its units; it was filed or declared *before arrival* if before the first of them arrived.

A stage that is not over counts in the strata that are known so far: the channel assigned last, whether the goods have
been examined yet, what a selection says of the control to come.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from sstl.core.attribution import Interval, Part, attribute, paired
from sstl.core.consignments.on_lane import OnLane
from sstl.core.consignments.strata import by_clearance
from sstl.core.endings import Competing, competing, ending
from sstl.core.leadtime import RELEASE, Observed, latest, observation_id
from sstl.core.milestones import side_of
from sstl.core.releases import EVER, release_of
from sstl.core.rules.consignment_facts import RESULT, SELECTED, WAIVED, Control, controls, is_done
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
_MEASURED = _STARTS | {SELECTED}
_HERE = ("IMPORT", None)
"""Sides of what happens between arrival and release; a report that says none is one of it."""
_EXAMINING = ("NII", "PHYSICAL")
"""Types of control whose beginning is reported; that of papers, seals and samples is not, and nobody waits for it."""
_WITHOUT_BEGINNING = ("inspection.document.checked", "inspection.sample.taken", RESULT)
"""Reports of a control that says no type, after which its beginning is not waited for."""
_RELEASED, _WAIVED = "RELEASED", "WAIVED"
"""By what a control ends beside what befalls the goods: they are let go, or it is given up."""


def observe_clearance(on: OnLane) -> Iterator[Observed]:
    """Return everything that the reports on a consignment allow to be measured."""
    return _Clearance(on).observed()


def release_id(consignment: str) -> str:
    """Return the id of the observation of a consignment's release.

    Once it has ended the consignment has arrived and been released, and little can still come of it.
    """
    return observation_id(RELEASE, consignment)


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
        self._others = competing(on.view.by_type)

    def observed(self) -> Iterator[Observed]:
        """Yield what can be measured."""
        yield from self._before_arrival()
        yield from self._cleared()
        yield from self._bonded()
        if not self._view.by_type.keys().isdisjoint(_MEASURED):
            for control in controls(self._view):
                yield from self._control(control)

    def _stage(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        end_ms: int | None,
        strata: dict[str, str],
        *subject: str,
        others: Sequence[Competing] | None = None,
    ) -> Iterator[Observed]:
        """Yield a stage that has begun; one that ends before it begins takes less than no time."""
        ended = ending(start_ms, end_ms, self._others if others is None else others)
        if ended is not None:
            takes_ms = ended.at_ms - start_ms
            yield self._on.observed(
                indicator,
                counting_unit,
                start_ms,
                takes_ms,
                strata,
                *subject,
                outcome=ended.outcome,
            )

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

    def _cleared(self) -> Iterator[Observed]:
        known = self._known.get
        arrived_ms, declared_ms, released_ms = known("T6"), known("T8"), known("T13")
        if arrived_ms is None and declared_ms is None and released_ms is None:
            return
        strata = self._strata(released_ms)
        if arrived_ms is not None:
            release = list(self._stage(RELEASE, _CONSIGNMENT, arrived_ms, released_ms, strata))
            yield from release
            if released_ms is not None and release[0].measure.outcome is None:
                for part, share_ms in self._attributed(arrived_ms, released_ms).items():
                    yield self._on.observed(
                        ATTRIBUTED[part], _CONSIGNMENT, arrived_ms, share_ms, strata
                    )
        if declared_ms is not None:
            yield from self._stage(CLEAR_DECLARED, _DECLARATION, declared_ms, released_ms, strata)
            if arrived_ms is not None:
                from_ms = max(declared_ms, arrived_ms)
                until_ms = None if released_ms is None else max(from_ms, released_ms)
                yield from self._stage(CLEAR, _DECLARATION, from_ms, until_ms, strata)
        if released_ms is not None:
            yield from self._stage(POST_RELEASE, _CONSIGNMENT, released_ms, known("T14"), strata)

    def _strata(self, released_ms: int | None) -> dict[str, str]:
        """Return how it was cleared, up to its release; while nothing is released, so far."""
        return by_clearance(
            self._view, EVER if released_ms is None else released_ms, self._on.by_operator()
        )

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
        selected = [event.event_ms for event in reports if event.type == SELECTED]
        if side is None or not (started or selected):
            return
        strata = {SIDE: side, **self._on.by_operator(side)}
        if not started:
            what = control.value("controlType")
            if what in _EXAMINING:
                strata[CONTROL] = what
            elif what is not None or control.of(*_WITHOUT_BEGINNING):
                return
            others = self._given_up(control, side, selected[0])
            yield from self._stage(
                INSPECTION_WAIT, _CONTROL, selected[0], None, strata, control.key, others=others
            )
            return
        begun_ms = started[0].event_ms
        physical = any(event.type == _PHYSICAL for event in started)
        strata[CONTROL] = "PHYSICAL" if physical else "NII"
        if selected:
            yield from self._stage(
                INSPECTION_WAIT, _CONTROL, selected[0], begun_ms, strata, control.key
            )
        completed = [event.event_ms for event in reports if event.type in _ENDS]
        until_ms = completed[-1] if completed else None
        others = self._others if completed else self._given_up(control, side, begun_ms)
        yield from self._stage(
            INSPECTION, _CONTROL, begun_ms, until_ms, strata, control.key, others=others
        )

    def _given_up(self, control: Control, side: str, since_ms: int) -> Sequence[Competing]:
        """Return by what a control ends that is not reported to begin, or to end.

        Goods that were released before may be controlled all the same.
        """
        found = [(event.event_ms, _WAIVED) for event in control.of(WAIVED)]
        released = self._release_of(control, side)
        if released is not None:
            found.append((released.event_ms, _RELEASED))
        return sorted([*self._others, *(one for one in found if one[0] >= since_ms)])

    def _release_of(self, control: Control, side: str) -> Event | None:
        """Return the release of what a control is of: of the unit that it names, else of the consignment."""
        if side not in ("EXPORT", "IMPORT"):
            return None
        unit = control.value("equipmentReference")
        if unit is not None:
            return release_of(self._view.by_type, side, self._view.plan, unit)
        return self._view.milestones.actual.get("T3" if side == "EXPORT" else "T13")


def _instants(events: Iterable[Event], warehouse: str | None) -> list[int]:
    return [event.event_ms for event in events if event.data.get("warehouseId") == warehouse]

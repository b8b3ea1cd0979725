"""What the record of one consignment decides by itself of the effectiveness of controls, as observations of 0 or 1.

What is counted over what is in `sstl.core.statistics.control_ratios`. A consignment or a control that belongs to the
denominator is observed, with 1 if it belongs to the numerator; where the record leaves either open it is not observed.
A 0 may become 1 with a later report: as long as that can be, its cohort is provisional.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sstl.core.consignments.on_lane import OnLane
from sstl.core.consignments.strata import channel_at
from sstl.core.indicators.control_shares import INSPECTED_TYPES
from sstl.core.leadtime import Observed, latest
from sstl.core.milestones import RELEASED, order, side_of
from sstl.core.rules.consignment_facts import (
    CHANNEL,
    CLEARED_BY_AIR,
    DETAINED,
    PARTNER_RESULT,
    RESULT,
    SATISFACTORY_CODES,
    SELECTED,
    UNSATISFACTORY_CODES,
    WAIVED,
    Control,
    concerns,
    controls,
    is_done,
)
from sstl.core.strata import BASIS, CHANNEL_STRATUM, CONTROL, SIDE
from sstl.models.records import Event

INSPECTION_RATE = "inspection_rate"
SEIZED = "seized_consignment_share"
RELEASED_BY_ARRIVAL = "released_by_arrival_rate"
HIT_RATE = "hit_rate"
OFFICER_DISCRETION = "officer_discretion_share"
FOLLOWED_UP = "nii_follow_up_rate"
IMAGE_CONFIRMED = "nii_confirmation_rate"
CLEAR_BUT_POSITIVE = "nii_clear_but_positive_rate"
DOUBLE_INSPECTION = "double_inspection_rate"
RECOGNITION = "recognition_rate"
AT_DECISION = "partner_result_at_decision_rate"
BEFORE_ARRIVAL = "partner_result_before_arrival_rate"

_CONSIGNMENT, _CONTROL = "consignment", "control"
_EVER = 1 << 62
_SEIZURE = "inspection.seized"
_SCANNED = "inspection.scan.completed"
_EXAMINED = "inspection.physical.completed"
_TYPE_OF = {"inspection.document.checked": "DOCUMENT", _SCANNED: "NII", _EXAMINED: "PHYSICAL"}
"""Reports that complete a control, with its type; a recorded result says its own, a sample is still to be analysed."""
_COMPLETING = frozenset({*_TYPE_OF, RESULT})
_IMAGES = frozenset({_SCANNED, RESULT})
_DEPTH = ("DOCUMENT", "SEAL", "NII", "LAB", "PHYSICAL")
_COUNTED_FROM = frozenset({*_COMPLETING, CHANNEL, DETAINED, RELEASED, CLEARED_BY_AIR, SELECTED})
"""Without one of these nothing can be observed."""


def observe_effectiveness(on: OnLane) -> Iterator[Observed]:
    """Return what counts for or against the controls of a consignment."""
    if on.view.by_type.keys().isdisjoint(_COUNTED_FROM):
        return iter(())
    return _Effectiveness(on).observed()


@dataclass(frozen=True, slots=True)
class _Done:
    """A control that was completed, on a side that is known."""

    control: Control
    side: str
    reports: Sequence[Event]
    """Those of it that say that it was done, in order."""
    completing: Sequence[Event]
    types: frozenset[str]
    """Of what it consisted; empty: nothing says it."""

    @property
    def completed_ms(self) -> int:
        """When the first part of it was complete."""
        return self.completing[0].event_ms

    @property
    def purpose(self) -> str | None:
        """What for; None: not recorded."""
        return self.control.value("controlPurpose")


class _Effectiveness:
    """One consignment on its lane."""

    def __init__(self, on: OnLane) -> None:
        view = on.view
        self._on, self._view = on, view
        self._arrived_ms = latest(one.get("T6") for one in on.reached)
        self._release = view.milestones.actual.get("T13")
        by_type = view.by_type
        self._controls = (
            () if by_type.keys().isdisjoint((*_COMPLETING, SELECTED)) else controls(view)
        )
        self._done = [one for one in map(_completed, self._controls) if one is not None]
        self._elsewhere = any(one.side is None and _completing(one) for one in self._controls)
        """A control was completed of which nothing says on which side."""

    def observed(self) -> Iterator[Observed]:
        """Yield what can be observed."""
        yield from self._cleared()
        for control in self._controls:
            yield from self._selected(control)
            yield from self._image(control)
        for done in self._done:
            yield from self._result(done)
        exported = [one for one in self._done if one.side == "EXPORT"]
        if exported and self._on.first_arrival_ms is not None:
            yield from self._shared(exported, self._on.first_arrival_ms)

    def _made(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        has: bool,  # noqa: FBT001 (the value itself)
        strata: dict[str, str],
        *subject: str,
    ) -> Observed:
        return self._on.observed(indicator, counting_unit, start_ms, int(has), strata, *subject)

    def _cleared(self) -> Iterator[Observed]:
        """Yield what counts of all consignments, controlled or not."""
        chosen_ms = self._first_ms(CHANNEL, "channel")
        if chosen_ms is None and self._release is None and self._first_ms(DETAINED) is None:
            return
        strata = dict(self._on.by_operator())
        until_ms = _EVER if self._release is None else self._release.event_ms
        channel = channel_at(self._view, until_ms)
        if channel is not None:
            strata[CHANNEL_STRATUM] = channel
        if chosen_ms is not None:
            yield from self._inspected(chosen_ms, strata)
            seized = self._on_import(_SEIZURE)
            if seized is not None:
                yield self._made(SEIZED, _CONSIGNMENT, chosen_ms, seized, strata)
        arrived_ms = self._arrived_ms
        if arrived_ms is not None:
            by_then = self._release is not None and self._release.event_ms <= arrived_ms
            yield self._made(RELEASED_BY_ARRIVAL, _CONSIGNMENT, arrived_ms, by_then, strata)

    def _inspected(self, chosen_ms: int, strata: dict[str, str]) -> Iterator[Observed]:
        done = [one for one in self._done if one.side == "IMPORT"]
        if done or not self._elsewhere:
            yield self._made(INSPECTION_RATE, _CONSIGNMENT, chosen_ms, bool(done), strata)
        types = frozenset().union(*(one.types for one in done))
        unknown = self._elsewhere or any(not one.types for one in done)
        for control, indicator in INSPECTED_TYPES.items():
            has = control in types
            if has or not unknown:
                yield self._made(indicator, _CONSIGNMENT, chosen_ms, has, strata)

    def _strata(self, side: str) -> dict[str, str]:
        return {SIDE: side, **self._on.by_operator(side)}

    def _selected(self, control: Control) -> Iterator[Observed]:
        """Yield whether an officer alone chose a control."""
        if control.side is None:
            return
        selected = control.of(SELECTED)
        bases = _bases(selected)
        if bases:
            at_ms = selected[0].event_ms
            alone, strata = bases == {"OFFICER"}, self._strata(control.side)
            yield self._made(OFFICER_DISCRETION, _CONTROL, at_ms, alone, strata, control.key)

    def _image(self, control: Control) -> Iterator[Observed]:
        """Yield whether the suspect image of a control was followed up, and whether it was right."""
        if control.side is None:
            return
        image = next(
            (
                event
                for event in control.events
                if event.data.get("niiResult") == "SUSPECT" and _is_image(event)
            ),
            None,
        )
        if image is None:
            return
        at_ms, strata = image.event_ms, self._strata(control.side)
        follows = self._follow_up(image)
        followed = follows is not None
        yield self._made(FOLLOWED_UP, _CONTROL, at_ms, followed, strata, control.key)
        if follows is not None:
            confirmed = _outcome(
                event
                for event in follows.completing
                if event.event_ms >= at_ms and _kind(event) != "NII"
            )
            if confirmed is not None:
                yield self._made(IMAGE_CONFIRMED, _CONTROL, at_ms, confirmed, strata, control.key)

    def _follow_up(self, image: Event) -> _Done | None:
        """Return the control whose goods were examined first after an image."""
        found: tuple[Event, _Done] | None = None
        for done in self._done:
            for event in done.completing:
                if (
                    _kind(event) == "PHYSICAL"
                    and event.event_ms >= image.event_ms
                    and event.identity != image.identity
                    and concerns(event, image, ("side", "equipmentReference"))
                    and (found is None or order(event) < order(found[0]))
                ):
                    found = event, done
        return None if found is None else found[1]

    def _result(self, done: _Done) -> Iterator[Observed]:
        """Yield whether a control found something, once its result is recorded."""
        positive = _outcome(done.completing)
        if positive is None:
            return
        at_ms, key = done.reports[0].event_ms, done.control.key
        strata = self._strata(done.side)
        basis = self._basis(done)
        hits = dict(strata)
        if basis is not None:
            hits[BASIS] = basis
        deepest = max(done.types, key=_depth, default=None)
        if deepest is not None:
            hits[CONTROL] = deepest
        yield self._made(HIT_RATE, _CONTROL, at_ms, positive, hits, key)
        if "PHYSICAL" in done.types and basis == "RANDOM" and self._image_was_clear(done):
            yield self._made(CLEAR_BUT_POSITIVE, _CONTROL, at_ms, positive, strata, key)

    def _basis(self, done: _Done) -> str | None:
        """Return why a control was made, also by selections without inspection; None: nothing says it."""
        first = done.completing[0]
        unnamed = (
            event
            for event in self._view.by_type.get(SELECTED, ())
            if event.data.get("inspectionId") is None
            and event.event_ms <= first.event_ms
            and concerns(event, first)
        )
        bases = _bases((*done.control.events, *unnamed))
        if not bases:
            return None
        return "RANDOM" if bases == {"RANDOM"} else "TARGETED"

    def _image_was_clear(self, done: _Done) -> bool:
        """Tell whether the last image of the goods before they were examined was clear."""
        examined = next(event for event in done.completing if _kind(event) == "PHYSICAL")
        said = [
            event.data["niiResult"]
            for event in self._view.events
            if event.event_ms <= examined.event_ms
            and event.data.get("niiResult") is not None
            and _is_image(event)
            and concerns(event, examined, ("side", "equipmentReference"))
        ]
        return bool(said) and said[-1] == "CLEAR"

    def _shared(self, exported: Sequence[_Done], arrived_ms: int) -> Iterator[Observed]:
        """Yield what the import side made of the control that the export side had completed."""
        start_ms = min(one.completed_ms for one in exported)
        strata = self._on.by_operator()

        def made(indicator: str, *, has: bool) -> Observed:
            return self._made(indicator, _CONSIGNMENT, start_ms, has, strata)

        received = [
            event.event_ms for event in self._view.by_type.get(PARTNER_RESULT, ()) if is_done(event)
        ]
        received_ms = min(received, default=_EVER)
        yield made(BEFORE_ARRIVAL, has=received_ms < arrived_ms)
        decided = [at for at in (self._first_ms(DETAINED),) if at is not None]
        if self._release is not None:
            decided.append(self._release.event_ms)
        if not decided:
            return
        yield made(AT_DECISION, has=received_ms < min(decided))
        recognised = self._on_import(WAIVED, "citedInspectionId")
        if recognised is not None:
            yield made(RECOGNITION, has=recognised)
        repeated = _repeated(exported, [one for one in self._done if one.side == "IMPORT"])
        if repeated or (repeated is not None and not self._elsewhere):
            yield made(DOUBLE_INSPECTION, has=repeated)

    def _first_ms(self, name: str, field: str | None = None) -> int | None:
        """Return the first report of a type on the import side (that states a field)."""
        for event in self._view.by_type.get(name, ()):
            stated = field is None or event.data.get(field) is not None
            if stated and is_done(event) and side_of(event, self._view.plan) == "IMPORT":
                return event.event_ms
        return None

    def _on_import(self, name: str, field: str | None = None) -> bool | None:
        """Tell whether a report of a type (that states a field) is of the import side; None: it may be."""
        open_ = False
        for event in self._view.by_type.get(name, ()):
            if not is_done(event) or (field is not None and event.data.get(field) is None):
                continue
            side = side_of(event, self._view.plan)
            if side == "IMPORT":
                return True
            open_ = open_ or side is None
        return None if open_ else False


def _completed(control: Control) -> _Done | None:
    if control.side is None:
        return None
    completing = _completing(control)
    if not completing:
        return None
    reports = [event for event in control.events if is_done(event)]
    types = frozenset(kind for kind in map(_kind, completing) if kind is not None)
    return _Done(control, control.side, reports, completing, types)


def _completing(control: Control) -> list[Event]:
    return [event for event in control.events if event.type in _COMPLETING and is_done(event)]


def _kind(event: Event) -> str | None:
    """Return the type of control that a report completes."""
    kind = _TYPE_OF.get(event.type) or event.data.get("controlType")
    return "NII" if kind is None and event.data.get("niiResult") is not None else kind


def _is_image(event: Event) -> bool:
    return event.type in _IMAGES and is_done(event)


def _depth(kind: str) -> tuple[int, str]:
    return (_DEPTH.index(kind) if kind in _DEPTH else -1, kind)


def _bases(events: Iterable[Event]) -> set[str]:
    return {
        str(one["basis"])
        for event in events
        for one in event.data.get("selections") or ()
        if one.get("basis") is not None
    }


def _outcome(events: Iterable[Event]) -> bool | None:
    """Tell whether a control was positive; None while no result is recorded whose meaning is known."""
    known = None
    for event in events:
        code, outcome = event.data.get("controlResultCode"), event.data.get("outcome")
        if code in UNSATISFACTORY_CODES or outcome == "CONFIRMED":
            return True
        if code == "A4" and event.data.get("irregularities"):
            return True
        if code in SATISFACTORY_CODES or outcome in ("NOT_CONFIRMED", "INCONCLUSIVE"):
            known = False
    return known


def _repeated(exported: Sequence[_Done], imported: Sequence[_Done]) -> bool | None:
    """Tell whether a later import control had the purpose of an export control; None: a purpose is not recorded."""
    open_ = False
    for ours in imported:
        for theirs in exported:
            if ours.completed_ms <= theirs.completed_ms:
                continue
            if ours.purpose is None or theirs.purpose is None:
                open_ = True
            elif ours.purpose == theirs.purpose:
                return True
    return None if open_ else False

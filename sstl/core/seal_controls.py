"""What controls say of the seals and locks of a journey: alarms confirmed or not, and how soon; numbers that differ.

Observed by [journeys], which knows the locks: controls that name a unit are there, and those that name only a
consignment come to its units by the manifest (docs/architecture.md).

An alarm is one episode of a device that no grant and no control explains; what a check of a seal finds is no alarm. It
is *followed* by the first look at the unit that begins no earlier: a control other than of papers, or a check of the
lock; a result that is recorded later, of goods that were looked at before, is no look. Its result is that of the first
one that is conclusive.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from sstl.core.control_reports import completing, conclusion, kind_of
from sstl.core.leadtime import Observed, observation_id
from sstl.core.milestones import mode_of_lane, side_of
from sstl.core.routing import device_of
from sstl.core.rules.consignment_facts import (
    RESULT,
    SELECTED,
    WAIVED,
    Control,
    controls_among,
    is_done,
)
from sstl.core.rules.seal_numbers import armed_with, is_declared, is_number
from sstl.core.seals.facts import Alarm
from sstl.core.strata import ALARM, SIDE, VENDOR, membership
from sstl.models.identifiers import canonical_seal_number
from sstl.models.records import Event, Measure

if TYPE_CHECKING:
    # [journeys] imports this module
    from sstl.core.journeys.view import JourneyView

CONFIRMED = "seal_alarm_confirmation_rate"
FALSE_ALARMS = "seal_false_alarm_rate"
DELAY = "seal_alarm_control_delay"
MISMATCH = "seal_mismatch_rate"
CHECKED = "seallock.checked"

_OF_DEVICES = frozenset({"TAMPER", "CUT", "SHOCK", "LIGHT", "LOST", "UNSTATED"})
_CONDITIONS = {"RIGHT": False, "FAULTY": False, "DAMAGED": True, "MISSING": True, "BROKEN": True}
"""Condition of a seal that was checked to whether it confirms an alarm; a faulty device explains one."""
_NO_LOOK = frozenset({SELECTED, WAIVED, "inspection.document.checked"})
_NO_ACT = _NO_LOOK | {RESULT}
_NEVER = 1 << 62
_DOCUMENT = "DOCUMENT"
_DEVICE = "device:"


class _Look(NamedTuple):
    """One look at the unit after an alarm."""

    at_ms: int
    says: bool | None
    """Whether it confirms the alarm; None: nothing conclusive."""


def seal_controls(view: "JourneyView") -> Iterator[Observed]:
    """Yield what lanes count of a journey's seals and locks; nothing while its lane is not known."""
    plan = view.plan
    mode = plan.mode or mode_of_lane(plan.lane_id, view.structure)
    if plan.lane_id is None or mode is None or plan.empty:
        return
    observed = _Observed(view, plan.lane_id, mode)
    not_confirmed: dict[str, int] = {}
    alarms = [one for one in view.seals.alarms if _is_raised(one)]
    controls = controls_among(view.events, plan) if alarms else ()
    for alarm in alarms:
        looks = sorted(_looks(view, alarm, controls), key=lambda one: one.at_ms)
        yield from observed.alarm(alarm, looks)
        if _said(looks) is False:
            not_confirmed[alarm.lock] = not_confirmed.get(alarm.lock, 0) + 1
    if view.seals.armed:
        yield from observed.armed(not_confirmed)
    yield from observed.checks()


def _is_raised(alarm: Alarm) -> bool:
    return alarm.kind in _OF_DEVICES and alarm.authorised_by is None


def _said(looks: list[_Look]) -> bool | None:
    return next((one.says for one in looks if one.says is not None), None)


class _Observed:
    """Makes observations of one journey on its lane."""

    def __init__(self, view: "JourneyView", lane_id: str, mode: str) -> None:
        self._view, self._lane_id, self._mode = view, lane_id, mode
        self._subject = f"{view.unit}#{view.key}" if view.key else view.unit
        self._whose = membership(view.plan.sstl_member)

    def _made(
        self,
        indicator: str,
        counting_unit: str,
        start_ms: int,
        value_ms: int,
        strata: dict[str, str],
        *subject: str,
        exposure: int | None = None,
    ) -> Observed:
        measure = Measure(
            lane_id=self._lane_id,
            mode=self._mode,
            start_ms=start_ms,
            value_ms=value_ms,
            strata={**self._whose, **strata},
            exposure=exposure,
        )
        identity = observation_id(indicator, self._subject, *subject)
        return Observed(identity, indicator, counting_unit, measure)

    def alarm(self, alarm: Alarm, looks: list[_Look]) -> Iterator[Observed]:
        """Yield whether an alarm was confirmed, and how soon somebody looked."""
        first = alarm.first
        strata = {ALARM: alarm.kind, **_vendor(alarm.lock)}
        named = (first.source, first.id)
        said = _said(looks)
        if said is not None:
            yield self._made(CONFIRMED, "alarm", first.event_ms, int(said), strata, *named)
        if looks:
            waited_ms = looks[0].at_ms - first.event_ms
            yield self._made(DELAY, "alarm", first.event_ms, waited_ms, strata, *named)

    def armed(self, not_confirmed: dict[str, int]) -> Iterator[Observed]:
        """Yield the alarms of each device that were not confirmed, over the time for which it was armed.

        Once that time has ended: by a report of the lock, else with the delivery of the unit (T15).
        """
        delivered_ms = self._view.at("T15")
        times: dict[str, list[tuple[int, int | None]]] = {}
        for one in self._view.seals.armed:
            if one.lock.startswith(_DEVICE):
                ended_ms = delivered_ms if one.ended is None else one.ended.event_ms
                times.setdefault(one.lock, []).append((one.from_ms, ended_ms))
        for lock, known in times.items():
            lasted = [until_ms - from_ms for from_ms, until_ms in known if until_ms is not None]
            armed_ms = sum(max(0, one) for one in lasted)
            if len(lasted) == len(known) and armed_ms:
                start_ms, many = min(from_ms for from_ms, _ in known), not_confirmed.get(lock, 0)
                yield self._made(
                    FALSE_ALARMS, "lock", start_ms, many, _vendor(lock), lock, exposure=armed_ms
                )

    def checks(self) -> Iterator[Observed]:
        """Yield of each control in which a seal's number was read whether it is another than the one expected."""
        found: dict[str, tuple[Event, bool]] = {}
        for event in _reading(self._view):
            differs = _differs(self._view, event)
            if differs is not None:
                control = event.data.get("inspectionId") or event.identity
                first, before = found.get(control, (event, False))
                found[control] = first, before or differs
        for control, (first, differs) in found.items():
            side = side_of(first, self._view.plan)
            strata = {} if side is None else {SIDE: side}
            yield self._made(MISMATCH, "control", first.event_ms, int(differs), strata, control)


def _vendor(lock: str) -> dict[str, str]:
    """Return the stratum of the maker of a device, by its code."""
    maker = lock.removeprefix(_DEVICE).partition("/")[0]
    return {VENDOR: maker} if lock.startswith(_DEVICE) else {}


def _looks(view: "JourneyView", alarm: Alarm, controls: tuple[Control, ...]) -> Iterator[_Look]:
    """Yield the looks at the unit that follow an alarm."""
    since_ms = alarm.first.event_ms
    for control in controls:
        reports = [
            event
            for event in control.events
            if event.event_ms >= since_ms
            and event.type not in _NO_LOOK
            and kind_of(event) != _DOCUMENT
            and is_done(event)
        ]
        reports = _without_results_of_earlier(control, reports, since_ms)
        if reports:
            done = [event for event in completing(control) if event in reports]
            yield _Look(reports[0].event_ms, conclusion(done))
    for event in view.by_type.get(CHECKED, ()):
        if (
            event.event_ms >= since_ms
            and event.identity != alarm.first.identity
            and _is_of(view, event, alarm.lock)
        ):
            yield _Look(event.event_ms, _CONDITIONS.get(str(event.data.get("condition"))))


def _without_results_of_earlier(
    control: Control, reports: list[Event], since_ms: int
) -> list[Event]:
    """Return reports of a control but for results of what was looked at before an instant and not since."""
    acts = [
        event.event_ms for event in control.events if event.type not in _NO_ACT and is_done(event)
    ]
    if not acts or min(acts) >= since_ms:
        return reports
    again_ms = min((at_ms for at_ms in acts if at_ms >= since_ms), default=_NEVER)
    return [event for event in reports if event.type != RESULT or event.event_ms >= again_ms]


def _is_of(view: "JourneyView", check: Event, lock: str) -> bool:
    """Tell whether a check is of a lock: by its device, else by a number that the lock was armed with."""
    device = device_of(check.data)
    if device is not None:
        return device == lock
    text = check.data.get("sealNumber")
    if not isinstance(text, str):
        return True
    number = canonical_seal_number(text)
    numbers = {one.seal_number for one in view.seals.armed if one.lock == lock}
    return number in numbers or not numbers - {None}


def _reading(view: "JourneyView") -> Iterator[Event]:
    """Yield the reports of checks and controls that may state the number of a seal as it was found."""
    for name, events in view.by_type.items():
        if name == CHECKED:
            yield from events
        elif name.startswith("inspection."):
            yield from (event for event in events if "sealBefore" in event.data)


def _differs(view: "JourneyView", event: Event) -> bool | None:
    """Tell whether the number that was read is neither armed nor declared; None: not read, or neither is known."""
    data = event.data
    text = data.get("sealNumber" if event.type == CHECKED else "sealBefore")
    if not isinstance(text, str) or data.get("condition") == "MISSING":
        return None
    number = canonical_seal_number(text)
    if not is_number(number):
        return None
    known = armed_with(view.seals.armed, event)
    if number in known or is_declared(view, number):
        return False
    if None in known:
        return None
    return True if known or any(share.seals for share in view.shares) else None

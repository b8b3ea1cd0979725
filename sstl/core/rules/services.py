"""Services of a journey: what is planned, estimated and reported under one name.

A service of a leg (leg, type, place and the call within the leg) where events name their leg, else a milestone of the
journey.
"""

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec

from sstl.core.milestones import (
    ACTUAL,
    ESTIMATED,
    PLANNED,
    Milestones,
    Plan,
    classifier_of,
    gather,
    milestones,
    order,
    place_of,
    recorded_order,
)
from sstl.core.rules import wording
from sstl.core.rules.base import InForce, Text, Verdict
from sstl.models.records import Event

_JUDGED = ("T2", "T4", "T5", "T6", "T7", "T14", "T15")
_LAST = frozenset({"discharged", "rcf", "gated_out", "dlv", "stripped"})
"""Services of which the last report counts, as for milestones; of others the first."""
USED_TYPES = frozenset(f"transport.{kind}" for kind in wording.SERVICES)
"""Types of event that the family reads."""


class Service(msgspec.Struct, frozen=True):
    """What is known of one service: the plan, the last estimate and what happened; None: not reported."""

    anchor: str
    kind: str
    """Type without its family: ``departed``."""
    place: str | None = None
    leg_id: str | None = None
    planned: Event | None = None
    estimated: Event | None = None
    actual: Event | None = None

    def named(self) -> Text:
        """Return what it is called, with its place and leg."""
        return wording.service(self.kind, self.place, self.leg_id)


_Key = tuple[str, str, str | None, str]
"""(leg, kind, place, call)"""


def _key_of(event: Event) -> _Key | None:
    """Return which service of a leg an event reports, None where it names no leg."""
    data = event.data
    leg_id = data.get("legId")
    if leg_id is None:
        return None
    call = data.get("transportCallSequenceNumber", data.get("sequence", ""))
    return (str(leg_id), event.type[10:], place_of(event), str(call))


def _of_leg(key: _Key, reports: Mapping[str, list[Event]]) -> Service:
    leg_id, kind, place, call = key
    return Service(
        anchor=f"leg|{leg_id}|{kind}|{place or ''}|{call}",
        kind=kind,
        place=place,
        leg_id=leg_id,
        planned=_last(reports.get(PLANNED), recorded_order),
        estimated=_last(reports.get(ESTIMATED), recorded_order),
        actual=_last(reports.get(ACTUAL), order, chosen=max if kind in _LAST else min),
    )


def _last(
    events: Sequence[Event] | None, by: Callable[[Event], Any], chosen: Callable[..., Event] = max
) -> Event | None:
    """Return the event that counts; of most services there is one."""
    if not events:
        return None
    return events[0] if len(events) == 1 else chosen(events, key=by)


class KeptServices:
    """Reports of services parted by service, gone on with from view to view of a journey.

    A service of which nothing new has come stays the same object, by which it is known that nothing is to be asked.
    """

    def __init__(self) -> None:
        self.seen = 0
        """How many of the events that have arrived have been taken."""
        self._by_leg: dict[_Key, dict[str, list[Event]]] = {}
        self._names: list[tuple[str, _Key]] = []
        """Of the services of legs, in order."""
        self._services: dict[_Key, Service] = {}
        self._without: list[Event] = []
        self._own: Milestones | None = None
        """Milestones of the events that name no leg; None: not worked out."""
        self._by_code: dict[str, Service] = {}
        self.verdicts: dict[str, dict[str, tuple[Service, InForce, Verdict]]] = {}
        """Rule id and anchor to the service, the rule as in force, and what was said of them last."""

    def take(self, event: Event) -> None:
        """Add an event; their order makes no difference."""
        self.seen += 1
        if event.type not in USED_TYPES:
            return
        key = _key_of(event)
        if key is None:
            self._without.append(event)
            self._own = None
            return
        reports = self._by_leg.get(key)
        if reports is None:
            reports = self._by_leg[key] = {}
            insort(self._names, (repr(key), key), key=itemgetter(0))
        reports.setdefault(classifier_of(event), []).append(event)
        self._services.pop(key, None)

    def services(self, plan: Plan, known: Milestones) -> list[Service]:
        """Return all services, those of legs by their names.

        ``known`` are the milestones of the same events. Events that name a leg are services of that leg; milestones
        are asked only of the events that name none, so that one delay is one flag.
        """
        found = []
        for _, key in self._names:
            service = self._services.get(key)
            if service is None:
                service = self._services[key] = _of_leg(key, self._by_leg[key])
            found.append(service)
        if self._without:
            own = known
            if found:
                if self._own is None:
                    self._own = milestones(gather(self._without), plan)
                own = self._own
            found += self._of_milestones(own)
        return found

    def _of_milestones(self, known: Milestones) -> list[Service]:
        found = []
        for code in _JUDGED:
            planned = known.planned.get(code)
            estimated, actual = known.estimated.get(code), known.actual.get(code)
            named = actual or planned or estimated
            if named is None or named.type not in USED_TYPES:
                continue
            kind = named.type[10:]
            if kind == "dlv" and code == "T15":
                continue  # The same delivery has been asked as T14.
            service = self._by_code.get(code)
            if (
                service is None
                or service.planned is not planned
                or service.estimated is not estimated
                or service.actual is not actual
            ):
                service = self._by_code[code] = Service(
                    anchor=f"milestone|{code}",
                    kind=kind,
                    place=place_of(named),
                    planned=planned,
                    estimated=estimated,
                    actual=actual,
                )
            found.append(service)
        return found

"""The corridor: shipments without end, merged into one stream in the order in which the broker gets them."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sstl.synthetic.controls import Controls, Handling, handling, tell_controlled
from sstl.synthetic.lanes import LANES
from sstl.synthetic.log import Delivery, deliveries
from sstl.synthetic.noise import Noise, disturb
from sstl.synthetic.plan import LATE_BY, LOCKED, IncidentKind, Shipment, draw
from sstl.synthetic.shipment import CONFIRMED_SHARE, PINGS_PER_DAY, tell

START = datetime(2006, 9, 19, tzinfo=UTC)
"""Default first instant of the simulated calendar: the day the trade lanes pilot was launched."""
LONGEST = timedelta(days=60)
"""No shipment reports anything later than this after its filing."""
EVENTS_PER_SHIPMENT = 110
"""About how many events a shipment has on average; how a rate of events becomes a rate of shipments."""


@dataclass(frozen=True, slots=True)
class Late:
    """One planned milestone that was late."""

    milestone: str
    """``departed``, ``arrived`` or ``ended`` (end of the leg)."""
    planned: datetime
    actual: datetime


@dataclass(frozen=True, slots=True)
class Incident:
    """What was planted in one shipment."""

    kind: IncidentKind
    lrn: str
    lane_id: str
    units: tuple[str, ...]
    late: tuple[Late, ...]
    """Everything planned that was later than `LATE_BY` because of it."""


@dataclass(frozen=True, slots=True)
class Corridor:
    """A stream that follows from these values alone."""

    seed: int = 1
    start: datetime = START
    spacing: timedelta = timedelta(hours=4)
    """Between the filings of two shipments."""
    shipments: int | None = None
    """None: no end."""
    lanes: tuple[str, ...] = tuple(LANES)
    incident_share: float = 0.08
    disorder: float = 0.05
    latest: timedelta = timedelta(hours=8)
    """Longest time from record to arrival."""
    pings_per_day: int = PINGS_PER_DAY
    noise: Noise | None = None
    """What devices and systems add without meaning anything; None: nothing."""
    confirmed_share: float = CONFIRMED_SHARE
    """Share of controls that find something."""
    controls: Controls | None = None
    """How customs selects and controls where lanes are to be judged by it; None: as `sstl.synthetic.shipment` tells."""

    def shipment(self, number: int) -> Shipment:
        """Return the shipment of a number, from 0."""
        lodged = self.start + number * self.spacing
        return draw(self.seed, number, lodged, self.lanes, self.incident_share)

    def handled(self, number: int) -> tuple[Handling, ...]:
        """Return what customs does with each consignment of a shipment, and what is in it; nothing without controls."""
        if self.controls is None:
            return ()
        return handling(self.shipment(number), self.seed, self.controls)

    def deliveries(self, after: datetime | None = None) -> Iterator[Delivery]:
        """Yield what the broker gets, in the order of arrival.

        Args:
            after: Leave out what arrived at this instant or before; None: from the beginning.
        """
        number = 0
        if after is not None:
            number = max(0, (after - LONGEST - self.start) // self.spacing)
        waiting: list[tuple[datetime, int, int, Delivery]] = []
        while self.shipments is None or number < self.shipments:
            filed = self.start + number * self.spacing
            while waiting and waiting[0][0] < filed:
                due = heapq.heappop(waiting)[-1]
                if after is None or due.at > after:
                    yield due
            for delivery in self._of(number):
                heapq.heappush(waiting, (delivery.at, number, delivery.order, delivery))
            number += 1
        while waiting:
            due = heapq.heappop(waiting)[-1]
            if after is None or due.at > after:
                yield due

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield the structured CloudEvents of `deliveries`."""
        return (delivery.report.event for delivery in self.deliveries())

    def truth(self, shipments: int | None = None) -> Iterator[Incident]:
        """Yield what was planted, in the order of the filings.

        Args:
            shipments: How many shipments to look at; None: those of the corridor (which may have no end).
        """
        number, end = 0, self.shipments if shipments is None else shipments
        while end is None or number < end:
            found = incident(self.shipment(number))
            if found is not None:
                yield found
            number += 1

    def _of(self, number: int) -> Iterator[Delivery]:
        if self.controls is None:
            reports = tell(
                self.shipment(number),
                self.seed,
                pings_per_day=self.pings_per_day,
                confirmed_share=self.confirmed_share,
            )
        else:
            reports = tell_controlled(
                self.shipment(number), self.seed, self.controls, pings_per_day=self.pings_per_day
            )
        if self.noise is not None:
            draws = Random(f"{self.seed}/{number}/noise")  # noqa: S311 - a simulation, no secret
            reports = disturb(reports, self.noise, draws)
        random = Random(f"{self.seed}/{number}/deliveries")  # noqa: S311 - a simulation, no secret
        return deliveries(reports, random, disorder=self.disorder, latest=self.latest)


def incident(shipment: Shipment) -> Incident | None:
    """Return what was planted in a shipment, None where nothing was."""
    if shipment.incident is None:
        return None
    planned, actual = shipment.planned, shipment.actual
    late = tuple(
        Late(name, plan, fact)
        for name, plan, fact in (
            ("departed", planned.departed, actual.departed),
            ("arrived", planned.arrived, actual.arrived),
            ("ended", planned.ended, actual.ended),
        )
        if fact - plan > LATE_BY
    )
    one = shipment.incident in LOCKED and shipment.incident is not IncidentKind.LEFT_UNRELEASED
    units = tuple(unit.reference for unit in shipment.units[: 1 if one else None])
    return Incident(shipment.incident, shipment.lrn, shipment.lane.lane_id, units, late)

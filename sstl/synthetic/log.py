"""What one shipment reports: events with the instant at which each was recorded and at which it arrives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

SOURCE = "urn:sstl:synthetic"


def text(instant: datetime) -> str:
    """Return RFC 3339 in UTC to the millisecond."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@dataclass(frozen=True, slots=True)
class Report:
    """One version of one event."""

    recorded: datetime
    event: dict[str, Any]
    good: bool = True
    """False: intake must reject it."""


@dataclass(slots=True)
class ShipmentLog:
    """Collects the reports of one shipment, in the order in which they are made up."""

    name: str
    """Begins the id of every event."""
    lane_id: str
    partition_key: str
    random: Random
    reports: list[Report] = field(default_factory=list)

    def add(
        self,
        name: str,
        kind: str,
        at: datetime,
        body: dict[str, Any],
        *,
        system: str,
        delay: timedelta | None = None,
        recorded: datetime | None = None,
    ) -> Report:
        """Report that something happened.

        Args:
            name: Names the event within the shipment.
            kind: Event type without vendor prefix and version.
            at: When it happened.
            body: Its data.
            system: Who reports it (last part of the source).
            delay: From event to record; drawn where None.
            recorded: When it was recorded, instead of ``delay``.
        """
        if recorded is None:
            recorded = at + (self._delay() if delay is None else delay)
        event = {
            "specversion": "1.0",
            "id": f"{self.name}-{name}",
            "source": f"{SOURCE}:{system}",
            "type": f"org.sstl.{kind}.v1",
            "subject": str(body.get("equipmentReference") or body.get("lrn") or self.partition_key),
            "time": text(at),
            "recordedtime": text(recorded),
            "datacontenttype": "application/json",
            "partitionkey": self.partition_key,
            "laneid": self.lane_id,
            "data": body,
        }
        report = Report(recorded, event)
        self.reports.append(report)
        return report

    def correct(self, report: Report, after: timedelta, body: dict[str, Any]) -> Report:
        """Report the same event again, recorded later, with another body."""
        recorded = report.recorded + after
        event = {**report.event, "recordedtime": text(recorded), "data": body}
        corrected = Report(recorded, event)
        self.reports.append(corrected)
        return corrected

    def retract(self, report: Report, after: timedelta) -> Report:
        """Take an event back; the retraction has no body."""
        recorded = report.recorded + after
        event = {**report.event, "recordedtime": text(recorded), "retracted": True}
        del event["data"]
        retraction = Report(recorded, event)
        self.reports.append(retraction)
        return retraction

    def spoil(self, report: Report, body: dict[str, Any]) -> Report:
        """Report something that intake must reject, beside a good report and under an id of its own."""
        event = {**report.event, "id": f"{report.event['id']}-bad", "data": body}
        spoilt = Report(report.recorded, event, good=False)
        self.reports.append(spoilt)
        return spoilt

    def _delay(self) -> timedelta:
        return timedelta(seconds=round(self.random.expovariate(1 / 90)))


@dataclass(frozen=True, slots=True, order=True)
class Delivery:
    """A report on its way to the broker."""

    at: datetime
    """When the broker gets it."""
    order: int
    report: Report = field(compare=False)


def deliveries(
    reports: list[Report], random: Random, *, disorder: float, latest: timedelta
) -> Iterator[Delivery]:
    """Yield what arrives and when: a share comes late, another share comes twice.

    Args:
        reports: What was recorded.
        random: Where the draws come from.
        disorder: Share that comes late, and half of it the share that comes twice; 0 to 1.
        latest: Longest time from record to arrival.
    """
    order = 0
    for report in reports:
        for _ in range(2 if random.random() < disorder / 2 else 1):
            late = random.random() < disorder
            wait = latest * random.random() if late else timedelta(0)
            yield Delivery(report.recorded + wait, order, report)
            order += 1

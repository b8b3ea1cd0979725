"""Cargo 2000: real air-freight processes as manifest and transport events.

Source: UCI Machine Learning Repository, data set 382 "Cargo 2000 Freight Tracking and Tracing" (CC BY 4.0).
A record is one process: up to three incoming legs that run side by side, then one outgoing leg. A leg is a
chain of services (RCS, DEP and RCF per hop, DLV); the file gives each service's planned and effective minutes,
counted from the service before. The file has no dates, so the start of each process is artificial (`START`,
`SPACING`) and everything else follows from the minutes.
"""

import csv
import heapq
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sstl.intake import gzipped

SOURCE = "urn:sstl:c2k:cargo2000"
NAMESPACE = "c2k:"
"""Prefix of the anonymised places, which are not UN/LOCODE."""
LANE = "c2k:IN-c2k:OUT-AIR"
"""Lane of every process: with several incoming legs a process has no single origin."""
START = datetime(2013, 1, 7, tzinfo=UTC)
"""Artificial start of process 1."""
SPACING = timedelta(minutes=55)
"""Artificial distance between the starts of two processes: 3,942 of them fill the five months of the records."""

INCOMING = ("i1", "i2", "i3")
OUTGOING = "o"
_MAX_HOPS = 3


class Cargo2000Error(ValueError):
    """The file is not a Cargo 2000 file, or a line of it contradicts itself."""


@dataclass(frozen=True, slots=True)
class Service:
    """One service of a leg, with its minutes counted from the service before."""

    name: str
    """``rcs``, ``dep``, ``rcf`` or ``dlv``."""
    hop: int | None
    """From 1; None for the ends of the leg."""
    planned_minutes: int
    effective_minutes: int
    place: str | None
    """None for RCS and DLV: the file does not say where they happen."""

    @property
    def key(self) -> str:
        """Name within the leg: ``rcs``, ``dep-1``, ``rcf-1`` ..., ``dlv``."""
        return self.name if self.hop is None else f"{self.name}-{self.hop}"


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg of a process."""

    leg_id: str
    """``i1``, ``i2``, ``i3`` or ``o``."""
    services: tuple[Service, ...]

    @property
    def planned_minutes(self) -> int:
        """Planned duration of the leg."""
        return sum(service.planned_minutes for service in self.services)

    @property
    def effective_minutes(self) -> int:
        """Effective duration of the leg."""
        return sum(service.effective_minutes for service in self.services)

    @property
    def place_of_departure(self) -> str:
        """Place of the first DEP."""
        return next(service.place for service in self.services if service.place is not None)

    @property
    def place_of_arrival(self) -> str:
        """Place of the last RCF."""
        return next(s.place for s in reversed(self.services) if s.place is not None)


@dataclass(frozen=True, slots=True)
class Process:
    """One record of the file."""

    number: int
    """From 1, in the order of the file."""
    incoming: tuple[LegRecord, ...]
    outgoing: LegRecord

    @property
    def legs(self) -> tuple[LegRecord, ...]:
        """Incoming legs, then the outgoing one."""
        return (*self.incoming, self.outgoing)

    @property
    def unit(self) -> str:
        """House transport document, which for loose air cargo is the unit."""
        return f"C2K:{self.number}"

    @property
    def lrn(self) -> str:
        """Local reference number of the manifest."""
        return f"C2K-{self.number:06d}"


def content(path: Path) -> bytes:
    """Return the bytes of the CSV file, unpacked where it is compressed with gzip.

    Raises:
        Cargo2000Error: the compressed file is damaged.
        OSError: the file cannot be read.
    """
    return gzipped.content(path, Cargo2000Error)


def parse(raw: bytes, *, name: str = "file") -> list[Process]:
    """Return the processes of a CSV file, with or without its ``nr`` column.

    Raises:
        Cargo2000Error: a column is missing, a figure is no number, or a line contradicts itself; names the
            file and the line.
    """
    try:
        lines = io.StringIO(raw.decode("ascii"), newline="")
    except UnicodeDecodeError as error:
        raise Cargo2000Error(f"{name}: not a Cargo 2000 file: {error}") from error
    reader = csv.DictReader(lines)
    present = set(reader.fieldnames or ())
    missing = [column for column in _columns() if column not in present]
    if missing:
        raise Cargo2000Error(f"{name}: not a Cargo 2000 file: no column {missing[0]!r}")
    processes: list[Process] = []
    for row in reader:
        try:
            process = _process(len(processes) + 1, _figures(row))
        except Cargo2000Error as error:
            raise Cargo2000Error(f"{name}, line {reader.line_num}: {error}") from error
        processes.append(process)
    return processes


def read(path: Path) -> list[Process]:
    """Return the processes of a file (plain or gzip).

    Raises:
        Cargo2000Error: see `parse`.
        OSError: the file cannot be read.
    """
    return parse(content(path), name=path.name)


def _columns() -> Iterator[str]:
    for leg in (*INCOMING, OUTGOING):
        yield f"{leg}_hops"
        for service in ("rcs", "dlv"):
            yield from (f"{leg}_{service}_p", f"{leg}_{service}_e")
        for hop in range(1, _MAX_HOPS + 1):
            for service in ("dep", "rcf"):
                yield from (f"{leg}_{service}_{hop}_{kind}" for kind in ("p", "e", "place"))


def _figures(row: dict[str, str | None]) -> dict[str, int]:
    """Return the row as integers; UCI writes ``?`` where there is nothing, copies of it 0."""
    figures = {}
    for column in _columns():
        text = (row[column] or "").strip()
        try:
            figures[column] = 0 if text == "?" else int(text)
        except ValueError as error:
            raise Cargo2000Error(
                f"{column}: got {text!r}, expected whole minutes or a code"
            ) from error
    return figures


def _process(number: int, figures: dict[str, int]) -> Process:
    incoming = tuple(leg for name in INCOMING if (leg := _leg(name, figures)) is not None)
    outgoing = _leg(OUTGOING, figures)
    if not incoming or outgoing is None:
        raise Cargo2000Error("a process has at least one incoming leg and one outgoing leg")
    return Process(number, incoming, outgoing)


def _leg(name: str, figures: dict[str, int]) -> LegRecord | None:
    hops = figures[f"{name}_hops"]
    if not 0 <= hops <= _MAX_HOPS:
        raise Cargo2000Error(f"{name}_hops: got {hops}, expected 0 to {_MAX_HOPS}")
    if hops == 0:
        if any(figures[column] for column in figures if column.startswith(f"{name}_")):
            raise Cargo2000Error(f"{name}: figures on a leg without hops")
        return None
    services = [_service(name, "rcs", None, figures)]
    for hop in range(1, hops + 1):
        services += [_service(name, "dep", hop, figures), _service(name, "rcf", hop, figures)]
    services.append(_service(name, "dlv", None, figures))
    return LegRecord(name, tuple(services))


def _service(leg: str, name: str, hop: int | None, figures: dict[str, int]) -> Service:
    stem = f"{leg}_{name}" if hop is None else f"{leg}_{name}_{hop}"
    planned, effective = figures[f"{stem}_p"], figures[f"{stem}_e"]
    for kind, minutes in (("p", planned), ("e", effective)):
        if minutes <= 0:
            raise Cargo2000Error(f"{stem}_{kind}: got {minutes}, expected minutes above 0")
    place = None if hop is None else f"{NAMESPACE}{figures[f'{stem}_place']}"
    return Service(name, hop, planned, effective, place)


def start_of(process: Process) -> datetime:
    """Return the artificial start of a process."""
    return START + (process.number - 1) * SPACING


def events(processes: Iterable[Process]) -> Iterator[dict[str, Any]]:
    """Yield structured CloudEvents in the order of their recorded time, over all processes.

    Ties keep the order of the file and, within a process, manifest, plan, then what happened. The ids and
    bodies are the same at each run. ``processes`` must be in the order of the file.
    """
    waiting: list[tuple[datetime, int, int, dict[str, Any]]] = []
    for process in processes:
        start = start_of(process)
        while waiting and waiting[0][0] < start:
            yield heapq.heappop(waiting)[-1]
        for ordinal, (recorded, event) in enumerate(_of_process(process)):
            heapq.heappush(waiting, (recorded, process.number, ordinal, event))
    while waiting:
        yield heapq.heappop(waiting)[-1]


def _of_process(process: Process) -> list[tuple[datetime, dict[str, Any]]]:
    start = start_of(process)
    planned_handover = start + _minutes(max(leg.planned_minutes for leg in process.incoming))
    handover = start + _minutes(max(leg.effective_minutes for leg in process.incoming))
    plan: list[tuple[datetime, dict[str, Any]]] = []
    actual: list[tuple[datetime, dict[str, Any]]] = []
    legs = []
    for leg in process.legs:
        outgoing = leg.leg_id == OUTGOING
        planned_start = planned_handover if outgoing else start
        legs.append(
            {
                "legId": leg.leg_id,
                "role": "OUTBOUND" if outgoing else "INBOUND",
                "mode": "4",
                "placeOfDeparture": leg.place_of_departure,
                "placeOfArrival": leg.place_of_arrival,
                "plannedStart": _text(planned_start),
                "plannedEnd": _text(planned_start + _minutes(leg.planned_minutes)),
            }
        )
        planned_at, at = planned_start, handover if outgoing else start
        for service in leg.services:
            planned_at += _minutes(service.planned_minutes)
            at += _minutes(service.effective_minutes)
            planned = _service_event(process, leg, service, "PLANNED", planned_at, start)
            plan.append((start, planned))
            actual.append((at, _service_event(process, leg, service, "ACTUAL", at, at)))
    return [(start, _manifest(process, legs, start)), *plan, *actual]


def _manifest(process: Process, legs: list[dict[str, Any]], start: datetime) -> dict[str, Any]:
    body = {
        "lrn": process.lrn,
        "laneId": LANE,
        "mode": "4",
        "filedAt": _text(start),
        # no equipment: loose cargo, whose unit is the house transport document
        "consignments": [{"consignmentId": process.unit}],
        "legs": legs,
    }
    return _envelope(process, "manifest", "manifest.lodged", start, start, body)


def _service_event(
    process: Process,
    leg: LegRecord,
    service: Service,
    classifier: str,
    at: datetime,
    recorded: datetime,
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "transportDocumentReference": process.unit,
        "looseCargo": True,
        "eventClassifier": classifier,
        "legId": leg.leg_id,
    }
    if service.place is not None:
        body["unLocationCode"] = service.place
    name = f"{leg.leg_id}-{service.key}-{classifier.lower()}"
    return _envelope(process, name, f"transport.{service.name}", at, recorded, body)


def _envelope(
    process: Process, name: str, kind: str, at: datetime, recorded: datetime, body: dict[str, Any]
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"c2k-{process.number}-{name}",
        "source": SOURCE,
        "type": f"org.sstl.{kind}.v1",
        "subject": process.unit,
        "time": _text(at),
        "recordedtime": _text(recorded),
        "datacontenttype": "application/json",
        "partitionkey": process.unit,
        "laneid": LANE,
        "data": body,
    }


def _minutes(minutes: int) -> timedelta:
    return timedelta(minutes=minutes)


def _text(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")

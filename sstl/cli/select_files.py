"""What ``sstl select`` reads and writes: lists of consignments, draws as events, and the files of a day's key."""

import csv
import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson
from pydantic import BaseModel, ValidationError

from sstl.core.identifiers import canonical_document, document_fault
from sstl.core.selection import (
    KEY_BYTES,
    Claim,
    ClaimedSelection,
    Lot,
    selection_event_id,
)
from sstl.errors import ExitCode, UserError
from sstl.key_files import refuse_if_shared
from sstl.models.catalogue import TYPES
from sstl.models.common import parse_instant, to_ms
from sstl.models.inspection import InspectionBody
from sstl.models.selection import (
    DRAWN,
    SELECTED,
    Commitment,
    DayKey,
    DrawBody,
    exact_rate,
)
from sstl.publish.lines import Line, read_lines

COLUMN = "consignmentId"
_DRAWN_TYPE = TYPES[DRAWN].ce_type
_SELECTED_TYPE = TYPES[SELECTED].ce_type
_FILINGS = frozenset({TYPES["manifest.lodged"].ce_type, TYPES["manifest.amended"].ce_type})


@dataclass(slots=True)
class Consignments:
    """What a list of consignments holds."""

    ids: dict[str, None] = field(default_factory=dict)
    """Canonical, each once, in the order of the list."""
    repeated: int = 0
    other_lane: int = 0
    """Filings of another lane."""
    problems: list[str] = field(default_factory=list)

    def add(self, number: int, value: object) -> None:
        """Take one as it is written on a line."""
        fault = ("", "a text") if not isinstance(value, str) or not value else document_fault(value)
        if fault is not None:
            self.problems.append(f"line {number}: no consignment id: expected {fault[1]}")
            return
        name = canonical_document(str(value))
        self.repeated += name in self.ids
        self.ids[name] = None


def read_consignments(file: IO[bytes], lane_id: str) -> Consignments:
    """Return the consignments of a list: CSV with a column ``consignmentId``, one id a line, or JSON lines.

    A JSON line is an id, an object with ``consignmentId``, or a manifest as CloudEvent; manifests that name another
    lane are left out.
    """
    found = Consignments()
    lines = file.read().splitlines()
    first = next((line.strip() for line in lines if line.strip()), b"")
    if first.startswith((b"{", b'"')):
        _read_json(lines, lane_id, found)
        return found
    try:
        texts = [line.decode("utf-8-sig") for line in lines]
    except UnicodeDecodeError:
        found.problems.append("the list is not UTF-8")
        return found
    header = next(csv.reader([first.decode("utf-8-sig")]), [])
    if COLUMN in header:
        rows = csv.DictReader(texts)
        for row in rows:
            found.add(rows.line_num, row.get(COLUMN))
        return found
    for number, text in enumerate(texts, start=1):
        if text.strip():
            found.add(number, text.strip())
    return found


def _read_json(lines: Iterable[bytes], lane_id: str, found: Consignments) -> None:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            found.problems.append(f"line {number}: not JSON: {error}")
            continue
        if not isinstance(value, dict):
            found.add(number, value)
        elif value.get("type") in _FILINGS:
            _read_filing(number, value, lane_id, found)
        else:
            found.add(number, value.get(COLUMN))


def _read_filing(number: int, event: dict[str, Any], lane_id: str, found: Consignments) -> None:
    body = event.get("data")
    body = body if isinstance(body, dict) else {}
    if lane_id != (body.get("laneId") or event.get("laneid") or lane_id):
        found.other_lane += 1
        return
    listed = body.get("consignments")
    for one in listed if isinstance(listed, list) else [None]:
        found.add(number, one.get(COLUMN) if isinstance(one, dict) else None)


@dataclass(slots=True)
class Published:
    """What files of events hold about the draws of a lane."""

    draws: list[Claim] = field(default_factory=list)
    selections: list[ClaimedSelection] = field(default_factory=list)
    drawn: dict[str, str] = field(default_factory=dict)
    """Every consignment of the lane that was drawn, on any day, to the first day."""
    retracted: set[str] = field(default_factory=set)
    """Ids of draws and selections that a later event takes back."""
    other: int = 0
    """Draws of other lanes and days."""
    problems: list[str] = field(default_factory=list)


def read_published(
    files: Sequence[tuple[str, IO[bytes]]], lot: Lot, source: str | None = None
) -> Published:
    """Return the draws and random selections of a lane and day; events of other types are passed over.

    Args:
        files: Each with the name that problems are told under.
        lot: Of which lane and day.
        source: CloudEvents source whose events count; None: any.
    """
    found = Published()
    for name, file in files:
        for line in read_lines(file):
            if source is not None and line.event and line.event.get("source") != source:
                continue
            problem = _read_event(line, lot, found)
            if problem is not None:
                found.problems.append(f"{name}:{line.number}: {problem}")
    return found


def _read_event(line: Line, lot: Lot, found: Published) -> str | None:
    event = line.event
    if event is None:
        return line.problem
    kind = event.get("type")
    if kind not in (_DRAWN_TYPE, _SELECTED_TYPE):
        return None
    if event.get("retracted") in (True, "true"):
        found.retracted.add(str(event.get("id")))
        return None
    model = DrawBody if kind == _DRAWN_TYPE else InspectionBody
    try:
        body = model.model_validate_json(orjson.dumps(event.get("data")))
        event_ms = to_ms(parse_instant(event.get("time")))
    except ValueError as error:
        wrong = error.errors()[0]["loc"] if isinstance(error, ValidationError) else ("time",)
        return f"no {kind}: {'/'.join(map(str, wrong)) or 'data'} is missing or wrong"
    event_id = str(event.get("id"))
    if isinstance(body, DrawBody):
        _take_draw(body, event_id, event_ms, lot, found)
    else:
        _take_selection(body, event_id, event_ms, lot, found)
    return None


def _take_draw(body: DrawBody, event_id: str, event_ms: int, lot: Lot, found: Published) -> None:
    if body.lane_id == lot.lane_id:
        day = body.draw_day.isoformat()
        known = found.drawn.setdefault(body.consignment_id, day)
        found.drawn[body.consignment_id] = min(known, day)
    if (body.lane_id, body.draw_day) != (lot.lane_id, lot.day):
        found.other += 1
        return
    found.draws.append(
        Claim(
            event_id=event_id,
            consignment_id=body.consignment_id,
            probability=exact_rate(body.probability),
            selected=body.selected,
            commitment=body.commitment,
            event_ms=event_ms,
        )
    )


def _take_selection(
    body: InspectionBody, event_id: str, event_ms: int, lot: Lot, found: Published
) -> None:
    if body.lane_id != lot.lane_id or body.consignment_id is None:
        return
    ours = event_id == selection_event_id(lot, body.consignment_id)
    for selection in body.selections or ():
        if selection.basis == "RANDOM" and (ours or lot.start_ms <= event_ms < lot.end_ms):
            probability = selection.probability
            stated = None if probability is None else exact_rate(probability)
            found.selections.append(
                ClaimedSelection(event_id, body.consignment_id, stated, event_ms)
            )


def read_secret(path: Path) -> bytes:
    """Return the bytes of a secret file, without white space at its ends.

    Raises:
        UserError: Others may read it, or it is too short.
    """
    refuse_if_shared(path)
    try:
        secret = path.read_bytes().strip()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    if len(secret) < KEY_BYTES:
        raise UserError(f"{path}: a secret has at least {KEY_BYTES} bytes")
    return secret


def write_secret(path: Path, content: bytes) -> None:
    """Write a new file that only its owner may read, and wait until it is on the disk.

    Raises:
        UserError: It exists already, or cannot be made.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        text = f"{path}: exists; a key is never overwritten, its commitment may be published"
        raise UserError(text, ExitCode.IN_USE) from error
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def only_writer(path: Path) -> Iterator[IO[bytes]]:
    """Open a file to add to it, while no other process of ours does.

    Raises:
        UserError: It cannot be opened or written to.
    """
    try:
        with path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # held until the file is closed
            yield file
    except OSError as error:
        raise UserError(f"{error.filename or path}: {error.strerror}") from error


def public_part(key: DayKey) -> Commitment:
    """Return what may be published of a key before its day has ended."""
    shared = key.model_dump(by_alias=True, exclude={"format", "key"})
    return Commitment.model_validate(shared | {"format": "sstl-random-commitment.1"})


def to_line(model: BaseModel) -> bytes:
    """Return a model as one line of JSON under its wire names, its format first."""
    written = model.model_dump(mode="json", by_alias=True)
    return orjson.dumps({"format": written.pop("format"), **written}) + b"\n"

"""A subject's record: the compact events that it keeps, in chunks, one register an event identity.

A chunk is one cell of at most `CHUNK` events; a new event goes into the last chunk, a change rewrites the one chunk
that holds it, and so nothing is rewritten that did not change. Events are stored without what no milestone and no
rule reads, and no text longer than `MAX_TEXT` (reasons are cut), which keeps a chunk far below the limit of a cell.
"""

from collections.abc import Collection

import msgspec

from sstl.core.milestones import order
from sstl.core.registers import Held, counting, hold_forwarded, hold_placed, hold_withdrawn
from sstl.core.stage import Work
from sstl.models.records import Event, Forwarded, Placed, Withdrawn

CHUNK = 16
MAX_TEXT = 128

KEPT = frozenset(
    {
        *(
            "equipmentReference",
            "looseCargo",
            "transportDocumentReference",
            "consignmentId",
            "mrn",
            "ucr",
        ),
        *(
            "eventClassifier",
            "mode",
            "transportPhase",
            "legId",
            "sequence",
            "unLocationCode",
            "emptyIndicator",
        ),
        *(
            "transportCallSequenceNumber",
            "facilityCode",
            "facilityType",
            "conveyance",
            "latitude",
            "longitude",
        ),
        *(
            "placeOfDeparture",
            "placeOfArrival",
            "isTransshipmentMove",
            "delayReasonCode",
            "discrepancyCode",
        ),
        *("numberOfPieces", "totalPieces", "grossMassKg", "scheduledTime"),
        *(
            "deviceId",
            "bootId",
            "deviceTechnology",
            "sealNumber",
            "oldSealNumber",
            "sealType",
            "sealGrade",
        ),
        *(
            "sealSource",
            "placement",
            "commandId",
            "authorisedBy",
            "authorisationOffice",
            "office",
            "kind",
        ),
        *(
            "latched",
            "state",
            "since",
            "condition",
            "validFrom",
            "validTo",
            "batteryPct",
            "deviceTime",
        ),
        *("receivedTime", "geofenceId", "powerStatus"),
        *("inspectionId", "side", "declarationType", "declarationId", "channel", "controlPurpose"),
        *(
            "controlType",
            "status",
            "startedAt",
            "endedAt",
            "niiResult",
            "controlResultCode",
            "outcome",
        ),
        *(
            "sealBefore",
            "sealAfter",
            "seals",
            "officerOverride",
            "citedInspectionId",
            "agency",
            "warehouseId",
        ),
        *("selections", "referralId", "referralType", "seals", "irregularities", "reason"),
        *("probability", "selected", "quantity", "unit"),
        *("id", "programme", "mraRecognised", "from", "to", "risk", "reasonCode"),
    }
)
"""Fields of event bodies (names on the wire) that a record keeps."""
MAX_LIST = 8
"""Of a list no more entries are kept, so that a chunk stays far below the limit of a cell."""


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """One event identity and the ways by which it is here."""

    identity: str
    held: Held


class Chunk(msgspec.Struct, frozen=True, tag="events.1"):
    """Cell: some of a subject's events."""

    slots: tuple[Slot, ...]


def compact(event: Event) -> Event:
    """Return the event with the fields that a record keeps."""
    data = {
        name: value[:MAX_LIST] if type(value) is list else value
        for name, value in event.data.items()
        if name in KEPT and (type(value) is not str or len(value) <= MAX_TEXT)
    }
    reason = event.data.get("reason")
    if type(reason) is str and len(reason) > MAX_TEXT:
        data["reason"] = reason[:MAX_TEXT]  # that there is one counts: it clears a suspect image
    return event if data == event.data else msgspec.structs.replace(event, data=data)


def chunk_part(index: int) -> str:
    """Return the name of a chunk's part."""
    return f"events/{index:05d}"


class Record:
    """A record while a batch is folded into it; `bind` lets it be gone on with in a later one."""

    def __init__(self, work: Work, key: str, chunks: int) -> None:
        self._work = work
        self._key = key
        self._where: dict[str, int] = {}
        self._chunks: list[dict[str, Slot]] = []
        self._most = chunks
        self._dirty: set[int] = set()
        for index in range(chunks):
            chunk: Chunk | None = work.get(key, chunk_part(index))
            slots = {} if chunk is None else {slot.identity: slot for slot in chunk.slots}
            self._chunks.append(slots)
            for identity in slots:
                self._where[identity] = index

    @property
    def chunks(self) -> int:
        """Number of chunks; one in the middle may have become empty."""
        return len(self._chunks)

    @property
    def size(self) -> int:
        """Number of event identities."""
        return len(self._where)

    def bind(self, work: Work) -> None:
        """Go on in another fold; the state must be the one that this record was saved to."""
        self._work = work
        self._most = len(self._chunks)

    def take(self, message: Placed | Withdrawn | Forwarded) -> tuple[Event | None, Event | None]:
        """Merge a message; return what counted of this event before and what counts now."""
        match message:
            case Placed(event=event):
                identity = event.identity
                before = self._held(identity)
                after: Held | None = hold_placed(before, Placed(event=compact(event)))
            case Withdrawn(identity=identity):
                before = self._held(identity)
                after = hold_withdrawn(before, message)
            case Forwarded(identity=identity, path=path, event=event):
                before = self._held(identity)
                kept = None if event is None else compact(event)
                after = hold_forwarded(before, Forwarded(identity=identity, path=path, event=kept))
        if before != after:
            self._set(identity, after)
        return counting(before), counting(after)

    def _held(self, identity: str) -> Held | None:
        index = self._where.get(identity)
        return None if index is None else self._chunks[index][identity].held

    def _set(self, identity: str, held: Held | None) -> None:
        if held is None:
            index = self._where.pop(identity)
            del self._chunks[index][identity]
            while self._chunks and not self._chunks[-1]:
                self._chunks.pop()
        else:
            if identity not in self._where:
                if not self._chunks or len(self._chunks[-1]) >= CHUNK:
                    self._chunks.append({})
                    self._most = max(self._most, len(self._chunks))
                self._where[identity] = len(self._chunks) - 1
            index = self._where[identity]
            self._chunks[index][identity] = Slot(identity, held)
        self._dirty.add(index)

    def reduce(self, kept: Collection[str], since_ms: int) -> None:
        """Keep some events, and what was taken away after an instant; chunks are filled anew from the first on.

        Args:
            kept: Identities of the events.
            since_ms: What was withdrawn or retracted is kept where that was recorded later.
        """
        slots = [
            slot
            for chunk in self._chunks
            for slot in chunk.values()
            if slot.identity in kept or _taken_away_ms(slot.held) > since_ms
        ]
        parts = [slots[first : first + CHUNK] for first in range(0, len(slots), CHUNK)]
        self._dirty.update(range(len(self._chunks)))
        self._chunks = [{slot.identity: slot for slot in part} for part in parts]
        self._where = {
            identity: index for index, chunk in enumerate(self._chunks) for identity in chunk
        }

    def __contains__(self, identity: object) -> bool:
        """Tell whether anything is kept under an event identity."""
        return identity in self._where

    def survey(self) -> tuple[list[Event], int]:
        """Return the events that count, in their total order, and the last instant of a report, 0 for none.

        What was withdrawn or retracted counts as a report when it was recorded.
        """
        found: list[Event] = []
        last = 0
        for chunk in self._chunks:
            for slot in chunk.values():
                event = counting(slot.held)
                if event is not None:
                    found.append(event)
                    last = max(last, event.arrival_ms)
                direct = slot.held.direct
                if direct is not None and direct.event is None:
                    last = max(last, direct.version.recorded_ms)
        found.sort(key=order)
        return found, last

    def save(self) -> None:
        """Write the chunks that changed."""
        if not self._dirty:
            return
        for index in self._dirty:
            kept = self._chunks[index] if index < len(self._chunks) else {}
            chunk = Chunk(tuple(kept.values())) if kept else None
            self._work.put(self._key, chunk_part(index), chunk)
        for index in range(len(self._chunks), self._most):
            self._work.put(self._key, chunk_part(index), None)
        self._dirty.clear()
        self._most = len(self._chunks)


def _taken_away_ms(held: Held) -> int:
    """Return when an event that no longer counts was taken away, -1 where it counts."""
    if counting(held) is not None or held.direct is None:
        return -1
    return held.direct.version.recorded_ms


def drop(work: Work, key: str) -> None:
    """Delete all cells of a subject."""
    for part in work.parts(key):
        work.put(key, part, None)

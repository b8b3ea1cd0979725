"""Messages as publishers send them, for the tests of intake."""

from typing import Any

import orjson

from sstl.core.stage import Context, MemoryState, Outcome
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy
from sstl.models.records import Event, Placed, Referred
from sstl.models.rejection import Rejection

ARRIVAL_MS = 1_772_352_060_000
"""2026-03-01T08:01:00Z: a minute after what `event` says has happened."""
KEY = b"a key of the tests"
CONTEXT = Context(partition=0, sources=frozenset())
STRUCTURED = (("content-type", b"application/cloudevents+json"),)

LOADED = {
    "eventClassifier": "ACTUAL",
    "equipmentReference": "CSQU3054383",
    "unLocationCode": "CNYTN",
}
FILING = {
    "lrn": "LRN-1",
    "consignments": [{"consignmentId": "HBL1", "equipmentReferences": ["CSQU3054383"]}],
    "equipment": [{"equipmentReference": "CSQU3054383"}],
}
SEALED = {"equipmentReference": "CSQU3054383", "sealNumber": "CN1"}


def event(kind: str, data: Any, **attributes: Any) -> dict[str, Any]:
    """Return a structured CloudEvent of 2026-03-01T08:00:00Z; an attribute set to None is left out."""
    document = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "urn:sstl:NLRTM:tests",
        "type": f"org.sstl.{kind}.v1",
        "time": "2026-03-01T08:00:00Z",
        "data": data,
        **attributes,
    }
    return {name: value for name, value in document.items() if value is not None}


def record(
    value: bytes | None,
    headers: tuple[tuple[str, bytes | None], ...] = STRUCTURED,
    *,
    family: str = "transport",
    at_ms: int = ARRIVAL_MS,
    offset: int = 7,
) -> RawRecord:
    """Return a message as the broker has it."""
    return RawRecord(family, f"sstl.{family}.v1", 0, offset, at_ms, b"any key", value, headers)


def structured(document: dict[str, Any], **where: Any) -> RawRecord:
    """Return an event in structured mode."""
    return record(orjson.dumps(document), **where)


def binary(document: dict[str, Any], **where: Any) -> RawRecord:
    """Return an event in binary mode."""
    headers: list[tuple[str, bytes | None]] = [("content-type", b"application/json")]
    headers += [
        (f"ce_{name}", str(value).encode()) for name, value in document.items() if name != "data"
    ]
    value = orjson.dumps(document["data"]) if "data" in document else b""
    return record(value, tuple(headers), **where)


def stage(family: str = "transport", *, backfill: bool = False) -> IntakeStage:
    """Return intake of one topic."""
    return IntakeStage(family, pseudonym_key=KEY, backfill=backfill)


def fold(*records: RawRecord, backfill: bool = False, policy: Policy | None = None) -> Outcome:
    """Fold messages of one topic from an empty state."""
    intake = stage(records[0].family, backfill=backfill)
    return intake.fold(MemoryState(), records, policy or Policy(), CONTEXT)


def rejection(raw: RawRecord, *, backfill: bool = False, policy: Policy | None = None) -> Rejection:
    """Return the rejection of a message that must be rejected, and nothing else."""
    outcome = fold(raw, backfill=backfill, policy=policy)
    (output,) = outcome.outputs
    assert output.topic == "rejected"
    assert isinstance(output.message, Rejection)
    assert outcome.counts == {("rejected", output.message.reason.value): 1}
    return output.message


def accepted(raw: RawRecord, *, backfill: bool = False) -> Event:
    """Return the one event that an accepted message became."""
    outcome = fold(raw, backfill=backfill)
    assert outcome.counts[("accepted", raw.family)] == 1
    assert not [output for output in outcome.outputs if output.topic == "rejected"]
    events = [
        output.message.event
        for output in outcome.outputs
        if isinstance(output.message, (Placed, Referred))
    ]
    assert all(one == events[0] for one in events)
    return events[0]


def places(raw: RawRecord, *, backfill: bool = False) -> list[tuple[str, str]]:
    """Return the topics and keys that a message goes to, in order."""
    return [(output.topic, output.key) for output in fold(raw, backfill=backfill).outputs]

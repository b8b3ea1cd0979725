"""CPU of intake for each message: a seal event and a filing of five consignments, in both modes.

Run: ``python bench/intake_cost.py``. Figures carry noise; compare lines of one run only.
"""

import time
from typing import Any

import orjson

from sstl.core.stage import Context, MemoryState
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy

ARRIVAL_MS = 1_772_352_060_000
BATCH = 200
ROUNDS = 30

SEAL = {
    "equipmentReference": "CSQU3054383",
    "deviceId": {"manufacturerId": "LOCKS", "tagSerial": "123"},
    "bootId": "3",
    "sequence": 5,
    "sealNumber": "CN123456",
    "sealType": "SMART_LOCK",
    "unLocationCode": "CNYTN",
    "latitude": 22.57,
    "longitude": 114.27,
    "batteryPct": 88.0,
    "deviceTime": "2026-03-01T08:00:01Z",
}
FILING = {
    "lrn": "LRN-1",
    "mode": "1",
    "etd": "2026-03-02T08:00:00Z",
    "eta": "2026-03-30T08:00:00Z",
    "placeOfLoading": "CNYTN",
    "placeOfUnloading": "NLRTM",
    "parties": [{"role": "CARRIER", "identifier": "NL123456789"}],
    "consignments": [
        {
            "consignmentId": f"HBL{i}",
            "masterTransportDocument": "MBL1",
            "equipmentReferences": ["CSQU3054383"],
            "items": [
                {"itemNo": 1, "hs6": "851712", "grossMassKg": 100.0, "countryOfOrigin": "CN"}
            ],
            "parties": [
                {"role": "CONSIGNOR", "name": f"sender {i}"},
                {"role": "CONSIGNEE", "identifier": f"DE{i:09d}"},
            ],
        }
        for i in range(5)
    ],
    "equipment": [{"equipmentReference": "CSQU3054383", "seals": [{"number": "CN123456"}]}],
}


def message(kind: str, data: dict[str, Any], *, structured: bool) -> RawRecord:
    """Return the message of one event."""
    family = kind.partition(".")[0]
    attributes = {
        "specversion": "1.0",
        "id": "event-1",
        "source": "urn:sstl:CNYTN:bench",
        "type": f"org.sstl.{kind}.v1",
        "time": "2026-03-01T08:00:00Z",
        "recordedtime": "2026-03-01T08:00:05Z",
        "laneid": "CNYTN-NLRTM-SEA",
    }
    if structured:
        value = orjson.dumps({**attributes, "data": data})
        headers = [("content-type", b"application/cloudevents+json")]
    else:
        value = orjson.dumps(data)
        headers = [("content-type", b"application/json")]
        headers += [(f"ce_{name}", text.encode()) for name, text in attributes.items()]
    topic = f"sstl.{family}.v1"
    return RawRecord(family, topic, 0, 1, ARRIVAL_MS, None, value, tuple(headers))


def cost_us(record: RawRecord) -> float:
    """Return the least CPU time of one message over some rounds, microseconds."""
    intake = IntakeStage(record.family, pseudonym_key=b"bench")
    batch, policy, context = [record] * BATCH, Policy(), Context(0, frozenset())
    least = float("inf")
    for _ in range(ROUNDS):
        begun = time.process_time()
        intake.fold(MemoryState(), batch, policy, context)
        least = min(least, time.process_time() - begun)
    return least / BATCH * 1e6


def main() -> None:
    """Print one line for each message and mode."""
    for kind, data in (("seallock.armed", SEAL), ("manifest.lodged", FILING)):
        for structured in (False, True):
            record = message(kind, data, structured=structured)
            mode = "structured" if structured else "binary"
            print(
                f"{kind:16} {mode:10} {len(record.value or b''):5} bytes {cost_us(record):7.1f} us"
            )


if __name__ == "__main__":
    main()

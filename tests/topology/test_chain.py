"""The seven agents on logs in memory: what comes in at one end and what comes out at the other."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson
import pytest

from sstl.agents.topics import STAGE_SOURCE, UPSTREAM, Topics
from sstl.core.stage import PASSED, WATERMARK
from sstl.models.indicator import Indicator
from sstl.models.records import Heartbeat, JourneysMessage, Placed
from sstl.models.rejection import Rejection
from sstl.models.risk_flag import RiskFlag, net_set
from tests.intake_messages import ARRIVAL_MS, STRUCTURED, event
from tests.memory_kafka import Broker, Worker

pytestmark = pytest.mark.asyncio

WorkerOn = Callable[..., Worker]
UNIT = "CSQU3054383"
LANE = "CNYTN-NLRTM-SEA"
FILED = {
    "lrn": "LRN-1",
    "laneId": LANE,
    "mode": "1",
    "placeOfLoading": "CNYTN",
    "placeOfUnloading": "NLRTM",
    "consignments": [{"consignmentId": "HBL1", "equipmentReferences": [UNIT]}],
    "equipment": [{"equipmentReference": UNIT}],
}
DEPARTED = {"eventClassifier": "ACTUAL", "equipmentReference": UNIT, "unLocationCode": "CNYTN"}
ARRIVED = {"eventClassifier": "ACTUAL", "equipmentReference": UNIT, "unLocationCode": "NLRTM"}
EVENTS = [
    ("manifest", event("manifest.lodged", FILED, id="filing", time="2026-02-01T00:00:00Z")),
    (
        "transport",
        event(
            "transport.arrived",
            {**ARRIVED, "eventClassifier": "PLANNED"},
            id="planned",
            time="2026-02-20T06:00:00Z",
            recordedtime="2026-02-01T00:00:00Z",
        ),
    ),
    ("transport", event("transport.departed", DEPARTED, id="sailed", time="2026-02-02T00:00:00Z")),
    ("transport", event("transport.arrived", ARRIVED, id="came", time="2026-02-20T08:30:00Z")),
]


def publish(broker: Broker, family: str, document: Mapping[str, Any], partition: int = 0) -> int:
    return broker.append(family, partition, None, orjson.dumps(document), STRUCTURED)


def flags(broker: Broker) -> dict[str, dict[str, Any]]:
    return net_set(RiskFlag.model_validate_json(r.value or b"") for r in broker.read("risk-flags"))


def delays(broker: Broker) -> dict[str, dict[str, Any]]:
    """Return the flags that hold of milestones later than planned."""
    return {
        name: flag
        for name, flag in flags(broker).items()
        if flag["indicators"][0]["ruleId"] == "milestone-later-than-planned"
    }


def indicators(broker: Broker) -> dict[str, Indicator]:
    return {
        (record.key or b"").decode(): Indicator.model_validate_json(record.value)
        for record in broker.read("indicators")
        if record.value is not None
    }


async def test_an_event_accepted_by_intake_reaches_its_journey(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker)
    offset = publish(broker, *EVENTS[3])
    await worker.settle()
    (record,) = broker.read("journeys")
    message = msgspec.json.decode(record.value or b"", type=JourneysMessage)
    assert isinstance(message, Placed)
    assert record.key == UNIT.encode()
    assert (message.event.id, message.event.origin.offset) == ("came", offset)
    assert worker.owner("journeys").store.get(UNIT, "") is not None
    assert not broker.read("rejected")


async def test_a_bad_message_is_rejected_and_the_next_goes_on(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker)
    broker.append("transport", 0, None, b"not JSON", STRUCTURED)
    publish(broker, *EVENTS[3])
    await worker.settle()
    (record,) = broker.read("rejected")
    rejection = Rejection.model_validate_json(record.value or b"")
    assert (rejection.topic, rejection.partition, rejection.offset) == ("sstl.transport.v1", 0, 0)
    assert len(broker.read("journeys")) == 1


async def test_a_late_milestone_becomes_a_risk_flag_and_an_indicator(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker)
    for family, document in EVENTS:
        publish(broker, family, document)
    await worker.settle()
    assert not worker.stops
    (flag,) = delays(broker).values()
    assert flag["subject"]["equipmentReference"] == UNIT
    assert flag["subject"]["consignments"] == ["HBL1"]
    (found,) = flag["indicators"]
    assert (found["ruleId"], found["observed"]) == ("milestone-later-than-planned", 150.0)
    transit = indicators(broker)[f"LT_transit|journey|{LANE}|SEA||TOTAL"]
    assert (transit.n, transit.mean) == (1, 18 * 86_400 + 8.5 * 3_600)


@pytest.mark.parametrize("partitions", [1, 3])
async def test_order_repetition_and_partitions_do_not_change_the_result(
    worker_on: WorkerOn, partitions: int
) -> None:
    first, other = Broker(Topics("sstl")), Broker(Topics("sstl", {"*": partitions}))
    for family, document in EVENTS:
        publish(first, family, document)
    for number, (family, document) in enumerate(reversed(EVENTS * 2)):
        publish(other, family, document, number % partitions)
    for broker in (first, other):
        worker = worker_on(broker)
        await worker.settle()
        assert not worker.stops
    assert flags(first) == flags(other) != {}
    assert {key: one.n for key, one in indicators(other).items()} == {
        key: one.n for key, one in indicators(first).items()
    }


async def test_a_correction_that_names_another_unit_moves_the_flag(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker)
    for family, document in EVENTS:
        publish(broker, family, document)
    await worker.settle()
    moved = {**EVENTS[3][1], "recordedtime": "2026-02-20T09:00:00Z"}
    publish(broker, "transport", moved | {"data": {**ARRIVED, "equipmentReference": "CSQU3054399"}})
    await worker.settle()
    assert delays(broker) == {}
    assert indicators(broker)[f"LT_transit|journey|{LANE}|SEA||TOTAL"].n == 0


async def test_heartbeats_pass_through_the_whole_chain(broker: Broker, worker_on: WorkerOn) -> None:
    worker = worker_on(broker)
    await worker.settle()
    broker.now_ms += 60_000
    await worker.settle()
    for stage, source in STAGE_SOURCE.items():
        passed = worker.owner(source).store.get(PASSED, "")
        assert passed is not None, stage
        assert passed.reached_ms == broker.now_ms - 1000
        assert passed.caught_up


async def test_no_source_has_no_watermark_of_its_own(broker: Broker, worker_on: WorkerOn) -> None:
    heard = broker.topics.sources("journeys")
    assert len(heard) == 9
    worker = worker_on(broker, "journeys")
    for number, source in enumerate(sorted(heard)[:-1]):
        beat = Heartbeat(source=source, reached_ms=ARRIVAL_MS + number, caught_up=True)
        broker.broadcast("journeys", beat)
    await worker.settle()
    store = worker.owner("journeys").store
    assert store.get(PASSED, "") is None
    broker.broadcast(
        "journeys", Heartbeat(source=max(heard), reached_ms=ARRIVAL_MS + 99, caught_up=True)
    )
    await worker.settle()
    assert store.get(PASSED, "").reached_ms == ARRIVAL_MS  # type: ignore[union-attr]


async def test_a_watermark_is_the_least_of_its_sources_and_never_goes_back(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker, "consignments")
    sources = sorted(broker.topics.sources("consignments"))

    async def beat(*reached: int) -> int:
        for source, at_ms in zip(sources, reached, strict=True):
            message = Heartbeat(source=source, reached_ms=ARRIVAL_MS + at_ms, caught_up=True)
            broker.broadcast("consignments", message)
        await worker.settle()
        passed = worker.owner("consignments").store.get(PASSED, "")
        assert passed is not None
        return int(passed.reached_ms) - ARRIVAL_MS

    assert await beat(50, 30, 40) == 30
    assert await beat(50, 60, 45) == 45
    assert await beat(10, 10, 10) == 45
    told = [
        msgspec.json.decode(record.value or b"", type=Heartbeat).reached_ms - ARRIVAL_MS
        for record in broker.read("findings", heartbeats=True)
    ]
    assert told == [30, 40, 45]
    assert len(list(worker.owner("consignments").store.parts(WATERMARK))) == len(
        UPSTREAM["consignments"]
    )


async def test_a_watermark_outlives_the_worker(broker: Broker, worker_on: WorkerOn) -> None:
    first = worker_on(broker)
    await first.settle()
    await first.close()
    reached = ARRIVAL_MS - 1000
    broker.now_ms -= 3_600_000
    second = worker_on(broker)
    await second.settle()
    for source in STAGE_SOURCE.values():
        passed = second.owner(source).store.get(PASSED, "")
        assert passed is not None
        assert passed.reached_ms == reached


async def test_feedback_on_a_flag_counts_in_the_lane_of_its_subject(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker)
    for family, document in EVENTS:
        publish(broker, family, document)
    await worker.settle()
    (flag_id,) = delays(broker)
    answer = {"flagId": flag_id, "feedbackId": "FB-1", "actionTaken": "CONTROL_DONE"}
    publish(
        broker,
        "feedback",
        event("risk.feedback", answer | {"outcome": "CONFIRMED"}, time="2026-02-20T10:30:00Z"),
    )
    await worker.settle()
    assert not worker.stops
    precision = indicators(broker)[f"flag_precision|flag|{LANE}|SEA|standing=HOLDS|TOTAL"]
    assert (precision.n, precision.k) == (1, 1)

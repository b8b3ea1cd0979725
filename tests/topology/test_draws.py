"""A worker that draws at random: each consignment once, whatever fails, and nothing in a replay."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import msgspec
import orjson
import pytest
from aiokafka.errors import KafkaConnectionError

from sstl.agents.topics import Topics
from sstl.cli.select_files import Published, read_published
from sstl.core.draws import Draw, Draws
from sstl.core.selection import Lot, commitment, is_selected, verify
from sstl.models.policy import Policy
from sstl.models.records import LanesMessage, Observation
from tests.intake_messages import ARRIVAL_MS, STRUCTURED, event
from tests.memory_kafka import Broker, Worker

pytestmark = pytest.mark.asyncio

WorkerOn = Callable[..., Worker]
LANE = "CNYTN-NLRTM-SEA"
LOT = Lot(LANE, datetime.fromtimestamp(ARRIVAL_MS / 1000, UTC).date(), Fraction(1, 2))
KEY = bytes(range(32))
COMMITTED = commitment(KEY, LOT)
HOUSES = [f"HBL{number}" for number in range(8)]
POLICY = Policy.model_validate(
    {
        "lanes": {
            LANE: {
                "origin": "CNYTN",
                "destination": "NLRTM",
                "mode": "SEA",
                "random_control_rate": 0.25,
            }
        }
    }
)


def keys() -> Draws:
    return {(LANE, LOT.day): Draw(LOT, COMMITTED, KEY)}


def lodge(broker: Broker, *houses: str, lrn: str = "LRN-1", kind: str = "lodged") -> None:
    filed = {
        "lrn": lrn,
        "laneId": LANE,
        "mode": "1",
        "placeOfLoading": "CNYTN",
        "placeOfUnloading": "NLRTM",
        "consignments": [{"consignmentId": house} for house in houses],
    }
    document = event(f"manifest.{kind}", filed, id=f"{lrn}-{kind}", time="2026-02-27T00:00:00Z")
    broker.append("manifest", 0, None, orjson.dumps(document), STRUCTURED)


def published(broker: Broker) -> Published:
    lines = b"\n".join(record.value or b"" for record in broker.read("inspection"))
    return read_published([("inspection", io.BytesIO(lines))], LOT)


def differences(broker: Broker) -> list[Any]:
    found = published(broker)
    return verify(KEY, LOT, COMMITTED, found.draws, found.selections, eligible=HOUSES)


def counted(broker: Broker) -> dict[bytes, int]:
    """Return what lanes were told last of each consignment's random selection."""
    decode = msgspec.json.Decoder(LanesMessage).decode
    told = {
        record.key or b"": decode(record.value or b"") for record in broker.read("observations")
    }
    return {
        key: one.current.value_ms
        for key, one in told.items()
        if isinstance(one, Observation) and one.current is not None
    }


async def test_the_other_side_finds_every_consignment_drawn_as_the_key_says(
    broker: Broker, worker_on: WorkerOn
) -> None:
    worker = worker_on(broker, policy=POLICY, draws=keys)
    lodge(broker, *HOUSES)
    await worker.settle()
    assert differences(broker) == []
    assert not broker.read("rejected")
    assert len(published(broker).draws) == len(HOUSES)
    assert KEY.hex() not in str(broker.read("inspection"))


async def test_each_is_drawn_once_through_copies_failures_and_a_new_worker(
    broker: Broker, worker_on: WorkerOn
) -> None:
    first = worker_on(broker, policy=POLICY, draws=keys)
    source = broker.tp("consignments")
    broker.faults[source] += [KafkaConnectionError(), KafkaConnectionError()]
    lodge(broker, *HOUSES)
    await first.settle()
    broker.lost_answers.add(source)
    lodge(broker, *HOUSES)
    lodge(broker, *HOUSES, kind="amended")
    await first.settle()
    await first.close()
    second = worker_on(broker, policy=POLICY, draws=keys)
    lodge(broker, *HOUSES, lrn="LRN-2")
    await second.settle()
    drawn = [orjson.loads(record.value or b"") for record in broker.read("inspection")]
    selected = sum(is_selected(KEY, house, LOT.rate) for house in HOUSES)
    assert len(drawn) == len({one["id"] for one in drawn}) == len(HOUSES) + selected
    assert differences(broker) == []


async def test_a_replay_reads_the_draws_and_draws_nothing(worker_on: WorkerOn) -> None:
    live, again = Broker(Topics("sstl")), Broker(Topics("sstl"))
    worker = worker_on(live, policy=POLICY, draws=keys)
    lodge(live, *HOUSES)
    await worker.settle()
    for family in ("inspection", "manifest"):
        for record in live.read(family):
            again.append(family, 0, record.key, record.value, record.headers)
    before = len(again.read("inspection"))
    replay = worker_on(again, policy=POLICY)
    await replay.settle()
    assert len(again.read("inspection")) == before
    assert counted(again) == counted(live)
    assert set(counted(again).values()) == {0, 1}

"""One log of events told in four ways through real workers: the same flags and indicators, byte for byte."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from kafka import KafkaProducer

from sstl.agents.topics import FAMILIES
from sstl.embedded import EmbeddedKafka
from sstl.intake.cargo2000 import START
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.log import text
from tests.chain import Chain, as_bytes
from tests.harness import Lab
from tests.logs import (
    SPAN,
    Log,
    cargo2000_log,
    corrected,
    corridor_log,
    doubled,
    feedback_log,
    in_order,
    is_spoilt,
    shuffled,
)

SEED = 20_130_107
CORRIDOR = Corridor(
    seed=19,
    start=START,
    spacing=timedelta(hours=2),
    shipments=25,
    lanes=("CNYTN-NLRTM-SEA", "CNXIA-DEDUI-RAIL", "CNZGZ-PLMAA-RAIL", "CNCAN-NLAMS-AIR"),
    incident_share=0.4,
)
PROCESSES = 120
WORKED_OFF = (
    *("manifests", "references", "journeys", "consignments", "findings", "observations"),
    *("risk-flags", "indicators"),
)
TELLINGS = ("in order", "shuffled", "twice", "corrected")


@dataclass(frozen=True)
class Told:
    """What one telling of the log came to."""

    flags: bytes
    indicators: bytes
    evidence: dict[str, list[tuple[str, int]]]
    """Flag id to where its evidence lies."""
    taken_back: int
    """How many times a flag was taken back on the way."""
    rejected: list[str]
    """Ids of rejected events."""
    quarantined: int


@pytest.fixture(scope="module")
def facts() -> Log:
    """Corridor, Cargo 2000 processes and what offices answer to the flags, by recorded time."""
    log = in_order(corridor_log(CORRIDOR) + cargo2000_log(PROCESSES))
    chain = Chain()
    chain.take(log)
    chain.beat(_ms(START + SPAN))
    end = datetime.fromisoformat(log[-1][1]["recordedtime"])
    assert end < START + SPAN
    return log + feedback_log(sorted(chain.net_flags()), end)


@pytest.fixture(scope="module")
def undisturbed(facts: Log) -> Chain:
    """The log folded in one process."""
    chain = Chain()
    chain.take(facts)
    chain.beat(_ms(START + SPAN))
    return chain


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


@pytest.fixture(scope="module")
def told(
    kafka: EmbeddedKafka, facts: Log, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Told]:
    """Each telling under a prefix of its own, two workers at a time."""
    logs = {
        "in order": (facts, 1),
        "shuffled": (shuffled(facts, SEED), 2),
        "twice": (doubled(facts), 1),
        "corrected": (corrected(facts, SEED), 2),
    }
    directory = tmp_path_factory.mktemp("law1")
    results = {}
    names = list(logs)
    for pair in (names[:2], names[2:]):
        with (
            _started(kafka, pair[0], *logs[pair[0]], directory) as first,
            _started(kafka, pair[1], *logs[pair[1]], directory) as second,
        ):
            for name, lab in zip(pair, (first, second), strict=True):
                lab.await_quiet(*WORKED_OFF, quiet_s=5, timeout_s=200)
                results[name] = _read(lab)
    return results


def _started(kafka: EmbeddedKafka, name: str, log: Log, partitions: int, directory: Path) -> Lab:
    prefix = f"law1-{os.getpid()}-{name.replace(' ', '-')}"
    settings = {"SSTL_BACKFILL": ",".join(FAMILIES)}
    lab = Lab(kafka.bootstrap, prefix, directory, partitions=partitions, settings=settings)
    # registry and operators have nothing to say, and nobody waits for them
    _tell_progress(lab, ("registry", "action"), START + SPAN)
    lab.publish(log)
    _tell_progress(lab, FAMILIES, START + SPAN)
    lab.start()
    return lab


def _tell_progress(lab: Lab, families: tuple[str, ...], reached: datetime) -> None:
    producer = KafkaProducer(bootstrap_servers=lab.bootstrap, acks="all")
    headers = [("content-type", b"application/cloudevents+json")]
    for family in families:
        for partition in range(lab.topics[family].partitions):
            event = {
                "specversion": "1.0",
                "id": f"progress-{family}-{partition}",
                "source": "urn:sstl:tests",
                "type": "org.sstl.progress.v1",
                "time": text(datetime(2013, 3, 1, tzinfo=UTC)),
                "data": {"reached": text(reached)},
            }
            value = orjson.dumps(event)
            producer.send(lab.name(family), value=value, partition=partition, headers=headers)
    producer.flush(30)
    producer.close()


def _read(lab: Lab) -> Told:
    flags = [orjson.loads(record.value) for record in lab.read("risk-flags")]
    return Told(
        flags=as_bytes(lab.net_flags()),
        indicators=as_bytes(lab.net_indicators()),
        evidence={
            flag["flagId"]: [(one["topic"], one["offset"]) for one in flag["evidence"]]
            for flag in flags
        },
        taken_back=sum(flag["status"] in {"WITHDRAWN", "CORRECTED"} for flag in flags),
        rejected=[orjson.loads(record.value)["ceId"] for record in lab.read("rejected")],
        quarantined=len(lab.read("quarantine")),
    )


@pytest.mark.timeout(300)
@pytest.mark.parametrize("telling", TELLINGS)
def test_the_same_facts_give_the_same_flags_and_indicators(
    told: dict[str, Told], undisturbed: Chain, telling: str
) -> None:
    assert told[telling].flags == as_bytes(undisturbed.net_flags())
    assert told[telling].indicators == as_bytes(undisturbed.net_indicators())


def test_flags_and_indicators_of_both_corridors_are_there(undisturbed: Chain) -> None:
    lanes = {indicator["laneId"] for indicator in undisturbed.net_indicators().values()}
    units = {flag["subject"].get("equipmentReference") for flag in undisturbed.net_flags().values()}
    assert {*CORRIDOR.lanes, "c2k:IN-c2k:OUT-AIR"} <= lanes
    assert None in units
    assert len(units) > 10


@pytest.mark.parametrize("telling", TELLINGS)
def test_only_what_is_spoilt_is_rejected(told: dict[str, Told], facts: Log, telling: str) -> None:
    spoilt = {event["id"] for _, event in facts if is_spoilt(event)}
    assert spoilt
    assert set(told[telling].rejected) == spoilt
    assert told[telling].quarantined == 0


def test_the_way_there_was_another_one(told: dict[str, Told]) -> None:
    plain = told["in order"]
    assert told["shuffled"].evidence != plain.evidence
    assert told["twice"].evidence != plain.evidence
    assert told["corrected"].taken_back > plain.taken_back

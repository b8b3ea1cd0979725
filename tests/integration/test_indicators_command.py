"""``sstl indicators`` on a topic of a real broker: transactions, partitions, keys that change and go."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaProducer
from pyarrow import parquet

from sstl.embedded import EmbeddedKafka
from sstl.errors import ExitCode
from sstl.models.indicator import Indicator
from tests.harness import Lab
from tests.published_indicators import published

pytestmark = pytest.mark.timeout(240)

FIRST = published(day="2024-05-01", strata={"side": "IMPORT"})
SECOND = published(day="2024-05-02", strata={"side": "IMPORT"})
AIR = published("LT_leg", "CNPVG-NLAMS-AIR", mode="AIR")
DELETED = published("LT_leg", "CNPVG-NLAMS-AIR", mode="AIR", day="2024-05-01")
CORRECTED = FIRST.model_copy(update={"median": 100, "revision": 3})
ABORTED = SECOND.model_copy(update={"median": 1, "revision": 9})


def send(
    producer: KafkaProducer, topic: str, *told: tuple[Indicator, bool], partition: int, commit: bool
) -> None:
    producer.begin_transaction()
    for one, kept in told:
        value = one.model_dump_json(by_alias=True, exclude_none=True).encode() if kept else None
        producer.send(topic, key=one.key.encode(), value=value, partition=partition)
    producer.flush()
    producer.commit_transaction() if commit else producer.abort_transaction()


@pytest.fixture(scope="module")
def lab(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two partitions; a correction, a deletion and, as the last thing, a transaction that was aborted."""
    prefix = f"slices-{os.getpid()}"
    with Lab(kafka.bootstrap, prefix, tmp_path_factory.mktemp("slices"), partitions=2) as lab:
        producer = KafkaProducer(
            bootstrap_servers=kafka.bootstrap, transactional_id=f"{prefix}-writer"
        )
        producer.init_transactions()
        topic = lab.name("indicators")
        send(producer, topic, (FIRST, True), (SECOND, True), partition=0, commit=True)
        send(producer, topic, (AIR, True), (DELETED, True), partition=1, commit=True)
        send(producer, topic, (CORRECTED, True), partition=0, commit=True)
        send(producer, topic, (DELETED, False), partition=1, commit=True)
        send(producer, topic, (ABORTED, True), partition=0, commit=False)
        producer.close()
        yield lab


def indicators(
    lab: Lab, *arguments: str | Path, **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sstl", "indicators", *map(str, arguments)],
        env=lab.environment | settings,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_what_is_committed_and_last_is_what_is_shown(lab: Lab) -> None:
    done = indicators(lab, "--format", "json")
    assert (done.returncode, done.stderr) == (ExitCode.OK, "")
    shown = [Indicator.model_validate(one) for one in json.loads(done.stdout)]
    assert shown == [AIR, CORRECTED, SECOND]


def test_a_slice_says_the_same_in_every_format(lab: Lab, tmp_path: Path) -> None:
    options = ("--lane", "*-SEA", "--stratum", "side=IMPORT", "--latest", "--output")
    for ending in ("csv", "json", "parquet"):
        done = indicators(lab, *options, tmp_path / f"slice.{ending}")
        assert done.returncode == ExitCode.OK, done.stderr
    with (tmp_path / "slice.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    (record,) = json.loads((tmp_path / "slice.json").read_text())
    (line,) = parquet.read_table(tmp_path / "slice.parquet").to_pylist()
    assert Indicator.model_validate(record) == SECOND
    assert row["key"] == line["key"] == SECOND.key
    assert row["median"] == str(line["median"]) == str(SECOND.median)
    assert float(row["mean"]) == line["mean"] == SECOND.mean
    assert list(row) == list(line)


def test_an_empty_slice_is_one_line(lab: Lab) -> None:
    done = indicators(lab, "--lane", "*-ROAD")
    assert (done.returncode, done.stdout) == (ExitCode.USAGE, "")
    assert done.stderr == (
        "sstl: none of 3 published indicators is in this slice: nothing has --lane *-ROAD\n"
    )


@pytest.mark.parametrize(
    ("setting", "code", "said"),
    [
        ({"SSTL_BOOTSTRAP": "127.0.0.1:1"}, ExitCode.UNREACHABLE, "cannot reach Kafka"),
        ({"SSTL_PREFIX": "nobody-made-this"}, ExitCode.INCOMPATIBLE, "sstl topics apply"),
    ],
)
def test_without_broker_or_topic_it_says_what_to_do(
    lab: Lab, setting: dict[str, str], code: ExitCode, said: str
) -> None:
    done = indicators(lab, **setting)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr

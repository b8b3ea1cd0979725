"""Single faults, each aimed at one protection of the delivery."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from sstl.embedded import EmbeddedKafka
from sstl.errors import ExitCode
from tests.crash.accounts import settle
from tests.harness import Lab

TOY = [sys.executable, str(Path(__file__).parent / "toy_worker.py")]
SMALL_BYTES = 20_000
pytestmark = pytest.mark.timeout(300)
MakeLab = Callable[..., Lab]


@pytest.fixture
def lab(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> Iterator[Lab]:
    with Lab(kafka.bootstrap, topic_prefix, tmp_path, partitions=2, command=TOY) as lab:
        yield lab


def events(first: int, last: int, *, size: int = 0) -> list[tuple[bytes, dict[str, object]]]:
    return [
        (
            f"unit-{n % 20}".encode(),
            {"id": f"e{n}", "key": f"unit-{n % 20}", "number": n, "size": size},
        )
        for n in range(first, last)
    ]


def limit(lab: Lab, logical: str, value: int) -> None:
    """Make a topic refuse batches above a size, or (0) take them as declared again."""
    admin = KafkaAdminClient(bootstrap_servers=lab.bootstrap)
    config = dict(lab.topics[logical].config)
    if value:
        config["max.message.bytes"] = str(value)
    resource = ConfigResource(ConfigResourceType.TOPIC, lab.name(logical), configs=config)
    admin.alter_configs([resource])
    admin.close()
    time.sleep(0.5)


def delete_group(lab: Lab) -> None:
    """Delete the consumer group with its offsets, once its last member is gone."""
    admin = KafkaAdminClient(bootstrap_servers=lab.bootstrap)
    consumer = KafkaConsumer(bootstrap_servers=lab.bootstrap, group_id=lab.prefix)
    partitions = [TopicPartition(lab.name("transport"), p) for p in (0, 1)]
    assert any(consumer.committed(tp) for tp in partitions)
    deadline = time.monotonic() + 30
    while any(consumer.committed(tp) for tp in partitions):
        assert time.monotonic() < deadline
        with contextlib.suppress(KafkaError):
            admin.delete_groups([lab.prefix])
        time.sleep(0.5)
    consumer.close()
    admin.close()


def await_exit(lab: Lab) -> int:
    return lab.workers[-1].process.wait(60)


@pytest.mark.parametrize(
    ("topic", "large"),
    [
        pytest.param("findings", "output", id="output-topic"),
        pytest.param("changelog-journeys", "state", id="changelog"),
    ],
)
def test_a_batch_that_the_broker_refuses_stops_the_worker_and_loses_nothing(
    lab: Lab, topic: str, large: str
) -> None:
    lab.produce("transport", events(0, 200))
    lab.start(TOY_LARGE=large)
    lab.await_quiet("findings", quiet_s=2)
    limit(lab, topic, SMALL_BYTES)
    lab.produce("transport", events(200, 400, size=SMALL_BYTES))
    assert await_exit(lab) == ExitCode.INCOMPATIBLE
    assert "refused" in lab.workers[-1].log_text()
    assert len(lab.read("findings")) < 400
    limit(lab, topic, 0)
    lab.start(TOY_LARGE=large)
    lab.await_quiet("findings", quiet_s=5)
    assert settle(lab).faults() == {}
    assert len(lab.read("findings")) == 400


def test_deleted_group_offsets_change_nothing(lab: Lab) -> None:
    lab.produce("transport", events(0, 500))
    lab.start()
    lab.await_quiet("findings", quiet_s=2)
    lab.workers[-1].stop()
    delete_group(lab)
    lab.produce("transport", events(500, 600))
    lab.start()
    lab.await_quiet("findings", quiet_s=4)
    assert settle(lab).faults() == {}
    assert len(lab.read("findings")) == 600


def test_a_dead_producers_open_transaction_delays_but_loses_nothing(lab: Lab) -> None:
    lab.start()
    dead = KafkaProducer(
        bootstrap_servers=lab.bootstrap,
        transactional_id=f"{lab.prefix}-dead",
        transaction_timeout_ms=4_000,
    )
    dead.init_transactions()
    dead.begin_transaction()
    for key, event in events(10_000, 10_010):
        dead.send(lab.name("transport"), key=key, value=orjson.dumps(event)).get(timeout=15)
    # never committed, never aborted: the broker does it after the time-out
    lab.produce("transport", events(0, 300))
    lab.await_quiet("findings", quiet_s=8)
    dead.close(timeout=0)
    accounts = settle(lab)
    assert accounts.faults() == {}
    assert sum(accounts.answered.values()) == 300


def test_a_bad_release_stops_with_nothing_committed_and_a_good_one_goes_on(lab: Lab) -> None:
    lab.produce("transport", events(0, 300))
    lab.start(TOY_BAD_RELEASE="yes")
    assert await_exit(lab) == ExitCode.CRASHES
    assert lab.read("findings") == []
    assert lab.read("quarantine") == []
    lab.start()
    lab.await_quiet("findings", quiet_s=4)
    assert settle(lab).faults() == {}
    assert len(lab.read("findings")) == 300

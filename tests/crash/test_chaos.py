"""Workers and the broker are killed, paused and joined by others at random under load; nothing is lost or repeated.

``SSTL_TEST_CHAOS_SECONDS`` (`make chaos`) makes it longer, ``SSTL_TEST_SEED`` repeats a run.
"""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

import orjson
import pytest
from kafka import KafkaProducer

from sstl.embedded import EmbeddedKafka
from tests.crash.accounts import settle
from tests.harness import Lab, Worker

TOY = [sys.executable, str(Path(__file__).parent / "toy_worker.py")]
SECONDS = float(os.environ.get("SSTL_TEST_CHAOS_SECONDS", "45"))
SEED = int(os.environ.get("SSTL_TEST_SEED", str(time.time_ns() % 1_000_000)))
SESSION_S = 3.0
RATE = 600
KEYS = 200
pytestmark = pytest.mark.timeout(max(600, 3 * int(SECONDS)))


class Publisher(threading.Thread):
    """Publishes numbered events until told to stop, through broker failures too."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(daemon=True)
        self._lab = lab
        self.stopping = threading.Event()
        self.published = 0

    def run(self) -> None:
        producer = KafkaProducer(
            bootstrap_servers=self._lab.bootstrap,
            acks="all",
            retries=1_000,
            delivery_timeout_ms=120_000,
            request_timeout_ms=10_000,
        )
        topic = self._lab.name("transport")
        while not self.stopping.is_set():
            for _ in range(RATE // 20):
                number = self.published
                key = f"unit-{number * 7919 % KEYS}"
                event = {"id": f"e{number}", "key": key, "number": number}
                producer.send(topic, key=key.encode(), value=orjson.dumps(event))
                self.published += 1
            time.sleep(0.05)
        producer.flush(timeout=120)
        producer.close()


class Chaos:
    """One fault after another."""

    def __init__(self, seed: int, lab: Lab, broker: EmbeddedKafka) -> None:
        self._random, self._lab, self._kafka = random.Random(seed), lab, broker
        self._workers: list[Worker] = [lab.start(), lab.start()]
        self.done: list[str] = []

    def strike(self) -> None:
        """Do one fault and let the workers be as many as before."""
        names = ["kill", "kill", "pause", "guest", "broker"]
        name = self._random.choice(names)
        self.done.append(name)
        getattr(self, f"_{name}")()
        self.revive()

    def revive(self) -> None:
        """Start a worker for each that has ended."""
        for index, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                self._workers[index] = self._lab.start()

    def _kill(self) -> None:
        self._random.choice(self._workers).kill()
        time.sleep(self._random.uniform(0, 2))

    def _pause(self) -> None:
        worker = self._random.choice(self._workers)
        worker.signal(signal.SIGSTOP)
        time.sleep(SESSION_S + self._random.uniform(0.5, 2.5))
        worker.signal(signal.SIGCONT)
        time.sleep(self._random.uniform(0, 1))

    def _guest(self) -> None:
        guest = self._lab.start()
        time.sleep(self._random.uniform(2, 4))
        if self._random.random() < 0.5:
            guest.kill()
        else:
            guest.stop()

    def _broker(self) -> None:
        self._kafka.kill()
        time.sleep(self._random.uniform(0, 3))
        self._kafka.start()


def test_nothing_is_lost_or_repeated_under_chaos(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\nseed {SEED}, {SECONDS:g} s (SSTL_TEST_SEED={SEED} repeats it)\n")
    with (
        EmbeddedKafka(tmp_path / "kafka") as broker,
        Lab(broker.bootstrap, "chaos", tmp_path, partitions=4, command=TOY) as lab,
    ):
        publisher = Publisher(lab)
        publisher.start()
        chaos = Chaos(SEED, lab, broker)
        until = time.monotonic() + SECONDS
        time.sleep(4)
        while time.monotonic() < until:
            chaos.strike()
            time.sleep(random.Random(SEED + len(chaos.done)).uniform(0.5, 2))
        publisher.stopping.set()
        publisher.join(150)
        assert not publisher.is_alive()
        chaos.revive()
        lab.await_quiet("findings", quiet_s=15, timeout_s=150)
        accounts = settle(lab)
    with capsys.disabled():
        number = sum(accounts.published.values())
        sys.stdout.write(f"{number} events, {len(chaos.done)} faults: {', '.join(chaos.done)}\n")
    assert sum(accounts.published.values()) > RATE
    assert accounts.faults() == {}
    assert chaos.done

"""The seven agents under load while workers are killed and paused: nothing lost, nothing repeated, the same result.

``SSTL_TEST_CHAOS_SECONDS`` (`make chaos`) makes it longer, ``SSTL_TEST_SEED`` repeats a run.
"""

import os
import random
import signal
import sys
import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer

from sstl.agents.topics import FAMILIES
from sstl.embedded import EmbeddedKafka
from sstl.models.rejection import Reason
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.log import text
from tests.chain import Chain, as_bytes
from tests.crash.chain_accounts import settle
from tests.harness import Lab, Worker
from tests.logs import Log, corridor_log, feedback_log

SECONDS = float(os.environ.get("SSTL_TEST_CHAOS_SECONDS", "40"))
SEED = int(os.environ.get("SSTL_TEST_SEED", str(time.time_ns() % 1_000_000)))
SESSION_S = 3.0
SHIPMENTS = max(30, round(SECONDS))
CORRIDOR = Corridor(
    seed=SEED % 26,
    spacing=timedelta(days=12) / SHIPMENTS,
    shipments=SHIPMENTS,
    lanes=("CNXIA-DEDUI-RAIL", "CNZGZ-PLMAA-RAIL", "CNCAN-NLAMS-AIR"),
    incident_share=0.4,
)
"""All of it lies within the greatest lateness, so that nothing is too late whatever comes first."""
STRUCTURED = [("content-type", b"application/cloudevents+json")]
BAD_EVERY = 60
WORKED_OFF = (
    *("rejected", "manifests", "references", "journeys", "consignments", "findings"),
    *("observations", "risk-flags", "indicators"),
)


def bad_messages(event: dict[str, Any]) -> list[tuple[Reason, bytes | None]]:
    """Return messages that must be rejected, made of a good transport event."""
    wrong = event["data"] | {"equipmentReference": "CBHU1234567"}
    return [
        (Reason.NOT_JSON, b"{"),
        (Reason.UNKNOWN_TYPE, orjson.dumps(event | {"type": "org.sstl.transport.lost.v1"})),
        (Reason.NAIVE_TIME, orjson.dumps(event | {"time": event["time"].removesuffix("Z")})),
        (Reason.NULL_VALUE, None),
        (Reason.FAILED_CHECK_DIGIT, orjson.dumps(event | {"data": wrong})),
    ]


class Load(threading.Thread):
    """Publishes the log evenly over the time given, bad messages between, and tells the backfill's progress."""

    def __init__(self, lab: Lab, log: Log, seconds: float) -> None:
        super().__init__(daemon=True)
        self._lab, self._log, self._seconds = lab, log, seconds
        self._random = random.Random(SEED)
        self.bad: list[Reason] = []
        self.sent = 0

    def run(self) -> None:
        self._producer = KafkaProducer(bootstrap_servers=self._lab.bootstrap, acks="all")
        began = time.monotonic()
        for number, (family, event) in enumerate(self._log):
            due = began + self._seconds * number / len(self._log)
            time.sleep(max(0.0, due - time.monotonic()))
            self._send(family, orjson.dumps(event))
            if number % BAD_EVERY == 0 and family == "transport" and "data" in event:
                reason, value = self._random.choice(bad_messages(event))
                self.bad.append(reason)
                self._send("transport", value)
            if number % 200 == 0:
                # what is still on its way was recorded no earlier than this
                recorded = datetime.fromisoformat(event["recordedtime"])
                self._tell(recorded - 2 * CORRIDOR.latest)
        self._tell(datetime.fromisoformat(self._log[-1][1]["recordedtime"]))
        self._producer.flush(30)
        self._producer.close()

    def _send(self, family: str, value: bytes | None, partition: int | None = None) -> None:
        self.sent += 1
        self._producer.send(
            self._lab.name(family),
            key=f"message-{self.sent}".encode(),
            value=value,
            headers=STRUCTURED,
            partition=partition,
        )

    def _tell(self, reached: datetime) -> None:
        for family in FAMILIES:
            for partition in range(self._lab.topics[family].partitions):
                event = {
                    "specversion": "1.0",
                    "id": f"progress-{self.sent}",
                    "source": "urn:sstl:tests",
                    "type": "org.sstl.progress.v1",
                    "time": text(reached),
                    "data": {"reached": text(reached)},
                }
                self._send(family, orjson.dumps(event), partition)


class Chaos:
    """One fault after another, on two workers."""

    def __init__(self, lab: Lab) -> None:
        self._random, self._lab = random.Random(SEED), lab
        self._workers: list[Worker] = [lab.start(), lab.start()]
        self.done: list[str] = []

    def strike(self) -> None:
        """Do one fault, let the workers be two again, and leave them in peace for a moment."""
        always = ["pause", "kill"]
        others = ["pause", "kill", "kill", "kill_both"]
        at = len(self.done)
        name = always[at] if at < len(always) else self._random.choice(others)
        self.done.append(name)
        getattr(self, f"_{name}")()
        self.revive()
        time.sleep(self._random.uniform(1, 6))

    def revive(self) -> None:
        """Start a worker for each that has ended."""
        for index, worker in enumerate(self._workers):
            if worker.process.poll() is not None:
                self._workers[index] = self._lab.start()

    def _kill(self) -> None:
        self._random.choice(self._workers).kill()
        time.sleep(self._random.uniform(0, 2))

    def _kill_both(self) -> None:
        for worker in self._workers:
            worker.kill()

    def _pause(self) -> None:
        worker = self._random.choice(self._workers)
        worker.signal(signal.SIGSTOP)
        time.sleep(SESSION_S + self._random.uniform(0.5, 2.5))
        worker.signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def log() -> Log:
    """A corridor, and what offices answer to its flags."""
    corridor = corridor_log(CORRIDOR)
    chain = Chain()
    chain.take(corridor)
    end = datetime.fromisoformat(max(event["recordedtime"] for _, event in corridor))
    return corridor + feedback_log(sorted(chain.net_flags()), end)


@pytest.mark.timeout(SECONDS + 320)
def test_kills_and_pauses_neither_lose_nor_repeat_anything_in_the_chain(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, log: Log
) -> None:
    sys.stdout.write(
        f"\nseed {SEED}, {SECONDS:g} s, {len(log)} events (SSTL_TEST_SEED={SEED} repeats it)\n"
    )
    undisturbed = Chain()
    undisturbed.take(log)
    reached = datetime.fromisoformat(log[-1][1]["recordedtime"])
    undisturbed.beat(int(reached.timestamp() * 1000))
    settings = {"SSTL_BACKFILL": ",".join(FAMILIES)}
    with Lab(kafka.bootstrap, topic_prefix, tmp_path, partitions=2, settings=settings) as lab:
        load = Load(lab, log, SECONDS)
        chaos = Chaos(lab)
        load.start()
        until = time.monotonic() + SECONDS
        time.sleep(6)
        while time.monotonic() < until:
            chaos.strike()
        load.join(60)
        assert not load.is_alive()
        chaos.revive()
        lab.await_quiet(*WORKED_OFF, quiet_s=12, timeout_s=200)
        accounts = settle(lab)
        flags, indicators = lab.net_flags(), lab.net_indicators()
        reasons = [orjson.loads(record.value)["reason"] for record in lab.read("rejected")]
    sys.stdout.write(
        f"{', '.join(chaos.done)}; {accounts.inputs} messages, {accounts.accepted} accepted,"
        f" {accounts.rejected} rejected, {len(flags)} flags, {len(indicators)} indicators\n"
    )
    assert accounts.faults() == {}
    assert accounts.inputs == load.sent == accounts.accepted + accounts.rejected
    assert {*load.bad} <= {*reasons}
    assert flags
    assert as_bytes(flags) == as_bytes(undisturbed.net_flags())
    assert as_bytes(indicators) == as_bytes(undisturbed.net_indicators())
    assert {"pause", "kill"} <= {*chaos.done}

"""Real worker processes on a real broker, and what the topics say afterwards, read committed."""

import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import orjson
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from sstl.agents.admin import TopicAdmin
from sstl.agents.topics import Topics
from sstl.models.indicator import Indicator
from sstl.models.indicator import net_content as net_indicator
from sstl.models.risk_flag import RiskFlag, net_set

HEARTBEAT = b"~heartbeat"
WORKER = [sys.executable, "-m", "sstl", "run"]
SESSION = {"SSTL_SESSION_TIMEOUT": "3", "SSTL_HEARTBEAT_INTERVAL": "1"}
"""Short, so that a killed or paused worker is missed soon."""


def net_contents(last: Mapping[bytes, bytes | None]) -> dict[str, dict[str, Any]]:
    """Return the net content of indicators by key, of what was said last of each, without those that ended."""
    contents = {
        key.decode(): net_indicator(Indicator.model_validate_json(value))
        for key, value in sorted(last.items())
        if value is not None
    }
    return {key: content for key, content in contents.items() if content is not None}


class Worker:
    """One worker process, its log in a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.log = log
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                command, env=dict(environment), stderr=stderr, stdin=subprocess.DEVNULL
            )

    def signal(self, number: int) -> None:
        """Send a signal, if there is still somebody to get it."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill(self) -> None:
        """Kill with -9."""
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        """Ask for an orderly end; return the exit code."""
        self.process.terminate()
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def log_text(self) -> str:
        """Return all it wrote to stderr."""
        return self.log.read_text(errors="replace")


class Lab:
    """Topics under one prefix on a broker, and the workers on them; ends the workers at its own end."""

    def __init__(
        self,
        bootstrap: str,
        prefix: str,
        directory: Path,
        *,
        partitions: int = 1,
        settings: Mapping[str, str] | None = None,
        command: Sequence[str] = WORKER,
    ) -> None:
        self.bootstrap, self.prefix, self._directory = bootstrap, prefix, directory
        self.topics = Topics(prefix, {"*": partitions})
        self._command = command
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("SSTL_")},
            "SSTL_BOOTSTRAP": bootstrap,
            "SSTL_PREFIX": prefix,
            "SSTL_PARTITIONS": f"*={partitions}",
            "SSTL_METRICS_PORT": "0",
            **SESSION,
            **(settings or {}),
        }
        self.workers: list[Worker] = []
        admin = TopicAdmin(bootstrap, self.topics)
        try:
            admin.apply()
        finally:
            admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.signal(18)
                worker.kill()

    def start(self, **settings: str) -> Worker:
        """Start a worker."""
        log = self._directory / f"{self.prefix}-worker-{len(self.workers)}.log"
        worker = Worker(self._command, {**self.environment, **settings}, log)
        self.workers.append(worker)
        return worker

    def name(self, logical: str) -> str:
        """Return the real name of a topic."""
        return self.topics[logical].name

    def produce(self, logical: str, messages: Iterable[tuple[bytes | None, Any]]) -> None:
        """Publish (key, value) pairs, values as JSON unless they are bytes or None."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=5)
        try:
            sent = [
                producer.send(
                    self.name(logical),
                    key=key,
                    value=value
                    if value is None or isinstance(value, bytes)
                    else orjson.dumps(value),
                )
                for key, value in messages
            ]
            for future in sent:
                future.get(timeout=30)
        finally:
            producer.close()

    def publish(self, events: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Publish structured CloudEvents, each to its family's topic, in this order."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap, acks="all", linger_ms=5)
        headers = [("content-type", b"application/cloudevents+json")]
        try:
            sent = [
                producer.send(self.name(family), value=orjson.dumps(event), headers=headers)
                for family, event in events
            ]
            for future in sent:
                future.get(timeout=60)
        finally:
            producer.close()

    def read(self, logical: str) -> list[Any]:
        """Return the records that a topic holds now, without heartbeats, read committed."""
        consumer = self._consumer()
        partitions = [
            TopicPartition(self.name(logical), p) for p in range(self.topics[logical].partitions)
        ]
        try:
            consumer.assign(partitions)
            ends = consumer.end_offsets(partitions)
            consumer.seek_to_beginning(*partitions)
            records: list[Any] = []
            deadline = time.monotonic() + 60
            while any(consumer.position(tp) < ends[tp] for tp in partitions):
                if time.monotonic() > deadline:
                    raise AssertionError(f"{logical} could not be read to its end")
                for found in consumer.poll(200, max_records=20_000).values():
                    records += [record for record in found if record.key != HEARTBEAT]
            return records
        finally:
            consumer.close()

    def await_quiet(self, *logical: str, quiet_s: float = 4.0, timeout_s: float = 120.0) -> None:
        """Wait until nothing but heartbeats has come to these topics for a while."""
        consumer = self._consumer()
        partitions = [
            TopicPartition(self.name(name), p)
            for name in logical
            for p in range(self.topics[name].partitions)
        ]
        try:
            consumer.assign(partitions)
            consumer.seek_to_beginning(*partitions)
            began = last = time.monotonic()
            seen = 0
            while time.monotonic() - last < quiet_s or not seen:
                if time.monotonic() - began > timeout_s:
                    raise AssertionError(f"{logical} did not become quiet; {seen} records so far")
                self.check_workers()
                for found in consumer.poll(200, max_records=20_000).values():
                    news = sum(record.key != HEARTBEAT for record in found)
                    if news:
                        seen, last = seen + news, time.monotonic()
        finally:
            consumer.close()

    def check_workers(self) -> None:
        """Fail when every worker has ended by itself, with what the last one said."""
        if self.workers and all(w.process.poll() is not None for w in self.workers):
            raise AssertionError(f"no worker is left: {self.workers[-1].log_text()[-2000:]}")

    def net_flags(self) -> dict[str, dict[str, Any]]:
        """Return the net content of every flag that holds."""
        return net_set(RiskFlag.model_validate_json(r.value) for r in self.read("risk-flags"))

    def net_indicators(self) -> dict[str, dict[str, Any]]:
        """Return the net content of every indicator."""
        return net_contents({r.key: r.value for r in self.read("indicators")})

    def _consumer(self) -> KafkaConsumer:
        # topics of a test are read whole, over the loopback: large portions, and no checksum anew of each
        return KafkaConsumer(
            bootstrap_servers=self.bootstrap,
            isolation_level="read_committed",
            max_partition_fetch_bytes=16 << 20,
            check_crcs=False,
        )

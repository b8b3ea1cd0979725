"""What the benchmarks share: a broker, topics, processes with measured CPU, fast bulk writing, and printing."""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from aiokafka import AIOKafkaProducer
from aiokafka.structs import TopicPartition
from kafka import KafkaConsumer

from sstl.agents.admin import TopicAdmin
from sstl.agents.topics import Topics
from sstl.embedded import EmbeddedKafka

ROOT = Path(__file__).resolve().parent.parent
STOP_S = 15.0


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a small run, to see that it works")
    return parser


def say(line: str = "") -> None:
    """Print a line at once."""
    print(line, flush=True)


def title(text: str) -> None:
    """Print the heading of a benchmark, with how busy the machine already is."""
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    say(f"\n== {text}")
    say(f"   {os.cpu_count()} cores, load average before: {load}")


def goal(text: str, *, met: bool) -> None:
    """Print whether a goal is met."""
    say(f"   goal {text}: {'met' if met else 'MISSED'}")


@dataclass(frozen=True, slots=True)
class Lab:
    """A running broker and a directory for logs."""

    bootstrap: str
    broker_pid: int
    directory: Path

    def topics(self, prefix: str, partitions: int = 1) -> Topics:
        """Make all topics under a prefix."""
        topics = Topics(prefix, {"*": partitions})
        admin = TopicAdmin(self.bootstrap, topics)
        try:
            admin.apply()
        finally:
            admin.close()
        return topics

    def environment(
        self, prefix: str, settings: Mapping[str, str], *, partitions: int = 1
    ) -> dict[str, str]:
        """Return the environment of a worker; settings by their name without ``SSTL_``."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("SSTL_")
        } | {"PYTHONPATH": str(ROOT)}
        own = {
            "BOOTSTRAP": self.bootstrap,
            "PREFIX": prefix,
            "PARTITIONS": f"*={partitions}",
            "METRICS_PORT": "0",
            **settings,
        }
        return kept | {f"SSTL_{name}": value for name, value in own.items()}


@contextmanager
def lab() -> Iterator[Lab]:
    """Start a broker of our own on fresh data."""
    with tempfile.TemporaryDirectory(prefix="sstl-bench-") as directory:
        data = Path(directory) / "broker"
        with EmbeddedKafka(data_dir=data) as kafka:
            if kafka.pid is None:
                raise RuntimeError("the broker has no process")
            yield Lab(kafka.bootstrap, kafka.pid, Path(directory))


@contextmanager
def process(
    lab: Lab, name: str, command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[psutil.Process]:
    """Run a process while the block lasts; its output goes to a file, shown where it ended by itself."""
    log = lab.directory / f"{name}.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            command, env=dict(environment), stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    try:
        yield psutil.Process(child.pid)
    except WorkerEndedError as error:
        text = log.read_text(errors="replace")[-2000:]
        raise RuntimeError(f"{name} ended with {child.wait(STOP_S)}: {text}") from error
    finally:
        stop(child)


def stop(child: subprocess.Popen[bytes]) -> None:
    """End a process: asked first, then killed."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            child.wait(STOP_S)
    if child.poll() is None:
        child.kill()
        child.wait(STOP_S)


def worker_command(*options: str) -> list[str]:
    """Return the command of the real worker."""
    return [sys.executable, "-m", "sstl", "run", *options]


class WorkerEndedError(Exception):
    """A worker ended by itself."""


def alive(worker: psutil.Process) -> None:
    """Check that a worker runs.

    Raises:
        WorkerEndedError: It has ended; `process` then shows what it wrote.
    """
    if not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE:
        raise WorkerEndedError


def cpu_s(worker: psutil.Process) -> float:
    """Return the CPU seconds of a process so far."""
    times = worker.cpu_times()
    return float(times.user + times.system)


class Others:
    """How busy everything else on the machine is meanwhile: what is measured beside it tells little."""

    def __init__(self, *measured: psutil.Process) -> None:
        self._measured = (psutil.Process(), *measured)
        self._began, self._busy = time.monotonic(), self._elsewhere()

    def _elsewhere(self) -> float:
        times = psutil.cpu_times()
        busy = sum(times) - times.idle - getattr(times, "iowait", 0.0)
        # what runs in a guest is counted in user too
        busy -= getattr(times, "guest", 0.0) + getattr(times, "guest_nice", 0.0)
        return busy - sum(cpu_s(one) for one in self._measured)

    def cores(self) -> float:
        """Return how many cores others have kept busy since."""
        return max(0.0, self._elsewhere() - self._busy) / (time.monotonic() - self._began)


def await_true(
    check: Callable[[], bool],
    worker: psutil.Process,
    *,
    timeout_s: float,
    what: str,
    every_s: float = 0.2,
) -> None:
    """Wait for something, at most so long.

    Raises:
        TimeoutError: It did not come.
    """
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {timeout_s:g} s")
        alive(worker)
        time.sleep(every_s)


class Ends:
    """Committed ends of some topics, asked of the broker."""

    def __init__(self, bootstrap: str, topics: Mapping[str, int]) -> None:
        self._consumer = KafkaConsumer(
            bootstrap_servers=bootstrap, isolation_level="read_committed"
        )
        self._partitions = [
            TopicPartition(name, partition)
            for name, count in topics.items()
            for partition in range(count)
        ]

    def total(self) -> int:
        """Return the sum of the ends; commit markers are in it."""
        return sum(self._consumer.end_offsets(self._partitions).values())

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()


Record = tuple[bytes, bytes]


async def _write(
    bootstrap: str, records: Iterable[tuple[str, int, Record]], batch_bytes: int
) -> int:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        max_batch_size=batch_bytes,
        max_request_size=16 << 20,
    )
    await producer.start()
    count = 0
    try:
        open_: dict[tuple[str, int], object] = {}
        sent: list[asyncio.Future[object]] = []
        for topic, partition, (key, value) in records:
            place = (topic, partition)
            batch = open_.get(place)
            if batch is None:
                batch = open_[place] = producer.create_batch()
            if batch.append(key=key, value=value, timestamp=None) is None:  # type: ignore[attr-defined]
                batch.close()  # type: ignore[attr-defined]
                sent.append(await producer.send_batch(batch, topic, partition=partition))
                batch = open_[place] = producer.create_batch()
                batch.append(key=key, value=value, timestamp=None)
                if len(sent) >= 64:
                    await asyncio.gather(*sent)
                    sent.clear()
            count += 1
        for (topic, partition), batch in open_.items():
            batch.close()  # type: ignore[attr-defined]
            sent.append(await producer.send_batch(batch, topic, partition=partition))
        await asyncio.gather(*sent)
    finally:
        await producer.stop()
    return count


def write(
    bootstrap: str, records: Iterable[tuple[str, int, Record]], *, batch_bytes: int = 262_144
) -> int:
    """Write (topic, partition, (key, value)) fast, and return how many there were."""
    return asyncio.run(_write(bootstrap, records, batch_bytes))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

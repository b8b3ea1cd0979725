"""From publishing an event to reading its risk flag, 500 events a second, one partition a topic.

Two ways: the short one (intake, journeys, flags), where the event names its unit; and through [references], where it
names a transport document that a manifest links to the unit. The real worker with its default settings, a publisher
and a `read_committed` reader, nothing else. Plans (and manifests) are published before; each late event of the
measured time raises one flag. The clock is the publisher's, from the call that sends to the record in the reader's
hands.
"""

import asyncio
import gc
import time
from contextlib import suppress
from dataclasses import dataclass

import orjson
import psutil
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import TopicPartition

from bench import lab
from bench.traffic import HEADERS, Traffic, wall
from sstl.agents.topics import Topics

TICK_S = 0.01
MISSING_S = 30.0
SKIP_S = 2.0
"""What is sent in the first seconds is not counted."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What is wished, ms."""

    p50: float
    p99: float


WAYS = {
    "short": (False, Goal(150, 500)),
    "references": (True, Goal(250, 700)),
}


class Watch:
    """Reads risk flags and notes when each unit's first one came."""

    def __init__(self, bootstrap: str, topic: str, count: int) -> None:
        self._count = count
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=10,
        )
        self._tp = TopicPartition(topic, 0)
        self.seen: dict[str, float] = {}
        self.complete = asyncio.Event()

    async def run(self) -> None:
        """Read until cancelled."""
        await self._consumer.start()
        try:
            self._consumer.assign([self._tp])
            await self._consumer.seek_to_end(self._tp)
            while True:
                for records in (await self._consumer.getmany(timeout_ms=100)).values():
                    now = time.perf_counter()
                    for record in records:
                        unit = orjson.loads(record.value)["subject"].get("equipmentReference")
                        self.seen.setdefault(unit, now)
                if len(self.seen) >= self._count:
                    self.complete.set()
        finally:
            await self._consumer.stop()


async def prepare(bootstrap: str, topics: Topics, traffic: Traffic, count: int) -> None:
    """Publish what must be known before."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=20)
    await producer.start()
    try:
        waiting = []
        for family, value in traffic.before(count):
            waiting.append(await producer.send(topics[family].name, value, headers=HEADERS))
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()


async def paced(
    bootstrap: str, topics: Topics, traffic: Traffic, count: int, rate: float
) -> dict[str, float]:
    """Publish the late events at a steady rate; return when each unit's was sent."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all")
    await producer.start()
    sent_at: dict[str, float] = {}
    topic = topics["transport"].name
    try:
        values = [(traffic.unit(n), orjson.dumps(traffic.late(n))) for n in range(count)]
        gc.collect()
        began = time.perf_counter()
        for number, (unit, value) in enumerate(values):
            wait = began + number / rate - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(max(wait, TICK_S))
            sent_at[unit] = time.perf_counter()
            await producer.send(topic, value, headers=HEADERS)
        await producer.flush()
    finally:
        await producer.stop()
    return sent_at


async def measure(
    bootstrap: str, topics: Topics, traffic: Traffic, count: int, rate: float
) -> list[float]:
    """Return the milliseconds from publish to flag, in the order of publication."""
    watch = Watch(bootstrap, topics["risk-flags"].name, count)
    reading = asyncio.create_task(watch.run())
    await asyncio.sleep(2)
    sent_at = await paced(bootstrap, topics, traffic, count, rate)
    with suppress(TimeoutError):
        async with asyncio.timeout(MISSING_S):
            await watch.complete.wait()
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    missing = set(sent_at) - set(watch.seen)
    if missing:
        raise RuntimeError(f"{len(missing)} of {count} late events raised no flag in time")
    return [(watch.seen[unit] - at) * 1000 for unit, at in sent_at.items()]


def quiet(bootstrap: str, topics: Topics, worker: psutil.Process, count: int) -> None:
    """Wait until journeys has been told of every unit and only heartbeats are written any more."""
    names = ("journeys", "references", "findings")
    ends = lab.Ends(bootstrap, {topics[name].name: 1 for name in names})
    told = lab.Ends(bootstrap, {topics["journeys"].name: 1})
    try:
        lab.await_true(
            lambda: told.total() >= count, worker, timeout_s=120, what="the plans of all units"
        )
        last = -1

        def still() -> bool:
            nonlocal last
            before, last = last, ends.total()
            return before >= 0 and last - before < 150

        lab.await_true(still, worker, timeout_s=120, what="the end of the backlog", every_s=2.0)
    finally:
        ends.close()
        told.close()


def way(lab_: lab.Lab, name: str, rate: float, seconds: float, settings: dict[str, str]) -> None:
    """Measure one way and print it."""
    by_document, wished = WAYS[name]
    topics = lab_.topics(f"latency-{name}")
    count = int(rate * seconds)
    traffic = Traffic(wall(time.time()), by_document)
    environment = lab_.environment(topics.prefix, settings)
    broker = psutil.Process(lab_.broker_pid)
    with lab.process(lab_, topics.prefix, lab.worker_command(), environment) as worker:
        asyncio.run(prepare(lab_.bootstrap, topics, traffic, count))
        # a manifest tells of its unit too
        told = count * (2 if by_document else 1)
        quiet(lab_.bootstrap, topics, worker, told)
        others = lab.Others(worker, broker)
        began, cpu, broker_cpu = time.monotonic(), lab.cpu_s(worker), lab.cpu_s(broker)
        found = asyncio.run(measure(lab_.bootstrap, topics, traffic, count, rate))
        took = time.monotonic() - began
        elsewhere = others.cores()
        busy, broker_busy = lab.cpu_s(worker) - cpu, lab.cpu_s(broker) - broker_cpu
    counted = found[int(rate * SKIP_S) :]
    p50, p99 = (lab.percentile(counted, share) for share in (0.5, 0.99))
    lab.say(
        f"   {name:11} {len(counted):6,} events at {rate:g}/s  p50 {p50:5.0f} ms  p99 {p99:5.0f} ms"
        f"  max {max(counted):5.0f} ms; cores busy: worker {busy / took:.2f}, broker {broker_busy / took:.2f},"
        f" others {elsewhere:.2f}"
    )
    lab.goal(f"p50 {wished.p50:g} ms", met=p50 <= wished.p50)
    lab.goal(f"p99 {wished.p99:g} ms", met=p99 <= wished.p99)


def main() -> None:
    """Measure the ways asked for."""
    parser = lab.arguments(__doc__)
    parser.add_argument("--way", choices=tuple(WAYS), action="append", help="default: all")
    parser.add_argument("--rate", type=float, default=500.0, help="events a second [500]")
    parser.add_argument("--seconds", type=float, help="measured time [default: 22; quick 7]")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the worker"
    )
    options = parser.parse_args()
    seconds = options.seconds or (7.0 if options.quick else 22.0)
    settings = dict(item.split("=", 1) for item in options.set)
    lab.title(f"latency: publish to flag at {options.rate:g} events/s")
    with lab.lab() as lab_:
        for name in options.way or WAYS:
            way(lab_, name, options.rate, seconds, settings)


if __name__ == "__main__":
    main()

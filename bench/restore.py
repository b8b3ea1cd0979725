"""Restore of one million keys from a changelog after an hour of updates, and again after a short outage.

The changelog of [journeys] is written directly, in its own key format, with the cells of a folded journey under many
unit numbers (about 1 KB a unit in four cells); then an hour of updates at 500 a second overwrites cells at random
while the broker's cleaner works as declared. A fresh process restores it through `KafkaCommitter` into a
`PartitionStore`; then a few thousand records more are written, and the same process, store at hand, catches up.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain
from threading import Timer

import psutil
from aiokafka.structs import TopicPartition

from bench import journey, lab
from sstl.agents.codec import pack
from sstl.agents.kafka import KafkaCommitter
from sstl.agents.store import POSITION_RECORD, PartitionStore, changelog_key, encode_position
from sstl.agents.topics import Topics
from sstl.core.journeys.stage import JourneysStage
from sstl.synthetic import numbers

OUTAGE_RECORDS = 5_000
UPDATES_PER_S = 500
GOAL_S, GOAL_OUTAGE_S = 20.0, 3.0
RESTORE_TIMEOUT_S = 300.0


def cells() -> list[tuple[str, bytes]]:
    """Return (part, value) of a unit's cells: head, share, last told, and events in chunks of one."""
    state = journey.fold()
    found = journey.encoded(state)
    head, shared = (
        found[journey.TEMPLATE, ""],
        found[journey.TEMPLATE, f"share/LRN-{journey.TEMPLATE}"],
    )
    chunk = state.cells[journey.TEMPLATE]["events/00000"]
    small = journey.encode_cell(type(chunk)(chunk.slots[:1]))
    return [("", head), ("share/LRN-1", shared), ("events/00000", small), ("events/00001", small)]


def record(number: int, template: list[tuple[str, bytes]], turn: int) -> lab.Record:
    """Return one changelog record; ``turn`` makes the value of an update another one."""
    part, value = template[number % len(template)]
    serial = number // len(template)
    unit = numbers.container(serial // 1_000_000, serial)
    value = value.replace(journey.TEMPLATE.encode(), unit.encode())
    if turn:
        value = value[:-1] + b" " + value[-1:]
    return changelog_key(unit, part), pack(value)


def log(topic: str, keys: int, updates: int) -> Iterator[tuple[str, int, lab.Record]]:
    """Yield the first value of each key, then updates, a position with every two hundred."""
    template, draw = cells(), random.Random(1)
    for number in range(keys):
        yield topic, 0, record(number, template, 0)
    for number in range(updates):
        yield topic, 0, record(draw.randrange(keys), template, 1)
        if number % 200 == 0:
            yield topic, 0, (POSITION_RECORD, encode_position(number))


def resident() -> float:
    """Return this process's resident memory, MB."""
    return float(psutil.Process(os.getpid()).memory_info().rss) / 1e6


async def _restore(bootstrap: str, topics: Topics, store: PartitionStore) -> tuple[float, int]:
    committer = KafkaCommitter(
        bootstrap,
        topics.prefix,
        TopicPartition(topics["journeys"].name, 0),
        TopicPartition(topics["changelog-journeys"].name, 0),
    )
    read = 0

    def progressed(restored: int, _remaining: int) -> None:
        nonlocal read
        read = restored

    began = time.monotonic()
    await committer.fence()
    await committer.restore(store, progressed)
    took = time.monotonic() - began
    await committer.close()
    return took, read


def child(bootstrap: str, prefix: str) -> None:
    """Restore at once, and again each time a line comes in."""
    topics, store = Topics(prefix), PartitionStore(JourneysStage.cell_type)
    lab.say(f"   a fresh process: {resident():,.0f} MB resident")
    for line in chain(["first"], sys.stdin):
        cpu = time.process_time()
        took, read = asyncio.run(_restore(bootstrap, topics, store))
        lab.say(
            f"   {read:,} records read in {took:.2f} s ({time.process_time() - cpu:.1f} s CPU):"
            f" {store.cell_count:,} cells, {store.size_bytes / 1e6:,.0f} MB of keys and values,"
            f" {resident():,.0f} MB resident"
        )
        if line == "first":
            lab.goal(f"restore under {GOAL_S:g} s", met=took < GOAL_S)
        else:
            lab.goal(f"after a short outage under {GOAL_OUTAGE_S:g} s", met=took < GOAL_OUTAGE_S)
        lab.say("done")


def follow(process: subprocess.Popen[str]) -> None:
    """Print what the child says until it is done with a restore."""
    if process.stdout is None:
        raise AssertionError
    for line in process.stdout:
        if line.strip() == "done":
            return
        lab.say(line.rstrip())
    raise RuntimeError("the restoring process ended")


def measure(lab_: lab.Lab, keys: int, updates: int) -> None:
    """Write the changelog and have it restored."""
    topics = lab_.topics("restore")
    changelog = topics["changelog-journeys"].name
    began = time.monotonic()
    written = lab.write(lab_.bootstrap, log(changelog, keys, updates))
    took = time.monotonic() - began
    lab.say(f"   {keys:,} keys, then {updates:,} updates: {written:,} records in {took:.0f} s")
    command = [sys.executable, "-m", "bench.restore", "--child", lab_.bootstrap, topics.prefix]
    restoring = subprocess.Popen(
        command, cwd=lab.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    overdue = Timer(RESTORE_TIMEOUT_S, restoring.kill)
    overdue.start()
    try:
        follow(restoring)
        template, draw = cells(), random.Random(2)
        more = (
            (changelog, 0, record(draw.randrange(keys), template, 2)) for _ in range(OUTAGE_RECORDS)
        )
        lab.write(lab_.bootstrap, more)
        if restoring.stdin is None:
            raise AssertionError
        restoring.stdin.write("again\n")
        restoring.stdin.flush()
        follow(restoring)
    finally:
        overdue.cancel()
        restoring.kill()
        restoring.wait(30)


def main() -> None:
    """Write and restore, or (as the child) only restore."""
    parser = lab.arguments(__doc__)
    parser.add_argument("--keys", type=int, help="[default: 1,000,000; quick 100,000]")
    parser.add_argument("--updates", type=int, help="[default: an hour at 500/s; quick a tenth]")
    parser.add_argument("--child", nargs=2, metavar=("BOOTSTRAP", "PREFIX"), help="internal")
    options = parser.parse_args()
    if options.child:
        child(*options.child)
        return
    keys = options.keys or (100_000 if options.quick else 1_000_000)
    updates = options.updates
    if updates is None:
        updates = UPDATES_PER_S * (360 if options.quick else 3600)
    lab.title("restore: a changelog after an hour of updates")
    with lab.lab() as lab_:
        measure(lab_, keys, updates)


if __name__ == "__main__":
    main()

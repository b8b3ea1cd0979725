"""Reading a stage's cells from outside: committed records of its changelog, without being a member of any group."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from kafka import TopicPartition

from sstl.agents.prepare import partition_of
from sstl.agents.reading import IDLE_S, connected
from sstl.agents.store import PartitionStore
from sstl.agents.topics import STAGE_SOURCE, Topics
from sstl.core.publishers import HEARD_KEY
from sstl.core.stage import PASSED
from sstl.errors import ExitCode, UserError

_RESERVED = frozenset({PASSED, HEARD_KEY})
"""What every reader needs beside its subject: how far the stage has come, when publishers were heard of."""


class ChangelogReader:
    """A reader of changelogs.

    Args:
        bootstrap: Kafka servers.
        topics: The declared topics.

    Raises:
        UserError: Kafka cannot be reached.
    """

    def __init__(self, bootstrap: str, topics: Topics) -> None:
        self._topics = topics
        self._consumer = connected(bootstrap)

    def close(self) -> None:
        """Close the connections."""
        self._consumer.close()

    def subjects(
        self, stage: str, cell_type: Any, keys: Iterable[str]
    ) -> Iterator[tuple[PartitionStore, list[str]]]:
        """Yield for each partition concerned the cells of some keys of a stage, and which keys those are.

        Costs the changelogs of these partitions.
        """
        count = self._topics.count(STAGE_SOURCE[stage])
        places: dict[int, list[str]] = {}
        for key in keys:
            places.setdefault(partition_of(key, count), []).append(key)
        for partition, own in sorted(places.items()):
            names = _RESERVED.union(own)
            yield self._read(stage, cell_type, [partition], _one_of(names)), own

    def parts(self, stage: str, cell_type: Any, part: str) -> PartitionStore:
        """Return the cells that have this name, of all keys of a stage. Costs the stage's whole changelog."""
        count = self._topics.count(STAGE_SOURCE[stage])
        return self._read(stage, cell_type, range(count), lambda _, name: name == part)

    def _read(
        self,
        stage: str,
        cell_type: Any,
        partitions: Collection[int],
        wanted: Callable[[str, str], bool],
    ) -> PartitionStore:
        topic = self._topics[f"changelog-{stage}"].name
        if not self._consumer.partitions_for_topic(topic):
            message = f"no topic {topic}; make it with `sstl topics apply`"
            raise UserError(message, ExitCode.INCOMPATIBLE)
        places = [TopicPartition(topic, partition) for partition in partitions]
        consumer, store = self._consumer, PartitionStore(cell_type)
        consumer.assign(places)
        consumer.seek_to_beginning(*places)
        ends = consumer.end_offsets(places)
        last = time.monotonic()
        while any(consumer.position(place) < ends[place] for place in places):
            polled = consumer.poll(timeout_ms=200, max_records=20_000)
            for records in polled.values():
                for record in records:
                    key, _, part = record.key.decode().partition("\x00")
                    if wanted(key, part):
                        store.load(record.key, record.value)
            now = time.monotonic()
            last = now if polled else last
            if now - last > IDLE_S:
                break
        return store


def _one_of(names: Collection[str]) -> Callable[[str, str], bool]:
    return lambda key, _: key in names

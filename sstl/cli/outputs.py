"""Reading the public topics, committed records only."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson
from kafka import TopicPartition

from sstl.agents.reading import IDLE_S, connected
from sstl.agents.topics import Topics
from sstl.cli.board import FLAG, INDICATOR
from sstl.errors import ExitCode, UserError

OBSERVATION = "observation"
TOPICS = {FLAG: "risk-flags", INDICATOR: "indicators", OBSERVATION: "observations"}
"""Kind of record to the logical name of its topic."""
SILENT_S = 30.0
"""With no way made for so long, Kafka is taken to be gone."""


@dataclass(frozen=True, slots=True)
class Read:
    """One record as it lies on its topic."""

    kind: str
    topic: str
    partition: int
    offset: int
    key: str
    record: dict[str, Any] | None
    """None: the key is deleted."""


class Outputs:
    """A reader of risk flags and indicators that is no member of any group.

    Args:
        bootstrap: Kafka servers.
        topics: The declared topics.
        kinds: Which kinds of record.
        from_beginning: Read what is there already, not only what is still to come.

    Raises:
        UserError: Kafka cannot be reached, or a topic is missing.
    """

    def __init__(
        self, bootstrap: str, topics: Topics, kinds: frozenset[str], *, from_beginning: bool
    ) -> None:
        self._kinds = {topics[TOPICS[kind]].name: kind for kind in kinds}
        self._consumer = connected(bootstrap)
        places = []
        for topic in sorted(self._kinds):
            partitions = self._consumer.partitions_for_topic(topic)
            if not partitions:
                self._consumer.close()
                message = f"no topic {topic} at {bootstrap}; make it with `sstl topics apply`"
                raise UserError(message, ExitCode.INCOMPATIBLE)
            places += [TopicPartition(topic, partition) for partition in sorted(partitions)]
        self._places = places
        self._consumer.assign(places)
        if from_beginning:
            self._consumer.seek_to_beginning(*places)
        else:
            self._consumer.seek_to_end(*places)
            for place in places:  # a seek is lazy; what comes from here on must be seen
                self._consumer.position(place)

    def __enter__(self) -> Self:
        """Return the reader."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        self._consumer.close()

    def poll(self, seconds: float) -> list[Read]:
        """Return what has come, waiting for so long at the most."""
        polled = self._consumer.poll(timeout_ms=int(seconds * 1000), max_records=2_000)
        return [self._read(message) for messages in polled.values() for message in messages]

    def to_end(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Read]:
        """Yield everything up to where the topics end now."""
        ends = self._consumer.end_offsets(self._places)
        last = time.monotonic()
        while not stopped():
            read = self.poll(0.2)
            for one in read:
                if one.offset < ends[TopicPartition(one.topic, one.partition)]:
                    yield one
            now = time.monotonic()
            last = now if read else last
            if now - last > IDLE_S or all(
                self._consumer.position(place) >= ends[place] for place in self._places
            ):
                return

    def whole(self) -> Iterator[Read]:
        """Yield everything up to where the topics end now: all of it, where a part would pass for the whole.

        Raises:
            UserError: Kafka fell silent before the end.
        """
        ends = self._consumer.end_offsets(self._places)
        began, reached = time.monotonic(), -1
        while any(self._consumer.position(place) < ends[place] for place in self._places):
            for one in self.poll(0.2):
                if one.offset < ends[TopicPartition(one.topic, one.partition)]:
                    yield one
            now = sum(self._consumer.position(place) for place in self._places)
            if now > reached:
                began, reached = time.monotonic(), now
            elif time.monotonic() - began > SILENT_S:
                message = (
                    f"Kafka fell silent for {SILENT_S:.0f} s before the topic was read to its end"
                )
                raise UserError(message, ExitCode.UNREACHABLE)

    def _read(self, message: Any) -> Read:
        record = None if message.value is None else orjson.loads(message.value)
        key = "" if message.key is None else message.key.decode()
        kind = self._kinds[message.topic]
        return Read(kind, message.topic, message.partition, message.offset, key, record)

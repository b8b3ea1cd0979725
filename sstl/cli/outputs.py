"""Reading the public topics, committed records only."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import orjson
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from sstl.agents.topics import Topics
from sstl.cli.board import FLAG, INDICATOR
from sstl.errors import ExitCode, UserError

TOPICS = {FLAG: "risk-flags", INDICATOR: "indicators"}
"""Kind of record to the logical name of its topic."""
BOOTSTRAP_MS = 10_000
IDLE_S = 3.0
"""With nothing read for so long, what is left up to an end are transaction markers."""


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
        try:
            self._consumer = KafkaConsumer(
                bootstrap_servers=bootstrap.split(","),
                isolation_level="read_committed",
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                bootstrap_timeout_ms=BOOTSTRAP_MS,
            )
        except (KafkaError, OSError) as error:
            message = f"cannot reach Kafka at {bootstrap}: {error}"
            raise UserError(message, ExitCode.UNREACHABLE) from error
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

    def _read(self, message: Any) -> Read:
        record = None if message.value is None else orjson.loads(message.value)
        key = "" if message.key is None else message.key.decode()
        kind = self._kinds[message.topic]
        return Read(kind, message.topic, message.partition, message.offset, key, record)

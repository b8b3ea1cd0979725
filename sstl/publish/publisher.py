"""A kafka-python producer that keeps every delivery error and returns only what the broker has acknowledged."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError

from sstl.errors import ExitCode, UserError
from sstl.publish.message import Message, Mode, encode, progress_event

LINGER_MS = 20
BATCH_BYTES = 256 * 1024
MAX_REQUEST_BYTES = 1_048_576
OVERHEAD_BYTES = 1024
"""What the client counts beside a message's own bytes, rounded up."""
METADATA_TIMEOUT_MS = 20_000
BOOTSTRAP_TIMEOUT_MS = 10_000
FLUSH_TIMEOUT_S = 120.0
SHOWN_FAILURES = 3


def fits(message: Message) -> bool:
    """Tell whether a message can be sent at all; what is larger than a request never reaches a broker."""
    return message.size <= MAX_REQUEST_BYTES - OVERHEAD_BYTES


class DeliveryError(UserError):
    """The broker refused messages, or did not answer for them in time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, ExitCode.UNREACHABLE)


class Publisher:
    """Sends messages with ``acks=all``; `flush` returns when all are acknowledged, or raises.

    Args:
        bootstrap: Kafka servers, ``host:port`` separated by commas.
        mode: How CloudEvents are laid into messages.
        options: Further options of kafka-python's producer (security).

    Raises:
        DeliveryError: No broker answers.
    """

    def __init__(
        self,
        bootstrap: str,
        *,
        mode: Mode = Mode.STRUCTURED,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._mode = mode
        self._servers = bootstrap.split(",")
        self._options = dict(options or {})
        self._failures: list[str] = []
        self._failed = 0
        self._ends: dict[tuple[str, int], int] = {}
        self._partitions: dict[str, list[int]] = {}
        self._waiting: list[Any] = []
        try:
            self._producer = KafkaProducer(
                bootstrap_servers=self._servers,
                acks="all",
                compression_type="gzip",  # a tenth of the bytes, whose checksum is made in Python
                enable_idempotence=True,
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                max_request_size=MAX_REQUEST_BYTES,
                max_block_ms=METADATA_TIMEOUT_MS,
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                **self._options,
            )
        except (KafkaError, OSError) as error:
            raise DeliveryError(f"cannot reach Kafka at {bootstrap}: {error}") from error

    def __enter__(self) -> Self:
        """Return the publisher."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let go of the connections; what is not flushed by then is not waited for."""
        self.close()

    def partitions(self, topic: str) -> list[int]:
        """Return the partitions of a topic.

        Raises:
            DeliveryError: No broker answers.
            UserError: There is no such topic.
        """
        known = self._partitions.get(topic)
        if known is None:
            # a producer would wait for the topic to appear, a consumer says at once that there is none
            with self._consumer() as consumer:
                known = sorted(consumer.partitions_for_topic(topic) or ())
            if not known:
                message = (
                    f"no topic {topic} at {self._servers[0]}; make it with `sstl topics apply`"
                )
                raise UserError(message, ExitCode.INCOMPATIBLE)
            self._partitions[topic] = known
        return known

    @contextmanager
    def _consumer(self) -> Iterator[KafkaConsumer]:
        try:
            consumer = KafkaConsumer(
                bootstrap_servers=self._servers,
                bootstrap_timeout_ms=BOOTSTRAP_TIMEOUT_MS,
                **self._options,
            )
        except (KafkaError, OSError) as error:
            raise DeliveryError(f"cannot reach Kafka at {self._servers[0]}: {error}") from error
        try:
            yield consumer
        finally:
            consumer.close()

    def end_offsets(self, topics: Sequence[str]) -> dict[str, int]:
        """Return ``<topic>/<partition>`` to the end offset as the broker has it now.

        Raises:
            DeliveryError: No broker answers.
            UserError: A topic does not exist.
        """
        places = [
            TopicPartition(topic, partition)
            for topic in topics
            for partition in self.partitions(topic)
        ]
        with self._consumer() as consumer:
            ends = consumer.end_offsets(places)
        return {f"{place.topic}/{place.partition}": end for place, end in ends.items()}

    def send(self, topic: str, event: dict[str, Any], *, partition: int | None = None) -> None:
        """Queue one CloudEvent (structured JSON)."""
        self.send_message(
            topic, encode(event, self._mode), str(event.get("id")), partition=partition
        )

    def send_message(
        self, topic: str, message: Message, name: str, *, partition: int | None = None
    ) -> None:
        """Queue one message as it is; ``name`` stands for it in a delivery error."""
        if topic not in self._partitions:
            self.partitions(topic)
        try:
            future = self._producer.send(
                topic,
                value=message.value,
                key=message.key,
                headers=message.headers,
                partition=partition,
            )
        except MessageSizeTooLargeError as error:
            self._note(topic, name, error)
        except KafkaError as error:
            raise DeliveryError(f"{topic}: {name} cannot be sent: {error}") from error
        else:
            self._waiting.append((topic, name, future))

    def send_all(self, events: Iterable[tuple[str, dict[str, Any]]]) -> int:
        """Queue (topic, event) pairs, wait for all acknowledgements, and return how many there were.

        Raises:
            DeliveryError: See `flush`.
        """
        count = 0
        for topic, event in events:
            self.send(topic, event)
            count += 1
        self.flush()
        return count

    def send_progress(self, topics: Sequence[str], source: str, reached: str) -> int:
        """Tell every partition of the topics how far the backfill has come, and return how many."""
        count = 0
        for topic in topics:
            for partition in self.partitions(topic):
                self.send(
                    topic, progress_event(source, topic, partition, reached), partition=partition
                )
                count += 1
        return count

    def flush(self) -> None:
        """Wait until the broker has acknowledged everything that was queued.

        Raises:
            DeliveryError: Messages were refused or not acknowledged in time; says how many, and the first ones.
        """
        waiting, self._waiting = self._waiting, []
        asked = len(waiting) + self._failed
        try:
            self._producer.flush(timeout=FLUSH_TIMEOUT_S)
        except KafkaError as error:
            raise DeliveryError(
                f"{len(waiting)} messages were not acknowledged: {error}"
            ) from error
        for topic, name, future in waiting:
            # Kafka answers per batch: a future that is not done here was split and is still on its way
            try:
                record = future.get(timeout=FLUSH_TIMEOUT_S)
            except KafkaError as error:
                self._note(topic, name, error)
                continue
            place = (topic, record.partition)
            self._ends[place] = max(self._ends.get(place, 0), record.offset + 1)
        if self._failed:
            failed, named = self._failed, "; ".join(self._failures)
            self._failed, self._failures = 0, []
            raise DeliveryError(f"{failed} of {asked} messages refused: {named}")

    @property
    def ends(self) -> dict[str, int]:
        """``<topic>/<partition>`` to the offset after the last message of ours that was acknowledged."""
        return {
            f"{topic}/{partition}": end for (topic, partition), end in sorted(self._ends.items())
        }

    def close(self) -> None:
        """Let go of the connections."""
        self._producer.close(timeout=5)

    def _note(self, topic: str, name: str, error: KafkaError) -> None:
        self._failed += 1
        if len(self._failures) < SHOWN_FAILURES:
            self._failures.append(f"{name} on {topic}: {error}")

"""Publishing indicators that are made outside the worker: `sstl compare --publish`."""

from collections.abc import Iterable

from kafka import KafkaProducer
from kafka.errors import KafkaError

from sstl.agents.prepare import encode_value, partition_of
from sstl.agents.topics import TopicSpec
from sstl.core.outbound import cloud_event_headers
from sstl.errors import ExitCode, UserError
from sstl.models.indicator import Indicator

_TIMEOUT_S = 60.0


def send_indicators(
    bootstrap: str, topic: TopicSpec, records: Iterable[Indicator], source: str
) -> None:
    """Append indicators, each to the partition of its key, and wait until all are acknowledged.

    Args:
        bootstrap: Kafka servers, separated by commas.
        topic: The topic of indicators.
        records: With keys that nobody else writes.
        source: CloudEvents source.

    Raises:
        UserError: Kafka cannot be reached, or did not take one of them.
    """
    try:
        producer = KafkaProducer(
            bootstrap_servers=bootstrap.split(","), acks="all", enable_idempotence=True
        )
        try:
            waiting = [
                producer.send(
                    topic.name,
                    key=one.key.encode(),
                    value=encode_value(one),
                    headers=list(
                        cloud_event_headers(
                            identity=f"{one.key}/{one.revision}",
                            source=source,
                            kind="org.sstl.indicator.v1",
                        )
                    ),
                    partition=partition_of(one.key, topic.partitions),
                )
                for one in records
            ]
            for sent in waiting:
                sent.get(timeout=_TIMEOUT_S)
        finally:
            producer.close()
    except (KafkaError, OSError) as error:
        raise UserError(
            f"not all indicators were published to {topic.name} at {bootstrap}: {error}",
            ExitCode.UNREACHABLE,
        ) from error

"""Publishing a version of the policy, and reading those that are published."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from sstl.agents.policy_log import (
    Announced,
    PolicyLog,
    encode_policy,
    policy_key,
)
from sstl.agents.topics import TopicSpec
from sstl.errors import ExitCode, UserError
from sstl.models.common import to_wire
from sstl.models.policy import Policy
from sstl.models.rejection import Problem

READ_S = 30.0


@dataclass(frozen=True, slots=True)
class Told:
    """A record of the policy topic and what became of it."""

    offset: int
    appended_ms: int
    policy: Policy | None
    """None: not accepted."""
    problems: tuple[Problem, ...]


def read_versions(bootstrap: str, topic: TopicSpec, first: Policy) -> tuple[PolicyLog, list[Told]]:
    """Return the chain of versions as every worker has it, and what each record was taken for.

    Args:
        bootstrap: ``host:port`` of the broker.
        topic: The policy topic.
        first: Governs before the first version of the topic.

    Raises:
        UserError: The topic is not there or cannot be read to its end.
    """
    versions, told = PolicyLog(first), []
    for record in _records(bootstrap, topic):
        problems = versions.take(record)
        policy = None if problems else versions.latest
        told.append(Told(record.offset, record.appended_ms, policy, tuple(problems)))
    return versions, told


def publish(
    bootstrap: str, topic: TopicSpec, policy: Policy, first: Policy, now_ms: Callable[[], int]
) -> Told:
    """Append a version, after looking whether the workers will accept it.

    Args:
        bootstrap: ``host:port`` of the broker.
        topic: The policy topic.
        policy: The version, with the instant from which it governs.
        first: Governs before the first version of the topic.
        now_ms: Wall clock, ms since the Unix epoch.

    Raises:
        UserError: It would be refused, or was because appending it took too long.
    """
    versions, _ = read_versions(bootstrap, topic, first)
    known = versions.latest
    value = encode_policy(policy)
    if len(value) > topic.max_bytes - 1024:
        raise UserError(f"the policy has {len(value)} bytes, {topic.name} takes {topic.max_bytes}")
    _demand(versions.take(Announced(offset=-1, appended_ms=now_ms(), value=value)), "not published")
    demand_own_name(policy, known)
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks="all", max_request_size=topic.max_bytes
    )
    try:
        sent = producer.send(topic.name, key=policy_key(policy), value=value, partition=0)
        written = sent.get(timeout=30)
    finally:
        producer.close()
    # the broker's clock is the one that counts, and somebody else may have published in between
    _, told = read_versions(bootstrap, topic, first)
    own = next(one for one in told if one.offset == written.offset)
    _demand(list(own.problems), f"appended at offset {own.offset}, but every worker refuses it")
    return own


def demand_own_name(policy: Policy, latest: Policy) -> None:
    """Refuse a version that goes by the name of another one.

    Workers would take it: flags tell versions apart by their hash. People and metrics tell them by name.

    Raises:
        UserError: The name is taken.
    """
    taken = next((one for _, one in latest.versions() if one.version == policy.version), None)
    if taken is not None:
        raise UserError(
            f"not published: version {policy.version} is the name of another one "
            f"(hash {taken.hash[:12]}); give this one its own, in the file or with --version"
        )


def _demand(problems: list[Problem], what: str) -> None:
    if problems:
        one = problems[0]
        name = one.pointer.strip("/").replace("/", ".") or "the version"
        raise UserError(f"{what}: {name}: expected {one.expected}, got {one.got}")


def since_text(policy: Policy) -> str:
    """Return from when a version governs."""
    return "always" if policy.valid_from is None else to_wire(policy.valid_from)


def _records(bootstrap: str, topic: TopicSpec) -> Iterator[Announced]:
    tp = TopicPartition(topic.name, 0)
    with _consumer(bootstrap) as consumer:
        if topic.name not in consumer.topics():
            raise UserError(
                f"there is no topic {topic.name}; run `sstl topics apply`", ExitCode.INCOMPATIBLE
            )
        consumer.assign([tp])
        end = consumer.end_offsets([tp])[tp]
        consumer.seek_to_beginning(tp)
        deadline = time.monotonic() + READ_S
        while consumer.position(tp) < end:
            if time.monotonic() > deadline:
                raise UserError(f"{topic.name} could not be read to its end", ExitCode.UNREACHABLE)
            for found in consumer.poll(500).values():
                for record in found:
                    yield Announced(
                        offset=record.offset,
                        appended_ms=record.timestamp,
                        value=record.value,
                        key=record.key,
                        headers=tuple(record.headers),
                    )


@contextmanager
def _consumer(bootstrap: str) -> Iterator[KafkaConsumer]:
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    try:
        yield consumer
    finally:
        consumer.close()

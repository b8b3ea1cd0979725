"""Topics on the broker against their declaration: what is missing, what differs, and making it so."""

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from sstl.agents.store import POSITION_RECORD, encode_position
from sstl.agents.topics import Topics, TopicSpec
from sstl.errors import ExitCode, UserError

MISSING, DIFFERENT_COUNT, DIFFERENT_CONFIG, NO_POSITION, OK = (
    "missing",
    "partition count differs",
    "configuration differs",
    "no first position",
    "as declared",
)


SHOWN = 3
"""How many topics a message names before it only says how many more there are."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one topic is, against what it is declared to be."""

    topic: str
    state: str
    detail: str = ""


class TopicAdmin:
    """Compares and makes topics.

    Args:
        bootstrap: ``host:port`` of the broker.
        topics: The declaration.
        replication: Replication factor of topics that are made.
    """

    def __init__(self, bootstrap: str, topics: Topics, *, replication: int = 1) -> None:
        self._bootstrap, self._topics, self._replication = bootstrap, topics, replication
        try:
            self._admin = KafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=15_000)
        except (KafkaError, OSError) as error:
            raise UserError(
                f"cannot reach Kafka at {bootstrap} ({type(error).__name__}); is it running, "
                "and is SSTL_BOOTSTRAP right?",
                ExitCode.UNREACHABLE,
            ) from error

    def close(self) -> None:
        """Close the connection."""
        self._admin.close()

    def plan(self) -> list[Finding]:
        """Return what each declared topic is on the broker."""
        found = self._partition_counts()
        configs = self._configs([s for s in self._topics.all.values() if s.name in found])
        positions = self._changelogs_without_position(found)
        return [
            _judge(spec, found.get(spec.name), configs.get(spec.name, {}), positions)
            for spec in self._topics.all.values()
        ]

    def apply(self, *, from_ms: int | None = None) -> list[Finding]:
        """Make what is missing, write first positions, and return what was done.

        Args:
            from_ms: Where new stages begin to read, as append time in ms; None: at the earliest record.

        Raises:
            UserError: A topic has another partition count than declared; nothing is changed then.
        """
        plan = self.plan()
        wrong = [f for f in plan if f.state == DIFFERENT_COUNT]
        if wrong:
            listed = "; ".join(f"{f.topic}: {f.detail}" for f in wrong)
            raise UserError(
                f"partition counts differ, nothing was changed: {listed}. State is kept by partition: "
                "declare the count that is there, or begin under another prefix",
                ExitCode.INCOMPATIBLE,
            )
        specs = self._topics.by_name
        done = []
        self._create([specs[finding.topic] for finding in plan if finding.state == MISSING])
        for finding in plan:
            if finding.state == MISSING:
                done.append(Finding(finding.topic, "made", finding.detail))
            elif finding.state == DIFFERENT_CONFIG:
                self._configure(specs[finding.topic])
                done.append(Finding(finding.topic, "configured", finding.detail))
        return done + self._write_positions(from_ms)

    def skip(self, topic: str, partition: int) -> int:
        """Set the position of a source partition to its log's first offset, accepting a gap.

        Returns:
            The new position.

        Raises:
            UserError: There is no stage that reads this topic, or no such partition.
        """
        for stage, logical in self._topics.stages():
            if self._topics[logical].name == topic:
                self._demand_partition(topic, partition)
                begin = self._beginnings([TopicPartition(topic, partition)])
                position = begin[TopicPartition(topic, partition)]
                self._write({(stage, partition): position})
                return position
        raise UserError(
            f"no stage reads {topic}; `sstl topics plan` lists the topics", ExitCode.USAGE
        )

    def _demand_partition(self, topic: str, partition: int) -> None:
        # a consumer would wait for the partition to appear, and then say that Kafka cannot be reached
        count = self._partition_counts().get(topic)
        if count is None:
            raise UserError(
                f"there is no topic {topic}; run `sstl topics apply`", ExitCode.INCOMPATIBLE
            )
        if partition >= count:
            raise UserError(f"{topic} has {count} partitions, 0 to {count - 1}", ExitCode.USAGE)

    def _partition_counts(self) -> dict[str, int]:
        names = set(self._admin.list_topics()) & set(self._topics.by_name)
        if not names:
            return {}
        described = self._admin.describe_topics(sorted(names))
        return {
            entry.get("name", entry.get("topic")): len(entry["partitions"]) for entry in described
        }

    def _configs(self, specs: Sequence[TopicSpec]) -> dict[str, dict[str, str]]:
        if not specs:
            return {}
        wanted = [ConfigResource(ConfigResourceType.TOPIC, spec.name) for spec in specs]
        described = self._admin.describe_configs(wanted, config_filter="all")
        return {
            topic: {name: entry["value"] for name, entry in entries.items()}
            for topic, entries in described.get("topic", {}).items()
        }

    def _create(self, specs: Sequence[TopicSpec]) -> None:
        new = [
            NewTopic(
                name=spec.name,
                num_partitions=spec.partitions,
                replication_factor=self._replication,
                topic_configs=dict(spec.config),
            )
            for spec in specs
        ]
        if new:
            # somebody else making one at the same moment is no fault: the plan is read again
            with contextlib.suppress(TopicAlreadyExistsError):
                self._admin.create_topics(new)
            self._await([spec.name for spec in specs])

    def _await(self, names: Sequence[str]) -> None:
        """Wait until every broker node knows the topics."""
        deadline = time.monotonic() + 15
        while set(names) - set(self._partition_counts()):
            if time.monotonic() > deadline:
                raise UserError("the broker made topics that it does not show", ExitCode.STOPPED)
            time.sleep(0.1)

    def _configure(self, spec: TopicSpec) -> None:
        resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, configs=dict(spec.config))
        self._admin.alter_configs([resource])

    def _changelogs_without_position(self, found: dict[str, int]) -> set[tuple[str, int]]:
        """Return (stage, partition) of every existing changelog partition that was never written."""
        pairs = {
            TopicPartition(self._topics[f"changelog-{stage}"].name, partition): (stage, partition)
            for stage, source in self._topics.stages()
            for partition in range(self._topics.count(source))
        }
        known = {tp: pair for tp, pair in pairs.items() if tp.partition < found.get(tp.topic, 0)}
        if not known:
            return set()
        consumer = self._consumer()
        try:
            ends = consumer.end_offsets(list(known))
        finally:
            consumer.close()
        return {pair for tp, pair in known.items() if ends[tp] == 0}

    def _write_positions(self, from_ms: int | None) -> list[Finding]:
        missing = self._changelogs_without_position(self._partition_counts())
        if not missing:
            return []
        source_of = dict(self._topics.stages())
        sources = {
            TopicPartition(self._topics[source_of[stage]].name, partition): stage
            for stage, partition in missing
        }
        starts = self._beginnings(list(sources))
        if from_ms is not None:
            starts |= self._from_time(list(sources), from_ms)
        self._write({(stage, tp.partition): starts[tp] for tp, stage in sources.items()})
        return [
            Finding(f"{tp.topic}/{tp.partition}", "first position", str(starts[tp]))
            for tp in sorted(sources)
        ]

    def _write(self, positions: Mapping[tuple[str, int], int]) -> None:
        producer = KafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        try:
            sent = [
                producer.send(
                    self._topics[f"changelog-{stage}"].name,
                    key=POSITION_RECORD,
                    value=encode_position(position),
                    partition=partition,
                )
                for (stage, partition), position in positions.items()
            ]
            for future in sent:
                future.get(timeout=15)
        finally:
            producer.close()

    def _beginnings(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        consumer = self._consumer()
        try:
            return dict(consumer.beginning_offsets(tps))
        finally:
            consumer.close()

    def _from_time(self, tps: list[TopicPartition], from_ms: int) -> dict[TopicPartition, int]:
        consumer = self._consumer()
        try:
            found = consumer.offsets_for_times(dict.fromkeys(tps, from_ms))
            ends = consumer.end_offsets(tps)
        finally:
            consumer.close()
        return {tp: ends[tp] if at is None else at.offset for tp, at in found.items()}

    def _consumer(self) -> KafkaConsumer:
        return KafkaConsumer(bootstrap_servers=self._bootstrap, isolation_level="read_committed")


def _judge(
    spec: TopicSpec, count: int | None, config: dict[str, str], positions: set[tuple[str, int]]
) -> Finding:
    if count is None:
        return Finding(spec.name, MISSING, f"{spec.partitions} partitions")
    if count != spec.partitions:
        return Finding(spec.name, DIFFERENT_COUNT, f"{count} there, {spec.partitions} declared")
    differs = [
        f"{name}={config.get(name)} (declared {value})"
        for name, value in spec.config.items()
        if config.get(name) != value
    ]
    if differs:
        return Finding(spec.name, DIFFERENT_CONFIG, ", ".join(differs))
    without = [p for stage, p in sorted(positions) if spec.logical == f"changelog-{stage}"]
    if without:
        return Finding(spec.name, NO_POSITION, f"partitions {without}")
    return Finding(spec.name, OK, f"{spec.partitions} partitions")


def check_topics(bootstrap: str, topics: Topics) -> None:
    """Check that every topic is there with its declared partition count and a first position.

    Raises:
        UserError: One is not; says what to do.
    """
    admin = TopicAdmin(bootstrap, topics)
    try:
        wrong = [f for f in admin.plan() if f.state in (MISSING, DIFFERENT_COUNT, NO_POSITION)]
    finally:
        admin.close()
    if wrong:
        listed = "; ".join(f"{f.topic}: {f.state}" for f in wrong[:SHOWN])
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise UserError(
            f"topics are not as declared ({listed}{more}); {_remedy(wrong)}", ExitCode.INCOMPATIBLE
        )


def _remedy(wrong: Sequence[Finding]) -> str:
    """Return what to do about topics that are not as declared; counts cannot be changed under a prefix."""
    if all(finding.state != DIFFERENT_COUNT for finding in wrong):
        return "run `sstl topics apply`"
    return (
        "`sstl topics plan` shows the counts that are there: declare them in SSTL_PARTITIONS, "
        "or begin under another SSTL_PREFIX"
    )

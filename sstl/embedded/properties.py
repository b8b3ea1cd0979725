"""The broker's settings: what our delivery needs, and one node on a small machine."""

from datetime import timedelta
from pathlib import Path

HOST = "127.0.0.1"
INT_MAX = 2**31 - 1
"""``transactional.id.expiration.ms`` is a 32-bit number: 24.8 days, not the 60 one would like to give it."""


def _ms(duration: timedelta) -> int:
    return duration // timedelta(milliseconds=1)


def broker_properties(logs: Path, port: int, controller_port: int) -> dict[str, str]:
    """Return the settings of one broker that is its own controller.

    Args:
        logs: Kafka's ``log.dirs``.
        port: For clients.
        controller_port: For the broker's own controller.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": str(logs),
        # Every topic is declared (sstl topics); one that appears by itself has the wrong number of partitions.
        "auto.create.topics.enable": "false",
        # One node: nothing can be replicated.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        # A dead producer's open transaction blocks every read-committed reader until it is swept: within a second.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": str(
            _ms(timedelta(seconds=1))
        ),
        # Partitions that rest for months keep their offsets, and their transactional ids for as long
        # as Kafka can say.
        "offsets.retention.minutes": str(timedelta(days=365) // timedelta(minutes=1)),
        "transactional.id.expiration.ms": str(INT_MAX),
        "group.initial.rebalance.delay.ms": "0",
        "group.min.session.timeout.ms": str(_ms(timedelta(seconds=1))),
        # Broker-wide 1 MB stays; a topic that declares max.message.bytes may carry more, and requests let it through.
        "socket.request.max.bytes": str(64 << 20),
        # After a kill the controller waits until the session of the broker that died is over: 4 s, not 9.
        "broker.session.timeout.ms": str(_ms(timedelta(seconds=4))),
        "broker.heartbeat.interval.ms": str(_ms(timedelta(milliseconds=500))),
        # A small machine: few threads, and a cleaner buffer that leaves the heap of 512 MB to the rest.
        "num.network.threads": "2",
        "num.io.threads": "4",
        "num.recovery.threads.per.data.dir": "2",
        "log.cleaner.threads": "1",
        "log.cleaner.dedupe.buffer.size": str(32 << 20),
    }

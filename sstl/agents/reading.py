"""Reading topics from outside: committed records only, without being a member of any group."""

from kafka import KafkaConsumer
from kafka.errors import KafkaError

from sstl.errors import ExitCode, UserError

_BOOTSTRAP_MS = 10_000
IDLE_S = 3.0
"""With nothing read for so long, what is left up to an end are transaction markers."""


def connected(bootstrap: str) -> KafkaConsumer:
    """Return a consumer to which partitions are still to be assigned.

    Args:
        bootstrap: Kafka servers, separated by commas.

    Raises:
        UserError: Kafka cannot be reached.
    """
    try:
        return KafkaConsumer(
            bootstrap_servers=bootstrap.split(","),
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            bootstrap_timeout_ms=_BOOTSTRAP_MS,
        )
    except (KafkaError, OSError) as error:
        message = f"cannot reach Kafka at {bootstrap}: {error}"
        raise UserError(message, ExitCode.UNREACHABLE) from error

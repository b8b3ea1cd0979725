"""Batches of one partition that wait for their transaction."""

from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from sstl.agents.transport import Batch

ENOUGH_RECORDS = 8_000


class Limits(Protocol):
    """The settings that bound a transaction."""

    @property
    def batch_records(self) -> int:
        """Most input records."""
        ...

    @property
    def batch_bytes(self) -> int:
        """Most input bytes."""
        ...


class Waiting:
    """A queue of batches, in the order of their offsets.

    Args:
        limits: Bounds of a transaction.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queue: deque[Batch] = deque()
        self.records = 0

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def enough(self) -> bool:
        """True when so much waits that the partition need not be read for a while."""
        return self.records >= ENOUGH_RECORDS

    def clear(self) -> None:
        """Drop everything; it will be read again."""
        self._queue.clear()
        self.records = 0

    def add(self, batch: Batch) -> None:
        """Queue a batch."""
        self._queue.append(batch)
        self.records += len(batch.records)

    def put_back(self, batch: Batch) -> None:
        """Queue a batch before all others: what did not fit the transaction."""
        self._queue.appendleft(batch)
        self.records += len(batch.records)

    def take(self) -> list[Batch]:
        """Return all that waits, as far as it fits one transaction; at least one batch if there is one."""
        taken: list[Batch] = []
        count = size = 0
        while self._queue:
            batch = self._queue[0]
            weight = _bytes(batch.records)
            too_much = (
                count + len(batch.records) > self._limits.batch_records
                or size + weight > self._limits.batch_bytes
            )
            if taken and too_much:
                break
            taken.append(self._queue.popleft())
            count, size = count + len(batch.records), size + weight
        self.records -= count
        return taken


def _bytes(records: Sequence[Any]) -> int:
    return sum(len(record.value or b"") for record in records)

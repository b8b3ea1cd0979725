"""Batches of one partition that wait for their transaction."""

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from sstl.agents.transport import Batch
from sstl.core.stage import HEARTBEAT

ENOUGH_RECORDS = 16_000
FIRST_RECORDS, FIRST_SECONDS = 100.0, 0.005
"""What folding is taken to cost before the first fold."""
_HEARTBEAT = HEARTBEAT.encode()
REMEMBERED = 0.7
"""How much of what was learnt about the cost is kept from one transaction to the next."""


class Limits(Protocol):
    """The settings that bound a transaction."""

    @property
    def batch_records(self) -> int:
        """Most input records."""
        ...

    @property
    def watermark_rest(self) -> timedelta:
        """How long heartbeats wait for each other where nothing else waits."""
        ...

    @property
    def batch_bytes(self) -> int:
        """Most input bytes."""
        ...

    @property
    def batch_fold(self) -> timedelta:
        """About how long the fold of one transaction may keep the process to itself."""
        ...


class Waiting:
    """A queue of batches, in the order of their offsets.

    Args:
        limits: Bounds of a transaction.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queue: deque[Batch] = deque()
        self._folded_records, self._folded_s = FIRST_RECORDS, FIRST_SECONDS
        self.records = 0

    def __bool__(self) -> bool:
        return bool(self._queue)

    @property
    def enough(self) -> bool:
        """True when so much waits that the partition need not be read for a while."""
        return self.records >= ENOUGH_RECORDS

    @property
    def only_heartbeats(self) -> bool:
        """True when something waits, and nothing but heartbeats."""
        return bool(self._queue) and all(
            record.key == _HEARTBEAT for batch in self._queue for record in batch.records
        )

    def clear(self) -> None:
        """Drop everything; it will be read again."""
        self._queue.clear()
        self.records = 0

    def add(self, batch: Batch) -> None:
        """Queue a batch."""
        self._queue.append(batch)
        self.records += len(batch.records)

    def folded(self, records: int, seconds: float) -> None:
        """Learn how long a fold took: the next transactions are cut to that."""
        # sums, not a mean of ratios: what a transaction of three records cost says little
        self._folded_records = REMEMBERED * self._folded_records + records
        self._folded_s = REMEMBERED * self._folded_s + seconds

    @property
    def most_records(self) -> int:
        """How many records the next transaction takes at the most, at least one."""
        fold_s = self._limits.batch_fold.total_seconds()
        fit = int(fold_s * self._folded_records / max(self._folded_s, 1e-6))
        return max(1, min(fit, self._limits.batch_records))

    def put_back(self, batch: Batch) -> None:
        """Queue a batch before all others: what did not fit the transaction."""
        self._queue.appendleft(batch)
        self.records += len(batch.records)

    def take(self) -> list[Batch]:
        """Return all that waits, as far as it fits one transaction; at least one record if there is one."""
        most = self.most_records
        taken: list[Batch] = []
        count = size = 0
        while self._queue and count < most:
            batch = _first(self._queue.popleft(), most - count, self._queue)
            weight = _bytes(batch.records)
            if taken and size + weight > self._limits.batch_bytes:
                self._queue.appendleft(batch)
                break
            taken.append(batch)
            count, size = count + len(batch.records), size + weight
        self.records -= count
        return taken


def _first(batch: Batch, most: int, rest: deque[Batch]) -> Batch:
    """Return at most so many records of a batch; what is left goes to the front of the queue."""
    records = batch.records
    if len(records) <= most:
        return batch
    cut = records[most].offset
    rest.appendleft(Batch(batch.tp, batch.session, cut, batch.end, records[most:]))
    return Batch(batch.tp, batch.session, batch.start, cut, records[:most])


def _bytes(records: Sequence[Any]) -> int:
    return sum(len(record.value or b"") for record in records)

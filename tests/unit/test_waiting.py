"""How much of what waits goes into one transaction."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from faust.types import TP

from sstl.agents.transport import Batch
from sstl.agents.waiting import Waiting


@dataclass(frozen=True)
class Record:
    offset: int
    value: bytes = b"x" * 100
    key: bytes = b"MSKU3054383"


@dataclass(frozen=True)
class Bounds:
    batch_records: int = 10_000
    batch_bytes: int = 1 << 20
    batch_fold: timedelta = timedelta(seconds=10)
    watermark_rest: timedelta = timedelta(0)


def waiting(records: int, bounds: Bounds, *, polls: int = 1) -> Waiting:
    """Return a queue with so many records of each of so many polls."""
    queue = Waiting(bounds)
    for poll in range(polls):
        offsets = range(poll * records, (poll + 1) * records)
        found = [Record(offset) for offset in offsets]
        queue.add(Batch(TP("t", 0), 1, offsets.start, offsets.stop, found))
    return queue


def taken(queue: Waiting) -> list[int]:
    return [record.offset for batch in queue.take() for record in batch.records]


def test_everything_that_fits_goes_into_one_transaction() -> None:
    queue = waiting(5, Bounds(), polls=3)
    assert taken(queue) == list(range(15))
    assert not queue
    assert queue.records == 0


@pytest.mark.parametrize(("most", "steps"), [(4, [4, 4, 2]), (5, [5, 5]), (10, [10]), (11, [10])])
def test_a_poll_is_cut_where_the_transaction_is_full(most: int, steps: list[int]) -> None:
    queue = waiting(5, Bounds(batch_records=most), polls=2)
    found = []
    while queue:
        found.append(taken(queue))
    assert [len(step) for step in found] == steps
    assert [offset for step in found for offset in step] == list(range(10))


def test_what_is_cut_covers_every_offset_once_even_with_gaps() -> None:
    queue = Waiting(Bounds(batch_records=2))
    queue.add(Batch(TP("t", 0), 1, 3, 20, [Record(5), Record(8), Record(9), Record(17)]))
    first, second = queue.take(), queue.take()
    assert [(batch.start, batch.end) for batch in first] == [(3, 9)]
    assert [(batch.start, batch.end) for batch in second] == [(9, 20)]


def test_many_bytes_make_a_transaction_full() -> None:
    queue = waiting(5, Bounds(batch_bytes=1_000), polls=3)
    assert len(taken(queue)) == 10
    assert len(taken(queue)) == 5


def test_a_slow_fold_makes_the_next_transactions_smaller() -> None:
    queue = waiting(1_000, Bounds(batch_fold=timedelta(milliseconds=100)), polls=20)
    for _ in range(30):
        queue.folded(100, 0.1)
    assert queue.most_records == pytest.approx(100, rel=0.01)
    assert len(taken(queue)) == queue.most_records


def test_one_stall_is_soon_forgotten() -> None:
    queue = waiting(1, Bounds(batch_fold=timedelta(milliseconds=100)))
    for _ in range(30):
        queue.folded(1_000, 0.01)
    usual = queue.most_records
    queue.folded(1, 2.0)
    assert queue.most_records < usual / 5
    for _ in range(30):
        queue.folded(1_000, 0.01)
    assert queue.most_records == pytest.approx(usual, rel=0.01)


def test_however_slow_a_fold_is_one_record_is_taken() -> None:
    queue = waiting(3, Bounds(batch_fold=timedelta(milliseconds=1)))
    for _ in range(30):
        queue.folded(1, 1.0)
    assert taken(queue) == [0]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        pytest.param([], False, id="nothing-waits"),
        pytest.param([b"~heartbeat"], True, id="one"),
        pytest.param([b"~heartbeat", b"~heartbeat"], True, id="several"),
        pytest.param([b"~heartbeat", b"MSKU3054383"], False, id="and-a-unit"),
    ],
)
def test_only_heartbeats_may_wait_for_each_other(keys: list[bytes], expected: bool) -> None:
    queue = Waiting(Bounds())
    for offset, key in enumerate(keys):
        record = Record(offset, key=key)
        queue.add(Batch(TP("t", 0), 1, offset, offset + 1, [record]))
    assert queue.only_heartbeats is expected

"""One publication from first to last event: batches, acknowledgements noted, progress told."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Protocol

from sstl.publish.resume import Acknowledged

BATCH_EVENTS = 5_000
NOTHING = Acknowledged()

Event = dict[str, Any]
Advance = Callable[[int], None]
"""Told how many more events are acknowledged."""


class Sender(Protocol):
    """What a publication needs of `Publisher`."""

    @property
    def ends(self) -> Mapping[str, int]:
        """End offsets by ``<topic>/<partition>``."""

    def send_all(self, events: Iterable[tuple[str, Event]]) -> int:
        """Send (topic, event) pairs and wait for all acknowledgements."""

    def send_progress(self, topics: Sequence[str], source: str, reached: str) -> int:
        """Queue progress events to every partition of the topics."""

    def flush(self) -> None:
        """Wait for all acknowledgements."""


@dataclass(frozen=True, slots=True)
class Backfill:
    """Who tells which topics how far the past has been published."""

    topics: Sequence[str]
    source: str


def publish(
    events: Iterable[Event],
    sender: Sender,
    topic_of: Callable[[Event], str],
    *,
    done: Acknowledged = NOTHING,
    save: Callable[[Acknowledged], None] = lambda _: None,
    advance: Advance = lambda _: None,
    backfill: Backfill | None = None,
    batch_events: int = BATCH_EVENTS,
) -> int:
    """Publish what is not acknowledged yet, and return how many events were sent.

    ``events`` must be the same sequence at each run. With ``backfill`` it must be in the order
    of ``recordedtime``: after each batch all partitions of its topics are told how far it has come. A run that was
    cut off between acknowledgement and note sends a batch again, which does no harm: the ids repeat.
    """
    remaining = iter(events)
    skipped = sum(1 for _ in islice(remaining, done.events))
    advance(skipped)
    total = done.events
    ends = dict(done.ends or {})
    sent = 0
    for batch in _batches(remaining, batch_events):
        sender.send_all((topic_of(event), event) for event in batch)
        if backfill is not None:
            reached = str(batch[-1]["recordedtime"])
            sender.send_progress(backfill.topics, backfill.source, reached)
            sender.flush()
        sent += len(batch)
        total += len(batch)
        ends |= sender.ends
        save(Acknowledged(total, ends))
        advance(len(batch))
    return sent


def _batches(events: Iterator[Event], size: int) -> Iterator[list[Event]]:
    while batch := list(islice(events, size)):
        yield batch

"""The synthetic corridor paced by a clock: faster than life as a backfill, or in step with the wall clock."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sstl.publish.session import Sender
from sstl.synthetic.corridor import EVENTS_PER_SHIPMENT, Corridor
from sstl.synthetic.log import SOURCE, Delivery, text

FAMILIES = ("manifest", "seallock", "inspection", "transport")
"""Families that the corridor publishes."""
REGISTERED = (*FAMILIES, "registry")
"""Families that it publishes where its controls can be judged."""
BATCH_S = 0.1
"""Pause between two looks at the clock."""
PROGRESS_S = 1.0
"""How often the partitions of a backfill are told how far it has come."""
MOST_AT_ONCE = 5_000

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


@dataclass(frozen=True, slots=True)
class Pace:
    """How the calendar of the corridor runs against the wall clock."""

    speed: float
    """Simulated seconds for one real second; 0: as fast as the broker takes it."""
    sim_start: datetime
    wall_start: datetime
    live: bool = False
    """True: instants are squeezed onto the wall clock, so that nothing lies in the past."""

    def sim_now(self, wall: datetime) -> datetime | None:
        """Return the instant that the simulated calendar has reached, None where it is not paced.

        A backfill never runs ahead of the wall clock: intake refuses what was recorded in the future.
        """
        if self.speed == 0:
            return None
        reached = self.sim_start + (wall - self.wall_start) * self.speed
        return reached if self.live else min(reached, wall)

    def stamp(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return the event with its instants as they are published."""
        if not self.live or self.speed == 0:
            return event
        stamped: dict[str, Any] = self._squeeze(event)
        return stamped

    def _squeeze(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._squeeze(member) for name, member in value.items()}
        if isinstance(value, list):
            return [self._squeeze(member) for member in value]
        if isinstance(value, str) and _INSTANT.fullmatch(value):
            since = datetime.fromisoformat(value) - self.sim_start
            return text(self.wall_start + since / self.speed)
        return value


def spacing(rate: float, speed: float) -> timedelta:
    """Return the distance of two filings that makes about ``rate`` events in a real second.

    Args:
        rate: Events a second, above 0.
        speed: Simulated seconds for one real second, above 0.
    """
    return timedelta(seconds=EVENTS_PER_SHIPMENT * speed / rate)


@dataclass(frozen=True, slots=True)
class Clock:
    """The shell's clock."""

    now: Callable[[], float]
    """Seconds since the Unix epoch."""
    wait: Callable[[float], bool]
    """Waits so many seconds; True when it is time to stop."""


def run(
    corridor: Corridor,
    pace: Pace,
    sender: Sender,
    topic_of: Callable[[dict[str, Any]], str],
    clock: Clock,
    *,
    after: datetime | None = None,
    progress_topics: Sequence[str] = (),
    advance: Callable[[int, datetime], None] = lambda _count, _reached: None,
) -> int:
    """Publish the corridor until it ends or the clock says stop, and return how many messages were sent.

    Args:
        corridor: What is published.
        pace: How its calendar runs.
        sender: Takes the messages and waits for acknowledgements.
        topic_of: Topic of an event.
        clock: Wall clock.
        after: Leave out what arrived up to this simulated instant.
        progress_topics: Topics declared as a backfill; their partitions are told the progress.
        advance: Told after each batch how many messages were acknowledged and the simulated instant reached.
    """
    sent, told_at = 0, 0.0
    for batch, reached, complete in _batches(corridor, pace, clock, after):
        sender.send_all((topic_of(event), event) for event in batch)
        sent += len(batch)
        if progress_topics and (complete or clock.now() - told_at >= PROGRESS_S):
            # what is still on its way was recorded no earlier than this
            safe = reached if complete else reached - corridor.latest
            sender.send_progress(progress_topics, f"{SOURCE}:progress", text(safe))
            sender.flush()
            told_at = clock.now()
        advance(len(batch), reached)
    return sent


def _batches(
    corridor: Corridor, pace: Pace, clock: Clock, after: datetime | None
) -> Iterator[tuple[list[dict[str, Any]], datetime, bool]]:
    stream: Iterator[Delivery] = corridor.deliveries(after)
    following = next(stream, None)
    while following is not None:
        now = pace.sim_now(datetime.fromtimestamp(clock.now(), UTC))
        batch: list[dict[str, Any]] = []
        reached = following.at if now is None else now
        while (
            following is not None
            and len(batch) < MOST_AT_ONCE
            and (now is None or following.at <= now)
        ):
            batch.append(pace.stamp(following.report.event))
            reached = following.at if now is None else reached
            following = next(stream, None)
        if following is not None and len(batch) == MOST_AT_ONCE:
            reached = min(reached, following.at)
        yield batch, reached, following is None
        if following is not None and len(batch) < MOST_AT_ONCE and clock.wait(BATCH_S):
            return
        if following is not None and clock.wait(0):
            return

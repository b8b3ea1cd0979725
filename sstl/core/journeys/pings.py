"""Positions of a unit: first and last ping of each bucket of time and path, never the pings themselves.

Pings that name their unit come directly and are merged here by minimum and maximum, so that order and repetition do
not matter; what [references] forwards is a summary already and replaces the one of its path.
"""

import msgspec

from sstl.core.journeys.view import Ping, Positions
from sstl.core.milestones import sequence_of
from sstl.core.stage import Work
from sstl.models.records import DIRECT, Event, PingBucket

POSITION = "seallock.position"


class Span(msgspec.Struct, frozen=True, array_like=True):
    """First and last ping of one path in a bucket."""

    path: str
    first: Ping
    last: Ping


class Bucket(msgspec.Struct, frozen=True, tag="pings.1"):
    """Cell: one bucket of time, all paths sorted."""

    spans: tuple[Span, ...]


def bucket_part(bucket_ms: int) -> str:
    """Return the name of a bucket's part."""
    return f"pings/{bucket_ms:015d}"


def add_ping(work: Work, unit: str, event: Event) -> int | None:
    """Merge a ping that names this unit; return its bucket's start, None where it tells no position.

    A ping cannot be corrected or retracted.
    """
    if event.version.retracted:
        work.count("ping_not_correctable")
        return None
    latitude, longitude = event.data.get("latitude"), event.data.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    bucket_ms = event.event_ms - event.event_ms % (work.policy.ping_bucket_s * 1000)
    ping = (event.event_ms, sequence_of(event), event.id, float(latitude), float(longitude))
    spans = _spans(work, unit, bucket_ms)
    known = spans.get(DIRECT)
    spans[DIRECT] = (
        Span(DIRECT, ping, ping)
        if known is None
        else Span(DIRECT, min(known.first, ping), max(known.last, ping))
    )
    _save(work, unit, bucket_ms, spans)
    return bucket_ms


def set_bucket(work: Work, unit: str, message: PingBucket) -> None:
    """Replace the summary of a path; one without pings ends it."""
    spans = _spans(work, unit, message.bucket_ms)
    if message.first is None or message.last is None:
        spans.pop(message.path, None)
    else:
        spans[message.path] = Span(message.path, message.first, message.last)
    _save(work, unit, message.bucket_ms, spans)


def merged(bucket_ms: int, cell: Bucket) -> Positions:
    """Return the first and last ping of a bucket over all paths."""
    if len(cell.spans) == 1:
        span = cell.spans[0]
        return Positions(bucket_ms, span.first, span.last)
    return Positions(
        bucket_ms,
        min(span.first for span in cell.spans),
        max(span.last for span in cell.spans),
    )


def _spans(work: Work, unit: str, bucket_ms: int) -> dict[str, Span]:
    cell: Bucket | None = work.get(unit, bucket_part(bucket_ms))
    return {} if cell is None else {span.path: span for span in cell.spans}


def _save(work: Work, unit: str, bucket_ms: int, spans: dict[str, Span]) -> None:
    ordered = tuple(spans[path] for path in sorted(spans))
    work.put(unit, bucket_part(bucket_ms), Bucket(ordered) if ordered else None)

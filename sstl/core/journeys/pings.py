"""Positions of a unit: first and last ping of each bucket of time and path, never the pings themselves.

Pings that name their unit come directly and are merged here by minimum and maximum, so that order and repetition do
not matter; what [references] forwards is a summary already and replaces the one of its path. Pings of one instant and
sequence are told apart by where they were: their ids are not kept.

One cell holds `BUCKETS` buckets, so that the positions of a month are two or three cells.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from sstl.core.milestones import sequence_of
from sstl.core.positions import Fix, Ping, Positions, Span
from sstl.core.routing import device_of
from sstl.core.stage import Work
from sstl.models.records import DIRECT, Event, PingBucket

POSITION = "seallock.position"
PINGS = "pings/"
"""Begins the names of the parts that hold positions."""
_BY = " "
"""Parts the way of a position that names its unit from the device that it names too."""
BUCKETS = 64
"""Buckets of one cell."""


class PingGroup(msgspec.Struct, frozen=True, tag="pings.2"):
    """Cell: the positions of `BUCKETS` buckets, from the instant on that its part names."""

    spans: tuple[Span, ...]
    """Ascending by bucket and path."""


class Kept(NamedTuple):
    """What is kept of a bucket now."""

    bucket_ms: int
    part: str
    cell: PingGroup | None
    positions: Positions | None
    """Over all paths; None: it has none any more."""


def add_ping(work: Work, unit: str, event: Event) -> Kept | None:
    """Merge a ping that names this unit; return what is kept now, None where it tells no position.

    A ping cannot be corrected or retracted.
    """
    if event.version.retracted:
        work.count("ping_not_correctable")
        return None
    latitude, longitude = event.data.get("latitude"), event.data.get("longitude")
    if not isinstance(latitude, int | float) or not isinstance(longitude, int | float):
        return None
    offset_ms = event.event_ms % (work.policy.ping_bucket_s * 1000)
    bucket_ms = event.event_ms - offset_ms
    # adding zero makes one zero of the two that a float has
    fix = (offset_ms, sequence_of(event), latitude + 0.0, longitude + 0.0)
    start_ms, part = _where(work, bucket_ms)
    cell: PingGroup | None = work.get(unit, part)
    device = device_of(event.data)
    path = DIRECT if device is None else f"{DIRECT}{_BY}{device}"
    index, known = _find(() if cell is None else cell.spans, bucket_ms - start_ms, path)
    first, last = (fix, fix) if known is None else (min(known.first, fix), max(known.last, fix))
    now = Span(bucket_ms - start_ms, path, first, last)
    cell = _with(work, unit, part, cell, (index, known, now))
    return Kept(bucket_ms, part, cell, _at(cell, bucket_ms, bucket_ms - start_ms, index))


def set_bucket(work: Work, unit: str, message: PingBucket) -> Kept:
    """Replace the summary of a path, one without pings ends it; return what is kept now."""
    bucket_ms = message.bucket_ms
    start_ms, part = _where(work, bucket_ms)
    offset_ms = bucket_ms - start_ms
    cell: PingGroup | None = work.get(unit, part)
    spans = () if cell is None else cell.spans
    first, last, now = message.first, message.last, None
    if first is not None and last is not None:
        one = (first[0] - bucket_ms, first[1], first[3] + 0.0, first[4] + 0.0)
        other = (last[0] - bucket_ms, last[1], last[3] + 0.0, last[4] + 0.0)
        now = Span(offset_ms, message.path, one, other)
        if not spans or spans[-1].offset_ms < offset_ms:
            # the usual one, later than all before it
            cell = PingGroup((*spans, now))
            work.put(unit, part, cell)
            return Kept(bucket_ms, part, cell, _merged(bucket_ms, (now,)))
    index, known = _find(spans, offset_ms, message.path)
    cell = _with(work, unit, part, cell, (index, known, now))
    return Kept(bucket_ms, part, cell, _at(cell, bucket_ms, offset_ms, index))


def read_bucket(work: Work, unit: str, bucket_ms: int) -> Positions | None:
    """Return the first and last ping of a bucket over all paths, None without any."""
    start_ms, part = _where(work, bucket_ms)
    cell: PingGroup | None = work.get(unit, part)
    offset_ms = bucket_ms - start_ms
    index, _ = _find(() if cell is None else cell.spans, offset_ms, "")
    return _at(cell, bucket_ms, offset_ms, index)


def read_positions(work: Work, unit: str) -> list[Positions]:
    """Return the first and last ping of each bucket, ascending."""
    found: list[Positions] = []
    for part in ping_parts(work, unit):
        cell: PingGroup | None = work.get(unit, part)
        start_ms = int(part[len(PINGS) :])
        by_bucket: dict[int, tuple[Span, ...]] = {}
        for span in () if cell is None else cell.spans:
            by_bucket[span.offset_ms] = (*by_bucket.get(span.offset_ms, ()), span)
        found += [_merged(start_ms + offset_ms, own) for offset_ms, own in by_bucket.items()]
    return found


def ping_parts(work: Work, unit: str) -> list[str]:
    """Return the names of the parts that hold positions of a unit, ascending by time."""
    return [part for part in work.parts(unit) if part.startswith(PINGS)]


def drop_buckets(work: Work, unit: str, buckets: Iterable[int]) -> None:
    """Delete buckets, whatever paths they have."""
    for bucket_ms in buckets:
        start_ms, part = _where(work, bucket_ms)
        cell: PingGroup | None = work.get(unit, part)
        if cell is not None:
            kept = tuple(one for one in cell.spans if one.offset_ms != bucket_ms - start_ms)
            work.put(unit, part, PingGroup(kept) if kept else None)


def _where(work: Work, bucket_ms: int) -> tuple[int, str]:
    """Return from when on the cell of a bucket tells, and the name of its part."""
    start_ms = bucket_ms - bucket_ms % (BUCKETS * work.policy.ping_bucket_s * 1000)
    return start_ms, f"{PINGS}{start_ms:015d}"


def _find(spans: tuple[Span, ...], offset_ms: int, path: str) -> tuple[int, Span | None]:
    """Return where the span of a bucket and path is or belongs, and the span."""
    if not spans or spans[-1].offset_ms < offset_ms:
        return len(spans), None
    index = bisect_left(spans, (offset_ms, path), key=_place_of)
    if index < len(spans) and _place_of(spans[index]) == (offset_ms, path):
        return index, spans[index]
    return index, None


def _place_of(span: Span) -> tuple[int, str]:
    return (span.offset_ms, span.path)


def _with(
    work: Work,
    unit: str,
    part: str,
    cell: PingGroup | None,
    change: tuple[int, Span | None, Span | None],
) -> PingGroup | None:
    """Return the cell with a span put in the place of another, either may be missing, and keep it."""
    index, known, now = change
    if now == known:
        return cell
    spans = () if cell is None else cell.spans
    after = index if known is None else index + 1
    kept = (
        (*spans[:index], *spans[after:]) if now is None else (*spans[:index], now, *spans[after:])
    )
    cell = PingGroup(kept) if kept else None
    work.put(unit, part, cell)
    return cell


def _at(cell: PingGroup | None, bucket_ms: int, offset_ms: int, index: int) -> Positions | None:
    """Return the first and last ping of a bucket of which a span is or would be at ``index``."""
    spans = () if cell is None else cell.spans
    end = len(spans)
    while index and spans[index - 1].offset_ms == offset_ms:
        index -= 1
    until = index
    while until < end and spans[until].offset_ms == offset_ms:
        until += 1
    return _merged(bucket_ms, spans[index:until]) if index < until else None


def of_device(positions: Iterable[Positions], device: str) -> list[Positions]:
    """Return what a device may have reported of some buckets: what names it, and what names none."""
    found = []
    for one in positions:
        own = [span for span in one.spans if _device(span.path) in (None, device)]
        if len(own) == len(one.spans):
            found.append(one)
        elif own:
            found.append(_merged(one.bucket_ms, own))
    return found


def _device(path: str) -> str | None:
    """Return the device that a path names, None where it names none."""
    reference = path.removeprefix(f"{DIRECT}{_BY}")
    return reference if reference.startswith("device:") else None


def _merged(bucket_ms: int, spans: Sequence[Span]) -> Positions:
    first, last = spans[0].first, spans[0].last
    for span in spans[1:]:
        first, last = min(first, span.first), max(last, span.last)
    return Positions(bucket_ms, _ping(bucket_ms, first), _ping(bucket_ms, last), spans)


def _ping(bucket_ms: int, fix: Fix) -> Ping:
    offset_ms, sequence, latitude, longitude = fix
    return (bucket_ms + offset_ms, sequence, latitude, longitude)

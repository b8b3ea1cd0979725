"""Counts of durations from which quantiles can be told, merged and taken back.

Buckets are integers, fixed for good and made with integer arithmetic alone: bucket ``x`` for
``|x| <= 100`` seconds, beyond that one bucket for a range so narrow that its value is within 1 % of
everything in it, mirrored for negative durations. A histogram is a vector of counts, so that any
order of adding and taking back and any way of merging gives the same one.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import Final

import msgspec

EXACT_UP_TO_S: Final = 100
"""Durations of at most this many seconds, either sign, have a bucket each."""
RELATIVE_ERROR: Final = Fraction(1, 100)
"""Beyond, what a quantile says is within this of the order statistic it stands for."""

_LONGEST_S = 2**64 // 1000
"""Longer than any millisecond count a message can carry (64 bit)."""


def _long_buckets() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the last second of every long bucket and the value that stands for it.

    The value lies as far above the first second, and the last second as far above the value, as the
    error bound lets it.
    """
    share = RELATIVE_ERROR.denominator
    lasts: list[int] = []
    values: list[int] = []
    first = EXACT_UP_TO_S + 1
    while first <= _LONGEST_S:
        value = first + first // share
        last = share * value // (share - 1)
        values.append(value)
        lasts.append(last)
        first = last + 1
    return tuple(lasts), tuple(values)


_LASTS, _VALUES = _long_buckets()
_LAST_S = _LASTS[-1]
_FIRST_LONG: Final = EXACT_UP_TO_S + 1


def whole_seconds(value_ms: int) -> int:
    """Return a duration in whole seconds: the nearest, a half goes up."""
    return (value_ms + 500) // 1000


def bucket_of(seconds: int) -> int:
    """Return the bucket that a duration in seconds counts in; buckets are ordered as durations are.

    Raises:
        ValueError: The duration is longer than 64 bits of milliseconds.
    """
    size = abs(seconds)
    if size <= EXACT_UP_TO_S:
        return seconds
    place = bisect_left(_LASTS, size)
    if place == len(_LASTS):
        message = f"a duration of {seconds} s has no bucket"
        raise ValueError(message)
    bucket = EXACT_UP_TO_S + 1 + place
    return bucket if seconds > 0 else -bucket


def bucket_of_ms(value_ms: int) -> int:
    """Return the bucket that a duration in milliseconds counts in, by its whole seconds.

    Raises:
        ValueError: The duration is longer than 64 bits of milliseconds.
    """
    seconds = (value_ms + 500) // 1000
    if EXACT_UP_TO_S < seconds <= _LAST_S:
        # most durations: without the detour over the sign
        return _FIRST_LONG + bisect_left(_LASTS, seconds)
    return bucket_of(seconds)


def value_of(bucket: int) -> int:
    """Return the duration in seconds that stands for all in the bucket."""
    size = abs(bucket)
    if size <= EXACT_UP_TO_S:
        return bucket
    value = _VALUES[size - EXACT_UP_TO_S - 1]
    return value if bucket > 0 else -value


_FEW = 8
"""Up to so many changed buckets, splicing is faster than building anew."""


def _whole(count: int, bucket: int) -> int:
    if count < 0:
        message = f"bucket {bucket} would count {count}"
        raise ValueError(message)
    return count


class Histogram(msgspec.Struct, frozen=True, array_like=True):
    """How many durations lie in each bucket; only buckets with a count are listed, in order."""

    buckets: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()

    @classmethod
    def of(cls, durations_s: Iterable[int]) -> "Histogram":
        """Return the histogram of durations in seconds."""
        counts: dict[int, int] = {}
        for seconds in durations_s:
            bucket = bucket_of(seconds)
            counts[bucket] = counts.get(bucket, 0) + 1
        return cls.from_counts(counts)

    @classmethod
    def from_counts(cls, counts: Mapping[int, int]) -> "Histogram":
        """Return the histogram with these counts per bucket."""
        if 0 in counts.values():
            counts = {bucket: count for bucket, count in counts.items() if count}
        buckets = tuple(sorted(counts))
        return cls(buckets, tuple(map(counts.__getitem__, buckets)))

    def values(self) -> list[int]:
        """Return the duration in seconds that stands for each bucket, in order."""
        return [
            bucket
            if -EXACT_UP_TO_S <= bucket <= EXACT_UP_TO_S
            else value_of(bucket)
            if bucket < 0
            else _VALUES[bucket - _FIRST_LONG]
            for bucket in self.buckets
        ]

    def count(self, bucket: int) -> int:
        """Return how many durations lie in the bucket."""
        place = bisect_left(self.buckets, bucket)
        found = place < len(self.buckets) and self.buckets[place] == bucket
        return self.counts[place] if found else 0

    def changed(self, changes: Mapping[int, int]) -> "Histogram":
        """Return the histogram with that many more (fewer, where negative) in each bucket.

        Raises:
            ValueError: A count would fall below zero.
        """
        if len(changes) > _FEW:
            counts = dict(zip(self.buckets, self.counts, strict=True))
            known = counts.get
            for bucket, by in changes.items():
                counts[bucket] = known(bucket, 0) + by
            if min(counts.values()) < 0:
                for bucket, count in counts.items():
                    _whole(count, bucket)
            return Histogram.from_counts(counts)
        buckets, lengths = self.buckets, self.counts
        for bucket, by in changes.items():
            place = bisect_left(buckets, bucket)
            listed = place < len(buckets) and buckets[place] == bucket
            count = _whole((lengths[place] if listed else 0) + by, bucket)
            behind = place + 1 if listed else place
            buckets = buckets[:place] + ((bucket,) if count else ()) + buckets[behind:]
            lengths = lengths[:place] + ((count,) if count else ()) + lengths[behind:]
        return Histogram(buckets, lengths)

    @property
    def n(self) -> int:
        """How many durations are counted."""
        return sum(self.counts)

    def quantile(self, p: Fraction) -> int | None:
        """Return the order statistic x(k), k = max(1, ceil(p n)), in seconds; None when n is 0.

        Exact where ``|x(k)|`` is at most `EXACT_UP_TO_S`, otherwise within `RELATIVE_ERROR` of it.

        Raises:
            ValueError: ``p`` is not from 0 to 1.
        """
        return self.quantiles((p,))[0]

    def quantiles(self, ps: Sequence[Fraction]) -> tuple[int | None, ...]:
        """Return `quantile` at each of several shares; the counts are added up once.

        Raises:
            ValueError: A share is not from 0 to 1.
        """
        for p in ps:
            if not 0 <= p <= 1:
                message = f"no quantile at {p}"
                raise ValueError(message)
        return self.order_statistics([p.as_integer_ratio() for p in ps])

    def order_statistics(self, ratios: Sequence[tuple[int, int]]) -> tuple[int | None, ...]:
        """Return `quantiles` at shares from 0 to 1 that are named by numerator and denominator."""
        reached = list(accumulate(self.counts))
        if not reached:
            return (None,) * len(ratios)
        n = reached[-1]
        ranks = (max(1, -(-above * n // below)) for above, below in ratios)
        return tuple(value_of(self.buckets[bisect_left(reached, k)]) for k in ranks)

    def minimum(self) -> int | None:
        """Return the shortest duration in seconds, bound as in `quantile`; None when n is 0."""
        return value_of(self.buckets[0]) if self.buckets else None

    def maximum(self) -> int | None:
        """Return the longest duration in seconds, bound as in `quantile`; None when n is 0."""
        return value_of(self.buckets[-1]) if self.buckets else None


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """Return the histogram of everything that the histograms count."""
    counts: dict[int, int] = {}
    for histogram in histograms:
        for bucket, count in zip(histogram.buckets, histogram.counts, strict=True):
            counts[bucket] = counts.get(bucket, 0) + count
    return Histogram.from_counts(counts)

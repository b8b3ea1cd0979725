"""Histograms: error bound, merging and taking back, on samples of every kind."""

import math
from collections.abc import Sequence
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sstl.core.histogram import EXACT_UP_TO_S, Histogram, bucket_of, merged, value_of

TINY = st.integers(-EXACT_UP_TO_S, EXACT_UP_TO_S)
HEAVY_TAILED = st.builds(
    lambda sign, log: sign * round(math.exp(log)), st.sampled_from([1, 1, 1, -1]), st.floats(0, 36)
)
DISCRETE = st.sampled_from([-3600, 0, 60, 101, 103, 104, 3600, 86_400, 604_800])
DURATIONS = st.one_of(TINY, HEAVY_TAILED, DISCRETE)
SAMPLES = st.one_of(
    st.lists(TINY), st.lists(HEAVY_TAILED), st.lists(DISCRETE), st.lists(DURATIONS, max_size=200)
)
SHARES = st.fractions(0, 1, max_denominator=100)


def within_bound(told: int, true: int) -> bool:
    return told == true if abs(true) <= EXACT_UP_TO_S else abs(told - true) * 100 <= abs(true)


@given(DURATIONS, DURATIONS)
def test_buckets_are_in_the_order_of_durations(one: int, other: int) -> None:
    if one <= other:
        assert bucket_of(one) <= bucket_of(other)
    assert within_bound(value_of(bucket_of(one)), one)


@given(SAMPLES.filter(len), SHARES)
def test_a_quantile_is_within_its_bound_of_the_sorted_sample(
    sample: list[int], p: Fraction
) -> None:
    histogram = Histogram.of(sample)
    ordered = sorted(sample)
    told = histogram.quantile(p)
    assert told is not None
    assert within_bound(told, ordered[max(1, math.ceil(p * len(sample))) - 1])
    least, greatest = histogram.minimum(), histogram.maximum()
    assert least is not None
    assert greatest is not None
    assert within_bound(least, ordered[0])
    assert within_bound(greatest, ordered[-1])
    assert least <= told <= greatest


@given(st.lists(SAMPLES, max_size=5))
def test_parts_merge_into_the_whole(samples: Sequence[Sequence[int]]) -> None:
    whole = Histogram.of(seconds for sample in samples for seconds in sample)
    assert merged(map(Histogram.of, samples)) == whole
    assert merged(map(Histogram.of, reversed(samples))) == whole


def changes(sample: Sequence[int], sign: int) -> dict[int, int]:
    counted = Histogram.of(sample)
    return {b: sign * c for b, c in zip(counted.buckets, counted.counts, strict=True)}


@given(SAMPLES, SAMPLES)
def test_what_is_added_and_taken_back_was_never_there(
    kept: Sequence[int], passing: Sequence[int]
) -> None:
    histogram = Histogram.of(kept)
    added = histogram.changed(changes(passing, 1))
    assert added == Histogram.of([*kept, *passing])
    assert added.changed(changes(passing, -1)) == histogram
    assert all(count > 0 for count in added.counts)

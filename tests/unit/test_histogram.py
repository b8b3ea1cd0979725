"""Buckets and quantiles, case by case."""

from fractions import Fraction

import msgspec
import pytest

from sstl.core.histogram import Histogram, bucket_of, merged, value_of, whole_seconds

MEDIAN = Fraction(1, 2)
P90 = Fraction(9, 10)


@pytest.mark.parametrize(
    ("value_ms", "seconds"),
    [
        pytest.param(0, 0, id="nothing"),
        pytest.param(499, 0, id="just-under-half"),
        pytest.param(500, 1, id="half-goes-up"),
        pytest.param(-500, 0, id="half-goes-up-below-zero-too"),
        pytest.param(-501, -1, id="over-half-below-zero"),
    ],
)
def test_milliseconds_become_whole_seconds(value_ms: int, seconds: int) -> None:
    assert whole_seconds(value_ms) == seconds


@pytest.mark.parametrize(
    ("seconds", "bucket", "told"),
    [
        pytest.param(100, 100, 100, id="last-exact"),
        pytest.param(101, 101, 102, id="first-range-begins"),
        pytest.param(103, 101, 102, id="first-range-ends"),
        pytest.param(104, 102, 105, id="second-range"),
        pytest.param(-100, -100, -100, id="last-exact-below-zero"),
        pytest.param(-103, -101, -102, id="mirrored"),
    ],
)
def test_buckets_are_fixed_for_good(seconds: int, bucket: int, told: int) -> None:
    assert bucket_of(seconds) == bucket
    assert value_of(bucket) == told


def test_every_millisecond_count_of_64_bits_has_a_bucket() -> None:
    longest = whole_seconds(2**64 - 1)
    told = value_of(bucket_of(longest))
    assert abs(told - longest) * 100 <= longest


def test_a_longer_duration_has_no_bucket() -> None:
    with pytest.raises(ValueError, match="no bucket"):
        bucket_of(10**18)


@pytest.mark.parametrize(
    ("durations", "p", "expected"),
    [
        pytest.param([7], P90, 7, id="one-value"),
        pytest.param([1, 2], MEDIAN, 1, id="the-lower-of-two"),
        pytest.param([1, 2, 3], MEDIAN, 2, id="the-middle-of-three"),
        pytest.param(list(range(1, 11)), P90, 9, id="the-ninth-of-ten"),
        pytest.param(list(range(1, 12)), P90, 10, id="rounded-up"),
        pytest.param([-5, 0, 5], Fraction(0), -5, id="the-least"),
        pytest.param([-5, 0, 5], Fraction(1), 5, id="the-greatest"),
    ],
)
def test_a_quantile_is_an_order_statistic(durations: list[int], p: Fraction, expected: int) -> None:
    assert Histogram.of(durations).quantile(p) == expected


def test_ninety_percent_of_ten_is_nine_and_not_a_float_more() -> None:
    # ceil(0.9 * n) in floats passes the ninth tenth for some n.
    for n in range(10, 1000, 10):
        assert Histogram.of([0] * (n * 9 // 10) + [1] * (n // 10)).quantile(P90) == 0


def test_without_durations_there_is_no_statistic() -> None:
    empty = Histogram()
    assert (empty.n, empty.quantile(MEDIAN), empty.minimum(), empty.maximum()) == (
        0,
        None,
        None,
        None,
    )
    assert merged([]) == empty


@pytest.mark.parametrize("p", [Fraction(-1, 10), Fraction(11, 10)])
def test_there_is_no_quantile_outside_zero_to_one(p: Fraction) -> None:
    with pytest.raises(ValueError, match="no quantile"):
        Histogram.of([1]).quantile(p)


def test_the_extremes_go_back_when_they_are_taken_back() -> None:
    histogram = Histogram.of([-50, 3, 90]).changed({90: -1, -50: -1})
    assert (histogram.minimum(), histogram.maximum()) == (3, 3)


@pytest.mark.parametrize("others", [0, 20])
def test_a_count_never_falls_below_zero(others: int) -> None:
    histogram = Histogram.of([5])
    with pytest.raises(ValueError, match="would count -1"):
        histogram.changed({5: -2} | dict.fromkeys(range(10, 10 + others), 1))


def test_only_what_is_counted_is_written() -> None:
    histogram = Histogram.of([5, 5, 100_000])
    text = msgspec.json.encode(histogram)
    assert len(text) < 30
    assert msgspec.json.decode(text, type=Histogram) == histogram

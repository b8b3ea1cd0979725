"""Laws of proposed ranges, for any sample as the published quantiles tell it."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.histogram import bucket_of, value_of
from sstl.core.ranges import HOUR_S, Range, bounds_of, outside_of
from sstl.models.indicator import LEAD_TIME, Indicator
from tests.published_indicators import published

pytestmark = pytest.mark.property

LEVELS = {
    "p10": Fraction(1, 10),
    "p25": Fraction(1, 4),
    "median": Fraction(1, 2),
    "p75": Fraction(3, 4),
    "p90": Fraction(9, 10),
    "p95": Fraction(19, 20),
}
# Few bounds, so that durations often lie on one.
DURATIONS = st.one_of(
    st.integers(-400, 400),
    st.integers(0, 60).map(lambda tenths: tenths * 360),
    st.integers(1, 10**8),
)
SAMPLES = st.lists(DURATIONS, min_size=1, max_size=60).map(sorted)
BOUNDS = st.one_of(st.none(), st.integers(0, 60).map(lambda tenths: tenths / 10))


def statistic(sample: list[int], share: Fraction) -> int:
    """Return the smallest of the sample up to which that share of it lies."""
    return next(one for at, one in enumerate(sample, 1) if at >= share * len(sample))


def told(sample: list[int]) -> Indicator:
    """Return what is published of durations in whole seconds."""
    content: dict[str, Any] = {
        name: value_of(bucket_of(statistic(sample, share))) for name, share in LEVELS.items()
    }
    content |= {"min": value_of(bucket_of(sample[0])), "max": value_of(bucket_of(sample[-1]))}
    return published("LT_transit", n=len(sample), n_planned=0, n_late=0, **content)


@given(SAMPLES, BOUNDS, BOUNDS)
def test_the_share_outside_is_where_it_is_said_to_be(
    sample: list[int], low: float | None, high: float | None
) -> None:
    stated = outside_of(told(sample), Range(low, high))
    assert stated is not None
    under = 0 if low is None else sum(one < Fraction(str(low)) * HOUR_S for one in sample)
    over = 0 if high is None else sum(one > Fraction(str(high)) * HOUR_S for one in sample)
    shares = under / len(sample) + over / len(sample)
    assert stated.least - 1e-9 <= shares
    assert min(shares, 1) <= stated.most + 1e-9


@given(SAMPLES)
def test_a_range_holds_what_the_quantiles_without_error_would_give(sample: list[int]) -> None:
    one = told(sample)
    assert one.p10 is not None
    assert one.median is not None
    assert one.p90 is not None
    proposed = bounds_of(one.p10, one.median, one.p90, LEAD_TIME)
    p10, median, p90 = (statistic(sample, LEVELS[name]) for name in ("p10", "median", "p90"))
    assert (proposed is None) == (median <= 0)
    if proposed is None:
        return
    assert proposed.high_hours is not None
    assert Fraction(str(proposed.high_hours)) * HOUR_S >= Fraction(p90 * p90, median) >= p90
    assert (proposed.low_hours is None) == (p10 <= 0)
    if proposed.low_hours is not None:
        assert Fraction(str(proposed.low_hours)) * HOUR_S <= Fraction(p10 * p10, median) <= p10
        assert 0 <= proposed.low_hours < proposed.high_hours

"""Logarithms and roots against correctly rounded arithmetic of many digits."""

import math
from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sstl.core.fixed_point import LOG_BITS, exp_mean, ln_fixed, root

DIGITS = Context(prec=60)


def true_log(value: int) -> Decimal:
    return DIGITS.multiply(DIGITS.ln(Decimal(value)), Decimal(1 << LOG_BITS))


@given(st.integers(0, 63).flatmap(lambda bits: st.integers(1 << bits, (2 << bits) - 1)))
def test_a_logarithm_is_within_one_unit_of_the_true_one(value: int) -> None:
    assert abs(true_log(value) - ln_fixed(value)) < 1


@pytest.mark.parametrize("power", range(0, 64, 3))
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_the_tables_join_without_a_gap(power: int, step: int) -> None:
    value = max(1, (1 << power) + step)
    assert abs(true_log(value) - ln_fixed(value)) < 1


def test_the_logarithm_of_one_millisecond_is_nothing() -> None:
    assert ln_fixed(1) == 0


@pytest.mark.parametrize("value", [0, -1])
def test_what_is_not_positive_has_no_logarithm(value: int) -> None:
    with pytest.raises(ValueError, match="no logarithm"):
        ln_fixed(value)


@given(st.integers(1, 10**12))
def test_the_geometric_mean_of_one_value_is_the_value(value: int) -> None:
    assert exp_mean(ln_fixed(value), 1) == pytest.approx(value, rel=1e-15)


@given(st.integers(0, 10**40), st.integers(1, 10**20))
def test_a_root_squared_is_the_ratio_again(numerator: int, denominator: int) -> None:
    assert root(numerator, denominator) == pytest.approx(
        float(DIGITS.sqrt(DIGITS.divide(Decimal(numerator), Decimal(denominator)))), rel=1e-15
    )


def test_the_root_of_a_square_is_exact() -> None:
    assert root(9, 4) == 1.5
    assert root(0, 7) == 0.0
    assert root(2, 1) == math.sqrt(2)


@pytest.mark.parametrize(("numerator", "denominator"), [(-1, 1), (1, 0), (1, -1)])
def test_no_root_of_what_has_none(numerator: int, denominator: int) -> None:
    with pytest.raises(ValueError, match="no square root"):
        root(numerator, denominator)

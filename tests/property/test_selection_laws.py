"""Laws of the random draw: the rate is honoured, and nothing but key and number decides."""

from datetime import date
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from sstl.core.selection import (
    Claim,
    Lot,
    commitment,
    draw_event_id,
    draw_number,
    is_below,
    is_selected,
    verify,
)
from sstl.models.selection import exact_rate, parse_rate, rate_text

pytestmark = pytest.mark.property

LANE = "CNYTN-NLRTM-SEA"
DAY = date(2027, 3, 2)
NUMBERS = st.from_regex(r"[A-Z0-9]{4,20}", fullmatch=True)
KEYS = st.binary(min_size=32, max_size=32)
RATES = st.integers(1, 10**9).map(lambda n: Fraction(n, 10**9))
MANY = 20_000
TAIL = 1e-6


@pytest.mark.parametrize("rate", ["0.001", "0.02", "0.5", "0.99"])
@pytest.mark.parametrize("key", [bytes(32), b"k" * 32])
def test_the_rate_is_honoured_within_exact_binomial_bounds(key: bytes, rate: str) -> None:
    exact = parse_rate(rate)
    selected = sum(is_selected(key, f"HBL{number:07d}", exact) for number in range(MANY))
    low, high = binom.ppf([TAIL, 1 - TAIL], MANY, float(exact))
    assert low <= selected <= high


def test_keys_of_different_days_draw_independently() -> None:
    rate = parse_rate("0.1")
    first, second = bytes(32), b"k" * 32
    names = [f"HBL{number:07d}" for number in range(MANY)]
    both = sum(is_selected(first, one, rate) and is_selected(second, one, rate) for one in names)
    low, high = binom.ppf([TAIL, 1 - TAIL], MANY, 0.01)
    assert low <= both <= high


@given(KEYS, RATES, st.lists(NUMBERS, unique=True, max_size=30), st.randoms(use_true_random=False))
def test_order_and_company_do_not_change_a_draw(
    key: bytes, rate: Fraction, names: list[str], random: Random
) -> None:
    alone = {name: is_selected(key, name, rate) for name in names}
    shuffled = [*names, *names]
    random.shuffle(shuffled)
    assert {name: is_selected(key, name, rate) for name in shuffled} == alone


@given(KEYS, NUMBERS, RATES, RATES)
def test_a_higher_rate_selects_whatever_a_lower_one_does(
    key: bytes, name: str, one: Fraction, other: Fraction
) -> None:
    low, high = sorted((one, other))
    assert is_selected(key, name, high) or not is_selected(key, name, low)


@given(st.integers(0, 2**256 - 1), RATES)
def test_the_comparison_is_exact(number: int, rate: Fraction) -> None:
    assert is_below(number, rate) == (Fraction(number, 2**256) < rate)


@given(RATES)
def test_a_rate_survives_text_and_json(rate: Fraction) -> None:
    assert parse_rate(rate_text(rate)) == rate
    assert exact_rate(float(rate)) == rate


@given(
    KEYS,
    RATES,
    st.lists(NUMBERS, unique=True, min_size=1, max_size=20),
    st.integers(0, 19),
    st.randoms(use_true_random=False),
)
def test_any_one_changed_outcome_is_found_however_the_draws_arrive(
    key: bytes, rate: Fraction, names: list[str], position: int, random: Random
) -> None:
    lot = Lot(LANE, DAY, rate)
    committed = commitment(key, lot)
    bent = names[position % len(names)]
    draws = [
        Claim(
            event_id=draw_event_id(lot, name),
            consignment_id=name,
            probability=rate,
            selected=is_selected(key, name, rate) != (name == bent),
            commitment=committed,
            event_ms=lot.start_ms,
        )
        for name in names
    ]
    arrived = [*draws, *draws]
    random.shuffle(arrived)
    found = verify(key, lot, committed, arrived, [], eligible=names)
    assert [one.subject for one in found if one.kind == "wrong_outcome"] == [bent]
    assert found == verify(key, lot, committed, draws, [], eligible=names)
    assert {one.kind for one in found} <= {"wrong_outcome", "missing_selection"}


@given(KEYS, NUMBERS)
def test_a_number_is_256_bits(key: bytes, name: str) -> None:
    assert 0 <= draw_number(key, name) < 2**256

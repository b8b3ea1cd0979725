"""A change of the mix is not an improvement: the two worlds that must tell them apart, and the edges."""

from fractions import Fraction

import pytest

from sstl.core.statistics.composition import (
    Decomposition,
    Standard,
    Total,
    decompose,
)
from sstl.core.statistics.result import NotEstimable

MINUTES_PER_HOUR = 60


def hours(fraction: Fraction) -> float:
    return float(fraction / MINUTES_PER_HOUR)


def exact(*values: int) -> tuple[Fraction, ...]:
    return tuple(map(Fraction, values))


def lots(**minutes: tuple[int, ...]) -> dict[str, Total]:
    return {name: Total(len(times), sum(times)) for name, times in minutes.items()}


REGULAR = (30, 60, 90, 204)  # mean 96 min = 1.6 h
SMALL = (2, 4, 6, 12)  # mean 6 min = 0.1 h


@pytest.mark.parametrize("standard", list(Standard))
def test_small_lots_that_join_in_are_mix_and_no_improvement(standard: Standard) -> None:
    found = decompose(
        lots(regular=REGULAR * 25), lots(regular=REGULAR * 15, small=SMALL * 10), standard
    )
    assert isinstance(found, Decomposition)
    assert (hours(found.first), hours(found.second)) == (1.6, 1.0)
    assert found.crude == Fraction(-36)  # minutes: -0.6 h
    assert found.within == 0
    assert found.mix == Fraction(-36)
    assert found.unmatched == ("small",)


def test_the_japanese_means_change_by_half_an_hour_within_and_the_rest_by_mix() -> None:
    found = decompose(
        lots(regular=(66, 126, 186)),  # 2.1 h
        lots(regular=REGULAR * 15, small=SMALL * 10),  # 1.6 h without and 1.0 h with small lots
    )
    assert isinstance(found, Decomposition)
    assert (hours(found.first), hours(found.second)) == (2.1, 1.0)
    assert (found.crude, found.within, found.mix) == exact(-66, -30, -36)


def test_kitagawa_shares_the_interaction_of_both_changes() -> None:
    found = decompose(
        {"a": Total(8, 80), "b": Total(2, 60)},
        {"a": Total(4, 20), "b": Total(6, 240)},
        Standard.AVERAGE,
    )
    assert isinstance(found, Decomposition)
    # by hand: within 0.6 x -5 + 0.4 x 10, mix 7.5 x -0.4 + 35 x 0.4
    assert (found.crude, found.within, found.mix) == exact(12, 1, 11)
    assert tuple(part.within for part in found.parts) == exact(-3, 4)


def test_a_class_that_grows_counts_below_zero_if_it_is_faster_than_the_rest() -> None:
    found = decompose(lots(regular=REGULAR * 25), lots(regular=REGULAR * 15, small=SMALL * 10))
    assert isinstance(found, Decomposition)
    mix = {part.name: part.mix for part in found.parts}
    assert mix["regular"] < 0
    assert mix["small"] < 0
    assert mix["regular"] + mix["small"] == -36


def test_a_class_that_vanishes_is_mix_too() -> None:
    found = decompose({"a": Total(1, 10), "b": Total(1, 30)}, {"a": Total(2, 20)})
    assert isinstance(found, Decomposition)
    assert (found.crude, found.within, found.mix) == exact(-10, 0, -10)
    assert found.unmatched == ("b",)


def test_a_period_without_observations_is_not_compared() -> None:
    assert isinstance(decompose({}, {"a": Total(1, 10)}), NotEstimable)
    assert isinstance(decompose({"a": Total(0, 0)}, {"a": Total(1, 10)}), NotEstimable)


def test_a_class_below_zero_is_an_error() -> None:
    with pytest.raises(ValueError, match="below zero"):
        decompose({"a": Total(-1, 0), "b": Total(3, 9)}, {"a": Total(1, 10)})


def test_a_class_that_was_taken_back_with_another_value_is_an_error() -> None:
    with pytest.raises(ValueError, match="another value"):
        decompose({"a": Total(0, 5), "b": Total(3, 9)}, {"b": Total(1, 10)})

"""Laws of the decomposition: it adds up exactly and does not depend on how observations arrive."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sstl.core.statistics.composition import (
    Decomposition,
    Standard,
    Total,
    combined_totals,
    decompose,
)

Lot = tuple[str, int]
LOTS = st.lists(
    st.tuples(st.sampled_from(["regular", "small", "express"]), st.integers(-100, 100_000)),
    max_size=30,
)
STANDARDS = st.sampled_from(list(Standard))


def one(lot: Lot, by: int = 1) -> dict[str, Total]:
    name, time_s = lot
    return {name: Total(by, by * time_s)}


def totals(lots: list[Lot]) -> dict[str, Total]:
    return combined_totals(map(one, lots))


@given(LOTS.filter(bool), LOTS.filter(bool), STANDARDS)
def test_within_and_mix_add_up_to_the_crude_difference(
    first: list[Lot], second: list[Lot], standard: Standard
) -> None:
    found = decompose(totals(first), totals(second), standard)
    assert isinstance(found, Decomposition)
    assert found.crude == found.within + found.mix
    assert found.second == Fraction(sum(time for _, time in second), len(second))


@given(LOTS.filter(bool), st.integers(1, 5), st.integers(1, 5), STANDARDS)
def test_equal_distributions_per_class_never_differ_within(
    lots: list[Lot], small: int, regular: int, standard: Standard
) -> None:
    second = [lot for lot in lots for _ in range(small if lot[0] == "small" else regular)]
    found = decompose(totals(lots), totals(second), standard)
    assert isinstance(found, Decomposition)
    assert found.within == 0
    assert found.crude == found.mix


@given(LOTS.filter(bool), LOTS.filter(bool), STANDARDS)
def test_looking_back_turns_the_signs(
    first: list[Lot], second: list[Lot], standard: Standard
) -> None:
    turned = {
        Standard.FIRST: Standard.SECOND,
        Standard.SECOND: Standard.FIRST,
        Standard.AVERAGE: Standard.AVERAGE,
    }
    there = decompose(totals(first), totals(second), standard)
    back = decompose(totals(second), totals(first), turned[standard])
    assert isinstance(there, Decomposition)
    assert isinstance(back, Decomposition)
    assert (there.within, there.mix) == (-back.within, -back.mix)


@given(LOTS.flatmap(lambda lots: st.tuples(st.just(lots), st.permutations(lots))), LOTS)
def test_neither_order_nor_what_was_taken_back_leaves_a_trace(
    lots: tuple[list[Lot], list[Lot]], mistakes: list[Lot]
) -> None:
    first, shuffled = lots
    corrected = [*map(one, mistakes), *map(one, shuffled), *(one(wrong, -1) for wrong in mistakes)]
    assert combined_totals(corrected) == totals(first)


@given(st.lists(LOTS, max_size=4))
def test_partitions_add_up_to_the_whole(partitions: list[list[Lot]]) -> None:
    whole = totals([lot for lots in partitions for lot in lots])
    assert combined_totals(map(totals, partitions)) == whole

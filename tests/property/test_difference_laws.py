"""Laws of comparisons: order-free to the last bit, and equivariant where the arithmetic says so."""

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sstl.core.statistics.differences import Comparison, Unit, _first, compare
from sstl.core.statistics.draws import Draws
from sstl.core.statistics.result import Estimate

UNITS = st.lists(
    st.builds(
        Unit,
        cluster=st.sampled_from("abcdef"),
        stratum=st.sampled_from("xyz"),
        member=st.booleans(),
        value_s=st.integers(-5, 40),
    ),
    max_size=25,
)


def compared(units: list[Unit]) -> Comparison:
    return compare(units, Draws(b"seed"), minimum=1, minimum_in_stratum=1, replicates=39)


@given(UNITS.flatmap(lambda units: st.tuples(st.just(units), st.permutations(units))))
@settings(max_examples=50)
def test_the_order_of_units_does_not_matter(units: tuple[list[Unit], list[Unit]]) -> None:
    assert compared(units[0]) == compared(units[1])


@given(UNITS, st.integers(-1_000, 1_000))
@settings(max_examples=50)
def test_a_delay_of_all_members_moves_the_difference_by_itself(
    units: list[Unit], delay_s: int
) -> None:
    later = [
        unit._replace(value_s=unit.value_s + delay_s) if unit.member else unit for unit in units
    ]
    before, after = compared(units).difference_s, compared(later).difference_s
    assert isinstance(before, Estimate) == isinstance(after, Estimate)
    if isinstance(before, Estimate) and isinstance(after, Estimate):
        moved = [
            None if one is None else one + delay_s
            for one in (before.estimate, before.low, before.high)
        ]
        assert [after.estimate, after.low, after.high] == moved


@given(UNITS)
@settings(max_examples=50)
def test_exchanging_the_groups_turns_the_difference_and_inverts_the_ratio(
    units: list[Unit],
) -> None:
    there = compared(units)
    back = compared([unit._replace(member=not unit.member) for unit in units])
    if isinstance(there.difference_s, Estimate) and isinstance(back.difference_s, Estimate):
        assert there.difference_s.estimate is not None
        assert back.difference_s.estimate == -there.difference_s.estimate
    if isinstance(there.ratio, Estimate) and isinstance(back.ratio, Estimate):
        assert there.ratio.estimate is not None
        assert back.ratio.estimate == pytest.approx(1 / there.ratio.estimate, rel=1e-12)


@given(
    st.lists(st.integers(-40, 40) | st.integers(-90_000, 90_000), min_size=1, max_size=60),
    st.integers(-100_000, 100_000),
    st.data(),
)
def test_a_search_that_begins_anywhere_finds_the_first_difference_with_the_weight(
    differences: list[int], near: int, data: st.DataObject
) -> None:
    ordered = sorted(differences)
    least = data.draw(st.integers(1, len(ordered)))
    bounds = (ordered[0] - 1, ordered[-1])
    found = _first(lambda at: bisect_right(ordered, at), bounds, least, len(ordered), near)
    assert found == (ordered[least - 1], bisect_right(ordered, ordered[least - 1]))

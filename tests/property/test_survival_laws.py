"""Laws of durations that have not all ended: order-free, additive, nothing left of what is taken back."""

from collections import Counter
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from sstl.core.statistics.competing import cumulative_incidence
from sstl.core.statistics.result import Estimate
from sstl.core.statistics.survival import (
    Cohort,
    Quantile,
    combined,
    exact_shares,
    quantile,
    risk_table,
    share_waiting,
)

Wait = tuple[str, int]
WAITS = st.lists(
    st.tuples(
        st.sampled_from(["released", "seized", "returned", "open", "silent"]), st.integers(-3, 12)
    ),
    max_size=25,
)


def one(wait: Wait, by: int = 1) -> Cohort:
    kind, time_s = wait
    counts = {time_s: by}
    if kind == "open":
        return Cohort({}, still_open=counts)
    return Cohort({}, silent=counts) if kind == "silent" else Cohort({kind: counts})


@given(WAITS.flatmap(lambda waits: st.tuples(st.just(waits), st.permutations(waits))), WAITS)
def test_neither_order_nor_what_was_taken_back_leaves_a_trace(
    waits: tuple[list[Wait], list[Wait]], mistakes: list[Wait]
) -> None:
    first, shuffled = waits
    corrected = [*map(one, mistakes), *map(one, shuffled), *(one(wrong, -1) for wrong in mistakes)]
    assert combined(corrected) == combined(map(one, first))
    assert risk_table(combined(corrected)) == risk_table(combined(map(one, first)))


@given(st.lists(WAITS, max_size=4))
def test_partitions_add_up_to_the_whole(partitions: list[list[Wait]]) -> None:
    parts = [combined(map(one, waits)) for waits in partitions]
    whole = combined(one(wait) for waits in partitions for wait in waits)
    assert combined(parts) == whole


@given(WAITS.filter(bool))
def test_shares_of_all_outcomes_and_of_those_waiting_add_up_to_one(waits: list[Wait]) -> None:
    previous = None
    for shares in exact_shares(risk_table(combined(map(one, waits)))):
        assert shares.left + sum(shares.ended) == shares.whole
        share = Fraction(shares.left, shares.whole)
        assert previous is None or share < previous
        previous = share


@given(WAITS.filter(bool), st.integers(-3, 12))
def test_limits_enclose_the_estimate(waits: list[Wait], time_s: int) -> None:
    table = risk_table(combined(map(one, waits)))
    found = [share_waiting(table, time_s)]
    found += [cumulative_incidence(table, outcome, time_s) for outcome in ("released", "lost")]
    for estimated in found:
        if isinstance(estimated, Estimate):
            assert estimated.estimate is not None
            assert estimated.low is None or 0 <= estimated.low <= estimated.estimate
            assert estimated.high is None or estimated.estimate <= estimated.high <= 1


@given(WAITS.filter(bool), st.integers(1, 19))
def test_longer_follow_up_of_a_wait_never_shortens_a_quantile(
    waits: list[Wait], twentieths: int
) -> None:
    p = Fraction(twentieths, 20)
    longer = [(kind, 20 if kind == "open" else time_s) for kind, time_s in waits]
    before = quantile(risk_table(combined(map(one, waits))), p)
    after = quantile(risk_table(combined(map(one, longer))), p)
    assert isinstance(before, Quantile)
    assert isinstance(after, Quantile)
    if after.value_s is not None and before.value_s is not None:
        assert after.value_s >= before.value_s


@given(st.lists(st.integers(-3, 12), min_size=1), st.integers(1, 19))
def test_without_censoring_a_quantile_is_an_order_statistic(
    times: list[int], twentieths: int
) -> None:
    p = Fraction(twentieths, 20)
    found = quantile(risk_table(Cohort({"released": Counter(times)})), p)
    assert isinstance(found, Quantile)
    place = -(-p.numerator * len(times) // p.denominator)
    assert found.value_s == sorted(times)[place - 1]

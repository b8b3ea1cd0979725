"""Figures of waits in doubles are those of exact ratios."""

import random
from fractions import Fraction

import pytest

from sstl.core.statistics.competing import cumulative_incidence, incidence_quantile
from sstl.core.statistics.result import Estimate, NotEstimable
from sstl.core.statistics.survival import Cohort, quantile, risk_table
from sstl.core.statistics.waits import Waits

SHARES = (Fraction(1, 2), Fraction(9, 10))


def cohort(seed: int) -> Cohort:
    """Return a cohort of any size: ties, negative waits, censoring early, late or not at all, up to three outcomes."""
    draw = random.Random(seed)
    n = draw.choice([1, 2, 3, 5, 10, 40, 400])
    longest = draw.choice([3, 20, 1000])
    censored_share = draw.choice([0, 0, 0.1, 0.5, 0.9])
    outcomes = ["ENDED", "SEIZED", "RETURNED"][: draw.randint(1, 3)]
    ended: dict[str, dict[int, int]] = {}
    rest: list[dict[int, int]] = [{}, {}]
    for _ in range(n):
        time_s = draw.randint(-1, longest)
        counts = (
            draw.choice(rest)
            if draw.random() < censored_share
            else ended.setdefault(draw.choice(outcomes), {})
        )
        counts[time_s] = counts.get(time_s, 0) + 1
    return Cohort(ended, *rest)


@pytest.mark.parametrize("seeds", [range(n, n + 100) for n in range(0, 1000, 100)], ids=str)
def test_figures_in_doubles_are_those_of_exact_ratios(seeds: range) -> None:
    for seed in seeds:
        told = cohort(seed)
        waits, table = Waits(told, "ENDED"), risk_table(told)
        assert (waits.n, waits.n_open, waits.n_silent) == (table.n, table.n_open, table.n_silent)
        assert waits.exposure_s == table.exposure_s
        assert waits.longest_s == table.rows[-1].time_s
        assert waits.quantiles(SHARES) == [quantile(table, p) for p in SHARES], seed
        assert waits.incidence_quantiles(SHARES) == [
            incidence_quantile(table, "ENDED", p) for p in SHARES
        ], seed
        for outcome in ("ENDED", "SEIZED"):
            fast = waits.incidence(outcome)
            exact = cumulative_incidence(table, outcome, table.rows[-1].time_s)
            assert isinstance(fast, Estimate)
            assert isinstance(exact, Estimate)
            for one, other in (
                (fast.estimate, exact.estimate),
                (fast.low, exact.low),
                (fast.high, exact.high),
            ):
                assert one == (None if other is None else pytest.approx(other, abs=1e-9)), seed


def test_of_nobody_there_is_no_figure() -> None:
    waits = Waits(Cohort({}), "ENDED")
    assert (waits.n, waits.longest_s) == (0, None)
    assert all(isinstance(one, NotEstimable) for one in waits.quantiles(SHARES))
    assert all(isinstance(one, NotEstimable) for one in waits.incidence_quantiles(SHARES))
    assert isinstance(waits.incidence("ENDED"), NotEstimable)

"""How often intervals of waits that have not all ended hold the truth, in 2,000 simulated worlds each."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import norm

from sstl.core.statistics.competing import RELEASED, cumulative_incidence
from sstl.core.statistics.result import Estimate
from sstl.core.statistics.survival import (
    Cohort,
    Quantile,
    RiskTable,
    quantile,
    risk_table,
    share_waiting,
)

WORLDS = 2_000
N = 100
LOG_MEAN, LOG_SD = 10.0, 1.0
SEIZED = 0.2
"""Chance that a wait ends in seizure, whenever it ends."""


def tables(seed: int, follow_up_s: tuple[float, float]) -> list[RiskTable]:
    rng = np.random.default_rng(seed)
    waits = np.rint(rng.lognormal(LOG_MEAN, LOG_SD, (WORLDS, N))).astype(int)
    limits = np.rint(rng.uniform(*follow_up_s, (WORLDS, N))).astype(int)
    seized = rng.random((WORLDS, N)) < SEIZED
    return [
        risk_table(
            Cohort(
                ended={
                    RELEASED: Counter(wait[(wait <= limit) & ~kind].tolist()),
                    "seized": Counter(wait[(wait <= limit) & kind].tolist()),
                },
                still_open=Counter(limit[wait > limit].tolist()),
            )
        )
        for wait, limit, kind in zip(waits, limits, seized, strict=True)
    ]


def at(share: float) -> float:
    """Return when a share has ended."""
    return float(np.exp(LOG_MEAN + LOG_SD * norm.ppf(share)))


def encloses(low: float | None, truth: float, high: float | None) -> bool:
    return (low is None or low <= truth) and (high is None or truth <= high)


@pytest.mark.parametrize(
    "follow_up_s",
    [
        pytest.param((at(0.3), at(0.99)), id="a-third-censored"),
        pytest.param((1e9, 1e9 + 1), id="nothing-censored"),
    ],
)
def test_intervals_hold_the_truth_in_92_to_97_of_100_worlds(
    follow_up_s: tuple[float, float],
) -> None:
    quarter_waits, released_by = int(at(0.75)), int(at(0.5))
    counted = np.zeros(4)
    for table in tables(23, follow_up_s):
        waiting = share_waiting(table, quarter_waits)
        released = cumulative_incidence(table, RELEASED, released_by)
        middle, p75 = (quantile(table, p) for p in (Fraction(1, 2), Fraction(3, 4)))
        assert isinstance(waiting, Estimate)
        assert isinstance(released, Estimate)
        assert isinstance(middle, Quantile)
        assert isinstance(p75, Quantile)
        counted += (
            encloses(waiting.low, 0.25, waiting.high),
            encloses(released.low, 0.5 * (1 - SEIZED), released.high),
            encloses(middle.low_s, at(0.5), middle.high_s),
            encloses(p75.low_s, at(0.75), p75.high_s),
        )
    shares = (counted / WORLDS).tolist()
    print("share waiting, incidence, median, p75:", *shares)  # noqa: T201
    assert all(0.92 <= share <= 0.97 for share in shares)

"""Intervals of precision and recall at q hold the truth as often as they say, in simulated flows.

2,000 worlds each; every world that is not refused counts, bounds alone too. Where S and the random arm each expect at
least 10 hits in the top and below it, 93 to 97 %; below that, over rates log-uniform in 0.5 to 50 %, at least 93 %. Run
with ``-s`` to see the figures; docs/statistics.md has them.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np
import pytest

from sstl.core.indicators.arm import Arm
from sstl.core.ranked import Ranked, tops
from sstl.core.statistics.ranking import Top
from sstl.core.statistics.result import Estimate

pytestmark = pytest.mark.simulation

WORLDS = 2000
NAMES = [f"{number:04}" for number in range(2000)]


@dataclass(frozen=True)
class Lane:
    """A flow: of its top and of the rest the share that is targeted and the rate of hits, alike in both arms."""

    n: int
    q: Fraction
    targeted: tuple[float, float]
    chance: Fraction
    rates: tuple[float, float] | None = None
    """None: a rate of its own in each world, three times as high in the top."""


ENOUGH = {
    "a quarter of 800, 20 % drawn": Lane(
        800, Fraction(1, 4), (0.3, 0.2), Fraction(1, 5), (0.5, 0.15)
    ),
    "a fifth of 1,800, 10 % drawn": Lane(
        1800, Fraction(1, 5), (0.3, 0.2), Fraction(1, 10), (0.5, 0.15)
    ),
}
SPARSE = {
    "a tenth of 600, 10 % drawn": Lane(600, Fraction(1, 10), (0.5, 0.1), Fraction(1, 10)),
    "a twentieth of 1,000, 5 % drawn": Lane(1000, Fraction(1, 20), (0.2, 0.1), Fraction(1, 20)),
}


def arm(of: Lane, *, targeted: bool, drawn: bool, hit: bool) -> Arm:
    done = targeted or drawn
    return Arm(
        targeted=targeted,
        drawn=drawn,
        probability=of.chance,
        control_type="PHYSICAL" if done else None,
        hit=hit and done,
    )


def covered(of: Lane) -> dict[str, float]:
    """Return how often an interval holds the truth, how many worlds are refused, and how many say a bound alone.

    The truth of a precision is the rate of hits of the top, as that of a hit rate is; that of a recall is of the flow.
    """
    rng = np.random.default_rng(20_240_501)
    k = ceil(of.q * of.n)
    above = np.arange(of.n) < k
    arms = {
        key: arm(of, targeted=bool(key & 4), drawn=bool(key & 2), hit=bool(key & 1))
        for key in range(8)
    }
    counts = dict.fromkeys(("precision", "recall", "refused", "bounds"), 0)
    for _ in range(WORLDS):
        least = float(np.exp(rng.uniform(np.log(0.005), np.log(0.5))))
        high, low = of.rates or (min(3 * least, 0.9), least)
        hit = rng.random(of.n) < np.where(above, high, low)
        targeted = rng.random(of.n) < np.where(above, *of.targeted)
        drawn = rng.random(of.n) < float(of.chance)
        keys = (4 * targeted + 2 * drawn + hit).tolist()
        units = [
            Ranked(consignment=NAMES[place], score=-place, arm=arms[key])
            for place, key in enumerate(keys)
        ]
        (found,) = tops(units, [of.q])
        truths = {"precision": high, "recall": float(hit[:k].sum() / max(hit.sum(), 1))}
        for name, verdict in verdicts(found, truths).items():
            counts[name] += verdict
    judged = WORLDS - counts["refused"]
    return {
        "precision": float(counts["precision"] / judged),
        "recall": float(counts["recall"] / judged),
        "refused": counts["refused"] / WORLDS,
        "bounds": counts["bounds"] / WORLDS,
    }


def verdicts(found: Top, truths: dict[str, float]) -> dict[str, bool]:
    recall = found.recall.value
    if not isinstance(recall, Estimate):
        return {"refused": True}
    said = {"bounds": recall.estimate is None}
    for name, truth in truths.items():
        value = getattr(found, name).value
        low = 0 if value.low is None else value.low
        high = 1 if value.high is None else value.high
        said[name] = low - 1e-9 <= truth <= high + 1e-9
    return said


@pytest.mark.parametrize("name", ENOUGH)
def test_with_enough_hits_intervals_of_a_ranking_cover_93_to_97_percent(name: str) -> None:
    found = covered(ENOUGH[name])
    print(name, found)  # noqa: T201
    assert 0.93 <= found["precision"] <= 0.97
    assert 0.93 <= found["recall"] <= 0.97


@pytest.mark.parametrize("name", SPARSE)
def test_with_few_hits_intervals_of_a_ranking_cover_at_least_93_percent_over_rates(
    name: str,
) -> None:
    found = covered(SPARSE[name])
    print(name, found)  # noqa: T201
    assert found["precision"] >= 0.93
    assert found["recall"] >= 0.93

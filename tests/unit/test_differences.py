"""Two groups compared within strata: cases by hand, numpy's figures, refusals, the random stream."""

from fractions import Fraction
from hashlib import sha256

import numpy as np
import pytest

from sstl.core.statistics.differences import StratumMix, Unit, compare
from sstl.core.statistics.draws import Draws, seed_of
from sstl.core.statistics.result import Estimate, NotEstimable
from tests.reference_cargo2000 import Reference

DRAWS = Draws(seed_of("LT_release", "CNSHG-NLRTM-SEA", "P1M/2024-05"))


def drawn(seed: int, sizes: dict[str, tuple[int, int]], per_cluster: int = 1) -> list[Unit]:
    """Heavy-tailed durations; members are faster, and slower strata have more of them."""
    rng = np.random.default_rng(seed)
    units = []
    for level, (stratum, sizes_of_groups) in enumerate(sizes.items()):
        for member, n in zip((True, False), sizes_of_groups, strict=True):
            seconds = rng.lognormal(9 + level - 0.3 * member, 1, n).astype(int)
            units += [
                Unit(f"{stratum}{member}{place // per_cluster}", stratum, member, int(value))
                for place, value in enumerate(seconds)
            ]
    return units


def differences(units: list[Unit]) -> list[tuple[int, Fraction]]:
    """Every difference within a stratum and its weight, in ascending order."""
    pairs = []
    for stratum in {unit.stratum for unit in units}:
        xs = [unit.value_s for unit in units if unit.stratum == stratum and unit.member]
        ys = [unit.value_s for unit in units if unit.stratum == stratum and not unit.member]
        pairs += [(x - y, Fraction(1, len(xs) + len(ys) + 1)) for x in xs for y in ys]
    return sorted(pairs)


def weighted_median(units: list[Unit]) -> float:
    pairs = differences(units)
    half = sum(weight for _, weight in pairs) / 2
    reached = Fraction(0)
    for place, (value, weight) in enumerate(pairs):
        reached += weight
        if reached == half:
            return (value + pairs[place + 1][0]) / 2
        if reached > half:
            return float(value)
    raise AssertionError


def estimated(found: object) -> float:
    assert isinstance(found, Estimate)
    assert found.estimate is not None
    return found.estimate


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param((30, 30), id="even-number-of-pairs"),
        pytest.param((31, 35), id="odd-number-of-pairs"),
    ],
)
def test_in_one_stratum_the_difference_is_numpys_median_of_all(sizes: tuple[int, int]) -> None:
    units = drawn(1, {"week": sizes})
    xs = np.array([unit.value_s for unit in units if unit.member])
    ys = np.array([unit.value_s for unit in units if not unit.member])
    found = compare(units, DRAWS, replicates=39)
    assert estimated(found.difference_s) == np.median(np.subtract.outer(xs, ys))
    expected = np.exp(np.log(xs).mean() - np.log(ys).mean())
    assert estimated(found.ratio) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_over_strata_the_difference_is_the_weighted_median(seed: int) -> None:
    units = drawn(seed, {"a": (3, 20), "b": (30, 12), "c": (1, 1), "d": (9, 0)})
    found = compare(units, DRAWS, minimum_in_stratum=1, replicates=39)
    comparable = [unit for unit in units if unit.stratum != "d"]
    assert estimated(found.difference_s) == weighted_median(comparable)


def test_on_cargo_2000_both_figures_are_those_of_numpy() -> None:
    """Processes with one incoming leg against those with more, by hops of the outgoing leg."""
    file = Reference()
    seconds = file.process_minutes("e") * 60
    single = ~(file.exists("i2") | file.exists("i3"))
    hops = file.column("o_hops")
    units = [
        Unit(f"{place}", f"{hops[place]} hops", bool(single[place]), int(seconds[place]))
        for place in range(file.processes)
    ]
    found = compare(units, DRAWS, replicates=39)
    gaps, weights, pairs, pair_weights = [], [], [], []
    for number in np.unique(hops):
        xs, ys = seconds[single & (hops == number)], seconds[~single & (hops == number)]
        m, n = len(xs), len(ys)
        if min(m, n) >= 5:
            gaps.append(np.log(xs).mean() - np.log(ys).mean())
            weights.append(m * n / (m + n))
            pairs.append(np.subtract.outer(xs, ys).ravel())
            pair_weights.append(np.full(m * n, 1 / (m + n + 1)))
    assert found.strata == len(gaps) > 1
    values, masses = np.concatenate(pairs), np.concatenate(pair_weights)
    order = np.argsort(values)
    reached = np.cumsum(masses[order]) / masses.sum()
    assert estimated(found.difference_s) == values[order][np.searchsorted(reached, 0.5)]
    assert estimated(found.ratio) == pytest.approx(
        np.exp(np.average(gaps, weights=weights)), rel=1e-12
    )


def test_over_strata_the_ratio_is_weighted_as_numpy_does() -> None:
    units = drawn(3, {"a": (20, 30), "b": (25, 12)})
    gaps, weights = [], []
    for stratum in ("a", "b"):
        xs = [unit.value_s for unit in units if unit.stratum == stratum and unit.member]
        ys = [unit.value_s for unit in units if unit.stratum == stratum and not unit.member]
        gaps.append(np.log(xs).mean() - np.log(ys).mean())
        weights.append(len(xs) * len(ys) / (len(xs) + len(ys)))
    found = compare(units, DRAWS, replicates=39)
    expected = np.exp(np.average(gaps, weights=weights))
    assert estimated(found.ratio) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("per_cluster", [1, 3])
def test_the_interval_holds_percentiles_of_clusters_drawn_anew(per_cluster: int) -> None:
    units = drawn(5, {"week": (33 * per_cluster, 36 * per_cluster)}, per_cluster)
    found = compare(units, DRAWS, replicates=199).difference_s
    clusters = sorted({unit.cluster for unit in units})
    replicates = []
    for number in range(199):
        times = dict(zip(clusters, DRAWS.multiplicities(number, len(clusters)), strict=True))
        again = [
            np.array(
                [u.value_s for u in units if u.member == member for _ in range(times[u.cluster])]
            )
            for member in (True, False)
        ]
        replicates.append(float(np.median(np.subtract.outer(*again))))
    replicates.sort()
    assert isinstance(found, Estimate)
    assert (found.low, found.high) == (replicates[4], replicates[194])


def test_the_interval_of_the_ratio_holds_percentiles_of_clusters_drawn_anew() -> None:
    units = drawn(7, {"a": (33, 36), "b": (12, 20)})
    found = compare(units, DRAWS, replicates=199).ratio
    clusters = sorted(unit.cluster for unit in units)
    logs = {unit.cluster: np.log(unit.value_s) for unit in units}
    replicates = []
    for number in range(199):
        times = dict(zip(clusters, DRAWS.multiplicities(number, len(clusters)), strict=True))
        gaps, weights = [], []
        for stratum in ("a", "b"):
            x, y = (
                np.array(
                    [
                        logs[u.cluster]
                        for u in units
                        if (u.stratum, u.member) == (stratum, member)
                        for _ in range(times[u.cluster])
                    ]
                )
                for member in (True, False)
            )
            gaps.append(x.mean() - y.mean())
            weights.append(len(x) * len(y) / (len(x) + len(y)))
        replicates.append(np.exp(np.average(gaps, weights=weights)))
    replicates.sort()
    assert isinstance(found, Estimate)
    assert found.low == pytest.approx(replicates[4], rel=1e-12)
    assert found.high == pytest.approx(replicates[194], rel=1e-12)


@pytest.mark.parametrize(
    ("members", "told"),
    [pytest.param(29, False, id="one-below"), pytest.param(30, True, id="just-enough")],
)
def test_each_group_needs_enough_clusters(members: int, *, told: bool) -> None:
    found = compare(drawn(1, {"week": (members, 60)}), DRAWS, replicates=39)
    refusal = NotEstimable("insufficient data: 29 of at least 30 clusters in one group")
    assert isinstance(found.difference_s, Estimate) == told
    assert told or (found.difference_s, found.ratio) == (refusal, refusal)


def test_many_units_of_few_journeys_are_insufficient_data() -> None:
    found = compare(drawn(1, {"week": (300, 300)}, per_cluster=30), DRAWS)
    assert (found.n_members, found.clusters_members) == (300, 10)
    assert isinstance(found.difference_s, NotEstimable)


@pytest.mark.parametrize(
    ("members", "compared"),
    [pytest.param(4, False, id="one-below"), pytest.param(5, True, id="just-enough")],
)
def test_a_stratum_with_few_clusters_of_one_group_is_not_compared(
    members: int, *, compared: bool
) -> None:
    found = compare(drawn(1, {"a": (30, 30), "b": (members, 40)}), DRAWS, replicates=39)
    assert found.strata == (2 if compared else 1)
    assert found.n_unmatched == (0 if compared else 44)


def test_strata_with_one_group_only_are_counted_and_compared_with_nothing() -> None:
    units = drawn(1, {"a": (30, 30), "b": (0, 40), "c": (7, 0)})
    found = compare(units, DRAWS, replicates=39)
    assert found.n_unmatched == 47
    assert (found.n_members, found.n_comparison, found.strata) == (30, 30, 1)
    assert found.mix == (
        StratumMix("a", 30, 30),
        StratumMix("b", 0, 40),
        StratumMix("c", 7, 0),
    )
    alone = compare(drawn(1, {"a": (30, 30)}), DRAWS, replicates=39)
    assert found.difference_s == alone.difference_s


def test_no_stratum_with_both_groups_is_insufficient_data() -> None:
    found = compare(drawn(1, {"b": (0, 40), "c": (70, 0)}), DRAWS)
    assert isinstance(found.difference_s, NotEstimable)
    assert isinstance(found.ratio, NotEstimable)
    assert isinstance(compare([], DRAWS).ratio, NotEstimable)


def test_durations_that_are_not_positive_are_left_out_of_the_ratio_only() -> None:
    units = drawn(1, {"week": (40, 40)})
    early = [Unit(f"early{place}", "week", member=True, value_s=-place) for place in range(3)]
    found = compare(units + early, DRAWS, replicates=39)
    assert found.n_not_positive == 3
    assert found.n_members == 43
    assert estimated(found.ratio) == estimated(compare(units, DRAWS, replicates=39).ratio)
    assert estimated(found.difference_s) == weighted_median(units + early)


def test_a_group_without_positive_durations_has_no_ratio() -> None:
    units = [Unit(f"{place}", "week", place % 2 == 0, -(place % 2)) for place in range(80)]
    found = compare(units, DRAWS, replicates=39)
    assert estimated(found.difference_s) == 1
    assert isinstance(found.ratio, NotEstimable)
    mixed = [unit._replace(value_s=5) if unit.cluster in ("0", "1") else unit for unit in units]
    assert compare(mixed, DRAWS, replicates=39).ratio == NotEstimable(
        "insufficient data: 1 of at least 30 clusters with positive durations"
    )


@pytest.mark.parametrize(
    ("replicates", "level"),
    [
        pytest.param(38, 0.95, id="too-few-replicates"),
        pytest.param(999, 1.0, id="certainty"),
        pytest.param(999, 0.0, id="no-confidence"),
    ],
)
def test_an_interval_that_cannot_be_made_is_an_error(replicates: int, level: float) -> None:
    with pytest.raises(ValueError, match="no interval"):
        compare(drawn(1, {"week": (30, 30)}), DRAWS, replicates=replicates, level=level)


def test_draws_are_words_of_sha_256_that_anybody_can_make_again() -> None:
    seed = seed_of("figure")
    block = sha256(seed + (2).to_bytes(8, "big") + (1).to_bytes(8, "big")).digest()
    words = [int.from_bytes(block[place : place + 8], "big") for place in (0, 8)]
    assert Draws(seed).words(2, 6)[4:] == words


def test_names_that_read_the_same_when_joined_have_other_seeds() -> None:
    assert seed_of("ab", "c") != seed_of("a", "bc")


def test_every_cluster_is_drawn_equally_often() -> None:
    times = np.array([DRAWS.multiplicities(number, 20) for number in range(2_000)])
    assert (times.sum(axis=1) == 20).all()
    assert np.abs(times.mean(axis=0) - 1).max() < 5 / np.sqrt(2_000)
    assert times.var() == pytest.approx(1 - 1 / 20, abs=0.03)

"""The controlled corridor through all stages: comparisons and what controls find equal numpy and statsmodels.

What is in each consignment and what customs does with it is drawn (`Corridor.handled`); the chain is told the events.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from sstl.core.comparing import Cohort, Compared, compare_observations
from sstl.core.decided import decided
from sstl.core.ranked import Ranked, tops
from sstl.core.statistics.draws import Draws, seed_of
from sstl.core.statistics.result import Estimate, NotEstimable
from sstl.models.policy import Policy
from sstl.synthetic.controls import SECRET, Controls, Handling
from sstl.synthetic.corridor import Corridor
from sstl.synthetic.plan import Shipment
from tests.chain import Chain
from tests.logs import corridor_log

pytestmark = pytest.mark.unit

LANE = "CNCAN-NLAMS-AIR"
RATE = Fraction(1, 4)
CORRIDOR = Corridor(
    seed=5,
    shipments=120,
    spacing=timedelta(hours=1),
    incident_share=0,
    lanes=(LANE,),
    controls=Controls(random_rate=RATE, illicit_share=0.25, image_share=0.6),
)
EVER = Cohort("TOTAL", -(1 << 62), 1 << 62)
Numbers = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def chain() -> Chain:
    made = Chain(batch=2000)
    made.take(corridor_log(CORRIDOR))
    assert not made.published["rejected"]
    return made


@pytest.fixture(scope="module")
def published(chain: Chain) -> Mapping[str, dict[str, Any]]:
    return chain.net_indicators()


@cache
def handled() -> list[tuple[Shipment, Handling]]:
    numbers = range(CORRIDOR.shipments or 0)
    return [(CORRIDOR.shipment(n), one) for n in numbers for one in CORRIDOR.handled(n)]


def chosen(which: Callable[[Handling], bool]) -> list[Handling]:
    return [one for _, one in handled() if which(one)]


def total(
    published: Mapping[str, dict[str, Any]], name: str, unit: str = "consignment", strata: str = ""
) -> dict[str, Any]:
    return published[f"{name}|{unit}|{LANE}|AIR|{strata}|TOTAL"]


def drawn_by_key(shipment: Shipment, one: Handling) -> bool:
    """Tell whether the key of lane and day draws a consignment, as docs/selection.md says."""
    day = (shipment.actual.arrived - timedelta(hours=2.5)).date().isoformat()
    text = f"sstl-random-key.1\n{LANE}\n{day}\n"
    key = hmac.digest(SECRET, text.encode(), hashlib.sha256)
    number = hmac.digest(key, one.house.consignment_id.encode(), hashlib.sha256)
    return int.from_bytes(number, "big") < float(RATE) * 2**256


def test_every_consignment_is_drawn_by_the_key_of_its_lane_and_day_before_its_channel() -> None:
    events = [event for _, event in corridor_log(CORRIDOR)]
    drawn = {
        event["data"]["consignmentId"]: event
        for event in events
        if event["type"] == "org.sstl.inspection.drawn.v1"
    }
    assert len(drawn) == len(handled())
    for shipment, one in handled():
        event = drawn[one.house.consignment_id]
        assert event["data"]["selected"] == one.drawn == drawn_by_key(shipment, one)
        channel = shipment.actual.arrived - timedelta(hours=2)
        assert datetime.fromisoformat(event["time"]) < channel


def agree(share: dict[str, Any], hits: Iterable[bool]) -> None:
    """Compare a published share and its interval with statsmodels."""
    of = list(hits)
    k, n = sum(of), len(of)
    assert 0 < k < n
    assert (share["k"], share["n"]) == (k, n)
    low, high = proportion_confint(k, n, method="wilson")
    assert share["interval"]["low"] == pytest.approx(low, abs=1e-9)
    assert share["interval"]["high"] == pytest.approx(high, abs=1e-9)


def test_hits_are_those_of_what_was_examined(published: Mapping[str, dict[str, Any]]) -> None:
    arms = {
        "TARGETED": chosen(lambda one: one.done and one.targeted),
        "RANDOM": chosen(lambda one: one.done and not one.targeted),
    }
    for basis, arm in arms.items():
        share = total(published, "hit_rate", "control", f"basis={basis}")
        agree(share, (one.hit for one in arm))
    by_rule = total(published, "hit_rate_by_rule", "control+rule", "rule=synthetic-risk")
    agree(by_rule, (one.hit for one in arms["TARGETED"]))


def test_suspect_images_are_followed_up_and_confirmed_as_was_drawn(
    published: Mapping[str, dict[str, Any]],
) -> None:
    suspect = chosen(lambda one: one.image == "SUSPECT")
    agree(total(published, "nii_follow_up_rate", "control"), (one.done for one in suspect))
    followed = [one for one in suspect if one.done]
    agree(total(published, "nii_confirmation_rate", "control"), (one.hit for one in followed))
    clear = chosen(lambda one: one.image == "CLEAR" and one.done and not one.targeted)
    agree(total(published, "nii_clear_but_positive_rate", "control"), (one.hit for one in clear))


def test_the_partners_results_are_in_time_recognised_and_repeated_as_was_drawn(
    published: Mapping[str, dict[str, Any]],
) -> None:
    exported = chosen(lambda one: one.exported)
    for name, has in (
        ("partner_result_before_arrival_rate", lambda one: one.partner == "BEFORE"),
        ("partner_result_at_decision_rate", lambda one: one.partner is not None),
        ("recognition_rate", lambda one: one.waived),
        (
            "double_inspection_rate",
            lambda one: (one.done or one.image is not None) and one.purpose == "SECURITY",
        ),
    ):
        agree(total(published, name), map(has, exported))


def test_revenue_is_that_of_the_hits(published: Mapping[str, dict[str, Any]]) -> None:
    hits = chosen(lambda one: one.hit)
    found = total(published, "revenue_found")
    assert (found["n"], found["k"]) == (len(hits), sum(one.revenue for one in hits))


def test_the_programmes_share_of_the_value_is_that_of_the_filings(
    published: Mapping[str, dict[str, Any]],
) -> None:
    worth = {True: 0, False: 0}
    for shipment, one in handled():
        worth[shipment.number % 3 != 0] += round(one.value)
    found = total(published, "sstl_value_share", "EUR")
    assert (found["n"], found["k"], found["exposure"]) == (
        len(handled()),
        worth[True],
        worth[True] + worth[False],
    )
    assert found["value"] == pytest.approx(worth[True] / sum(worth.values()))


class Arms:
    """Counts of both arms, of the whole flow."""

    def __init__(self) -> None:
        everything = chosen(lambda _: True)
        self.n = len(everything)
        targeted = [one for one in everything if one.targeted and one.done]
        random = [one for one in everything if one.drawn and one.done and not one.targeted]
        self.n_s, self.h_s = len(targeted), sum(one.hit for one in targeted)
        self.n_r, self.h_r = len(random), sum(one.hit for one in random)
        self.outside = self.n - self.n_s
        self.random = random
        self.illicit = sum(one.illicit for one in everything)


def near(found: dict[str, Any], value: float, low: float, high: float) -> None:
    assert found["value"] == pytest.approx(value)
    assert found["interval"]["low"] == pytest.approx(low, rel=1e-6)
    assert found["interval"]["high"] == pytest.approx(high, rel=1e-6)


def outside_limits(arms: Arms) -> tuple[float, float]:
    """Return the limits of the hits outside S, all of which were drawn with one chance."""
    low, high = proportion_confint(arms.h_r, arms.n_r, method="wilson")
    return max(arms.outside * low, arms.h_r), arms.outside * high


def test_what_targeting_finds_and_misses_equals_statsmodels_and_holds_the_truth(
    published: Mapping[str, dict[str, Any]],
) -> None:
    arms = Arms()
    assert arms.n_r >= 30
    prevalence = arms.h_r / arms.n_r
    missed, (least, most) = arms.outside * prevalence, outside_limits(arms)
    near(
        total(published, "random_prevalence"),
        prevalence,
        *proportion_confint(arms.h_r, arms.n_r, method="wilson"),
    )
    near(total(published, "missed_hits"), missed, least, most)
    found: dict[str, Callable[[float], float]] = {
        "total_hits": lambda m: arms.h_s + m,
        "targeting_recall": lambda m: arms.h_s / (arms.h_s + m),
        "overall_recall": lambda m: (arms.h_s + arms.h_r) / (arms.h_s + m),
        "leakage": lambda m: 1 - (arms.h_s + arms.h_r) / (arms.h_s + m),
        "lift_against_flow": lambda m: (arms.h_s / arms.n_s) / ((arms.h_s + m) / arms.n),
    }
    for name, of in found.items():
        near(total(published, name), of(missed), *sorted((of(least), of(most))))
    low, high = confint_proportions_2indep(
        arms.h_s, arms.n_s, arms.h_r, arms.n_r, compare="ratio", method="score", correction=False
    )
    near(total(published, "lift_against_untargeted"), arms.h_s / arms.n_s / prevalence, low, high)
    recall = total(published, "targeting_recall")["interval"]
    assert recall["low"] <= arms.h_s / arms.illicit <= recall["high"]


def test_the_top_of_a_ranking_by_another_score_equals_numpy(chain: Chain) -> None:
    scores = {one.house.consignment_id: one.house.gross_mass_kg for _, one in handled()}
    units = [
        Ranked(consignment=one.consignment, score=scores[one.consignment], arm=one.arm)
        for one in decided(chain.observed(), EVER)
    ]
    found = tops(units, [Fraction(3, 10)])[0]
    arms = Arms()
    everything = chosen(lambda _: True)
    mass = np.array([one.house.gross_mass_kg for one in everything])
    names = np.array([one.house.consignment_id for one in everything])
    weight = np.array(
        [one.hit * (1 if one.targeted else arms.outside / arms.n_r) for one in everything]
    )
    first = np.lexsort((names, -mass))[: int(np.ceil(0.3 * len(mass)))]
    assert found.selected == len(first)
    for figure, of_all in ((found.precision, len(first)), (found.recall, weight.sum())):
        assert isinstance(figure.value, Estimate)
        assert figure.value.estimate == pytest.approx(weight[first].sum() / of_all)


class Waits:
    """Release times of all consignments as they were drawn, with group, stratum and cluster of each."""

    def __init__(self, member: Callable[[Shipment, Handling], bool]) -> None:
        rows = handled()
        self.seconds = np.array(
            [(one.waits + timedelta(hours=2)).total_seconds() for _, one in rows]
        )
        self.member = np.array([member(shipment, one) for shipment, one in rows])
        week = [f"{shipment.actual.arrived:%G-%V}" for shipment, _ in rows]
        red = [one.selected for _, one in rows]
        self.stratum = np.array([f"{w}|{r}" for w, r in zip(week, red, strict=True)])
        self.unit = np.array([min(one.house.units) for _, one in rows])

    def comparable(self) -> list[str]:
        """Return the strata with five journeys or more of both groups."""
        return [
            name
            for name in np.unique(self.stratum)
            if min(
                len(np.unique(self.unit[(self.stratum == name) & (self.member == group)]))
                for group in (True, False)
            )
            >= 5
        ]

    def kept(self) -> npt.NDArray[np.bool_]:
        return np.isin(self.stratum, self.comparable())


GROUPS: Mapping[str, Callable[[Shipment, Handling], bool]] = {
    "sstl": lambda shipment, _: shipment.number % 3 != 0,
    "operator": lambda _, one: one.trusted,
}


def compared(chain: Chain, by: str) -> Compared:
    observed = [
        (one, measure) for one, measure in chain.observed() if one.indicator == "LT_release"
    ]
    (found,) = compare_observations(observed, [by], EVER, policy=Policy())
    return found


def times(waits: Waits, by: str) -> Iterator[Numbers]:
    """Yield how often each unit counts in each replicate: clusters in the order of their digests, drawn as said."""
    digests = {unit: digest(unit) for unit in np.unique(waits.unit[waits.kept()])}
    clusters = sorted(digests.values())
    draws = Draws(seed_of("LT_release", "consignment", LANE, "AIR", by, "TOTAL"))
    for number in range(999):
        counts = dict(zip(clusters, draws.multiplicities(number, len(clusters)), strict=True))
        yield np.array([counts.get(digests.get(unit, ""), 0) for unit in waits.unit], dtype=float)


def digest(unit: str) -> str:
    """Return how a journey is called as a cluster."""
    return hashlib.blake2b(f"{unit}#".encode(), digest_size=8).hexdigest()


@pytest.mark.parametrize("by", GROUPS)
def test_release_times_of_two_groups_compare_as_numpy_and_statsmodels_say(
    chain: Chain, by: str
) -> None:
    found, waits = compared(chain, by).result, Waits(GROUPS[by])
    kept = waits.kept()
    assert found.strata == len(waits.comparable()) > 1
    assert found.n_members == (kept & waits.member).sum()
    assert found.n_unmatched == (~kept).sum()
    # with a constant for each stratum the coefficient of the group is the weighted difference of mean logarithms
    columns = [waits.stratum[kept] == name for name in waits.comparable()]
    design = np.column_stack([waits.member[kept], *columns]).astype(float)
    fitted = sm.OLS(np.log(waits.seconds[kept]), design).fit()
    assert isinstance(found.ratio, Estimate)
    assert found.ratio.estimate == pytest.approx(np.exp(fitted.params[0]), rel=1e-9)
    assert isinstance(found.difference_s, Estimate)
    gaps, owners = pairs(waits)
    once = np.ones(len(waits.seconds))
    assert found.difference_s.estimate == weighted_median(waits, gaps, owners, once)


@pytest.mark.parametrize("by", GROUPS)
def test_the_intervals_of_a_comparison_are_those_of_clusters_drawn_anew(
    chain: Chain, by: str
) -> None:
    found, waits = compared(chain, by).result, Waits(GROUPS[by])
    gaps, owners = pairs(waits)
    differences, ratios = [], []
    for counts in times(waits, by):
        differences.append(weighted_median(waits, gaps, owners, counts))
        ratios.append(ratio(waits, counts))
    for figure, replicates in ((found.difference_s, differences), (found.ratio, ratios)):
        assert isinstance(figure, Estimate)
        replicates.sort()
        assert figure.low == pytest.approx(replicates[24], rel=1e-9)
        assert figure.high == pytest.approx(replicates[974], rel=1e-9)


def test_where_only_what_is_selected_is_inspected_there_is_nothing_to_compare(chain: Chain) -> None:
    found = compared(chain, "inspected").result
    assert isinstance(found.difference_s, NotEstimable)
    assert found.n_members == 0


Pairs = tuple[Numbers, npt.NDArray[np.int64]]


def pairs(waits: Waits) -> Pairs:
    """Return all differences within strata, ascending, with the places of member, other and stratum of each."""
    gaps, owners = [], []
    for name in waits.comparable():
        xs = np.flatnonzero((waits.stratum == name) & waits.member)
        ys = np.flatnonzero((waits.stratum == name) & ~waits.member)
        gaps.append(np.subtract.outer(waits.seconds[xs], waits.seconds[ys]).ravel())
        owners.append(np.stack([a.ravel() for a in np.meshgrid(xs, ys, indexing="ij")]))
    joined, places = np.concatenate(gaps), np.concatenate(owners, axis=1)
    order = np.argsort(joined, kind="stable")
    return joined[order], places[:, order]


def sizes(waits: Waits, counts: Numbers) -> Iterator[tuple[str, float, float]]:
    for name in waits.comparable():
        here = waits.stratum == name
        yield name, counts[here & waits.member].sum(), counts[here & ~waits.member].sum()


def weighted_median(
    waits: Waits, gaps: Numbers, owners: npt.NDArray[np.int64], counts: Numbers
) -> float:
    per_stratum = {name: 1 / (m + n + 1) for name, m, n in sizes(waits, counts)}
    weight = np.array([per_stratum.get(name, 0) for name in waits.stratum])
    masses = counts[owners[0]] * counts[owners[1]] * weight[owners[0]]
    reached = np.cumsum(masses)
    return float(gaps[np.searchsorted(reached, reached[-1] / 2)])


def ratio(waits: Waits, counts: Numbers) -> float:
    gaps, weights = [], []
    logs = np.log(waits.seconds) * counts
    for name, m, n in sizes(waits, counts):
        here = waits.stratum == name
        gaps.append(logs[here & waits.member].sum() / m - logs[here & ~waits.member].sum() / n)
        weights.append(m * n / (m + n))
    return float(np.exp(np.average(gaps, weights=weights)))

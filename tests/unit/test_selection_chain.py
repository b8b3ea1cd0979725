"""A day's draws through the whole chain: lanes count them, and they disturb nothing else."""

from datetime import date
from fractions import Fraction
from typing import Any

import pytest

from sstl.core.draws import Draw, draw_events
from sstl.core.selection import Lot, commitment, is_selected
from sstl.models.policy import Policy
from tests.chain import Chain, as_bytes
from tests.unit.test_consignment_rule_stories import (
    HOUSE,
    JOURNEY,
    LATER_MS,
    RELEASED,
    Told,
    customs,
    filing,
    without,
)

pytestmark = pytest.mark.unit

LANE = "CNYTN-NLRTM-SEA"
LOT = Lot(LANE, date(2026, 3, 2), Fraction(1, 50))
MORNING = "2026-03-02T08:00:00Z"
HOUSES = [f"HBL{number:07d}" for number in range(1, 151)]


def key_that(house: str, *, selects: bool) -> bytes:
    """Return the first key that selects a consignment, or does not."""
    candidates = (number.to_bytes(32) for number in range(1, 10_000))
    return next(one for one in candidates if is_selected(one, house, LOT.rate) is selects)


def draws(key: bytes, *houses: str) -> list[Told]:
    draw = Draw(LOT, commitment(key, LOT), key)
    source = "urn:sstl:NLRTM:selection"
    return [
        ("inspection", one) for house in houses for one in draw_events(draw, house, MORNING, source)
    ]


def lodged(number: int, house: str) -> Told:
    family, event = filing("lodged", 0, lrn=f"LRN-{number}", house={"consignmentId": house})
    return family, event | {"time": MORNING, "recordedtime": MORNING}


def policy(rate: float) -> Policy:
    stated = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA", "random_control_rate": rate}
    return Policy.model_validate({"lanes": {LANE: stated}})


def too_few(rate: float, told: list[Told]) -> list[dict[str, Any]]:
    chain = Chain(policy=policy(rate))
    chain.take([*(lodged(number, house) for number, house in enumerate(HOUSES)), *told])
    assert not chain.published["rejected"]
    chain.beat(LATER_MS)
    return [
        flag
        for flag in chain.net_flags().values()
        if flag["indicators"][0]["ruleId"] == "lane-random-controls-low"
    ]


def test_the_lane_counts_a_days_draws_against_its_least_share() -> None:
    key = key_that(HOUSES[0], selects=True)
    told = draws(key, *HOUSES)
    share = sum(is_selected(key, house, LOT.rate) for house in HOUSES) / len(HOUSES)
    assert share > 0
    assert too_few(share, told) == []
    (flag,) = too_few(share + 0.001, told)
    assert flag["indicators"][0]["observed"] == round(100 * share, 2)
    (flag,) = too_few(share, [one for one in told if "selections" not in one[1]["data"]])
    assert flag["indicators"][0]["observed"] == 0


@pytest.mark.parametrize(
    "story",
    [
        pytest.param(list(JOURNEY), id="a-clean-journey"),
        pytest.param(without(RELEASED), id="no-release-reported"),
        pytest.param([JOURNEY[0]], id="lodged-and-nothing-else"),
        pytest.param(
            [*JOURNEY, customs("inspection.detained", 772)], id="released-though-detained"
        ),
        pytest.param(
            [*JOURNEY, filing("amended", 200, item={"hs6": "392690"})], id="amended-at-sea"
        ),
    ],
)
def test_a_draw_that_does_not_select_changes_no_flag(story: list[Told]) -> None:
    (draw,) = draws(key_that(HOUSE, selects=False), HOUSE)
    found = []
    for events in (story, [*story, draw]):
        chain = Chain(policy=policy(0.01))
        chain.take(events)
        chain.beat(LATER_MS)
        found.append(as_bytes(chain.net_flags()))
    assert found[0] == found[1]


def test_sending_draws_twice_and_shuffled_changes_nothing() -> None:
    told = [*JOURNEY, *draws(key_that(HOUSE, selects=True), HOUSE)]
    found = []
    for events in (told, [*told[::-1], *told]):
        chain = Chain(policy=policy(0.01))
        chain.take(events)
        chain.beat(LATER_MS)
        found.append({name: flag["status"] for name, flag in chain.net_flags().items()})
    assert found[0] == found[1]

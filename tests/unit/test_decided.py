"""Consignments as they were decided upon, and what flags said of them before."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from sstl.core.comparing import Cohort
from sstl.core.decided import FlagScores, decided
from sstl.models.records import Measure, Observation
from sstl.models.risk_flag import RiskFlag
from tests.journey_events import LANE, START
from tests.risk_flags import flag

pytestmark = pytest.mark.unit

EVER = Cohort("TOTAL", 0, 1 << 62)
HOUSE = "HBL001"


def held(
    indicator: str, at_ms: int = START, house: str = HOUSE, **more: Any
) -> tuple[Observation, Measure]:
    measure = Measure(
        lane_id=LANE, mode="SEA", start_ms=at_ms, value_ms=more.pop("value", 0), **more
    )
    name = f"{indicator}|{house}"
    return Observation(
        id=name, indicator=indicator, counting_unit="consignment", current=measure
    ), measure


def test_a_consignment_has_its_arm_its_revenue_and_when_it_was_decided_upon() -> None:
    (found,) = decided(
        [
            held("control_arm", category="T-1P@1/50"),
            held("revenue_found", value=1200),
            held("hit_rate", value=1),
        ],
        EVER,
    )
    assert (found.consignment, found.lane_id, found.mode, found.at_ms) == (
        HOUSE,
        LANE,
        "SEA",
        START,
    )
    assert (found.arm.targeted, found.arm.hit, found.arm.probability) == (
        True,
        True,
        Fraction(1, 50),
    )
    assert found.revenue == 1200


def test_a_consignment_whose_controls_state_no_revenue_has_none() -> None:
    (found,) = decided([held("control_arm", category="T-1P@0")], EVER)
    assert found.revenue is None


def test_only_what_was_decided_in_the_period_is_ranked() -> None:
    arms = [held("control_arm", START + n, f"H{n}", category="--..@0") for n in range(3)]
    found = decided(arms, Cohort("P", START, START + 2))
    assert [one.consignment for one in found] == ["H0", "H1"]


def issued(minutes: int, score: int, *, number: int = 0, **more: Any) -> RiskFlag:
    at = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    return flag(number=number, issued_at=at, score=score, **more)


AT = int(datetime(2026, 5, 1, 1, tzinfo=UTC).timestamp() * 1000)


def test_flags_on_a_consignment_and_on_the_journeys_it_lies_in_count_together() -> None:
    scores = FlagScores(
        [
            issued(0, 40, group=HOUSE),
            issued(0, 40, number=1, group="CSQU3054383", consignments=(HOUSE, "OTHER")),
        ]
    )
    assert scores.before(HOUSE, AT) == 64
    assert scores.before("OTHER", AT) == 40
    assert scores.before("NOBODY", AT) == 0


@pytest.mark.parametrize(
    ("minutes", "score"),
    [
        pytest.param(59, 40, id="before"),
        pytest.param(60, 0, id="at-the-decision"),
        pytest.param(61, 0, id="after"),
    ],
)
def test_only_flags_issued_before_the_decision_count(minutes: int, score: int) -> None:
    assert FlagScores([issued(minutes, 40, group=HOUSE)]).before(HOUSE, AT) == score


def test_the_last_version_of_a_flag_counts_and_one_that_was_taken_back_does_not() -> None:
    told = [issued(0, 40, group=HOUSE), issued(0, 70, group=HOUSE)]
    assert FlagScores(told).before(HOUSE, AT) == 70
    told.append(issued(0, 70, group=HOUSE, status="WITHDRAWN", reason="corrected"))
    assert FlagScores(told).before(HOUSE, AT) == 0

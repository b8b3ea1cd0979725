"""Names in a policy that lead nowhere."""

import pytest

from sstl.agents.policy_check import check
from sstl.core.rules.base import Parameter, Rule
from sstl.models.policy import Policy

pytestmark = pytest.mark.unit

DWELL = Rule(
    id="dwell-exceeded",
    name="Dwell",
    question="?",
    unit="h",
    risk_area="SUPPLY_CHAIN_INTEGRITY",
    subject="unit",
    needs=frozenset(),
    parameters={"limit_hours": Parameter(48, "h", "longest")},
)
KNOWN = {DWELL.id: DWELL}
LANE = {"origin": "CNYTN", "destination": "NLRTM", "mode": "SEA"}
LEG = {"leg_id": "m1", "mode": "SEA", "origin": "CNYTN", "destination": "NLRTM"}


def told(policy: dict[str, object]) -> list[str]:
    found = check(Policy.model_validate(policy), KNOWN)
    return [f"{'.'.join(map(str, where))}: {what}" for where, what in found]


def rule(stated: dict[str, object], rule_id: str = DWELL.id) -> dict[str, object]:
    return {"rules": {rule_id: stated}, "lanes": {"CNYTN-NLRTM-SEA": LANE}}


def lane(**stated: object) -> dict[str, object]:
    return {"lanes": {"CNYTN-NLRTM-SEA": LANE | stated}}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(rule({"thresholds": {"limit_hours": 3}}), [], id="known-rule-and-parameter"),
        pytest.param(
            rule({}, "dwel-exceeded"),
            ["rules.dwel-exceeded: unknown rule, did you mean dwell-exceeded?"],
            id="unknown-rule",
        ),
        pytest.param(
            rule({"thresholds": {"limit_hour": 3}}),
            [
                "rules.dwell-exceeded.thresholds.limit_hour: unknown parameter of dwell-exceeded, "
                "did you mean limit_hours?"
            ],
            id="unknown-parameter",
        ),
        pytest.param(
            rule({"thresholds_by_mode": {"SEA": {"x": 3}}}),
            [
                "rules.dwell-exceeded.thresholds_by_mode.SEA.x: unknown parameter of "
                "dwell-exceeded; known: limit_hours"
            ],
            id="unknown-parameter-of-a-mode",
        ),
        pytest.param(
            rule({"thresholds_by_lane": {"CNYTN-NLRTN-SEA": {"limit_hours": 3}}}),
            [
                "rules.dwell-exceeded.thresholds_by_lane.CNYTN-NLRTN-SEA: unknown lane, "
                "did you mean CNYTN-NLRTM-SEA?"
            ],
            id="unknown-lane",
        ),
        pytest.param(lane(legs=[LEG]), [], id="legs-from-end-to-end"),
        pytest.param(
            lane(legs=[LEG | {"destination": "SGSIN"}]),
            ["lanes.CNYTN-NLRTM-SEA.legs: the legs end at SGSIN, the lane at NLRTM"],
            id="legs-that-end-elsewhere",
        ),
        pytest.param(
            lane(legs=[LEG | {"destination": "SGSIN"}, LEG | {"origin": "MYPKG"}]),
            ["lanes.CNYTN-NLRTM-SEA.legs.1: this leg begins at MYPKG, but the plan is at SGSIN"],
            id="legs-with-a-gap",
        ),
        pytest.param(
            lane(stops=["yard"]),
            ["lanes.CNYTN-NLRTM-SEA.stops.0: unknown geofence"],
            id="stop-without-a-geofence",
        ),
        pytest.param(
            {"lanes": {"CNYTN-NLRTM-AIR": LANE}},
            [
                "lanes.CNYTN-NLRTM-AIR: a lane is called origin-destination-mode: "
                "expected CNYTN-NLRTM-SEA"
            ],
            id="a-lane-under-another-name",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_told(policy: dict[str, object], expected: list[str]) -> None:
    assert told(policy) == expected


STAGE = {"start": "T5", "end": "T6"}


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(rule({"thresholds": {"limit_hours": 0}}), [], id="threshold-of-zero"),
        pytest.param(
            rule({"thresholds_by_mode": {"SEA": {"limit_hours": -5}}}),
            [
                "rules.dwell-exceeded.thresholds_by_mode.SEA.limit_hours: expected at least 0, got -5"
            ],
            id="threshold-below-zero",
        ),
        pytest.param(
            lane(stages=[STAGE | {"target_hours": 24, "limit_hours": 24}]), [], id="limit-is-target"
        ),
        pytest.param(
            lane(stages=[STAGE | {"target_hours": 24, "limit_hours": 23.5}]),
            [
                "lanes.CNYTN-NLRTM-SEA.stages.0.limit_hours: expected target_hours (24) or more, "
                "got 23.5"
            ],
            id="limit-below-target",
        ),
        pytest.param(
            lane(legs=[LEG | {"target_hours": 700, "limit_hours": 70}]),
            [
                "lanes.CNYTN-NLRTM-SEA.legs.0.limit_hours: expected target_hours (700) or more, got 70"
            ],
            id="limit-of-a-leg-below-target",
        ),
        pytest.param(
            lane(stages=[STAGE | {"learnt_low_hours": 5, "learnt_high_hours": 5}]),
            [
                "lanes.CNYTN-NLRTM-SEA.stages.0.learnt_high_hours: expected more than "
                "learnt_low_hours (5), got 5"
            ],
            id="range-of-nothing",
        ),
        pytest.param(
            {
                "watch_lists": {
                    "w": {"risk_area": "IPR", "hs_prefixes": ["39", "7701"], "source": "an act"}
                }
            },
            ["watch_lists.w.hs_prefixes.1: HS has no chapter 77"],
            id="no-such-chapter",
        ),
    ],
)
def test_numbers_that_cannot_be_meant_are_told_with_their_place(
    policy: dict[str, object], expected: list[str]
) -> None:
    assert told(policy) == expected

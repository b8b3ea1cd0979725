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

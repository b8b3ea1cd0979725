"""Findings on locks, seal numbers and lanes become flags through the whole chain."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from sstl.models.policy import Policy
from sstl.models.risk_flag import RiskFlag
from sstl.publish.routing import family_of
from sstl.synthetic.shipment import tell
from tests.chain import Chain
from tests.integration.test_stories import RAIL, corridor, tampered_at_a_rest_area

LANE = "CNYTN-NLRTM-SEA"
BEGIN = datetime(2026, 3, 2, 8, tzinfo=UTC)
UNITS = ("CSQU3054383", "MSKU3054388")


def sealed(kind: str, unit: str, hours: float, serial: str, **says: Any) -> tuple[str, Any]:
    at = (BEGIN + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")
    device = {"manufacturerId": "LOCKS", "tagSerial": serial}
    return "seallock", {
        "specversion": "1.0",
        "id": f"{kind}-{unit}-{hours}",
        "source": "urn:sstl:tests:locks",
        "type": f"org.sstl.seallock.{kind}.v1",
        "time": at,
        "recordedtime": at,
        "datacontenttype": "application/json",
        "data": {"equipmentReference": unit, "deviceId": device, "laneId": LANE, **says},
    }


def flags(policy: Policy, events: list[tuple[str, Any]]) -> dict[str, RiskFlag]:
    """Return the last version of each flag, by rule; each rule looked at has one here."""
    chain = Chain(policy=policy)
    chain.take(events)
    assert not chain.published["rejected"]
    latest = max(datetime.fromisoformat(event["recordedtime"]) for _, event in events)
    chain.beat(int(latest.timestamp() * 1000))
    last = dict(chain.published["risk-flags"])
    found = [RiskFlag.model_validate(orjson.loads(value)) for value in last.values()]
    return {flag.indicators[0].rule_id: flag for flag in found}


def test_a_lock_that_was_not_unpaired_is_flagged_on_its_next_unit() -> None:
    first, second = UNITS[:2]
    found = flags(Policy(), [sealed("paired", first, 0, "1"), sealed("paired", second, 9, "1")])
    flag = found["device-not-unpaired"]
    assert flag.subject.equipment_reference == second
    assert [one.event_id for one in flag.evidence] == [f"paired-{first}-0", f"paired-{second}-9"]


def test_a_seal_number_on_two_units_is_flagged_however_it_is_written() -> None:
    first, second = UNITS[:2]
    found = flags(
        Policy(),
        [
            sealed("armed", first, 0, "1", sealNumber="CN 123-4567"),
            sealed("armed", second, 9, "2", sealNumber="cn1234567"),
        ],
    )
    assert found["seal-number-reused"].subject.seal_numbers == ("CN1234567",)
    assert found["seal-number-reused"].subject.equipment_reference == second


def test_incidents_on_several_journeys_become_one_flag_on_their_lane() -> None:
    events: list[tuple[str, Any]] = []
    for number in (2, 3, 4):
        shipment = corridor(RAIL).shipment(number)
        told = [one.event for one in tell(shipment, 31, confirmed_share=0) if one.good]
        told = tampered_at_a_rest_area(shipment, told)
        events += [(family_of(one["type"]) or "transport", one) for one in told]
    policy = Policy.model_validate(
        {
            "lanes": {RAIL: {"origin": "CNXIA", "destination": "DEDUI", "mode": "RAIL"}},
            "rules": {"lane-seal-incident-burst": {"thresholds": {"incidents": 3}}},
        }
    )
    flag = flags(policy, events)["lane-seal-incident-burst"]
    assert (flag.flag_type, flag.subject.lane_id) == ("LANE_TREND", RAIL)
    assert flag.indicators[0].observed == len(flag.evidence) > 3
    assert {one.event_type for one in flag.evidence} == {"seallock.alarm", "seallock.opened"}

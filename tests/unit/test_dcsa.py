"""The example events of the DCSA specifications: each is folded, or it is said why not."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from sstl.cli.publish_dcsa import dcsa_command
from sstl.core.journeys.stage import JourneysStage
from sstl.core.stage import Context, Inbound, MemoryState
from sstl.errors import UserError
from sstl.intake.dcsa import Unmapped, convert
from sstl.intake.envelope import RawRecord
from sstl.intake.stage import IntakeStage
from sstl.models.policy import Policy

DCSA = Path(__file__).parents[1] / "data" / "dcsa"
SOURCE = "urn:sstl:dcsa:carrier"
HEADERS = (("content-type", b"application/cloudevents+json"),)
DAY_MS = 86_400_000
POLICY = Policy(max_lateness_s=5 * 365 * 86_400)
"""The examples happened years before they were recorded."""


def equipment_event(payload: dict[str, Any]) -> dict[str, Any]:
    """Return an equipment event of DCSA with this payload."""
    return {
        "metadata": {
            "eventID": "e1",
            "eventType": "EQUIPMENT",
            "eventCreatedDateTime": "2026-01-02T00:00:00Z",
        },
        "payload": payload,
    }


def examples() -> list[dict[str, Any]]:
    found = []
    for path in sorted(DCSA.glob("*.json")):
        for example in orjson.loads(path.read_bytes()):
            value = example["value"]
            found += [
                one for one in (value if isinstance(value, list) else [value]) if "metadata" in one
            ]
    return found


def told(event: dict[str, Any], policy: Policy = POLICY) -> tuple[str, list[Inbound]]:
    """Return what becomes of an example, and the messages to [journeys]."""
    converted = convert(event, SOURCE)
    if isinstance(converted, Unmapped):
        return converted.reason, []
    family, ours = converted
    raw = RawRecord(family, family, 0, 0, 1_700_000_000_000, None, orjson.dumps(ours), HEADERS)
    outcome = IntakeStage(family, pseudonym_key=b"k", backfill=True).fold(
        MemoryState(), [raw], policy, Context(0, frozenset())
    )
    rejected = [one.message for one in outcome.outputs if one.topic == "rejected"]
    if rejected:
        return f"{rejected[0].reason} {rejected[0].pointer}", []
    unit = [Inbound(one.key, one.message) for one in outcome.outputs if one.topic == "journeys"]
    return "accepted", unit


EXPLAINED = {
    "accepted",
    # names of documents, no fact of transport or customs
    "SHIPMENT events without a counterpart: documents",
    # the examples call the port of Amsterdam NLRAM, which UN/LOCODE does not list
    "unknown_code /data/unLocationCode",
    # of the containers one has a wrong check digit
    "failed_check_digit /data/equipmentReference",
}


def test_every_example_is_accepted_or_its_rejection_is_explained() -> None:
    outcomes = [told(event)[0] for event in examples()]
    assert len(outcomes) == 15
    assert set(outcomes) <= EXPLAINED
    assert outcomes.count("accepted") >= 5


def test_what_is_accepted_is_folded() -> None:
    messages = [message for event in examples() for message in told(event)[1]]
    assert messages
    state, stage = MemoryState(), JourneysStage()
    outcome = stage.fold(state, messages, POLICY, Context(0, frozenset()))
    units = {key for key, part in outcome.changed if not part and not key.startswith("~")}
    assert units == {message.key for message in messages}
    assert outcome.counts["events_folded", ""] == len(messages)


def test_with_ordinary_limits_an_event_recorded_years_later_is_too_late() -> None:
    late = [
        event for event in examples() if "2019" in event.get("payload", {}).get("eventDateTime", "")
    ]
    door = next(event for event in late if event["metadata"]["eventType"] == "IOT")
    assert told(door, Policy())[0] == "too_late /time"


def test_a_retraction_takes_the_event_back_that_it_names() -> None:
    taken_back = [e for e in examples() if "retractedEventID" in e["metadata"]]
    assert taken_back
    for event in taken_back:
        converted = convert(event, SOURCE)
        assert not isinstance(converted, Unmapped)
        _, ours = converted
        assert ours["id"] == event["metadata"]["retractedEventID"]
        assert ours["retracted"] is True
        assert "data" not in ours


@pytest.mark.parametrize(
    ("kind", "code", "ours"),
    [
        pytest.param("EQUIPMENT", "GTIN", "transport.gated_in", id="2.x-short-code"),
        pytest.param("EQUIPMENT", "GATED_IN", "transport.gated_in", id="3.0-name"),
        pytest.param("EQUIPMENT", "INSP", "seallock.checked", id="an-inspected-seal-is-no-control"),
        pytest.param("EQUIPMENT", "CUSS", "inspection.selected", id="selected-by-customs"),
        pytest.param("TRANSPORT", "DEPA", "transport.departed", id="departure"),
    ],
)
def test_codes_of_both_editions_become_our_types(kind: str, code: str, ours: str) -> None:
    event = {
        "metadata": {
            "eventID": "e1",
            "eventType": kind,
            "eventCreatedDateTime": "2026-01-02T00:00:00Z",
        },
        "payload": {
            f"{kind.lower()}EventTypeCode": code,
            "eventClassifierCode": "ACT",
            "eventDateTime": "2026-01-01T00:00:00Z",
            "equipmentReference": "APZU4812090",
        },
    }
    converted = convert(event, SOURCE)
    assert not isinstance(converted, Unmapped)
    assert converted[1]["type"] == f"org.sstl.{ours}.v1"


def test_a_place_whose_coordinates_are_null_is_a_place_without_them() -> None:
    event = equipment_event(
        {
            "equipmentEventTypeCode": "LOAD",
            "eventClassifierCode": "ACT",
            "eventDateTime": "2026-01-01T00:00:00Z",
            "equipmentReference": "APZU4812090",
            "geoLocation": {"latitude": None, "longitude": None},
        }
    )
    converted = convert(event, SOURCE)
    assert not isinstance(converted, Unmapped)
    assert "latitude" not in converted[1]["data"]


def test_coordinates_that_are_no_numbers_name_the_event(tmp_path: Path) -> None:
    event = equipment_event(
        {"equipmentEventTypeCode": "LOAD", "geoLocation": {"latitude": "north"}}
    )
    file = tmp_path / "events.json"
    file.write_bytes(orjson.dumps([event]))
    said = CliRunner().invoke(dcsa_command, ["--source", SOURCE, "--show", str(file)])
    assert isinstance(said.exception, UserError)
    assert "event 1 is no DCSA event" in str(said.exception)


def test_what_is_never_planned_is_not_taken_as_a_fact() -> None:
    event = equipment_event(
        {
            "equipmentEventTypeCode": "CUSR",
            "eventClassifierCode": "EST",
            "eventDateTime": "2026-01-01T00:00:00Z",
            "equipmentReference": "APZU4812090",
        }
    )
    assert isinstance(convert(event, SOURCE), Unmapped)

"""What accepted messages become and where they go."""

from typing import Any

import pytest

from sstl.intake.envelope import RawRecord
from sstl.intake.pseudonym import Pseudonyms
from sstl.models.records import Placed, Referred, Registered
from tests.intake_messages import (
    ARRIVAL_MS,
    FILING,
    LOADED,
    SEALED,
    accepted,
    binary,
    event,
    fold,
    places,
    structured,
)

REGISTER = ("references", "event:urn:sstl:NLRTM:tests|event-1")
DEVICE = {"deviceId": {"manufacturerId": "LOCKS", "tagSerial": "1"}}


def sent(kind: str, data: Any, family: str, **attributes: Any) -> RawRecord:
    return structured(event(kind, data, **attributes), family=family)


def test_both_modes_give_the_same_event_and_the_same_digest() -> None:
    document = event(
        "transport.loaded",
        LOADED | {"grossMassKg": 1.50, "note": {"b": 1, "a": None}},
        laneid="CNYTN-NLRTM-SEA",
        recordedtime="2026-03-01T16:00:30+08:00",
        myextension="kept",
    )
    assert accepted(structured(document)) == accepted(binary(document))


def test_names_of_attributes_may_have_capitals_in_both_modes() -> None:
    document = event("transport.loaded", LOADED, recordedTime="2026-03-01T08:00:30Z")
    one, other = accepted(structured(document)), accepted(binary(document))
    assert one.version == other.version
    assert one.version.recorded_ms == ARRIVAL_MS - 30_000


def test_the_digest_repeats_and_tells_bodies_apart() -> None:
    first = accepted(sent("transport.loaded", LOADED, "transport"))
    again = accepted(sent("transport.loaded", LOADED, "transport"))
    other = accepted(sent("transport.loaded", LOADED | {"legId": "1"}, "transport"))
    assert first.version == again.version
    assert first.version.digest != other.version.digest


def test_members_of_a_body_may_come_in_any_order() -> None:
    backwards = dict(reversed(list(LOADED.items())))
    assert accepted(sent("transport.loaded", LOADED, "transport")) == accepted(
        sent("transport.loaded", backwards, "transport")
    )


def test_instants_are_normalised_to_utc_with_milliseconds_where_there_are_any() -> None:
    filing = FILING | {"etd": "2026-03-02T08:00:00+08:00", "eta": "2026-03-29T08:00:00.1239Z"}
    data = accepted(sent("manifest.lodged", filing, "manifest")).data
    assert (data["etd"], data["eta"]) == ("2026-03-02T00:00:00Z", "2026-03-29T08:00:00.123Z")


def test_recorded_time_is_the_events_own_where_the_publisher_gives_none() -> None:
    normal = accepted(sent("transport.loaded", LOADED, "transport"))
    assert normal.version.recorded_ms == normal.event_ms == ARRIVAL_MS - 60_000
    assert normal.arrival_ms == ARRIVAL_MS


def test_unknown_fields_and_extensions_are_kept_and_counted() -> None:
    document = event(
        "transport.loaded",
        LOADED | {"surprise": [1], "conveyance": {"imoNumber": "9321483", "crew": 22}},
        myextension="kept",
        traceparent="00-a-b-01",
    )
    outcome = fold(structured(document))
    assert outcome.counts[("unknown_fields", "transport")] == 3
    data = accepted(structured(document)).data
    assert data["surprise"] == [1]
    assert data["conveyance"]["crew"] == 22
    assert data["ceExtensions"] == {"myextension": "kept"}


@pytest.mark.parametrize(
    ("kind", "family", "body", "foreign"),
    [
        pytest.param(
            "manifest.registered",
            "manifest",
            {"lrn": "LRN-1", "mrn": "26NL000510A1B2C3D4"},
            {"parties": [{"name": "Canal & Sons"}], "consignments": 1},
            id="parties-of-an-answer",
        ),
        pytest.param(
            "seallock.authorisation.revoked",
            "seallock",
            {"commandId": "CMD-1"},
            {"authorisedBy": {"name": "Canal & Sons"}},
            id="who-authorised-as-an-object",
        ),
        pytest.param(
            "seallock.armed",
            "seallock",
            SEALED,
            {"seals": ["CN1"], "inspectionId": {"number": 1}, "startedAt": 5},
            id="seals-as-texts",
        ),
        pytest.param(
            "manifest.assessed",
            "manifest",
            {"mrn": "26NL000510A1B2C3D4"},
            {"equipmentReference": "csqu 3054383"},
            id="a-unit-that-nobody-judged",
        ),
    ],
)
def test_a_field_of_another_type_of_event_is_left_out_and_counted(
    kind: str, family: str, body: dict[str, Any], foreign: dict[str, Any]
) -> None:
    raw = sent(kind, body | foreign, family)
    assert fold(raw).counts[("unknown_fields", family)] == len(foreign)
    assert places(raw) == places(sent(kind, body, family))
    assert accepted(raw).data == body


def test_identifiers_reach_the_core_in_one_form() -> None:
    written = {
        "eventClassifier": "ACTUAL",
        "equipmentReference": "csqu 305438-3",
        "transportDocumentReference": "160-12345675",
        "unLocationCode": "cn ytn",
        "mode": "SEA",
    }
    data = accepted(sent("transport.loaded", written, "transport")).data
    assert data["equipmentReference"] == "CSQU3054383"
    assert data["transportDocumentReference"] == "16012345675"
    assert (data["unLocationCode"], data["mode"]) == ("CNYTN", "1")


def test_a_field_that_is_null_is_absent_wherever_it_stands() -> None:
    leg = {"legId": "1", "mode": "1", "placeOfDeparture": "CNYTN", "placeOfArrival": "NLRTM"}
    filing: dict[str, Any] = FILING
    (consignment,), (unit,) = filing["consignments"], filing["equipment"]
    written = filing | {
        "parties": None,
        "surprise": None,
        "consignments": [{**consignment, "items": None, "parties": None}],
        "equipment": [{**unit, "seals": None}],
        "legs": [leg | {"role": None}],
    }
    plain = sent("manifest.lodged", filing | {"legs": [leg]}, "manifest")
    assert accepted(sent("manifest.lodged", written, "manifest")) == accepted(plain)


def test_numbers_printed_in_groups_are_the_numbers() -> None:
    written = FILING | {
        "mrn": "26 nl 000510 A1B2C3D4",
        "ucr": "6nl 123\u00a0abc",
        "officeOfFirstEntry": " nl000510",
        "transportMeans": {"imoNumber": "932 1483", "voyageNumber": "012W"},
        "consignments": [{"consignmentId": "HBL 1\n", "items": [{"hs6": "8471.30"}]}],
    }
    data = accepted(sent("manifest.lodged", written, "manifest")).data
    assert (data["mrn"], data["ucr"]) == ("26NL000510A1B2C3D4", "6NL123ABC")
    assert (data["officeOfFirstEntry"], data["transportMeans"]["imoNumber"]) == (
        "NL000510",
        "9321483",
    )
    (consignment,) = data["consignments"]
    assert (consignment["consignmentId"], consignment["items"]) == ("HBL1", [{"hs6": "847130"}])


def test_no_other_letter_becomes_a_country() -> None:
    raw = sent("manifest.lodged", FILING | {"countriesOfRouting": ["\u00df"]}, "manifest")
    (output,) = fold(raw).outputs
    assert output.topic == "rejected"


def test_names_of_parties_never_leave_intake() -> None:
    party = {
        "role": "CONSIGNEE",
        "name": "Example Trading",
        "identifier": "NL 123.456.789",
        "address": {"street": "Example Street"},
        "aeo": True,
        "contact": "Example Person",
    }
    filing = FILING | {"parties": [party]}
    filing["consignments"] = [
        {"consignmentId": "HBL1", "parties": [party | {"identifier": "nl123456789"}]}
    ]
    outcome = fold(sent("manifest.lodged", filing, "manifest"))
    assert "Example" not in str(outcome.outputs)
    assert "123456789" not in str(outcome.outputs)
    data = accepted(sent("manifest.lodged", filing, "manifest")).data
    (outer,) = data["parties"]
    (inner,) = data["consignments"][0]["parties"]
    assert outer == inner
    assert outer["role"] == "CONSIGNEE"
    assert outer["aeo"] is True
    assert set(outer) == {"role", "pseudonym", "aeo"}


def test_a_pseudonym_needs_the_key_and_tells_names_from_identifiers() -> None:
    one, other = Pseudonyms(b"one"), Pseudonyms(b"other")
    assert one.of(identifier="X1", name=None) == one.of(identifier=" x-1", name="any")
    assert one.of(identifier=None, name="THE  consignee") == one.of(
        identifier=None, name="The Consignee"
    )
    assert one.of(identifier="X1", name=None) != other.of(identifier="X1", name=None)
    assert one.of(identifier="X1", name=None) != one.of(identifier=None, name="X1")
    with pytest.raises(ValueError, match="empty"):
        Pseudonyms(b"")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param("京A12345", "沪A12345", False, id="letters-of-another-script"),
        pytest.param("NL\uff10\uff11", "NL\uff10\uff12", False, id="full-width-digits-tell-apart"),
        pytest.param("NL\uff10\uff11", "NL-01", True, id="full-width-digits-are-digits"),
    ],
)
def test_a_pseudonym_follows_letters_and_digits_of_every_script(
    one: str, other: str, *, same: bool
) -> None:
    pseudonyms = Pseudonyms(b"key")
    found = pseudonyms.of(identifier=one, name=None) == pseudonyms.of(identifier=other, name=None)
    assert found is same


def test_an_identifier_without_letter_or_digit_leaves_the_party_its_name() -> None:
    pseudonyms = Pseudonyms(b"key")
    named = pseudonyms.of(identifier=None, name="Consignee")
    for nothing in (" ", "-", "\uff0f"):
        assert pseudonyms.of(identifier=nothing, name="Consignee") == named
    assert pseudonyms.of(identifier="-", name="Consignee") != pseudonyms.of(
        identifier="-", name="Notify"
    )


def test_who_authorised_a_grant_travels_as_a_pseudonym() -> None:
    grant = SEALED | {
        "commandId": "C1",
        "authorisedBy": "Example Person",
        "validFrom": "2026-03-01T08:00:00Z",
        "validTo": "2026-03-01T09:00:00Z",
    }
    data = accepted(sent("seallock.authorisation.granted", grant, "seallock")).data
    assert data["authorisedBy"].startswith("p:")


LOOSE = {"eventClassifier": "ACTUAL", "looseCargo": True, "transportDocumentReference": "HAWB1"}
SHIP = {"conveyance": {"imoNumber": "9321483", "voyageNumber": "2103s"}}


@pytest.mark.parametrize(
    ("kind", "family", "data", "expected"),
    [
        pytest.param(
            "transport.loaded",
            "transport",
            LOADED,
            [("journeys", "CSQU3054383")],
            id="unit",
        ),
        pytest.param(
            "transport.loaded",
            "transport",
            LOADED | {"transportDocumentReference": "BL1", "consignmentId": "H1"},
            [
                ("journeys", "CSQU3054383"),
                ("references", "consignment:H1"),
                ("references", "transport-document:BL1"),
            ],
            id="unit-and-consignment",
        ),
        pytest.param(
            "transport.rcs", "transport", LOOSE, [("journeys", "HAWB1")], id="loose-cargo"
        ),
        pytest.param(
            "transport.arrived",
            "transport",
            SHIP | {"eventClassifier": "ACTUAL"},
            [("references", "conveyance:9321483/2103S")],
            id="whole-ship",
        ),
        pytest.param(
            "transport.loaded",
            "transport",
            SHIP | {"eventClassifier": "ACTUAL", "transportDocumentReference": "BL1"},
            [("references", "transport-document:BL1")],
            id="a-bill-of-lading-is-narrower-than-its-ship",
        ),
        pytest.param(
            "inspection.released",
            "inspection",
            {"looseCargo": True, "transportDocumentReference": "HAWB1"},
            [("journeys", "HAWB1"), ("references", "transport-document:HAWB1")],
            id="release-of-loose-cargo-reaches-its-consignment",
        ),
        pytest.param(
            "declaration.accepted",
            "manifest",
            {"mrn": "26NL000510A1B2C3D4", "ucr": "6CN1REF"},
            [("references", "mrn:26NL000510A1B2C3D4"), ("references", "ucr:6CN1REF")],
            id="declaration",
        ),
        pytest.param(
            "seallock.armed",
            "seallock",
            SEALED | DEVICE,
            [
                ("journeys", "CSQU3054383"),
                ("references", "device:LOCKS/1"),
                ("references", "seal:CN1"),
            ],
            id="seal",
        ),
        pytest.param(
            "seallock.opened",
            "seallock",
            DEVICE | {"commandId": "C1"},
            [("references", "device:LOCKS/1"), ("references", "command:C1")],
            id="device-only",
        ),
        pytest.param(
            "seallock.paired",
            "seallock",
            SEALED | DEVICE,
            [
                ("journeys", "CSQU3054383"),
                ("references", "device:LOCKS/1"),
                ("references", "seal:CN1"),
            ],
            id="pairing",
        ),
        pytest.param("manifest.lodged", "manifest", FILING, [("manifests", "LRN-1")], id="filing"),
        pytest.param(
            "manifest.arrival.notified",
            "manifest",
            {"mrn": "26NL000510A1B2C3D4"},
            [("references", "mrn:26NL000510A1B2C3D4")],
            id="answer-without-lrn",
        ),
        pytest.param(
            "risk.feedback",
            "feedback",
            {"flagIds": ["F1", "F2", "F1"], "feedbackId": "X", "actionTaken": "NOT_ARRIVED"},
            [("findings", "F1"), ("findings", "F2")],
            id="feedback-on-two-flags",
        ),
    ],
)
def test_an_event_goes_where_what_it_names_leads(
    kind: str, family: str, data: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert places(sent(kind, data, family)) == [*expected, REGISTER]


def test_a_register_lists_every_place_of_the_version() -> None:
    raw = sent("seallock.paired", SEALED | DEVICE, "seallock")
    register = fold(raw).outputs[-1].message
    assert isinstance(register, Registered)
    assert register.places == ("unit:CSQU3054383", "ref:device:LOCKS/1", "ref:seal:CN1")
    assert (register.type, register.event_ms) == ("seallock.paired", ARRIVAL_MS - 60_000)


def test_pairings_and_grants_tie_their_references_to_the_unit() -> None:
    grant = (
        SEALED
        | DEVICE
        | {
            "commandId": "C1",
            "validFrom": "2026-03-01T08:00:00Z",
            "validTo": "2026-03-01T09:00:00Z",
        }
    )
    outcome = fold(sent("seallock.authorisation.granted", grant, "seallock"))
    referred = {o.key: o.message for o in outcome.outputs if isinstance(o.message, Referred)}
    assert set(referred) == {"device:LOCKS/1", "command:C1"}
    assert all(m.binds_unit == "CSQU3054383" and not m.to_units for m in referred.values())


def test_a_position_is_placed_at_its_unit_else_at_its_device_and_never_registered() -> None:
    here = {"latitude": 22.5, "longitude": 114.2}
    named = sent("seallock.position", SEALED | DEVICE | here, "seallock")
    assert places(named) == [("journeys", "CSQU3054383")]
    unnamed = sent("seallock.position", DEVICE | here, "seallock")
    assert places(unnamed) == [("references", "device:LOCKS/1")]


def test_a_registry_entry_meets_the_party_with_the_same_identifier() -> None:
    entry = {"id": "NL123456789", "programme": "AEO"}
    ((_, key), _) = places(sent("registry.operator.status", entry, "registry"))
    filing = FILING | {"parties": [{"role": "CONSIGNEE", "identifier": "nl 123456789"}]}
    (party,) = accepted(sent("manifest.lodged", filing, "manifest")).data["parties"]
    assert key == f"operator:{party['pseudonym']}"


@pytest.mark.parametrize("mode", [structured, binary])
def test_a_retraction_without_body_only_enters_the_register(mode: Any) -> None:
    document = event("transport.loaded", None, retracted="true")
    (output,) = fold(mode(document)).outputs
    assert (output.topic, output.key) == REGISTER
    assert output.message.version.retracted
    assert output.message.places == ()
    assert output.message.event_ms is None


def test_a_retraction_with_body_is_placed_like_any_version() -> None:
    outcome = fold(sent("transport.loaded", LOADED, "transport", retracted=True))
    placed, registered = (output.message for output in outcome.outputs)
    assert isinstance(placed, Placed)
    assert placed.event.version.retracted
    assert registered.places == ("unit:CSQU3054383",)


def test_planned_events_may_lie_ahead() -> None:
    planned = LOADED | {"eventClassifier": "PLANNED"}
    ahead = sent("transport.loaded", planned, "transport", time="2026-06-01T00:00:00Z")
    assert accepted(ahead).event_ms > ARRIVAL_MS


def test_in_a_backfill_an_event_has_arrived_when_it_was_recorded() -> None:
    raw = sent(
        "transport.loaded",
        LOADED,
        "transport",
        time="2013-01-07T00:00:00Z",
        recordedtime="2013-01-07T01:00:00Z",
    )
    past = accepted(raw, backfill=True)
    assert past.arrival_ms == past.version.recorded_ms == past.event_ms + 3_600_000

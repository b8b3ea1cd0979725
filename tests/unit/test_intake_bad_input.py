import base64
from typing import Any

import orjson
import pytest

from sstl.intake.envelope import RawRecord
from sstl.intake.stage import internal_error
from sstl.models.policy import Policy
from sstl.models.rejection import Reason, Rejection
from tests.intake_messages import (
    ARRIVAL_MS,
    FILING,
    LOADED,
    SEALED,
    STRUCTURED,
    accepted,
    binary,
    event,
    record,
    rejection,
    structured,
)

JSON = ("content-type", b"application/json")


def loaded(**attributes: Any) -> RawRecord:
    return structured(event("transport.loaded", LOADED, **attributes))


def body(kind: str, data: dict[str, Any], family: str) -> RawRecord:
    return structured(event(kind, data), family=family)


CASES = [
    pytest.param(
        record(None),
        Reason.NULL_VALUE,
        "",
        "null",
        "a value (a null value deletes, it is no event)",
        id="null-value",
    ),
    pytest.param(
        structured(event("transport.loaded", LOADED | {"remark": "x" * 300_000})),
        Reason.OVERSIZE,
        "",
        None,
        "at most 262144 bytes in all",
        id="oversize",
    ),
    pytest.param(
        record(b"{}", ()),
        Reason.WRONG_CONTENT_TYPE,
        "/datacontenttype",
        "no content-type",
        "application/json with ce_ headers, or application/cloudevents+json",
        id="no-content-type",
    ),
    pytest.param(
        record(b"<x/>", (("content-type", b"application/xml"),)),
        Reason.WRONG_CONTENT_TYPE,
        "/datacontenttype",
        '"application/xml"',
        "application/json with ce_ headers, or application/cloudevents+json",
        id="xml",
    ),
    pytest.param(
        record(b"{}", (("content-type", b"application/cloudevents+avro"),)),
        Reason.WRONG_CONTENT_TYPE,
        "/datacontenttype",
        '"application/cloudevents+avro"',
        "application/json with ce_ headers, or application/cloudevents+json",
        id="cloudevents-in-another-format",
    ),
    pytest.param(
        record(b"{}", (("content-type", b"application/json; charset=latin-1"),)),
        Reason.WRONG_CONTENT_TYPE,
        "/datacontenttype",
        '"application/json; charset=latin-1"',
        "application/json with ce_ headers, or application/cloudevents+json",
        id="another-charset",
    ),
    pytest.param(
        record(b"hello"),
        Reason.NOT_JSON,
        "",
        "unexpected character, expected a JSON value at line 1, column 1",
        "JSON",
        id="not-json",
    ),
    pytest.param(
        record(b"hello", tuple(binary(event("transport.loaded", LOADED)).headers)),
        Reason.NOT_JSON,
        "/data",
        "unexpected character, expected a JSON value at line 1, column 1",
        "JSON",
        id="body-not-json",
    ),
    pytest.param(
        record(b'{"id": "\xff"}'),
        Reason.INVALID_UTF8,
        "",
        "byte 0xff at 8",
        "JSON in UTF-8",
        id="not-utf-8",
    ),
    pytest.param(
        record(b"[1]"),
        Reason.WRONG_ENVELOPE,
        "",
        "a list of 1",
        "a CloudEvent as JSON object",
        id="no-object",
    ),
    pytest.param(
        record(orjson.dumps(LOADED), (JSON,)),
        Reason.WRONG_ENVELOPE,
        "/specversion",
        "nothing",
        '"1.0"',
        id="no-envelope-at-all",
    ),
    pytest.param(
        loaded(specversion="0.3"),
        Reason.WRONG_ENVELOPE,
        "/specversion",
        '"0.3"',
        '"1.0"',
        id="old-specversion",
    ),
    pytest.param(loaded(id=None), Reason.WRONG_ENVELOPE, "/id", "nothing", "a text", id="no-id"),
    pytest.param(
        loaded(source="a|b"),
        Reason.WRONG_ENVELOPE,
        "/source",
        '"a|b"',
        "1 to 255 characters without control characters, spaces and |",
        id="source-that-would-blur-identities",
    ),
    pytest.param(
        loaded(retracted="yes"),
        Reason.WRONG_ENVELOPE,
        "/retracted",
        '"yes"',
        "true or false",
        id="retracted-unclear",
    ),
    pytest.param(
        loaded(time=None),
        Reason.MISSING_TIME,
        "/time",
        "nothing",
        "when it happened, RFC 3339",
        id="no-time",
    ),
    pytest.param(
        loaded(time="2026-03-01T08:00:00"),
        Reason.NAIVE_TIME,
        "/time",
        '"2026-03-01T08:00:00"',
        "an instant with its zone, like 2026-03-01T08:00:00Z",
        id="naive-time",
    ),
    pytest.param(
        loaded(recordedtime="2026-03-01T08:00:00"),
        Reason.NAIVE_TIME,
        "/recordedtime",
        '"2026-03-01T08:00:00"',
        "an instant with its zone, like 2026-03-01T08:00:00Z",
        id="naive-recorded-time",
    ),
    pytest.param(
        body("manifest.lodged", FILING | {"eta": "2026-03-01T08:00:00"}, "manifest"),
        Reason.NAIVE_TIME,
        "/data/eta",
        '"2026-03-01T08:00:00"',
        "an instant with its zone, like 2026-03-01T08:00:00Z",
        id="naive-time-in-the-body",
    ),
    pytest.param(
        loaded(time="1772352000"),
        Reason.INVALID_VALUE,
        "/time",
        '"1772352000"',
        "an instant as RFC 3339, like 2026-03-01T08:00:00Z",
        id="seconds-since-the-epoch",
    ),
    pytest.param(
        loaded(time="2026-02-30T08:00:00Z"),
        Reason.INVALID_VALUE,
        "/time",
        '"2026-02-30T08:00:00Z"',
        "an instant that the calendar has",
        id="thirtieth-of-february",
    ),
    pytest.param(
        loaded(type="com.example.loaded.v1"),
        Reason.UNKNOWN_TYPE,
        "/type",
        '"com.example.loaded.v1"',
        "a type of docs/events.md, like org.sstl.transport.departed.v1",
        id="foreign-type",
    ),
    pytest.param(
        loaded(type="org.sstl.transport.teleported.v1"),
        Reason.UNKNOWN_TYPE,
        "/type",
        '"org.sstl.transport.teleported.v1"',
        "a type of docs/events.md, like org.sstl.transport.departed.v1",
        id="unknown-kind",
    ),
    pytest.param(
        loaded(type="org.sstl.transport.loaded.v2"),
        Reason.UNKNOWN_VERSION,
        "/type",
        '"v2"',
        "v1",
        id="unknown-version",
    ),
    pytest.param(
        structured(event("transport.loaded", LOADED), family="seallock"),
        Reason.WRONG_TOPIC,
        "/type",
        "on sstl.seallock.v1",
        "on sstl.transport.v1",
        id="wrong-topic",
    ),
    pytest.param(
        structured(event("progress", {"reached": "2026-03-01T08:00:00Z"})),
        Reason.WRONG_TOPIC,
        "/type",
        "on sstl.transport.v1",
        "a topic that is declared as a backfill",
        id="progress-on-a-live-topic",
    ),
    pytest.param(
        structured(event("transport.loaded", None)),
        Reason.MISSING_FIELD,
        "/data",
        "nothing",
        "the event's body",
        id="no-body",
    ),
    pytest.param(
        body("transport.loaded", {"equipmentReference": "CSQU3054383"}, "transport"),
        Reason.MISSING_FIELD,
        "/data/eventClassifier",
        "nothing",
        "a value",
        id="missing-field",
    ),
    pytest.param(
        body("transport.loaded", {"eventClassifier": "ACTUAL"}, "transport"),
        Reason.MISSING_FIELD,
        "/data",
        "none of them",
        "equipmentReference, transportDocumentReference, consignmentId, mrn, ucr or conveyance",
        id="about-nothing",
    ),
    pytest.param(
        body("transport.loaded", LOADED | {"eventClassifier": "MAYBE"}, "transport"),
        Reason.UNKNOWN_CODE,
        "/data/eventClassifier",
        '"MAYBE"',
        "'ACTUAL', 'ESTIMATED' or 'PLANNED'",
        id="unknown-code",
    ),
    pytest.param(
        body("transport.loaded", LOADED | {"unLocationCode": "CNQQ9"}, "transport"),
        Reason.UNKNOWN_CODE,
        "/data/unLocationCode",
        '"CNQQ9"',
        "a place that UN/LOCODE lists for CN",
        id="unlisted-place",
    ),
    pytest.param(
        body("transport.loaded", LOADED | {"equipmentReference": "CBHU1234567"}, "transport"),
        Reason.FAILED_CHECK_DIGIT,
        "/data/equipmentReference",
        '"CBHU1234567"',
        "check digit 1 (ISO 6346)",
        id="failed-check-digit",
    ),
    pytest.param(
        body("transport.loaded", LOADED | {"legId": 5}, "transport"),
        Reason.INVALID_VALUE,
        "/data/legId",
        "5",
        "a text",
        id="number-for-text",
    ),
    *(
        pytest.param(
            body("seallock.armed", SEALED | {"sealNumber": number}, "seallock"),
            Reason.INVALID_VALUE,
            "/data/sealNumber",
            got,
            "a seal number: a letter or digit in it, no control characters",
            id=name,
        )
        for number, got, name in (
            ("CN\x001", '"CN\\u00001"', "seal-number-with-a-control-character"),
            ("---", '"---"', "seal-number-of-separators-alone"),
        )
    ),
    pytest.param(
        loaded(laneid="A\x00B"),
        Reason.INVALID_VALUE,
        "/laneid",
        '"A\\u0000B"',
        "a lane like CNYTN-NLRTM-SEA",
        id="lane-with-a-control-character",
    ),
    pytest.param(
        structured(event("transport.loaded", LOADED | {"laneId": "A\x00B"})),
        Reason.INVALID_VALUE,
        "/data/laneId",
        '"A\\u0000B"',
        "a lane like CNYTN-NLRTM-SEA",
        id="lane-of-a-body-with-a-control-character",
    ),
    pytest.param(
        structured(event("transport.loaded", LOADED | {"laneId": "A-B-SEA"}, laneid="C-D-SEA")),
        Reason.CONTRADICTORY_FIELDS,
        "/data/laneId",
        '"A-B-SEA"',
        'the lane of the envelope ("C-D-SEA")',
        id="two-lanes",
    ),
    pytest.param(
        body("transport.rcs", LOADED | {"looseCargo": True}, "transport"),
        Reason.CONTRADICTORY_FIELDS,
        "/data/looseCargo",
        "true",
        "no equipmentReference: loose cargo travels without equipment",
        id="loose-in-a-container",
    ),
    pytest.param(
        body(
            "manifest.lodged",
            FILING | {"etd": "2026-03-02T00:00:00Z", "eta": "2026-03-01T00:00:00Z"},
            "manifest",
        ),
        Reason.CONTRADICTORY_FIELDS,
        "/data/eta",
        "2026-03-01T00:00:00Z",
        "not before etd (2026-03-02T00:00:00Z)",
        id="arrives-before-it-departs",
    ),
    pytest.param(
        body("manifest.lodged", FILING | {"equipment": []}, "manifest"),
        Reason.CONTRADICTORY_FIELDS,
        "/data/consignments/0/equipmentReferences/0",
        "CSQU3054383",
        "a unit listed in equipment",
        id="unit-not-listed",
    ),
    pytest.param(
        body(
            "manifest.lodged",
            {"lrn": "L", "consignments": [{"consignmentId": "H1"}, {"consignmentId": "h1"}]},
            "manifest",
        ),
        Reason.CONTRADICTORY_FIELDS,
        "/data/consignments/1/consignmentId",
        "H1",
        "a transport document that the filing has once",
        id="transport-document-twice",
    ),
    pytest.param(
        body(
            "manifest.lodged",
            FILING | {"equipment": [{"equipmentReference": "CSQU3054383", "numberOfSeals": 1}]},
            "manifest",
        ),
        Reason.CONTRADICTORY_FIELDS,
        "/data/equipment/0/numberOfSeals",
        "1",
        "the number of seals listed (0)",
        id="seal-without-number",
    ),
    pytest.param(
        body(
            "manifest.lodged",
            {
                "lrn": "L",
                "mode": "4",
                "consignments": [{"consignmentId": "H1", "masterTransportDocument": "16012345676"}],
            },
            "manifest",
        ),
        Reason.FAILED_CHECK_DIGIT,
        "/data/consignments/0/masterTransportDocument",
        "16012345676",
        "check digit 5 (air waybill, modulo 7)",
        id="master-air-waybill",
    ),
    pytest.param(
        body(
            "seallock.authorisation.granted",
            SEALED
            | {
                "commandId": "C1",
                "validFrom": "2026-03-02T00:00:00Z",
                "validTo": "2026-03-01T00:00:00Z",
            },
            "seallock",
        ),
        Reason.CONTRADICTORY_FIELDS,
        "/data/validTo",
        "2026-03-01T00:00:00Z",
        "not before validFrom (2026-03-02T00:00:00Z)",
        id="grant-that-ends-before-it-begins",
    ),
    pytest.param(
        body("seallock.resealed", SEALED, "seallock"),
        Reason.MISSING_FIELD,
        "/data/oldSealNumber",
        "nothing",
        "a value",
        id="resealed-without-old-number",
    ),
    pytest.param(
        body("seallock.resealed", SEALED | {"oldSealNumber": "cn-1"}, "seallock"),
        Reason.CONTRADICTORY_FIELDS,
        "/data/sealNumber",
        "CN1",
        "a number other than oldSealNumber",
        id="resealed-with-the-same-number",
    ),
    pytest.param(
        body(
            "inspection.scan.completed",
            {
                "consignmentId": "H1",
                "startedAt": "2026-03-01T08:00:00Z",
                "endedAt": "2026-03-01T07:00:00Z",
            },
            "inspection",
        ),
        Reason.CONTRADICTORY_FIELDS,
        "/data/endedAt",
        "2026-03-01T07:00:00Z",
        "not before startedAt (2026-03-01T08:00:00Z)",
        id="ended-before-it-started",
    ),
    pytest.param(
        body(
            "inspection.selected",
            {"consignmentId": "H1", "selections": [{"basis": "RANDOM"}]},
            "inspection",
        ),
        Reason.CONTRADICTORY_FIELDS,
        "/data/selections/0/probability",
        "nothing",
        "a probability, because the selection was drawn",
        id="random-without-probability",
    ),
    pytest.param(
        loaded(time="2026-01-01T00:00:00Z"),
        Reason.TOO_LATE,
        "/time",
        "2026-01-01T00:00:00Z",
        "at most 3888000 s before arrival (2026-03-01T08:01:00Z)",
        id="too-late",
    ),
    pytest.param(
        loaded(time="2026-03-01T08:06:01Z"),
        Reason.FAR_FUTURE,
        "/time",
        "2026-03-01T08:06:01Z",
        "at most 300 s after arrival (2026-03-01T08:01:00Z)",
        id="far-future",
    ),
    pytest.param(
        loaded(recordedtime="2026-03-01T09:00:00Z"),
        Reason.FAR_FUTURE,
        "/recordedtime",
        "2026-03-01T09:00:00Z",
        "at most 300 s after arrival (2026-03-01T08:01:00Z)",
        id="recorded-in-the-future",
    ),
    pytest.param(
        structured(
            event(
                "seallock.position", SEALED | {"latitude": 1.0, "longitude": 2.0}, retracted=True
            ),
            family="seallock",
        ),
        Reason.NOT_CORRECTABLE,
        "/retracted",
        "true",
        "no retraction: positions and progress stand",
        id="retracted-position",
    ),
]


@pytest.mark.parametrize(("raw", "reason", "pointer", "got", "expected"), CASES)
def test_bad_input_is_rejected_with_where_what_and_what_instead(
    raw: RawRecord, reason: Reason, pointer: str, got: str | None, expected: str
) -> None:
    refused = rejection(raw)
    assert (refused.reason, refused.pointer, refused.expected) == (reason, pointer, expected)
    assert got is None or refused.got == got
    assert refused.docs == f"docs/events.md#{reason.value}"


def test_a_rejection_carries_the_original_bytes_headers_and_position() -> None:
    refused = rejection(record(b"\x00\xff", (("content-type", b"text/plain"), ("x", None))))
    assert refused.original_value is not None
    assert base64.b64decode(refused.original_value) == b"\x00\xff"
    assert refused.original_key == base64.b64encode(b"any key").decode()
    assert [header.key for header in refused.headers] == ["content-type", "x"]
    assert refused.headers[1].value is None
    assert (refused.topic, refused.partition, refused.offset) == ("sstl.transport.v1", 0, 7)
    assert refused.append_time_ms == ARRIVAL_MS


def test_a_rejection_names_every_problem_and_the_event_where_it_is_readable() -> None:
    wrong = {"equipmentReference": "CBHU1234567", "unLocationCode": "Rotterdam"}
    document = event("transport.loaded", wrong, time="2026-03-01T08:00:00")
    refused = rejection(structured(document))
    assert [(problem.reason, problem.pointer) for problem in refused.problems] == [
        (Reason.NAIVE_TIME, "/time"),
        (Reason.INVALID_VALUE, "/data/unLocationCode"),
        (Reason.FAILED_CHECK_DIGIT, "/data/equipmentReference"),
        (Reason.MISSING_FIELD, "/data/eventClassifier"),
    ]
    assert (refused.ce_id, refused.ce_source) == ("event-1", "urn:sstl:NLRTM:tests")
    assert refused.message.endswith("(and 3 more)")


def test_all_contradictions_of_a_body_are_named() -> None:
    wrong = FILING | {
        "etd": "2026-03-02T00:00:00Z",
        "eta": "2026-03-01T00:00:00Z",
        "equipment": [],
    }
    refused = rejection(body("manifest.lodged", wrong, "manifest"))
    assert [problem.pointer for problem in refused.problems] == [
        "/data/eta",
        "/data/consignments/0/equipmentReferences/0",
    ]


def test_a_rejection_never_echoes_the_name_of_a_party() -> None:
    party = {
        "role": "CONSIGNEE",
        "name": "Somebody & Sons" * 50,
        "identifier": 17,
        "aeo": "Somebody",
    }
    refused = rejection(body("manifest.lodged", FILING | {"parties": [party]}, "manifest"))
    assert {problem.pointer: problem.got for problem in refused.problems} == {
        "/data/parties/0/name": "a text of 750 characters",
        "/data/parties/0/identifier": "a value of type int",
        "/data/parties/0/aeo": "a text of 8 characters",
    }
    readable = refused.model_dump(exclude={"original_value"})
    assert "Somebody" not in str(readable)


def test_a_rejection_survives_its_own_json() -> None:
    refused = rejection(record(b"hello"))
    text = refused.model_dump_json()
    assert orjson.loads(text)["appendTimeMs"] == ARRIVAL_MS
    assert Rejection.model_validate_json(text) == refused


def test_the_limit_of_the_future_is_exact() -> None:
    assert accepted(loaded(time="2026-03-01T08:06:00Z")).event_ms == ARRIVAL_MS + 300_000
    assert rejection(loaded(time="2026-03-01T08:06:00.001Z")).reason is Reason.FAR_FUTURE


def test_headers_that_contradict_each_other_are_refused() -> None:
    document = event("transport.loaded", LOADED)
    raw = binary(document)
    twice = record(raw.value, (*raw.headers, ("ce_id", b"another")))
    assert rejection(twice).pointer == "/id"


def test_attributes_that_differ_only_in_capitals_are_refused() -> None:
    refused = rejection(loaded(Time="2026-03-01T07:00:00Z"))
    assert (refused.reason, refused.pointer) == (Reason.WRONG_ENVELOPE, "/time")


def test_the_limit_of_size_is_the_policys() -> None:
    raw = loaded()
    size = len(raw.value or b"") + len(raw.key or b"")
    size += sum(len(name) + len(value or b"") for name, value in STRUCTURED)
    refused = rejection(raw, policy=Policy(max_message_bytes=size - 1))
    assert refused.got == f"{size} bytes"


@pytest.mark.parametrize("levels", [240, 400])
def test_deep_nesting_is_refused_like_any_other_bad_body(levels: int) -> None:
    deep = b'{"x":' * levels + b"1" + b"}" * levels
    document = orjson.dumps(event("transport.loaded", LOADED))
    raw = record(document.replace(b'"unLocationCode"', b'"y":' + deep + b',"unLocationCode"'))
    refused = rejection(raw)
    assert refused.reason is Reason.INVALID_VALUE
    assert (refused.pointer, refused.got, refused.expected) == (
        "/data",
        "deep nesting",
        "fewer levels",
    )


def test_a_message_our_code_fails_on_is_rejected_without_its_content() -> None:
    output = internal_error(record(b"{}"), "KeyError")
    assert output.topic == "rejected"
    assert output.key == "sstl.transport.v1/0/7"
    assert output.message.reason is Reason.INTERNAL_ERROR
    assert output.message.got == "KeyError"

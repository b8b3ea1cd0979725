"""Bad input through a real worker: each message gets one rejection that says all, and the good ones go on."""

import os
import time
import urllib.request
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import orjson
import pytest
from kafka import KafkaProducer
from prometheus_client.parser import text_string_to_metric_families

from sstl.agents.topics import MAX_INPUT_BYTES
from sstl.embedded import EmbeddedKafka
from sstl.embedded.ports import free_port
from sstl.models.policy import Policy
from sstl.models.rejection import Reason, Rejection
from sstl.synthetic.log import text
from tests.harness import Lab
from tests.intake_messages import FILING, LOADED, SEALED, event

Headers = tuple[tuple[str, bytes], ...]
HEADERS: Headers = (("content-type", b"application/cloudevents+json"),)
NOW = datetime.fromtimestamp(time.time(), UTC)
RECENT = text(NOW - timedelta(minutes=5))
NAIVE = RECENT.removesuffix("Z")
AHEAD = text(NOW + timedelta(days=2))
LONG_AGO = text(NOW - timedelta(days=60))
BINARY_LOADED: Headers = (
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_id", b"binary-1"),
    ("ce_source", b"urn:sstl:NLRTM:tests"),
    ("ce_type", b"org.sstl.transport.loaded.v1"),
    ("ce_time", RECENT.encode()),
)
BATCH_OVERHEAD = 200
"""Bytes of a batch beside key and value: header of the batch and of the record, its headers."""


@dataclass(frozen=True)
class Bad:
    """A message that must be refused, and what its rejection says."""

    name: str
    reason: Reason
    pointer: str
    got: str
    expected: str
    value: bytes | None
    headers: Headers = HEADERS
    family: str = "transport"
    key: bytes = field(default=b"any key")


def loaded(**attributes: Any) -> bytes:
    return orjson.dumps(event("transport.loaded", LOADED, **({"time": RECENT} | attributes)))


def body(kind: str, data: dict[str, Any]) -> bytes:
    return orjson.dumps(event(kind, data, time=RECENT))


def filled(size: int) -> bytes:
    """Return an event of so many bytes that is right but for its size."""
    empty = len(body("transport.loaded", LOADED | {"remark": ""}))
    return body("transport.loaded", LOADED | {"remark": "x" * (size - empty)})


MOST = Policy().max_message_bytes
LARGEST = MAX_INPUT_BYTES - BATCH_OVERHEAD
CONTENT_TYPES = "application/json with ce_ headers, or application/cloudevents+json"
INSTANT = "an instant with its zone, like 2026-03-01T08:00:00Z"
BAD = [
    Bad(
        "not JSON",
        Reason.NOT_JSON,
        "",
        "unexpected character, expected a JSON value at line 1, column 1",
        "JSON",
        b"hello",
    ),
    Bad(
        "not UTF-8",
        Reason.INVALID_UTF8,
        "",
        "byte 0xff at 8",
        "JSON in UTF-8",
        b'{"id": "\xff"}',
    ),
    Bad(
        "no object", Reason.WRONG_ENVELOPE, "", "a list of 1", "a CloudEvent as JSON object", b"[1]"
    ),
    Bad(
        "old envelope",
        Reason.WRONG_ENVELOPE,
        "/specversion",
        '"0.3"',
        '"1.0"',
        loaded(specversion="0.3"),
    ),
    Bad(
        "bytes in a header",
        Reason.INVALID_UTF8,
        "/subject",
        "bytes",
        "UTF-8 text",
        orjson.dumps(LOADED),
        (*BINARY_LOADED, ("ce_subject", b"\xff\xfe"), ("own", b"\x00\xff")),
    ),
    Bad(
        "unknown type",
        Reason.UNKNOWN_TYPE,
        "/type",
        '"org.sstl.transport.teleported.v1"',
        "a type of docs/events.md, like org.sstl.transport.departed.v1",
        loaded(type="org.sstl.transport.teleported.v1"),
    ),
    Bad(
        "unknown version",
        Reason.UNKNOWN_VERSION,
        "/type",
        '"v2"',
        "v1",
        loaded(type="org.sstl.transport.loaded.v2"),
    ),
    Bad(
        "missing time",
        Reason.MISSING_TIME,
        "/time",
        "nothing",
        "when it happened, RFC 3339",
        loaded(time=None),
    ),
    Bad("naive time", Reason.NAIVE_TIME, "/time", f'"{NAIVE}"', INSTANT, loaded(time=NAIVE)),
    Bad(
        "naive time in the body",
        Reason.NAIVE_TIME,
        "/data/eta",
        f'"{NAIVE}"',
        INSTANT,
        body("manifest.lodged", FILING | {"eta": NAIVE}),
        family="manifest",
    ),
    Bad(
        "failed check digit",
        Reason.FAILED_CHECK_DIGIT,
        "/data/equipmentReference",
        '"CBHU1234567"',
        "check digit 1 (ISO 6346)",
        body("transport.loaded", LOADED | {"equipmentReference": "CBHU1234567"}),
    ),
    Bad(
        "contradictory fields",
        Reason.CONTRADICTORY_FIELDS,
        "/data/looseCargo",
        "true",
        "no equipmentReference: loose cargo travels without equipment",
        body("transport.rcs", LOADED | {"looseCargo": True}),
    ),
    Bad(
        "oversize",
        Reason.OVERSIZE,
        "",
        f"{MOST + 1} bytes",
        f"at most {MOST} bytes in all",
        filled(MOST + 1 - len(b"any key") - sum(len(n) + len(v) for n, v in HEADERS)),
    ),
    Bad(
        "as large as the topic takes",
        Reason.OVERSIZE,
        "",
        f"{LARGEST} bytes",
        f"at most {MOST} bytes in all",
        filled(LARGEST - len(b"any key") - sum(len(n) + len(v) for n, v in HEADERS)),
    ),
    Bad(
        "null value",
        Reason.NULL_VALUE,
        "",
        "null",
        "a value (a null value deletes, it is no event)",
        None,
        (),
    ),
    Bad(
        "wrong content type",
        Reason.WRONG_CONTENT_TYPE,
        "/datacontenttype",
        '"application/xml"',
        CONTENT_TYPES,
        b"<x/>",
        (("content-type", b"application/xml"),),
    ),
    Bad(
        "no content type",
        Reason.WRONG_CONTENT_TYPE,
        "/datacontenttype",
        "no content-type",
        CONTENT_TYPES,
        loaded(),
        (),
    ),
    Bad("far future", Reason.FAR_FUTURE, "/time", "", "", loaded(time=AHEAD)),
    Bad("too late", Reason.TOO_LATE, "/time", "", "", loaded(time=LONG_AGO)),
    Bad(
        "wrong topic",
        Reason.WRONG_TOPIC,
        "/type",
        "",
        "",
        body("seallock.closed", SEALED),
    ),
]
GOOD = 10 * len(BAD)
Place = tuple[str, int, int]


@dataclass(frozen=True)
class Run:
    """What a worker made of good and bad messages between each other."""

    lab: Lab
    address: str
    bad: dict[Place, Bad]
    good: dict[Place, str]
    rejections: list[Rejection]


@pytest.fixture(scope="module")
def run(kafka: EmbeddedKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    port = free_port()
    settings = {"SSTL_METRICS_PORT": str(port)}
    directory = tmp_path_factory.mktemp("bad-input")
    with Lab(
        kafka.bootstrap, f"bad-{os.getpid()}", directory, partitions=2, settings=settings
    ) as lab:
        lab.start()
        bad, good = _publish(lab)
        deadline = time.monotonic() + 90
        while len(lab.read("rejected")) < len(BAD) or len(_placed(lab)) < GOOD:
            lab.check_workers()
            assert time.monotonic() < deadline, lab.workers[0].log_text()[-2000:]
            time.sleep(0.5)
        time.sleep(2)  # what comes twice comes now
        rejections = [Rejection.model_validate_json(r.value) for r in lab.read("rejected")]
        yield Run(lab, f"http://127.0.0.1:{port}", bad, good, rejections)


def _publish(lab: Lab) -> tuple[dict[Place, Bad], dict[Place, str]]:
    """Publish the bad messages among ten times as many good ones."""
    producer = KafkaProducer(
        bootstrap_servers=lab.bootstrap,
        acks="all",
        max_request_size=2 * MAX_INPUT_BYTES,
        linger_ms=0,
    )
    bad: dict[Place, Bad] = {}
    good: dict[Place, str] = {}
    for number, one in zip_longest(range(GOOD), BAD):
        name = f"good-{number}"
        sent = producer.send(
            lab.name("transport"),
            key=name.encode(),
            value=loaded(id=name),
            headers=list(HEADERS),
            partition=number % 2,
        )
        at = sent.get(timeout=30)
        good[at.topic, at.partition, at.offset] = name
        if one is not None:
            sent = producer.send(
                lab.name(one.family), key=one.key, value=one.value, headers=list(one.headers)
            )
            at = sent.get(timeout=30)
            bad[at.topic, at.partition, at.offset] = one
    producer.close()
    return bad, good


def _placed(lab: Lab) -> list[tuple[str, Place]]:
    """Return (event id, where the publisher's message lies) of what reached the units."""
    messages = [orjson.loads(record.value) for record in lab.read("journeys")]
    events = [message["event"] for message in messages if message["type"] == "placed.1"]
    return [(event["id"], tuple(event["origin"])) for event in events]


def _of(run: Run, one: Bad) -> Rejection:
    (found,) = (r for r in run.rejections if run.bad[r.topic, r.partition, r.offset] is one)
    return found


@pytest.mark.parametrize("one", BAD, ids=lambda one: one.name)
def test_a_bad_message_is_rejected_once_with_what_was_wrong_and_all_it_held(
    run: Run, one: Bad
) -> None:
    found = _of(run, one)
    assert (found.reason, found.pointer) == (one.reason, one.pointer)
    assert found.got == (one.got or found.got) != ""
    assert found.expected == (one.expected or found.expected) != ""
    assert found.problems[0].reason == one.reason
    original = None if found.original_value is None else b64decode(found.original_value)
    assert original == one.value
    assert b64decode(found.original_key or "") == one.key
    headers = [(h.key, None if h.value is None else b64decode(h.value)) for h in found.headers]
    assert headers == list(one.headers)


def test_nothing_else_is_rejected(run: Run) -> None:
    places = [(one.topic, one.partition, one.offset) for one in run.rejections]
    assert sorted(places) == sorted(run.bad)
    keys = [record.key.decode() for record in run.lab.read("rejected")]
    assert sorted(keys) == sorted(f"{t}/{p}/{o}" for t, p, o in run.bad)


def test_every_good_message_among_them_is_accepted_once(run: Run) -> None:
    assert sorted(_placed(run.lab)) == sorted((name, place) for place, name in run.good.items())
    assert run.lab.read("quarantine") == []


def test_the_worker_stays_alive_and_ready_and_counts_them(run: Run) -> None:
    for path in ("/health/live", "/health/ready"):
        with urllib.request.urlopen(run.address + path, timeout=10) as answer:  # noqa: S310
            assert answer.status == 200
    with urllib.request.urlopen(run.address + "/metrics", timeout=10) as answer:  # noqa: S310
        families = list(text_string_to_metric_families(answer.read().decode()))
    counted: dict[str, float] = {}
    for family in families:
        for sample in family.samples:
            if sample.name == "sstl_events_rejected_total":
                reason = sample.labels["reason"]
                counted[reason] = counted.get(reason, 0) + sample.value
    reasons = [one.reason.value for one in BAD]
    assert {k: v for k, v in counted.items() if v} == {r: reasons.count(r) for r in reasons}
    assert run.lab.workers[0].process.poll() is None

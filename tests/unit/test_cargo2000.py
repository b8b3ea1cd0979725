"""Cargo 2000 records as events: complete, in order, and the same at each run."""

import gzip
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from sstl.intake import cargo2000
from sstl.models.policy import Policy
from sstl.publish.check import Checker
from sstl.publish.routing import family_of
from tests.reference_cargo2000 import FILE, Reference


@pytest.fixture(scope="module")
def processes() -> list[cargo2000.Process]:
    return cargo2000.read(FILE)


@pytest.fixture(scope="module")
def events(processes: list[cargo2000.Process]) -> list[dict[str, Any]]:
    return list(cargo2000.events(processes))


def test_the_topics_get_the_published_counts(events: list[dict[str, Any]]) -> None:
    manifests = [
        event["data"] for event in events if event["type"].startswith("org.sstl.manifest.")
    ]
    incoming = sum(leg["role"] == "INBOUND" for body in manifests for leg in body["legs"])
    actual = {e["id"] for e in events if e["data"].get("eventClassifier") == "ACTUAL"}
    planned = {e["id"] for e in events if e["data"].get("eventClassifier") == "PLANNED"}
    assert (len({body["lrn"] for body in manifests}), incoming) == (3942, 7932)
    assert (len(actual), len(planned)) == (56082, 56082)


def test_every_id_is_used_once(events: list[dict[str, Any]]) -> None:
    assert max(Counter(event["id"] for event in events).values()) == 1


def test_intake_accepts_every_event_without_an_unknown_field(events: list[dict[str, Any]]) -> None:
    checker = Checker(Policy(), bytes(32), _ms("2026-01-01"), frozenset({"manifest", "transport"}))
    sample = [*events[:3000], *events[-3000:], *events[::40]]
    for event in sample:
        family = family_of(event["type"])
        assert family is not None
        assert checker.problems(orjson.dumps(event), family, 1) == [], event


def test_without_backfill_the_past_is_too_late(events: list[dict[str, Any]]) -> None:
    checker = Checker(Policy(), bytes(32), _ms("2026-01-01"))
    problems = checker.problems(orjson.dumps(events[0]), "manifest", 1)
    assert [problem.reason for problem in problems] == ["too_late"]


def test_events_come_in_the_order_in_which_they_were_recorded(events: list[dict[str, Any]]) -> None:
    assert all(a["recordedtime"] <= b["recordedtime"] for a, b in pairwise(events))


def test_a_plan_is_known_when_the_process_starts_and_a_fact_when_it_happens(
    processes: list[cargo2000.Process],
) -> None:
    start = cargo2000.start_of(processes[0]).strftime("%Y-%m-%dT%H:%M:%SZ")
    for event in cargo2000.events(processes[:1]):
        planned = event["data"].get("eventClassifier") != "ACTUAL"
        assert event["recordedtime"] == (start if planned else event["time"])


def test_the_process_takes_the_longest_incoming_leg_plus_the_outgoing_one(
    processes: list[cargo2000.Process], events: list[dict[str, Any]]
) -> None:
    reference = Reference()
    for kind, classifier in (("p", "PLANNED"), ("e", "ACTUAL")):
        ends = {
            event["subject"]: datetime.fromisoformat(event["time"])
            for event in events
            if event["type"] == "org.sstl.transport.dlv.v1"
            and event["data"]["legId"] == "o"
            and event["data"]["eventClassifier"] == classifier
        }
        minutes = [
            (ends[process.unit] - cargo2000.start_of(process)).total_seconds() / 60
            for process in processes
        ]
        assert minutes == reference.process_minutes(kind).tolist()


def test_the_manifest_plans_what_the_planned_services_say(events: list[dict[str, Any]]) -> None:
    planned_ends = {
        (event["subject"], event["data"]["legId"]): event["time"]
        for event in events
        if event["type"] == "org.sstl.transport.dlv.v1"
        and event["data"]["eventClassifier"] == "PLANNED"
    }
    for event in events:
        if event["type"] == "org.sstl.manifest.lodged.v1":
            for leg in event["data"]["legs"]:
                assert leg["plannedEnd"] == planned_ends[(event["subject"], leg["legId"])]


def test_the_outgoing_leg_is_planned_to_start_when_the_longest_incoming_one_is_to_end(
    events: list[dict[str, Any]],
) -> None:
    for event in events:
        if event["type"] == "org.sstl.manifest.lodged.v1":
            *incoming, outgoing = event["data"]["legs"]
            assert outgoing["role"] == "OUTBOUND"
            assert outgoing["plannedStart"] == max(leg["plannedEnd"] for leg in incoming)


def test_only_services_whose_place_the_file_gives_name_one(events: list[dict[str, Any]]) -> None:
    placed = Counter(
        (event["type"].split(".")[3], "unLocationCode" in event["data"])
        for event in events
        if ".transport." in event["type"]
    )
    assert set(placed) == {("rcs", False), ("dep", True), ("rcf", True), ("dlv", False)}


def test_a_plain_file_with_question_marks_and_a_number_column_reads_the_same(
    tmp_path: Path,
) -> None:
    header, *rows = gzip.decompress(FILE.read_bytes()).decode().splitlines()[:4]
    file = tmp_path / "c2k.csv"
    lines = [f"nr,{header}"]
    lines += [
        f"{n},{row.replace(',0,', ',?,').replace(',0,', ',?,')}" for n, row in enumerate(rows, 1)
    ]
    file.write_text("\r\n".join(lines) + "\r\n")
    assert cargo2000.read(file) == cargo2000.read(FILE)[:3]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            lambda t: t.replace("o_hops", "o_stops"), "no column 'o_hops'", id="no-column"
        ),
        pytest.param(
            lambda t: t.replace("5182,199", "5182,x"), "line 2: i1_rcs_p: got 'x'", id="no-figure"
        ),
        pytest.param(
            lambda t: t.replace("5182,199", "5182,0"), "line 2: i1_rcs_p: got 0", id="zero"
        ),
        pytest.param(
            lambda t: t.replace("5182,199", "5182,-3"), "line 2: i1_rcs_p: got -3", id="negative"
        ),
        pytest.param(lambda t: "\xff" + t, "not a Cargo 2000 file", id="not-ascii"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(change: Any, said: str) -> None:
    text = "\n".join(gzip.decompress(FILE.read_bytes()).decode().splitlines()[:3])
    with pytest.raises(cargo2000.Cargo2000Error, match=said):
        cargo2000.parse(change(text).encode("latin-1"), name="c2k.csv")


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "c2k.csv.gz"
    file.write_bytes(FILE.read_bytes()[:5000])
    with pytest.raises(cargo2000.Cargo2000Error, match="damaged"):
        cargo2000.read(file)


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)

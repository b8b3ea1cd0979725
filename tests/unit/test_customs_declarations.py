"""Customs declarations become events: counts, scores, draws, times, and what is not told of them."""

import gzip
import hashlib
from collections import defaultdict
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from sstl.cli import main
from sstl.errors import ExitCode
from sstl.intake import customs_declarations as source
from sstl.intake.customs_declarations import Declaration, DeclarationsError
from sstl.models.policy import Policy
from sstl.publish.check import Checker
from sstl.publish.message import encode
from sstl.publish.routing import family_of
from sstl.settings import DEVELOPMENT_PSEUDONYM_KEY
from tests.reference_declarations import FILE, Reference

pytestmark = pytest.mark.unit
NOW_MS = 1_780_000_000_000


@pytest.fixture(scope="module")
def declarations() -> list[Declaration]:
    return source.read(FILE)


@pytest.fixture(scope="module")
def replayed(declarations: list[Declaration]) -> list[Declaration]:
    return source.replayed(declarations)


@pytest.fixture(scope="module")
def by_consignment(replayed: list[Declaration]) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for event in source.events(replayed[:1500]):
        found[event["subject"]].append(event)
    return found


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("org.sstl.").removesuffix(".v1") for event in events]


def test_the_file_is_the_published_one(declarations: list[Declaration]) -> None:
    note = (FILE.parent / "SOURCE.txt").read_text(encoding="utf-8")
    assert hashlib.sha256(gzip.decompress(FILE.read_bytes())).hexdigest() in note
    assert len(declarations) == 8134
    assert sum(one.fraud for one in declarations) == 1704
    assert sum(one.critical for one in declarations) == 78


def test_only_what_travels_by_a_mode_of_lanes_is_replayed(
    declarations: list[Declaration], replayed: list[Declaration]
) -> None:
    assert len(declarations) - len(replayed) == 22
    assert all(one.mode is not None for one in replayed)


def test_scores_and_draws_are_as_the_reference_computes_them(replayed: list[Declaration]) -> None:
    expected = Reference.of(None, len(replayed), 0.05)
    assert [float(one.score) for one in replayed] == pytest.approx(expected.score.tolist())
    assert [source.is_targeted(one) for one in replayed] == expected.targeted.tolist()
    assert [source.is_drawn(one) for one in replayed] == expected.drawn.tolist()
    assert (sum(expected.targeted), sum(expected.drawn)) == (1326, 378)


def test_a_code_that_was_not_seen_scores_the_average() -> None:
    assert source.score_of("999999") == Fraction(8114, 37385)


def test_every_event_is_accepted(replayed: list[Declaration]) -> None:
    checker = Checker(
        Policy(), DEVELOPMENT_PSEUDONYM_KEY, NOW_MS, frozenset({"manifest", "inspection"})
    )
    for number, event in enumerate(islice(source.events(replayed[:400]), 2000)):
        family = family_of(event["type"])
        assert family in ("manifest", "inspection")
        raw = encode(event).value
        assert raw is not None
        assert checker.problems(raw, family, number) == []


def test_the_label_is_told_of_those_that_were_controlled_and_of_no_other(
    replayed: list[Declaration], by_consignment: dict[str, list[dict[str, Any]]]
) -> None:
    for one in replayed[:1500]:
        events = by_consignment[one.consignment_id]
        results = [
            event["data"] for event in events if event["type"].endswith("result.recorded.v1")
        ]
        if source.is_drawn(one) or source.is_targeted(one):
            (result,) = results
            assert result["controlResultCode"] == ("B1" if one.fraud else "A1")
            assert [i["revenue"] for i in result.get("irregularities", ())] == (
                [one.revenue_krw] if one.fraud else []
            )
        else:
            assert kinds(events) == [
                "manifest.lodged",
                "declaration.accepted",
                "inspection.drawn",
                "channel.assigned",
                "inspection.released",
            ]
            assert events[3]["data"]["channel"] == "GREEN"


def test_the_draw_comes_before_the_channel_and_both_selections_are_told(
    replayed: list[Declaration], by_consignment: dict[str, list[dict[str, Any]]]
) -> None:
    both = next(one for one in replayed if source.is_drawn(one) and source.is_targeted(one))
    events = by_consignment[both.consignment_id]
    assert kinds(events) == [
        "manifest.lodged",
        "declaration.accepted",
        "inspection.drawn",
        "inspection.selected",
        "inspection.selected",
        "channel.assigned",
        "inspection.physical.started",
        "inspection.physical.completed",
        "inspection.result.recorded",
        "inspection.released",
    ]
    assert [event["data"]["selections"][0]["basis"] for event in events[3:5]] == ["RANDOM", "RULE"]
    assert events[5]["data"]["channel"] == "RED"


def test_events_come_in_the_order_of_their_recorded_time_with_ids_of_their_own(
    replayed: list[Declaration],
) -> None:
    events = list(source.events(replayed[:1500]))
    recorded = [event["recordedtime"] for event in events]
    assert recorded == sorted(recorded)
    assert len({event["id"] for event in events}) == len(events)
    assert events == list(source.events(replayed[:1500]))


def test_no_label_of_the_file_is_in_a_score(replayed: list[Declaration]) -> None:
    scores = {one.hs6: one.score for one in replayed}
    assert all(one.score == scores[one.hs6] for one in replayed)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"a,b\n1,2\n", "no column"),
        (b"\xff\xfe", "no file of customs declarations"),
    ],
)
def test_another_file_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(DeclarationsError, match=said):
        source.parse(raw)


def test_a_damaged_line_is_named() -> None:
    lines = gzip.decompress(FILE.read_bytes()).splitlines(keepends=True)[:4]
    broken = b"".join(lines).replace(b"2021-01-01", b"2021-13-01", 2)
    with pytest.raises(DeclarationsError, match="line 2"):
        source.parse(broken)
    unlabelled = b"".join(lines[:2]).rstrip() + b"\n"
    with pytest.raises(DeclarationsError, match="Fraud"):
        source.parse(unlabelled.replace(b",0,0\n", b",2,0\n"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([__file__], ExitCode.SETTINGS, "no file of customs declarations"),
        ([str(FILE), "--random-rate", "0"], ExitCode.USAGE, "not a rate"),
        ([str(FILE), "--backfill", "trains"], ExitCode.USAGE, "trains"),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    arguments: list[str], code: ExitCode, said: str
) -> None:
    result = CliRunner().invoke(main, ["publish", "customs-declarations", *arguments])
    assert result.exit_code == code, result.output
    assert said in " ".join(result.stderr.split())


def test_a_compressed_file_that_is_damaged_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "half.csv.gz"
    file.write_bytes(FILE.read_bytes()[:1000])
    with pytest.raises(DeclarationsError, match="damaged"):
        source.read(file)

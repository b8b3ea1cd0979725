"""``sstl rank`` on topics that lie in memory, on files and on tables."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import msgspec
import orjson
import pytest
from click.testing import CliRunner, Result

from sstl.agents.topics import Topics
from sstl.cli import main, rank
from sstl.cli.board import FLAG
from sstl.cli.outputs import OBSERVATION, Read
from sstl.errors import ExitCode
from sstl.models.records import Heartbeat, Measure, Observation
from sstl.models.risk_flag import RiskFlag
from tests.journey_events import DAY, LANE, START
from tests.reference_declarations import FILE
from tests.risk_flags import flag
from tests.unit.test_project_docs import rows

DECIDED = datetime.fromtimestamp(START / 1000, UTC)
BEFORE = datetime.fromtimestamp((START - DAY) / 1000, UTC)
OTHER_LANE = "CNSHG-DEHAM-SEA"


def arm(number: int, category: str, *, lane: str = LANE, start_ms: int = START) -> Observation:
    return told("control_arm", number, 0, lane, start_ms, category)


def told(
    indicator: str,
    number: int,
    value: int,
    lane: str = LANE,
    start_ms: int = START,
    category: str | None = None,
) -> Observation:
    measure = Measure(
        lane_id=lane, mode="SEA", start_ms=start_ms, value_ms=value, category=category
    )
    return Observation(
        id=f"{indicator}|H{number:04}",
        indicator=indicator,
        counting_unit="consignment",
        current=measure,
    )


def observations() -> list[Observation]:
    """Return 200 consignments: 20 flagged and controlled (10 hits), 40 of the rest at random (2 hits)."""
    found = []
    for number in range(200):
        category = "--..@1/5"
        if number < 20:
            category = f"T-{int(number < 10)}P@1/5"
        elif number < 60:
            category = f"-R{int(number < 22)}P@1/5"
        found.append(arm(number, category))
        if "1P" in category:
            found.append(told("revenue_found", number, 1000))
    return found


def flags() -> list[RiskFlag]:
    """Return a flag on each of the first 20, issued the day before, and one on the last, issued too late."""
    found = [
        flag(number=number, group=f"H{number:04}", issued_at=BEFORE, score=90 - number)
        for number in range(20)
    ]
    return [*found, flag(number=999, group="H0199", issued_at=DECIDED, score=99)]


class Log:
    """The topics of observations and flags as a reader sees them."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.kinds: frozenset[str] = frozenset()

    def add(self, *records: Any) -> None:
        for one in records:
            kind = FLAG if isinstance(one, RiskFlag) else OBSERVATION
            raw = None if one is None else orjson.loads(line(one))
            self.reads.append(Read(kind, f"sstl.{kind}.v1", 0, len(self.reads), "", raw))

    def __call__(
        self, _bootstrap: str, _topics: Topics, kinds: frozenset[str], *, from_beginning: bool
    ) -> Self:
        assert from_beginning
        self.kinds = kinds
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def whole(self) -> Iterator[Read]:
        yield from (read for read in self.reads if read.kind in self.kinds)


def line(one: Any) -> bytes:
    if isinstance(one, RiskFlag):
        return one.model_dump_json(by_alias=True, exclude_none=True).encode()
    return msgspec.json.encode(one)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(rank, "Outputs", made)
    made.add(*observations(), *flags())
    return made


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["rank", *map(str, arguments)])


def records(*arguments: str | Path) -> list[dict[str, Any]]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == ExitCode.OK, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_the_top_by_flags_is_judged_with_what_the_random_arm_says_of_the_rest(log: Log) -> None:
    one, two, five, ten = records()
    assert [each["q"] for each in (one, two, five, ten)] == [0.01, 0.02, 0.05, 0.1]
    assert (ten["selected"], ten["n"], ten["nControlled"], ten["nRandom"]) == (20, 200, 60, 40)
    assert (ten["nHits"], ten["nHitsWithoutRevenue"], ten["allControlled"]) == (12, 0, False)
    assert ten["precision"]["estimate"] == 0.5
    # of 180 outside the top 2 of 40 are hits: 9
    assert ten["recall"]["estimate"] == pytest.approx(10 / (10 + 9))
    assert ten["revenue"]["estimate"] == pytest.approx(10 / (10 + 9))
    assert (five["precision"]["estimate"], five["recall"]["estimate"]) == (
        1,
        pytest.approx(10 / 19),
    )


def test_the_table_shows_what_the_top_holds_with_intervals(log: Log) -> None:
    *_, row = run().stdout.splitlines()
    for said in (LANE, "10%", "60 (40 at random)", "0.500 (0.500)", "0.526 (0.526)", " to "):
        assert said in row


def test_a_flag_issued_when_a_consignment_was_decided_upon_ranks_nothing(log: Log) -> None:
    before = run("--format", "json").stdout
    log.add(flag(number=998, group="H0198", issued_at=DECIDED, score=99))
    assert run("--format", "json").stdout == before


def test_without_any_flag_before_a_decision_there_is_nothing_to_rank_by(log: Log) -> None:
    log.reads = [one for one in log.reads if one.kind == OBSERVATION]
    found = records()
    assert {each["recall"]["reason"] for each in found} == {
        "no flag was issued on any of them before it was decided upon: nothing to rank by"
    }


def test_without_a_random_arm_only_a_top_that_was_controlled_has_a_precision(log: Log) -> None:
    log.reads = []
    log.add(*(arm(n, "T-1P@0" if n < 20 else "--..@0") for n in range(200)), *flags())
    *_, ten = records("--q", "10%")
    assert ten["precision"]["estimate"] == 1
    assert ten["recall"]["reason"] == "180 eligible units could not be drawn at random"
    *_, row = run().stdout.splitlines()
    assert "recall: 180 eligible units could not be drawn at random" in row


def test_a_find_that_states_no_revenue_is_counted_beside(log: Log) -> None:
    log.add(msgspec.structs.replace(told("revenue_found", 0, 1000), current=None))
    lost = told("revenue_found", 0, 1000)
    log.add(msgspec.structs.replace(lost, current=None, previous=lost.current))
    (found,) = records("--q", "10%")
    assert found["nHitsWithoutRevenue"] == 1
    assert "1 hits without revenue" in run("--q", "10%").stdout
    log.reads = [
        r for r in log.reads if r.record is None or r.record.get("indicator") != "revenue_found"
    ]
    (found,) = records("--q", "10%")
    assert found["revenue"]["reason"] == "no revenue is stated"


def test_lanes_are_ranked_apart_or_pooled_and_currencies_are_not_summed(log: Log) -> None:
    log.add(arm(900, "T-1P@1/5", lane=OTHER_LANE), told("revenue_found", 900, 5, OTHER_LANE))
    assert [one["laneId"] for one in records("--q", "10%")] == [OTHER_LANE, LANE]
    (pooled,) = records("--q", "10%", "--pooled")
    assert (pooled["laneId"], pooled["n"]) == ("", 201)
    assert pooled["revenue"]["reason"].startswith("lanes to several countries")
    assert [one["laneId"] for one in records("--q", "10%", "--lane", "*-NL*")] == [LANE]
    assert run("--mode", "air").exit_code == ExitCode.USAGE


def test_a_window_chooses_what_was_decided_in_it(log: Log) -> None:
    log.add(arm(900, "--..@1/5", start_ms=START + 60 * DAY))
    assert records("--q", "1", "--until", DECIDED.date().isoformat())[0]["n"] == 200
    assert records("--q", "1")[0]["n"] == 201


def test_what_moved_or_was_taken_back_and_heartbeats_do_not_count(log: Log) -> None:
    first = observations()[0]
    log.add(
        Heartbeat(source="journeys/0", reached_ms=1, caught_up=True),
        msgspec.structs.replace(first, current=None, previous=first.current),
        None,
    )
    assert records("--q", "1")[0]["n"] == 199


def test_another_score_comes_from_a_table_and_who_has_none_is_left_out(
    log: Log, tmp_path: Path
) -> None:
    table = tmp_path / "scores.csv"
    rows = "".join(f"H{n:04},{n}\n" for n in range(1, 200))
    table.write_text(f"consignment,score\n{rows}NOBODY,5\n")
    (found,) = records("--scores", table, "--q", "10%")
    assert (found["scoredBy"], found["n"], found["nUnscored"]) == ("table", 199, 1)
    # the last twenty: nobody was controlled there
    assert (found["precision"]["estimate"], found["recall"]["estimate"]) == (0, 0)
    assert "1 without a score" in run("--scores", table).stdout
    assert log.kinds == frozenset({OBSERVATION})


def test_a_table_that_says_what_is_there_needs_no_kafka(tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    rows = "".join(f"H{n:02},{-n},{int(n % 4 == 0)},{n}\n" for n in range(40))
    table.write_text(f"consignment,score,illicit,revenue\n{rows}")
    (found,) = records("--truth", "--scores", table, "--q", "25%")
    assert found["allControlled"]
    assert (found["selected"], found["window"]) == (10, "ALL")
    assert found["precision"]["estimate"] == 0.3
    assert found["recall"]["estimate"] == 0.3
    assert found["revenue"]["estimate"] == pytest.approx(12 / 180)
    assert found["precision"]["method"] == "wilson-weighted-share"


def test_files_of_observations_and_flags_are_read_without_kafka(tmp_path: Path) -> None:
    first, second = tmp_path / "observations.jsonl", tmp_path / "flags.jsonl"
    first.write_bytes(b"\n".join(map(line, observations())) + b"\n\n")
    second.write_bytes(b"\n".join(map(line, flags())))
    (found,) = records("--from", first, "--from", second, "--q", "10%")
    assert found["recall"]["estimate"] == pytest.approx(10 / 19)
    for wrong, said in ((b"{}", "neither an observation"), (b'{"flagId":"x"}', "no risk flag")):
        second.write_bytes(wrong)
        result = run("--from", first, "--from", second)
        assert result.exit_code == ExitCode.SETTINGS
        assert "line 1" in result.stderr
        assert said in result.stderr


def test_csv_has_a_column_for_every_field(log: Log) -> None:
    (row,) = csv.DictReader(io.StringIO(run("--q", "0.1", "--format", "csv").stdout))
    assert (row["laneId"], row["q"], row["precision.estimate"]) == (LANE, "0.1", "0.5")
    assert row["recall.method"] == "wilson-ranked-flow"
    assert row["recall.reason"] == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("", "no column consignment", id="empty"),
        pytest.param("consignment,score\n", "no row", id="heading-alone"),
        pytest.param("consignment,score,name\n", "unknown column 'name'", id="another-column"),
        pytest.param("consignment,score,score\n", "stands there twice", id="twice"),
        pytest.param("consignment,score\nH1\n", "line 2: as many fields", id="too-few-fields"),
        pytest.param("consignment,score\n,1\n", "column consignment: is empty", id="nameless"),
        pytest.param("consignment,score\nH1,nan\n", "column score: 'nan'", id="no-number"),
        pytest.param("consignment,score\nH1,1\nH1,2\n", "line 3, column consignment", id="again"),
        pytest.param("consignment,score,illicit\nH1,1,\n", "'' is not 0 or 1", id="truth-unknown"),
        pytest.param(
            "consignment,score,illicit,revenue\nH1,1,1,-3\n", "column revenue", id="negative"
        ),
    ],
)
def test_a_wrong_table_is_refused_with_line_and_column(
    tmp_path: Path, text: str, said: str
) -> None:
    table = tmp_path / "scores.csv"
    table.write_text(text)
    truth = ("--truth",) if "illicit" in text else ()
    result = run(*truth, "--scores", table)
    assert result.exit_code == ExitCode.SETTINGS
    assert said in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--q", "0"), "above 0", id="nothing"),
        pytest.param(("--q", "101%"), "above 0", id="more-than-all"),
        pytest.param(("--q", "many"), "no share", id="no-number"),
        pytest.param(("--truth",), "--scores", id="truth-of-nothing"),
        pytest.param(("--lane", "X*"), "no consignment", id="nothing-there"),
        pytest.param(("--window", "P1M/2026-13"), "no window", id="no-such-window"),
    ],
)
def test_what_cannot_be_ranked_is_wrong_usage(
    log: Log, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert said in " ".join(result.stderr.split())


def test_the_table_of_the_declarations_gives_the_figures_of_the_docs(tmp_path: Path) -> None:
    table = tmp_path / "declarations.csv"
    publish = ["publish", "customs-declarations", "--scores", str(table), str(FILE)]
    assert CliRunner().invoke(main, publish).exit_code == ExitCode.OK
    shown = []
    for one in records("--truth", "--scores", table):
        figures = [one[name] for name in ("precision", "recall", "revenue")]
        cells = [f"{figure['estimate']:.3f} ({figure['expected']:.3f})" for figure in figures]
        shown.append([f"{one['q']:.0%}", str(one["selected"]), *cells])
    assert shown == rows("docs/customs-declarations.md", "ranking")
    again = CliRunner().invoke(main, publish)
    assert again.exit_code == ExitCode.USAGE
    assert "exists" in again.stderr


def test_truth_reads_the_table_alone(tmp_path: Path) -> None:
    table = tmp_path / "truth.csv"
    table.write_text("consignment,score,illicit\nH1,1,1\n")
    assert run("--truth", "--scores", table, "--lane", LANE).exit_code == ExitCode.USAGE
    (found,) = records("--truth", "--scores", table, "--q", "1")
    assert found["revenue"]["reason"] == "no revenue is stated"


def test_a_record_of_another_release_stops_the_reading(log: Log) -> None:
    log.reads.append(Read(FLAG, "sstl.risk-flags.v1", 0, 99, "", {"flagId": "x"}))
    result = run()
    assert result.exit_code == ExitCode.INCOMPATIBLE
    assert "offset 99" in result.stderr

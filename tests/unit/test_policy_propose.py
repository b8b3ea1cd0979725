"""``sstl policy propose``: what is printed, that the YAML is a policy, and what is said of a wrong file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
from click.testing import CliRunner, Result

from sstl.agents.topics import Topics
from sstl.cli import main
from sstl.cli.board import INDICATOR
from sstl.cli.common import load_checked
from sstl.cli.indicator_formats import as_json
from sstl.cli.outputs import Read
from sstl.errors import ExitCode
from sstl.models.indicator import Indicator, Window
from tests.published_indicators import published

pytestmark = pytest.mark.unit

LANE = "CNYTN-NLRTM-SEA"
POLICY = """\
lanes:
  CNYTN-NLRTM-SEA:
    origin: CNYTN
    destination: NLRTM
    mode: SEA
    stages:
      - {start: T2, end: T5, target_hours: 48, limit_hours: 96}
      - {start: T5, end: T6, target_hours: 696, limit_hours: 744.5, learnt_low_hours: 640, learnt_high_hours: 738}
      - {start: T6, end: T13, target_hours: 24, learnt_low_hours: 2, learnt_high_hours: 60}
  CNCAN-NLAMS-AIR: {origin: CNCAN, destination: NLAMS, mode: AIR}
"""
HOUR = 3600


def measured(name: str, of: str, p10: float, median: float, p90: float, **more: Any) -> Indicator:
    """Return an indicator with its quantiles in hours."""
    window = more.pop("window", "TOTAL")
    content: dict[str, Any] = {
        "indicator": name,
        "lane": LANE,
        "key": f"{name}|{of}|{LANE}|SEA||{window}",
        "window": Window.named(window),
        "counting_unit": of,
        "n": 500,
        "p10": round(p10 * HOUR),
        "median": round(median * HOUR),
        "p90": round(p90 * HOUR),
        "min": round(p10 * HOUR) - 1,
        "max": round(p90 * HOUR * 2),
    }
    return published(**(content | more))


TRANSIT = measured("LT_transit", "journey", 680, 696, 715)
RELEASE = measured("LT_release", "consignment", -3, 20, 40, provisional=True)
EXPORT = measured("LT_export", "journey", 20, 30, 40, n=99)
ELSEWHERE = TRANSIT.model_copy(update={"key": "else", "lane_id": "CNSHG-NLRTM-SEA"})


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY, encoding="utf-8")
    return path


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    path = tmp_path / "exported.json"
    path.write_text(as_json([TRANSIT, RELEASE, EXPORT, ELSEWHERE]), encoding="utf-8")
    return path


def run(*arguments: str | Path, **more: Any) -> Result:
    return CliRunner().invoke(main, ["policy", "propose", *map(str, arguments)], **more)


def cells(result: Result) -> list[list[str]]:
    assert result.exit_code == ExitCode.OK, result.output
    return [
        [cell.strip() for cell in line.split("  ") if cell.strip()]
        for line in result.stdout.splitlines()
    ]


def test_the_table_says_of_each_stage_what_is_known_and_proposed(
    policy: Path, exported: Path
) -> None:
    heading, *rows = cells(run(policy, "--from-file", exported))
    assert heading == [
        *("lane", "stage", "indicator", "of", "n", "median", "today", "outside", "proposed", "note")
    ]
    assert rows == [
        [LANE, "T2-T5", "no indicator measures it"],
        [
            *(LANE, "T5-T6", "LT_transit", "journey", "500", "696.0"),
            *("640 to 738", "0% to 10%", "644.7 to 757"),
        ],
        [
            *(LANE, "T6-T13", "LT_release", "consignment", "500", "20.0", "2 to 60"),
            *("10% to 60%", "to 82.5", "p10 is not positive: no lower bound, provisional"),
        ],
        [LANE, "T2-T4", "LT_export", "journey", "99", "30.0", "too few: 100 needed"],
    ]


def test_lanes_that_the_policy_does_not_have_are_told_apart(policy: Path, exported: Path) -> None:
    told = "measured, but not in the policy: CNSHG-NLRTM-SEA (SEA)\n"
    assert run(policy, "--from-file", exported).stderr == told
    assert run(policy, "--from-file", exported, "--lane", "CNYTN-*").stderr == ""


def test_the_yaml_is_the_policy_with_the_proposed_ranges(
    policy: Path, exported: Path, tmp_path: Path
) -> None:
    result = run(policy, "--from-file", exported, "--yaml")
    assert result.exit_code == ExitCode.OK, result.output
    fragment = tmp_path / "fragment.yaml"
    fragment.write_text(result.stdout, encoding="utf-8")
    lanes = load_checked(fragment).lanes
    assert list(lanes) == [LANE]
    before = load_checked(policy).lanes[LANE]
    changed: list[dict[str, Any]] = [
        {},
        {"learnt_low_hours": 644.7, "learnt_high_hours": 757.0},
        {"learnt_low_hours": None, "learnt_high_hours": 82.5},
    ]
    assert list(lanes[LANE].stages) == [
        stage.model_copy(update=change)
        for stage, change in zip(before.stages, changed, strict=True)
    ]
    assert policy.read_text(encoding="utf-8") == POLICY


def test_the_yaml_differs_from_the_policy_where_a_range_does(policy: Path, exported: Path) -> None:
    lines = run(policy, "--from-file", exported, "--yaml").stdout.splitlines()
    assert [line for line in lines if line in POLICY.splitlines()] == POLICY.splitlines()[:7]
    assert lines[-2:] == [
        "      - {start: T5, end: T6, target_hours: 696, limit_hours: 744.5, learnt_low_hours: 644.7,"
        " learnt_high_hours: 757} # LT_transit, journeys: 500, median 696.0 h",
        "      - {start: T6, end: T13, target_hours: 24, learnt_high_hours: 82.5} # LT_release, consignments: 500,"
        " median 20.0 h, p10 is not positive: no lower bound, provisional",
    ]


def test_a_stage_that_the_policy_lacks_is_added_in_yaml(policy: Path, exported: Path) -> None:
    result = run(policy, "--from-file", exported, "--yaml", "--minimum-n", "99")
    assert "      - {start: T2, end: T4, learnt_low_hours: 12.9," in result.stdout


def test_another_window_is_judged_by_itself(policy: Path, tmp_path: Path) -> None:
    path = tmp_path / "months.json"
    may = measured("LT_transit", "journey", 690, 700, 710, window="P1M/2024-05")
    path.write_text(as_json([TRANSIT, may]), encoding="utf-8")
    rows = cells(run(policy, "--from-file", path, "--window", "P1M/2024-05"))
    assert rows[2][5:] == ["700.0", "640 to 738", "0% to 10%", "660 to 742.2"]


def test_json_lines_are_read_too_and_the_last_record_of_a_key_counts(policy: Path) -> None:
    lines = [orjson.dumps(one.model_dump(mode="json", by_alias=True)) for one in (TRANSIT, RELEASE)]
    again = TRANSIT.model_copy(update={"n": 501, "revision": 3})
    lines += [b"", orjson.dumps(again.model_dump(mode="json", by_alias=True)), b""]
    rows = cells(run(policy, "--from-file", "-", input=b"\n".join(lines)))
    assert rows[2][4] == "501"


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        pytest.param('[\n{"key": \n]\n', 2, "no JSON record", id="no-json"),
        pytest.param(
            '\n\n{"key": 1}\n', 3, "no indicator as this release knows it", id="no-record"
        ),
        pytest.param("[[]]\n", 1, "no indicator as this release knows it", id="all-on-one-line"),
        pytest.param("[\n  {\n", 2, "the array has no end", id="cut-off"),
        pytest.param("indicator,key\n", 1, "no JSON record", id="csv"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    policy: Path, tmp_path: Path, content: str, line: int, said: str
) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(content, encoding="utf-8")
    result = run(policy, "--from-file", path)
    assert result.exit_code == ExitCode.SETTINGS
    assert result.stderr.startswith(f"sstl: {path}:{line}: {said}")
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["nowhere.json", "."])
def test_a_file_that_cannot_be_read_is_told(policy: Path, tmp_path: Path, name: str) -> None:
    result = run(policy, "--from-file", tmp_path / name)
    assert result.exit_code == ExitCode.SETTINGS
    assert result.stderr.startswith(f"sstl: {tmp_path / name}: cannot be read: ")


def test_a_wrong_line_of_standard_input_is_told_with_its_number(policy: Path) -> None:
    result = run(policy, "--from-file", "-", input="\n{}\n")
    assert result.exit_code == ExitCode.SETTINGS
    assert result.stderr.startswith("sstl: standard input:2: no indicator as this release knows it")


def test_a_range_with_one_bound_is_shown_as_such(policy: Path, exported: Path) -> None:
    text = POLICY.replace("learnt_low_hours: 2, ", "").replace(", learnt_high_hours: 738", "")
    policy.write_text(text, encoding="utf-8")
    rows = cells(run(policy, "--from-file", exported))
    assert [rows[2][6], rows[3][6]] == ["from 640", "to 60"]


def test_a_record_that_does_not_fit_is_told_with_its_field(policy: Path, exported: Path) -> None:
    text = exported.read_text(encoding="utf-8")
    exported.write_text(text.replace('"n":99', '"n":-1'), encoding="utf-8")
    assert f"{exported}:4: no indicator as this release knows it (n:" in (
        run(policy, "--from-file", exported).stderr
    )


def test_a_policy_that_is_wrong_is_told_with_its_line(policy: Path, exported: Path) -> None:
    policy.write_text(POLICY.replace("limit_hours: 96", "limit_hours: much"), encoding="utf-8")
    result = run(policy, "--from-file", exported)
    assert result.exit_code == ExitCode.SETTINGS
    assert f"{policy}:7:" in result.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(("--window", "P1M"), "no window like TOTAL", id="kind-without-a-begin"),
        pytest.param(("--window", "P1M/2024-13"), "no window like TOTAL", id="no-such-month"),
        pytest.param(("--minimum-n", "9"), "x>=10", id="n-too-small-for-a-tenth"),
        pytest.param(("--lane", "NL*"), "the policy has no lane called NL*", id="no-such-lane"),
        pytest.param(
            ("--window", "P1D/2024-05-01"),
            "no stage is measured in the window P1D/2024-05-01; published for these lanes: TOTAL",
            id="nothing-in-the-window",
        ),
        pytest.param(
            ("--lane", "*-AIR"),
            "none of 4 published indicators is of the lanes CNCAN-NLAMS-AIR",
            id="nothing-on-the-lane",
        ),
        pytest.param(
            ("--yaml", "--minimum-n", "501"), "no range to propose from TOTAL", id="all-too-few"
        ),
    ],
)
def test_what_there_is_nothing_for_is_told(
    policy: Path, exported: Path, options: tuple[str, ...], said: str
) -> None:
    result = run(policy, "--from-file", exported, *options)
    assert result.exit_code == ExitCode.USAGE
    assert said in " ".join(result.stderr.split())
    assert result.stdout == ""


def test_a_policy_without_lanes_has_nothing_to_propose_for(tmp_path: Path, exported: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("version: a\n", encoding="utf-8")
    result = run(path, "--from-file", exported)
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == "sstl: the policy has no lane\n"


class Log:
    """The topic of indicators as a reader sees it."""

    def __init__(
        self, _bootstrap: str, _topics: Topics, kinds: frozenset[str], *, from_beginning: bool
    ) -> None:
        assert kinds == {INDICATOR}
        assert from_beginning

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def whole(self) -> Iterator[Read]:
        for offset, one in enumerate((TRANSIT, EXPORT)):
            record = orjson.loads(one.model_dump_json(by_alias=True))
            yield Read(INDICATOR, "sstl.indicators.v1", 0, offset, one.key, record)
        yield Read(INDICATOR, "sstl.indicators.v1", 0, 2, EXPORT.key, None)


def test_without_a_file_the_topic_is_read(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sstl.cli.outputs.Outputs", Log)
    rows = cells(run(policy))
    assert [row[1] for row in rows[1:]] == ["T2-T5", "T5-T6", "T6-T13"]
    assert rows[2][-1] == "644.7 to 757"
    assert rows[3][-1] == "nothing published in the window"

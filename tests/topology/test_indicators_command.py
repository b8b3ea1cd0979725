"""``sstl indicators`` on a topic that lies in memory."""

import builtins
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import orjson
import pytest
from click.testing import CliRunner, Result
from pyarrow import parquet

from sstl.agents.topics import Topics
from sstl.cli import indicators, main
from sstl.cli.board import INDICATOR
from sstl.cli.indicator_slices import Slice
from sstl.cli.outputs import Read
from sstl.errors import ExitCode, UserError
from sstl.models.indicator import Indicator
from tests.published_indicators import gone, published

SEA = published(day="2024-05-01", strata={"side": "IMPORT"})
LATER = published(day="2024-05-02", strata={"side": "IMPORT"}, provisional=True)
AIR = published("LT_leg", "CNPVG-NLAMS-AIR", mode="AIR", median=3_600)


class Log:
    """The topic as a reader sees it; says whether it was read."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.opened = 0
        self.silent = False

    def add(self, key: str, record: dict[str, Any] | None) -> None:
        topic = "sstl.indicators.v1"
        self.reads.append(Read(INDICATOR, topic, 0, len(self.reads), key, record))

    def publish(self, *published: Indicator) -> None:
        for one in published:
            self.add(one.key, orjson.loads(one.model_dump_json(by_alias=True, exclude_none=True)))

    def __call__(
        self, _bootstrap: str, _topics: Topics, kinds: frozenset[str], *, from_beginning: bool
    ) -> Self:
        assert kinds == {INDICATOR}
        assert from_beginning
        self.opened += 1
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def whole(self) -> Iterator[Read]:
        yield from self.reads
        if self.silent:
            raise UserError("Kafka fell silent", ExitCode.UNREACHABLE)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(indicators, "Outputs", made)
    return made


@pytest.fixture
def full(log: Log) -> Log:
    log.publish(SEA, AIR, LATER)
    return log


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["indicators", *map(str, arguments)])


def keys(result: Result) -> list[str]:
    assert result.exit_code == ExitCode.OK, result.output
    return [one["key"] for one in json.loads(result.stdout)]


def test_the_last_record_of_each_key_counts(log: Log) -> None:
    log.publish(SEA, AIR, SEA.model_copy(update={"median": 1, "revision": 3}))
    log.add(AIR.key, None)
    (shown,) = json.loads(run("--format", "json").stdout)
    assert (shown["key"], shown["median"], shown["revision"]) == (SEA.key, 1, 3)


def test_without_options_everything_is_a_table(full: Log) -> None:
    result = run()
    assert result.exit_code == ExitCode.OK
    assert [line.split()[0] for line in result.stdout.splitlines()] == [
        "indicator",
        "LT_leg",
        "LT_release",
        "LT_release",
    ]
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        pytest.param(("--lane", "CN*-SEA"), [SEA, LATER], id="lane"),
        pytest.param(("--mode", "air"), [AIR], id="mode-in-small-letters"),
        pytest.param(("--indicator", "LT_l*"), [AIR], id="indicator"),
        pytest.param(("--stratum", "side=IMPORT"), [SEA, LATER], id="stratum"),
        pytest.param(("--window", "TOTAL"), [AIR], id="kind-of-window"),
        pytest.param(("--window", "P1D/2024-05-02"), [LATER], id="one-window"),
        pytest.param(("--window", "P1D/20240502"), [LATER], id="one-window-in-basic-form"),
        pytest.param(("--final-only",), [AIR, SEA], id="final-only"),
        pytest.param(("--include-provisional",), [AIR, SEA, LATER], id="provisional-too"),
        pytest.param(("--since", "2024-05-02"), [LATER], id="since"),
        pytest.param(("--until", "2024-05-01"), [SEA], id="until"),
        pytest.param(("--latest",), [AIR, LATER], id="latest"),
        pytest.param(("--totals",), [AIR], id="totals"),
    ],
)
def test_an_option_chooses_its_slice(
    full: Log, options: tuple[str, ...], expected: list[Indicator]
) -> None:
    assert keys(run(*options, "--format", "json")) == [one.key for one in expected]


def test_what_nothing_is_observed_of_any_more_is_said_so(log: Log) -> None:
    log.publish(SEA, gone(SEA))
    (shown,) = json.loads(run("--format", "json").stdout)
    assert (shown["state"], shown["n"], shown["median"]) == ("INSUFFICIENT_DATA", 0, None)


@pytest.mark.parametrize("ending", ["csv", "json", "parquet"])
def test_the_ending_of_the_file_is_its_format(full: Log, tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"slice.{ending}"
    result = run("--output", file, "--lane", "*-SEA")
    assert (result.exit_code, result.stdout) == (ExitCode.OK, "")
    assert f"2 of 3 indicators written to {file}" in result.stderr
    if ending == "parquet":
        assert parquet.read_table(file).column("key").to_pylist() == [SEA.key, LATER.key]
    else:
        assert file.read_text() == run("--format", ending, "--lane", "*-SEA").stdout
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["slice", "slice.TXT"])
def test_a_file_without_a_format_in_its_ending_is_a_table(
    full: Log, tmp_path: Path, name: str
) -> None:
    run("--output", tmp_path / name)
    assert (tmp_path / name).read_text() == run().stdout


def test_a_file_is_replaced_only_when_told_to(full: Log, tmp_path: Path) -> None:
    file = tmp_path / "slice.csv"
    file.write_text("precious")
    result = run("--output", file)
    assert result.exit_code == ExitCode.USAGE
    assert "--force" in result.stderr
    assert (file.read_text(), full.opened) == ("precious", 0)
    assert run("--output", file, "--force").exit_code == ExitCode.OK
    assert file.read_text().startswith("key,")


def test_a_device_is_never_replaced(full: Log) -> None:
    result = run("--output", "/dev/null", "--force")
    assert result.exit_code == ExitCode.USAGE
    assert "no regular file" in result.stderr
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        pytest.param(("--since", "yesterday"), "yesterday", id="bad-date"),
        pytest.param(("--until", "2024-02-30"), "2024-02-30", id="no-such-day"),
        pytest.param(
            ("--since", "2024-05-02", "--until", "2024-05-01"), "lies before", id="turned-around"
        ),
        pytest.param(("--format", "xlsx"), "xlsx", id="unknown-format"),
        pytest.param(("--stratum", "IMPORT"), "NAME=VALUE", id="stratum-without-name"),
        pytest.param(("--stratum", "side="), "NAME=VALUE", id="stratum-without-value"),
        pytest.param(("--stratum", "side=IMPORT", "--totals"), "--totals", id="split-totals"),
        pytest.param(("--window", "P2D"), "no kind", id="unknown-window"),
        pytest.param(("--window", "P1D/May"), "no kind", id="window-without-calendar"),
        pytest.param(("--window", "TOTAL/2024-05-01"), "no kind", id="total-of-a-day"),
        pytest.param(("--format", "parquet"), "--output FILE", id="parquet-to-a-terminal"),
        pytest.param(("--output", "slice.xlsx"), "no format", id="unknown-ending"),
        pytest.param(("--output", "nowhere/at/all.csv"), "no such directory", id="no-directory"),
    ],
)
def test_a_wrong_option_is_wrong_usage_and_nothing_is_read(
    full: Log, options: tuple[str, ...], said: str
) -> None:
    result = run(*options)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""
    assert said in " ".join(result.stderr.split())
    assert full.opened == 0


def test_an_empty_slice_says_why_and_writes_no_file(full: Log, tmp_path: Path) -> None:
    file = tmp_path / "slice.csv"
    result = run("--lane", "*-ROAD", "--window", "TOTAL", "--output", file)
    assert result.exit_code == ExitCode.USAGE
    assert result.stderr == (
        "sstl: none of 3 published indicators is in this slice: nothing has --lane *-ROAD\n"
    )
    assert not file.exists()


def test_options_that_exclude_each_other_are_said_to() -> None:
    asked = Slice(lanes=("*-SEA",), modes=("AIR",))
    assert "all that is asked" in indicators._nothing(asked, [SEA, AIR], "sstl.indicators.v1")


def test_a_topic_without_indicators_is_said_so(log: Log) -> None:
    result = run()
    assert (result.exit_code, result.stdout) == (ExitCode.USAGE, "")
    assert result.stderr == "sstl: no indicator is published on sstl.indicators.v1 yet\n"


def test_a_record_of_another_release_is_named_and_not_left_out(log: Log) -> None:
    log.publish(SEA)
    log.add(AIR.key, {"indicator": "LT_leg", "laneId": "CNPVG-NLAMS-AIR"})
    result = run("--lane", "*-SEA")
    assert (result.exit_code, result.stdout) == (ExitCode.INCOMPATIBLE, "")
    assert result.stderr.startswith("sstl: sstl.indicators.v1, partition 0, offset 1: ")
    assert result.stderr.count("\n") == 1


def test_a_part_of_the_topic_is_not_shown_as_the_whole(full: Log, tmp_path: Path) -> None:
    full.silent = True
    result = run("--output", tmp_path / "slice.csv")
    assert (result.exit_code, result.stdout) == (ExitCode.UNREACHABLE, "")
    assert not list(tmp_path.iterdir())


def test_without_the_library_parquet_names_the_extra(
    full: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ModuleNotFoundError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    result = run("--output", tmp_path / "slice.parquet")
    assert result.exit_code == ExitCode.USAGE
    assert "extra `export`" in result.stderr
    assert full.opened == 0
    assert run("--output", tmp_path / "slice.csv").exit_code == ExitCode.OK


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    full: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(_found: Iterable[Indicator], path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(indicators, "write_parquet", full_disk)
    result = run("--output", tmp_path / "slice.parquet")
    assert result.exit_code == ExitCode.NO_SPACE
    assert "cannot write" in result.stderr
    assert not list(tmp_path.iterdir())

"""``sstl coverage`` on a topic that lies in memory."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sstl.cli import coverage, main
from sstl.errors import ExitCode
from tests.published_indicators import published
from tests.topology.test_indicators_command import Log

LANE = "CNYTN-NLRTM-SEA"
CLEARED = {"control_dwell": {"operator": "AEO"}, "LT_release": {"sstl": "YES"}}
TABLE = (
    "month,direction,mode,value,mass_kg,teu,source,released\n"
    "2026-01,CN-NL,SEA,,1000,,an office,2026-03-15\n"
)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    topic = Log()
    topic.publish(*(published(name, LANE, strata=strata) for name, strata in CLEARED.items()))
    monkeypatch.setattr(coverage, "Outputs", topic)
    return topic


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "trade.csv"
    path.write_text(TABLE)
    return path


def run(*options: str) -> Result:
    return CliRunner().invoke(main, ["coverage", *options])


@pytest.mark.usefixtures("log")
def test_everything_is_shown_by_section() -> None:
    result = run()
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("benefits\n")
    assert "control_dwell, mean" in result.stdout
    assert "not estimable: nothing is published of it" in result.stdout


@pytest.mark.usefixtures("log")
def test_a_table_without_lanes_to_it_is_not_estimable(table: Path) -> None:
    found = json.loads(run("--trade", str(table), "--section", "trade", "--format", "json").stdout)
    assert {row["state"] for row in found} == {"NOT_ESTIMABLE"}
    assert {row["source"] for row in found} == {"an office"}


def test_a_wrong_table_is_refused_before_anything_is_read(log: Log, table: Path) -> None:
    table.write_text(TABLE.replace("SEA", "BOAT") + TABLE.splitlines()[1] + "x\n")
    result = run("--trade", str(table))
    assert result.exit_code == ExitCode.SETTINGS
    assert f"{table}, line 2, column mode: 'BOAT'" in result.stderr
    assert f"{table}, line 3, column released" in result.stderr
    assert f"2 problems in {table}" in result.stderr
    assert log.opened == 0


@pytest.mark.usefixtures("log")
def test_a_file_is_written_whole_and_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "coverage.csv"
    assert run("--format", "csv", "--output", str(path)).exit_code == 0
    assert path.read_text().startswith("section,of,mode,window,figure,group,value,unit,")
    assert run("--output", str(path)).exit_code == ExitCode.USAGE
    assert run("--output", str(path), "--force").exit_code == 0


@pytest.mark.usefixtures("log")
@pytest.mark.parametrize(
    ("option", "value"), [("--lane", "NOWHERE-*"), ("--window", "P1Q"), ("--section", "all")]
)
def test_what_there_is_none_of_is_wrong_usage(option: str, value: str) -> None:
    assert run(option, value).exit_code == ExitCode.USAGE

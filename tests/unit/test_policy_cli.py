"""``sstl policy`` without a broker, and where the policy of a process comes from."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from sstl.agents.policy_publish import Told, demand_own_name
from sstl.cli import main
from sstl.cli.common import read_policy
from sstl.cli.policy import _version, versions_table
from sstl.errors import ExitCode, UserError
from sstl.models.common import to_wire
from sstl.models.policy import Policy
from sstl.models.rejection import Problem, Reason
from sstl.policy_files import PolicyError
from sstl.settings import Settings
from tests.intake_messages import ARRIVAL_MS

pytestmark = pytest.mark.unit


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["policy", *map(str, arguments)])


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.yaml"
    path.write_text("version: a\nmax_crashes: 3\n")
    return path


@pytest.fixture
def new(tmp_path: Path) -> Path:
    path = tmp_path / "new"
    path.mkdir()
    (path / "main.yaml").write_text("version: b\nmax_crashes: 5\n")
    return path


@pytest.fixture
def wrong(tmp_path: Path) -> Path:
    path = tmp_path / "wrong.yaml"
    path.write_text("max_crashes: -1\nrules:\n  milestone-expected-latte: {mode: off}\nlanez: {}\n")
    return path


def test_a_valid_policy_is_told_with_its_hash(old: Path) -> None:
    result = run("validate", old)
    assert result.exit_code == ExitCode.OK
    assert result.stdout.startswith("valid: version a, 0 lanes, 0 rules stated, hash ")


def test_every_problem_is_a_line_with_its_place(wrong: Path) -> None:
    result = run("validate", wrong)
    assert result.exit_code == ExitCode.SETTINGS
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"sstl: {wrong}:1:14: max_crashes: expected at least 0, got")
    assert lines[1] == f"sstl: {wrong}:4:1: lanez: unknown key, did you mean lanes?"
    assert len(lines) == 2


def test_a_rule_that_nobody_has_is_refused_with_the_likely_one(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text(
        "rules:\n  milestone-expected-latte: {mode: off}\n"
        "  milestone-expected-late: {thresholds: {treshold: 3}}\n"
    )
    assert run("validate", path).stderr.splitlines() == [
        f"sstl: {path}:2:3: rules.milestone-expected-latte: unknown rule, "
        "did you mean milestone-expected-late?",
        f"sstl: {path}:3:42: rules.milestone-expected-late.thresholds.treshold: "
        "unknown parameter of milestone-expected-late, did you mean threshold?",
    ]


def test_a_difference_is_told_by_path_old_and_new(old: Path, new: Path) -> None:
    result = run("diff", old, new)
    assert result.exit_code == ExitCode.OK
    assert result.stdout == "version: a -> b\nmax_crashes: 3 -> 5\n"
    assert run("diff", new, new).stdout == "no change\n"


def test_what_is_not_valid_cannot_be_compared_or_published(old: Path, wrong: Path) -> None:
    for arguments in (
        ("diff", old, wrong),
        ("publish", wrong, "--valid-from", "2027-01-01T00:00Z"),
    ):
        result = run(*arguments)
        assert result.exit_code == ExitCode.SETTINGS
        assert f"{wrong}:1:14" in result.stderr
        assert "(and 1 more)" in result.stderr


@pytest.mark.parametrize("instant", ["tomorrow", "2027-01-01", "2027-01-01T00:00"])
def test_from_when_a_version_governs_is_said_in_utc(old: Path, instant: str) -> None:
    assert run("publish", old, "--valid-from", instant).exit_code == ExitCode.USAGE


def test_a_version_is_named_by_plain_characters() -> None:
    since = Policy.model_validate({"valid_from": ARRIVAL_MS / 1000}).valid_from
    assert since is not None
    assert _version(Policy(), since, "2027.1-b").version == "2027.1-b"
    with pytest.raises(UserError, match="not a name of a version"):
        _version(Policy(), since, "next week")


LATER = Policy.model_validate({"version": "b", "valid_from": "2027-03-01T00:00:00Z"})
REFUSED = Problem(reason=Reason.INVALID_VALUE, pointer="/lanez", got="{}", expected="no such key")


def test_a_version_does_not_go_by_the_name_of_another_one() -> None:
    chain = LATER.after(Policy())
    demand_own_name(Policy(version="c"), chain)
    for taken in ("1", "b"):
        with pytest.raises(UserError, match="is the name of another one") as refused:
            demand_own_name(Policy(version=taken, max_crashes=9), chain)
        assert refused.value.exit_code == ExitCode.SETTINGS


def test_versions_are_shown_whole_however_narrow_the_pipe() -> None:
    told = [Told(0, ARRIVAL_MS, LATER, ()), Told(12, ARRIVAL_MS, None, (REFUSED,))]
    heading, always, later, refused = versions_table(Policy(), told, Policy()).splitlines()
    assert heading.split() == ["governs", "from", "version", "hash", "appended", "offset", "state"]
    assert always.split() == ["always", "1", Policy().hash[:12], "in", "force"]
    appended = to_wire(datetime.fromtimestamp(ARRIVAL_MS / 1000, UTC))
    since = "2027-03-01T00:00:00Z"
    assert later.split()[:5] == [since, "b", LATER.hash[:12], appended, "0"]
    assert refused.split() == [appended, "12", "refused:", "/lanez", "invalid_value"]


def test_a_process_reads_a_file_or_a_directory_or_needs_neither(old: Path, new: Path) -> None:
    settings = Settings()
    assert read_policy(settings).hash == Policy().hash
    assert read_policy(replace(settings, policy_file=old)).version == "a"
    assert read_policy(replace(settings, policy_file=new)).version == "b"


def test_a_process_does_not_start_with_a_policy_that_does_not_hold(wrong: Path) -> None:
    settings = Settings.from_environment({"SSTL_POLICY_FILE": str(wrong)})
    with pytest.raises(PolicyError) as caught:
        read_policy(settings)
    assert caught.value.exit_code == ExitCode.SETTINGS


def test_a_directory_of_files_is_a_setting_too(new: Path) -> None:
    assert Settings.from_environment({"SSTL_POLICY_FILE": str(new)}).policy_file == new

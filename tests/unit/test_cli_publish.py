"""``sstl publish`` without a broker: judging files, and mistakes that are one line."""

from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from sstl.cli import main
from sstl.errors import ExitCode
from sstl.intake import cargo2000
from tests.reference_cargo2000 import FILE


@pytest.fixture(scope="module")
def lines() -> list[bytes]:
    processes = cargo2000.read(FILE)[:2]
    return [orjson.dumps(event) for event in cargo2000.events(processes)]


def _run(*arguments: str, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["publish", *arguments], input=stdin)


def test_a_good_file_is_judged_good(lines: list[bytes], tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(lines))
    result = _run("jsonl", "--check", "--backfill", "manifest,transport", str(file))
    assert result.exit_code == ExitCode.OK
    assert f"{len(lines)} would be accepted, 0 rejected" in result.stderr


def test_each_rejection_names_line_pointer_got_and_expected(lines: list[bytes]) -> None:
    event = orjson.loads(lines[3])
    event["data"]["eventClassifier"] = "PERHAPS"
    naive = orjson.loads(lines[4])
    naive["time"] = "2013-01-07T08:00:00"
    text = b"\n".join([lines[0], b"", b"no json", orjson.dumps(event), orjson.dumps(naive)])
    result = _run("jsonl", "--check", "--backfill", "manifest,transport", "-", stdin=text)
    assert result.exit_code == ExitCode.SETTINGS
    assert "line 3: not JSON" in result.stderr
    assert "line 4: unknown_code at /data/eventClassifier: got" in result.stderr
    assert "PERHAPS" in result.stderr
    assert "line 5: naive_time at /time" in result.stderr
    assert "4 events read, 1 would be accepted, 3 rejected" in result.stderr


def test_an_unknown_type_is_judged_like_intake_does(lines: list[bytes]) -> None:
    event = orjson.loads(lines[0]) | {"type": "org.sstl.transport.dep.v9"}
    result = _run("jsonl", "--check", "-", stdin=orjson.dumps(event))
    assert "unknown_version at /type" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cargo2000", __file__], ExitCode.SETTINGS, "not a Cargo 2000 file"),
        (["cargo2000", "missing.csv"], ExitCode.USAGE, "does not exist"),
        (["cargo2000", str(FILE), "--backfill", "trains"], ExitCode.USAGE, "trains"),
        (["synthetic", "--lanes", "A-B-SEA"], ExitCode.USAGE, "A-B-SEA"),
        (["synthetic", "--rate", "5"], ExitCode.USAGE, "--speed"),
        (["synthetic", "--live"], ExitCode.USAGE, "--speed"),
        (["synthetic", "--controls", "--live", "--speed", "9"], ExitCode.USAGE, "not with --live"),
        (["synthetic", "--random-rate", "0.1"], ExitCode.USAGE, "--controls"),
        (["synthetic", "--controls", "--random-rate", "2"], ExitCode.USAGE, "--random-rate"),
        (["synthetic", "--truth", "t.jsonl"], ExitCode.USAGE, "--shipments"),
        (
            ["synthetic", "--shipments", "1", "--truth", "nowhere/t.jsonl"],
            ExitCode.USAGE,
            "--truth nowhere/t.jsonl: there is no such directory",
        ),
        (
            ["synthetic", "--shipments", "1", "--resume", "nowhere/note"],
            ExitCode.USAGE,
            "--resume nowhere/note: there is no such directory",
        ),
    ],
)
def test_a_mistake_is_told_before_anything_is_sent(
    arguments: list[str], code: ExitCode, said: str
) -> None:
    result = _run(*arguments)
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr

"""``sstl select``: a day from key to check, what is refused, and that the key shows nowhere before its time."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from sstl.cli import main, select
from sstl.core.draws import SOURCE
from sstl.errors import ExitCode
from tests.journey_events import LANE

pytestmark = pytest.mark.unit

EVE, MORNING, NOON, NEXT = (
    "2027-03-01T12:00:00Z",
    "2027-03-02T00:00:00Z",
    "2027-03-02T12:00:00Z",
    "2027-03-03T00:00:00Z",
)
SECRET = "an example, and so no secret at all"
KEY = "4775435e08072fc3fdd9a245d17374cf5e8ae984058c20e24a3624a4f03c4cb7"
IDS = [f"HBL{number:07d}" for number in range(1, 41)]
SELECTED = ["HBL0000017", "HBL0000033", "HBL0000040"]
LISTED = "consignmentId,goods\n" + "".join(f"{one},any\n" for one in IDS)
POLICY = """\
lanes:
  CNYTN-NLRTM-SEA: {{origin: CNYTN, destination: NLRTM, mode: SEA, random_control_rate: {rate}}}
  CNSHG-NLRTM-SEA: {{origin: CNSHG, destination: NLRTM, mode: SEA}}
"""

Clock = Callable[[str], None]


def run(*arguments: str | Path, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(main, ["select", *map(str, arguments)], input=stdin)
    assert isinstance(result.exception, SystemExit | None)
    return result


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    def set_to(instant: str) -> None:
        now_ms = int(datetime.fromisoformat(instant).timestamp() * 1000)
        monkeypatch.setattr(select, "_now_ms", lambda: now_ms)

    set_to(EVE)
    return set_to


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    policy = tmp_path / "policy.yaml"
    policy.write_text(POLICY.format(rate=0.01))
    monkeypatch.setenv("SSTL_POLICY_FILE", str(policy))
    secret = tmp_path / "lane.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    (tmp_path / "lodged.csv").write_text(LISTED)
    return tmp_path


def make_key(folder: Path, *more: str | Path) -> Result:
    secret = ("--secret", folder / "lane.secret", "--rate", "0.02")
    return run("key", "--lane", LANE, "--file", folder / "day.key", *secret, *more)


@pytest.fixture
def committed(folder: Path, clock: Clock) -> Path:
    result = make_key(folder)
    assert result.exit_code == ExitCode.OK, result.stderr
    (folder / "commitment.json").write_text(result.stdout)
    return folder


def draw(folder: Path, listed: str = LISTED, *more: str | Path) -> Result:
    file = folder / "draws.jsonl"
    return run("random", "--key", folder / "day.key", "--output", file, *more, stdin=listed)


@pytest.fixture
def drawn(committed: Path, clock: Clock) -> Path:
    clock(NOON)
    assert draw(committed).exit_code == ExitCode.OK
    clock(NEXT)
    result = run("reveal", "--key", committed / "day.key")
    assert result.exit_code == ExitCode.OK
    (committed / "revealed.json").write_text(result.stdout)
    return committed


def check(folder: Path, *more: str | Path) -> Result:
    return run(
        "verify",
        *("--commitment", folder / "commitment.json", "--key", folder / "revealed.json"),
        *("--consignments", folder / "lodged.csv", *more, folder / "draws.jsonl"),
    )


def events(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "draws.jsonl").read_bytes().splitlines()]


def rewrite(folder: Path, changed: list[dict[str, Any]]) -> None:
    (folder / "draws.jsonl").write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in changed))


def test_an_honest_day_is_found_in_order(drawn: Path) -> None:
    result = check(drawn)
    assert result.exit_code == ExitCode.OK
    assert result.stdout == (
        f"{LANE} 2027-03-02, rate 0.02: 40 consignments drawn, 3 selected, 0 differences\n"
    )


def test_every_consignment_has_a_draw_and_the_selected_ones_a_selection(drawn: Path) -> None:
    written = events(drawn)
    draws = [one["data"] for one in written if one["type"] == "org.sstl.inspection.drawn.v1"]
    chosen = [one["data"] for one in written if one["type"] == "org.sstl.inspection.selected.v1"]
    assert [one["consignmentId"] for one in draws] == IDS
    assert {one["probability"] for one in draws} == {0.02}
    assert [one["consignmentId"] for one in draws if one["selected"]] == SELECTED
    assert [one["consignmentId"] for one in chosen] == SELECTED
    assert all(one["selections"] == [{"basis": "RANDOM", "probability": 0.02}] for one in chosen)
    assert {one["time"] for one in written} == {NOON}


def test_the_key_is_its_owners_only_and_shown_nowhere_before_it_is_revealed(
    folder: Path, clock: Clock
) -> None:
    mask = os.umask(0)
    try:
        made = make_key(folder)
    finally:
        os.umask(mask)
    assert (folder / "day.key").stat().st_mode & 0o777 == 0o600
    early = run("reveal", "--key", folder / "day.key")
    clock(NOON)
    random = draw(folder)
    clock("2027-03-02T23:59:59.999Z")
    still = run("reveal", "--key", folder / "day.key")
    shown = "".join(one.output for one in (made, early, random, still))
    assert KEY not in shown + (folder / "draws.jsonl").read_text()
    assert [one.exit_code for one in (early, still)] == [ExitCode.SETTINGS] * 2
    assert "2027-03-03T00:00:00Z" in still.stderr
    clock(NEXT)
    assert KEY in run("reveal", "--key", folder / "day.key").stdout


def test_the_commitment_can_be_had_again_at_any_time(committed: Path) -> None:
    result = run("commitment", "--key", committed / "day.key")
    assert result.exit_code == ExitCode.OK
    assert result.stdout == (committed / "commitment.json").read_text()


def test_a_key_is_never_overwritten(committed: Path) -> None:
    before = (committed / "day.key").read_bytes()
    result = make_key(committed)
    assert result.exit_code == ExitCode.IN_USE
    assert result.stdout == ""
    assert (committed / "day.key").read_bytes() == before


def test_a_secret_gives_the_same_key_again_and_chance_another(committed: Path) -> None:
    before = (committed / "commitment.json").read_text()
    (committed / "day.key").unlink()
    assert make_key(committed).stdout == before
    other = run("key", "--lane", LANE, "--file", committed / "other.key", "--rate", "0.02")
    assert orjson.loads(other.stdout)["commitment"] != orjson.loads(before)["commitment"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["--lane", LANE, "--day", "2027-03-01"], 2, "has begun", id="today"),
        pytest.param(["--lane", LANE, "--rate", "0.009"], 3, "below the least rate", id="rare"),
        pytest.param(["--lane", LANE, "--rate", "1/50"], 2, "not a rate", id="no-decimal"),
        pytest.param(["--lane", "A-B-SEA"], 3, "no random_control_rate", id="unknown-lane"),
        pytest.param(
            ["--lane", "CNSHG-NLRTM-SEA"], 3, "no random_control_rate", id="no-least-rate"
        ),
        pytest.param(["--lane", LANE, "--secret", "short"], 3, "at least 32", id="short-secret"),
        pytest.param(["--lane", LANE, "--secret", "shared"], 3, "chmod 600", id="shared-secret"),
    ],
)
def test_no_key_is_made_where_it_would_prove_nothing(
    folder: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    monkeypatch.chdir(folder)
    (folder / "short").write_text("too short")
    (folder / "short").chmod(0o600)
    (folder / "shared").write_text(SECRET)
    (folder / "shared").chmod(0o640)
    result = run("key", "--file", "new.key", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert not (folder / "new.key").exists()


def test_the_rate_is_the_lanes_least_one_unless_stated(folder: Path, clock: Clock) -> None:
    result = run("key", "--lane", LANE, "--file", folder / "day.key")
    assert orjson.loads(result.stdout)["rate"] == "0.01"
    assert orjson.loads(result.stdout)["day"] == "2027-03-02"


@pytest.mark.parametrize(
    ("instant", "code"),
    [
        pytest.param("2027-03-01T23:59:59.999Z", ExitCode.SETTINGS, id="just-before-the-day"),
        pytest.param(MORNING, ExitCode.OK, id="as-it-begins"),
        pytest.param("2027-03-02T23:59:59.999Z", ExitCode.OK, id="just-before-it-ends"),
        pytest.param(NEXT, ExitCode.SETTINGS, id="as-it-ends"),
    ],
)
def test_draws_are_made_in_the_day_only(
    committed: Path, clock: Clock, instant: str, code: ExitCode
) -> None:
    clock(instant)
    assert draw(committed).exit_code == code
    file = committed / "draws.jsonl"
    assert (file.exists() and len(file.read_bytes()) > 0) is (code == ExitCode.OK)


def test_what_was_drawn_is_not_drawn_again(committed: Path, clock: Clock) -> None:
    clock(NOON)
    draw(committed)
    before = (committed / "draws.jsonl").read_bytes()
    clock("2027-03-02T13:00:00Z")
    result = draw(committed, LISTED + "HBL9000001,late\n")
    assert "1 consignments drawn, 0 selected, 40 were drawn before" in result.stderr
    after = (committed / "draws.jsonl").read_bytes()
    assert after.startswith(before)
    assert len(after.splitlines()) == len(before.splitlines()) + 1


def test_what_was_drawn_on_an_earlier_day_is_left_out(drawn: Path, clock: Clock) -> None:
    clock(NOON)
    made = run("key", "--lane", LANE, "--file", drawn / "next.key", "--rate", "0.02")
    clock("2027-03-03T12:00:00Z")
    arguments = ("--key", drawn / "next.key", drawn / "lodged.csv")
    assert len(run("random", *arguments).stdout.splitlines()) >= len(IDS)
    result = run("random", "--drawn", drawn / "draws.jsonl", *arguments)
    assert result.stdout == ""
    assert "40 were drawn before" in result.stderr
    clock("2027-03-04T00:00:00Z")
    (drawn / "commitment.json").write_text(made.stdout)
    (drawn / "revealed.json").write_text(run("reveal", "--key", drawn / "next.key").stdout)
    clock("2027-03-03T12:00:00Z")
    again = run("random", *arguments).stdout
    with (drawn / "draws.jsonl").open("a") as file:
        file.write(again)
    found = check(drawn)
    assert found.exit_code == ExitCode.FAILED
    assert found.stdout.count("drawn_before HBL") == len(IDS)


MANIFEST = {
    "type": "org.sstl.manifest.lodged.v1",
    "data": {"lrn": "L1", "consignments": [{"consignmentId": "H1"}, {"consignmentId": "H2"}]},
}


@pytest.mark.parametrize(
    ("listed", "ids"),
    [
        pytest.param("x,consignmentId\n1,H1\n2,H2\n", ["H1", "H2"], id="csv"),
        pytest.param("\ufeffconsignmentId\nh1\n", ["H1"], id="csv-with-byte-order-mark"),
        pytest.param("H1\n\nh 1\nH2\n", ["H1", "H2"], id="a-number-a-line"),
        pytest.param('"H1"\n{"consignmentId": "H2"}\n', ["H1", "H2"], id="json-lines"),
        pytest.param(orjson.dumps(MANIFEST).decode(), ["H1", "H2"], id="a-manifest"),
        pytest.param(
            orjson.dumps(MANIFEST | {"laneid": "CNSHG-NLRTM-SEA"}).decode(),
            [],
            id="a-manifest-of-another-lane",
        ),
        pytest.param("", [], id="nothing"),
    ],
)
def test_a_list_may_have_several_forms(
    committed: Path, clock: Clock, listed: str, ids: list[str]
) -> None:
    clock(NOON)
    result = run("random", "--key", committed / "day.key", stdin=listed)
    lines = [orjson.loads(line) for line in result.stdout.splitlines()]
    found = [one["data"]["consignmentId"] for one in lines if "selected" in one["data"]]
    assert result.exit_code == ExitCode.OK, result.stderr
    assert found == ids


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        pytest.param("consignmentId\nH1\n??\n", "line 3: no consignment id", id="no-number"),
        pytest.param("consignmentId\n123-12345670\nH1\n", "check digit 5", id="wrong-check-digit"),
        pytest.param('"H1"\n{"lrn": "L1"}\n', "line 2: no consignment id", id="names-none"),
        pytest.param('"H1"\n{\n', "line 2: not JSON", id="not-json"),
    ],
)
def test_a_bad_line_is_told_and_the_others_are_drawn(
    committed: Path, clock: Clock, bad: str, said: str
) -> None:
    clock(NOON)
    result = run("random", "--key", committed / "day.key", stdin=bad)
    assert result.exit_code == ExitCode.SETTINGS
    assert said in result.stderr
    assert orjson.loads(result.stdout)["data"]["consignmentId"] == "H1"


def test_nothing_is_drawn_when_it_is_not_sure_what_was_drawn(committed: Path, clock: Clock) -> None:
    clock(NOON)
    (committed / "draws.jsonl").write_text('{"type": "org.sstl.inspection.dra')
    result = draw(committed)
    assert result.exit_code == ExitCode.SETTINGS
    assert "draws.jsonl:1" in result.stderr


def test_a_least_rate_that_was_raised_since_stops_the_draw(committed: Path, clock: Clock) -> None:
    clock(NOON)
    (committed / "policy.yaml").write_text(POLICY.format(rate=0.02))
    assert draw(committed).exit_code == ExitCode.OK
    (committed / "policy.yaml").write_text(POLICY.format(rate=0.021))
    result = draw(committed)
    assert result.exit_code == ExitCode.SETTINGS
    assert "below the least rate" in result.stderr


@pytest.mark.parametrize("command", ["random", "reveal", "commitment"])
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(lambda key: key.chmod(0o644), "chmod 600", id="others-may-read-it"),
        pytest.param(
            lambda key: key.write_text(key.read_text().replace("0.02", "0.03")),
            "do not give the commitment",
            id="changed",
        ),
        pytest.param(lambda key: key.write_text("{}"), "no day key", id="no-key"),
        pytest.param(lambda key: key.write_text(KEY), "no day key", id="a-bare-key"),
    ],
)
def test_a_spoilt_key_file_is_refused_without_showing_it(
    committed: Path, clock: Clock, command: str, spoil: Callable[[Path], object], said: str
) -> None:
    clock(NEXT if command == "reveal" else NOON)
    spoil(committed / "day.key")
    result = run(command, "--key", committed / "day.key", stdin="H1\n" * (command == "random"))
    assert result.exit_code == ExitCode.SETTINGS
    assert said in result.stderr
    assert KEY not in result.output


def flip(one: dict[str, Any], name: str) -> dict[str, Any]:
    data = one["data"]
    if data["consignmentId"] != name or "selected" not in data:
        return one
    return one | {"data": data | {"selected": not data["selected"]}}


@pytest.mark.parametrize(
    ("tamper", "found"),
    [
        pytest.param(
            lambda all_: [flip(one, IDS[0]) for one in all_],
            f"wrong_outcome {IDS[0]}: published as selected, the key says not selected",
            id="outcome-changed",
        ),
        pytest.param(lambda all_: all_[1:], f"missing_draw {IDS[0]}", id="draw-left-out"),
        pytest.param(
            lambda all_: [one for one in all_ if "selections" not in one["data"]],
            f"missing_selection {SELECTED[0]}",
            id="selections-left-out",
        ),
        pytest.param(
            lambda all_: [*all_, all_[0] | {"data": all_[0]["data"] | {"consignmentId": "X1"}}],
            "extra_draw X1",
            id="draw-added",
        ),
        pytest.param(
            lambda all_: [*all_, all_[0] | {"data": {}}], "unreadable", id="a-draw-without-body"
        ),
        pytest.param(
            lambda all_: [
                *all_,
                *(
                    one | {"retracted": True, "data": None}
                    for one in all_
                    if "selections" in one["data"]
                ),
            ],
            f"retracted {SELECTED[0]}",
            id="selections-taken-back",
        ),
    ],
)
def test_tampering_is_listed_and_the_exit_code_is_1(
    drawn: Path, tamper: Callable[[list[dict[str, Any]]], list[dict[str, Any]]], found: str
) -> None:
    rewrite(drawn, tamper(events(drawn)))
    result = check(drawn)
    assert result.exit_code == ExitCode.FAILED
    assert found in result.stdout


def test_another_key_than_the_committed_one_is_found(drawn: Path) -> None:
    file = drawn / "revealed.json"
    file.write_text(file.read_text().replace(KEY, "0" * 64))
    result = check(drawn)
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.startswith(f"wrong_key {LANE}: ")


def test_a_key_of_another_day_cannot_be_compared(drawn: Path) -> None:
    file = drawn / "revealed.json"
    file.write_text(file.read_text().replace("2027-03-02", "2027-03-03"))
    result = check(drawn)
    assert (result.exit_code, result.stdout) == (ExitCode.SETTINGS, "")
    assert "for 2027-03-03, the commitment is of" in result.stderr


def test_the_other_side_may_hold_to_a_higher_rate(drawn: Path) -> None:
    assert check(drawn, "--minimum-rate", "0.02").exit_code == ExitCode.OK
    result = check(drawn, "--minimum-rate", "0.03")
    assert result.exit_code == ExitCode.FAILED
    assert "rate_too_low" in result.stdout


def test_draws_of_others_on_the_lane_can_be_left_out(drawn: Path) -> None:
    own = events(drawn)
    foreign = own[0] | {"source": "urn:sstl:CNYTN:selection", "time": MORNING}
    rewrite(drawn, [*own, foreign])
    assert check(drawn).exit_code == ExitCode.FAILED
    assert check(drawn, "--source", SOURCE).exit_code == ExitCode.OK


def test_without_a_list_the_check_says_what_it_cannot_tell(drawn: Path) -> None:
    result = run(
        "verify",
        *("--commitment", drawn / "commitment.json", "--key", drawn / "revealed.json"),
        drawn / "draws.jsonl",
    )
    assert result.exit_code == ExitCode.OK
    assert "missing draws unknown without --consignments" in result.stdout

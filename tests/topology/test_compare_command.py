"""``sstl compare`` on a topic that lies in memory, and on a file."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec
import orjson
import pytest
from click.testing import CliRunner, Result

from sstl.agents.policy_log import PolicyLog
from sstl.agents.policy_publish import Told
from sstl.agents.prepare import encode_value
from sstl.agents.topics import Topics, TopicSpec
from sstl.cli import compare, main
from sstl.cli.board import INDICATOR
from sstl.cli.indicator_formats import as_table
from sstl.cli.outputs import OBSERVATION, Read
from sstl.errors import ExitCode
from sstl.models.indicator import Indicator
from sstl.models.policy import IndicatorPolicy, Policy
from sstl.models.records import OPEN, Heartbeat, Measure, Observation
from tests.journey_events import HOUR, LANE, START

MAY = 1_777_593_600_000
"""1 May 2026, 00:00 UTC."""


def observations(n: int = 36) -> list[Observation]:
    """Return a lane on which trusted traders wait two hours less, and one of each is open."""
    return [
        observation(number, operator, 20 + number % 7 - 2 * (operator == "AEO"))
        for number in range(n)
        for operator in ("AEO", "NON_AEO")
    ] + [observation(n, operator, 0, outcome=OPEN) for operator in ("AEO", "NON_AEO")]


def observation(
    number: int,
    operator: str,
    hours: float,
    *,
    lane: str = LANE,
    start_ms: int = START,
    **more: Any,
) -> Observation:
    measure = Measure(
        lane_id=lane,
        mode="SEA",
        start_ms=start_ms,
        value_ms=round(hours * HOUR),
        strata={"operator": operator, "channel": "GREEN"},
        cluster=f"{operator}{number}",
        **more,
    )
    return Observation(
        id=f"LT_release|{operator}{number}",
        indicator="LT_release",
        counting_unit="consignment",
        current=measure,
    )


class Log:
    """The topics of observations and indicators as a reader sees them, and who writes indicators."""

    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.indicators: list[Read] = []
        self.policy: Policy | None = None
        self._kind = OBSERVATION

    def send(
        self, _bootstrap: str, topic: TopicSpec, records: Sequence[Indicator], source: str
    ) -> None:
        assert (topic.name, source) == ("sstl.indicators.v1", "urn:sstl:compare")
        for one in records:
            raw = orjson.loads(encode_value(one))
            place = len(self.indicators)
            self.indicators.append(Read(INDICATOR, topic.name, 0, place, one.key, raw))

    def versions(
        self, _bootstrap: str, topic: TopicSpec, first: Policy
    ) -> tuple[PolicyLog, list[Told]]:
        assert topic.name == "sstl.policy.v1"
        return PolicyLog(first if self.policy is None else self.policy), []

    def sent(self) -> list[Indicator]:
        return [Indicator.model_validate(one.record) for one in self.indicators]

    def add(self, *told: Any) -> None:
        for one in told:
            raw = None if one is None else orjson.loads(msgspec.json.encode(one))
            place = len(self.reads)
            self.reads.append(Read(OBSERVATION, "sstl.observations.v1", 0, place, "", raw))

    def __call__(
        self, _bootstrap: str, topics: Topics, kinds: frozenset[str], *, from_beginning: bool
    ) -> Self:
        (self._kind,) = kinds
        assert from_beginning
        assert topics["observations"].name == "sstl.observations.v1"
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None: ...

    def whole(self) -> Iterator[Read]:
        yield from self.reads if self._kind == OBSERVATION else self.indicators


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    made = Log()
    monkeypatch.setattr(compare, "Outputs", made)
    monkeypatch.setattr(compare, "send_indicators", made.send)
    monkeypatch.setattr(compare, "read_versions", made.versions)
    made.add(*observations())
    return made


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, arguments)])


def records(*arguments: str | Path) -> list[dict[str, Any]]:
    result = run(*arguments, "--format", "json")
    assert result.exit_code == ExitCode.OK, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_the_table_shows_difference_ratio_what_is_open_and_the_mix(log: Log) -> None:
    result = run("--by", "operator")
    assert result.exit_code == ExitCode.OK, result.output
    _, row = result.stdout.splitlines()
    for said in (
        "operator AEO / NON_AEO",
        "36 / 36",
        "1 / 1",
        "-2 h 00 min",
        "(95%)",
        "0.912",
        "GREEN 100% / 100%",
    ):
        assert said in row


def test_without_options_each_comparison_is_made_and_says_why_it_has_no_figure(log: Log) -> None:
    found = records()
    assert [one["by"] for one in found] == ["operator", "sstl", "inspected"]
    assert found[0]["difference"]["estimate"] == -7200
    assert found[0]["nOpenMembers"] == found[0]["nOpenComparison"] == 1
    assert found[1]["difference"]["reason"].startswith("insufficient data")
    assert (found[1]["nNeither"], found[1]["nOpenNeither"]) == (72, 2)


def test_what_was_taken_back_corrected_or_deleted_does_not_count(log: Log) -> None:
    log.add(
        Heartbeat(source="journeys/0", reached_ms=1, caught_up=True),
        Observation(
            id="LT_release|AEO0",
            indicator="LT_release",
            counting_unit="consignment",
            previous=observations()[0].current,
        ),
        None,
    )
    (found,) = records("--by", "operator")
    assert (found["nMembers"], found["nComparison"]) == (35, 36)


def test_the_same_observations_in_another_order_give_the_same_output(log: Log) -> None:
    before = run("--format", "json").stdout
    log.reads.reverse()
    assert run("--format", "json").stdout == before


def test_a_window_or_days_choose_what_began_in_them(log: Log) -> None:
    log.add(*(observation(n, "AEO", 1, start_ms=MAY) for n in range(900, 903)))
    (may,) = records("--by", "operator", "--window", "P1M/2026-05")
    assert (may["window"], may["nUnmatched"]) == ("P1M/2026-05", 3)
    (until,) = records("--by", "operator", "--since", "2026-01-01", "--until", "2026-04-30")
    assert (until["window"], until["nMembers"]) == ("2026-01-01..2026-04-30", 36)
    (since,) = records("--by", "operator", "--since", "2026-05-01")
    assert (since["window"], since["nUnmatched"]) == ("2026-05-01..", 3)


def test_lanes_stand_apart_or_are_pooled(log: Log) -> None:
    log.add(*(observation(n, "AEO", 1, lane="CNSHA-DEHAM-SEA") for n in range(900, 903)))
    assert [one["laneId"] for one in records("--by", "operator")] == ["CNSHA-DEHAM-SEA", LANE]
    assert [one["laneId"] for one in records("--by", "operator", "--pooled")] == [""]
    assert [one["laneId"] for one in records("--by", "sstl", "--lane", "*-NL*")] == [LANE]


def test_a_file_is_read_without_kafka(tmp_path: Path) -> None:
    file = tmp_path / "observations.jsonl"
    file.write_bytes(b"\n".join(msgspec.json.encode(one) for one in observations()) + b"\n\n")
    (found,) = records("--by", "operator", "--from", file)
    assert found["difference"]["estimate"] == -7200
    file.write_bytes(msgspec.json.encode(observations()[0]) + b"\n{}\n")
    result = run("--from", file)
    assert result.exit_code == ExitCode.SETTINGS
    assert "line 2" in result.stderr


def test_what_the_published_policy_calls_implausible_is_left_out_and_counted(log: Log) -> None:
    (before,) = records("--by", "operator")
    assert (before["nExcluded"], before["nMembers"]) == (0, 36)
    log.policy = Policy(indicators={"LT_release": IndicatorPolicy(plausible_s=(0, 24 * 3600))})
    (after,) = records("--by", "operator")
    # of seven waits of others, one hour apart from 20 hours on, two are longer than a day
    assert (after["nExcluded"], after["nMembers"], after["nComparison"]) == (10, 36, 26)
    assert "10 not plausible" in run("--by", "operator").stdout


def test_csv_has_a_column_for_every_field(log: Log) -> None:
    rows = list(csv.DictReader(io.StringIO(run("--by", "operator", "--format", "csv").stdout)))
    assert rows[0]["difference.estimate"] == "-7200.0"
    assert rows[0]["ratio.methodVersion"] == "1"
    assert json.loads(rows[0]["channels"]) == [{"of": "GREEN", "members": 36, "comparison": 36}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(("--indicator", "hit_rate"), "shares are not compared", id="a-share"),
        pytest.param(("--mode", "air"), "no durations", id="nothing-there"),
        pytest.param(("--window", "P1M/2026-13"), "no window", id="no-such-window"),
        pytest.param(
            ("--window", "P1D/2026-05-01", "--since", "2026-05-01"), "says when", id="both"
        ),
        pytest.param(("--since", "2026-05-02", "--until", "2026-05-01"), "before", id="backwards"),
    ],
)
def test_what_cannot_be_compared_is_wrong_usage(
    log: Log, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == ExitCode.USAGE
    assert said in " ".join(result.stderr.split())


def test_published_figures_are_what_the_command_prints(log: Log) -> None:
    (found,) = records("--by", "operator", "--publish")
    difference, ratio = log.sent()
    assert difference.key == f"LT_release_difference|consignment|{LANE}|SEA|compared=operator|TOTAL"
    assert (difference.unit, difference.n, difference.value) == ("s", 72, -7200)
    assert difference.provisional
    assert difference.interval is not None
    assert difference.interval.low == found["difference"]["low"]
    assert (ratio.unit, ratio.value) == ("1", found["ratio"]["estimate"])
    assert ratio.method.name == "stratified-geometric-mean-ratio-cluster-bootstrap"
    shown = as_table(log.sent()).splitlines()[1]
    assert "-2 h 00 min" in shown
    assert "-3 h 00 min to -1 h 00 min (95%)" in shown


def test_figures_that_say_the_same_are_not_published_again(log: Log) -> None:
    run("--by", "operator", "--publish")
    result = run("--by", "operator", "--publish")
    assert "0 figures published anew, 2 made" in result.stderr
    log.add(observation(0, "AEO", 500))
    run("--by", "operator", "--publish")
    # one value moves neither the middle difference nor its interval
    assert [(one.indicator, one.revision) for one in log.sent()[2:]] == [("LT_release_ratio", 2)]


def test_a_comparison_that_is_refused_is_published_with_the_reason(log: Log) -> None:
    log.reads = log.reads[:20]
    run("--by", "operator", "--publish")
    assert {one.state for one in log.sent()} == {"NOT_ESTIMABLE"}
    assert all(str(one.reason).startswith("insufficient data") for one in log.sent())
    assert all(one.value is None for one in log.sent())


def test_where_nobody_can_be_compared_nothing_is_published(log: Log) -> None:
    run("--by", "sstl", "--publish")
    assert log.sent() == []


def test_a_figure_whose_observations_were_all_taken_back_is_published_as_gone(log: Log) -> None:
    run("--by", "operator", "--publish")
    known = [*observations()]
    log.add(*(msgspec.structs.replace(o, current=None, previous=o.current) for o in known))
    other = run("--by", "operator", "--publish", "--window", "P1M/2026-01")
    assert other.exit_code == ExitCode.USAGE
    assert len(log.sent()) == 2
    assert run("--by", "operator", "--publish").exit_code == ExitCode.USAGE
    assert [(one.n, one.state, one.revision) for one in log.sent()[2:]] == [
        (0, "INSUFFICIENT_DATA", 2)
    ] * 2
    run("--by", "operator", "--publish")
    assert len(log.sent()) == 4


@pytest.mark.parametrize(
    "option",
    [("--pooled",), ("--since", "2026-01-01"), ("--from", __file__)],
    ids=lambda one: one[0],
)
def test_only_lanes_and_windows_are_published(log: Log, option: tuple[str, ...]) -> None:
    assert run("--publish", *option).exit_code == ExitCode.USAGE
    assert log.sent() == []


def test_a_record_of_another_release_stops_the_reading(log: Log) -> None:
    log.reads.append(
        Read(OBSERVATION, "sstl.observations.v1", 0, 99, "", {"type": "observation.9"})
    )
    result = run()
    assert result.exit_code == ExitCode.INCOMPATIBLE
    assert "offset 99" in result.stderr

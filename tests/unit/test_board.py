"""The board: filters, the latest of everything, and tolerance towards what it does not know."""

from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from sstl.cli import main
from sstl.cli.board import FLAG, INDICATOR, Board, Filter, duration, line
from sstl.errors import ExitCode
from sstl.models.indicator import Indicator, Window


def _flag(**changed: Any) -> dict[str, Any]:
    return {
        "flagId": "f1",
        "status": "ISSUED",
        "severity": "MEDIUM",
        "subject": {"laneId": "CNYTN-NLRTM-SEA", "equipmentReference": "CSQU3054383"},
        "indicators": [{"ruleId": "milestone-later-than-planned"}],
        "text": {"en": "Arrival was 3 h later than planned."},
    } | changed


def _indicator(**changed: Any) -> dict[str, Any]:
    indicator = Indicator(
        key="k",
        indicator="LT_transit",
        counting_unit="journey",
        lane_id="CNYTN-NLRTM-SEA",
        mode="SEA",
        window=Window(kind="P1D", day=date(2024, 5, 1)),
        state="AVAILABLE",
        n=3,
        mean=90_000.0,
        median=86_400,
        p90=100_000,
        n_planned=3,
        n_late=1,
        share_late=1 / 3,
        revision=1,
    )
    return indicator.model_dump(mode="json", by_alias=True) | changed


@pytest.mark.parametrize(
    ("chosen", "kind", "record", "shown"),
    [
        pytest.param(Filter(), FLAG, _flag(), True, id="nothing-chosen"),
        pytest.param(Filter(lanes=("CN*-SEA",)), FLAG, _flag(), True, id="lane-of-flag"),
        pytest.param(Filter(lanes=("*-RAIL",)), FLAG, _flag(), False, id="other-lane"),
        pytest.param(
            Filter(lanes=("*-RAIL", "CNYTN-*")), INDICATOR, _indicator(), True, id="either"
        ),
        pytest.param(Filter(severity="MEDIUM"), FLAG, _flag(), True, id="severity-reached"),
        pytest.param(Filter(severity="HIGH"), FLAG, _flag(), False, id="severity-below"),
        pytest.param(Filter(severity="HIGH"), INDICATOR, _indicator(), True, id="no-severity"),
        pytest.param(Filter(rules=("milestone-*",)), FLAG, _flag(), True, id="rule"),
        pytest.param(Filter(rules=("leg-*",)), FLAG, _flag(), False, id="other-rule"),
        pytest.param(
            Filter(indicators=("LT_leg",)), INDICATOR, _indicator(), False, id="indicator"
        ),
        pytest.param(Filter(kinds=frozenset({INDICATOR})), FLAG, _flag(), False, id="kind"),
    ],
)
def test_a_filter_takes_what_was_chosen(
    chosen: Filter, kind: str, record: dict[str, Any], shown: bool
) -> None:
    assert Board(chosen).take(kind, "k", record) is shown


def test_a_later_version_replaces_an_earlier_one_and_comes_first() -> None:
    board = Board()
    board.take(FLAG, "f1", _flag())
    board.take(FLAG, "f2", _flag(severity="HIGH"))
    board.take(FLAG, "f1", _flag(status="WITHDRAWN"))
    assert list(board.flags) == ["f2", "f1"]
    assert board.open_by_severity() == {"LOW": 0, "MEDIUM": 0, "HIGH": 1, "CRITICAL": 0}


def test_a_flag_that_somebody_works_on_or_has_snoozed_is_marked() -> None:
    board = Board()
    board.take(FLAG, "f1", _flag(status="UPDATED", acknowledged={"by": "p:1"}, snoozed={}))
    assert "UPDATED ack snoozed" in _drawn(board)


def test_a_deleted_key_is_forgotten() -> None:
    board = Board()
    board.take(FLAG, "f1", _flag())
    assert board.take(FLAG, "f1", None)
    assert not board.take(FLAG, "f1", None)
    _drawn(board)
    assert not board.flags


def test_a_long_text_does_not_squeeze_out_the_names() -> None:
    board = Board()
    board.take(FLAG, "f1", _flag(text={"en": "Delivery was late. " * 20}))
    drawn = _drawn(board, width=120)
    for expected in ("MEDIUM", "ISSUED", "milestone-later-than-planned", "CSQU3054383", "Deliv"):
        assert expected in drawn


def test_the_tables_show_durations_for_people() -> None:
    board = Board()
    board.take(FLAG, "f1", _flag())
    board.take(INDICATOR, "k", _indicator())
    drawn = _drawn(board)
    for expected in ("CSQU3054383", "milestone-later-than-planned", "2024-05-01", "1 d 1 h", "33%"):
        assert expected in drawn


@pytest.mark.parametrize("record", [{}, {"subject": None}, {"indicators": [None], "window": 3}])
def test_records_of_another_version_are_shown_as_far_as_they_are_understood(
    record: dict[str, Any],
) -> None:
    board = Board()
    assert board.take(FLAG, "f1", record)
    assert board.take(INDICATOR, "k", record)
    assert _drawn(board)
    assert line(FLAG, record)
    assert line(INDICATOR, record)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, ""),
        (59, "1 min"),
        (3600, "1 h 00 min"),
        (86_399, "1 d 0 h"),
        (90_000, "1 d 1 h"),
        (-3600, "-1 h 00 min"),
    ],
)
def test_a_duration_has_two_parts_at_the_most(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_a_flag_is_one_line_without_what_is_missing() -> None:
    assert line(FLAG, _flag()) == (
        "flag ISSUED MEDIUM milestone-later-than-planned CNYTN-NLRTM-SEA CSQU3054383 "
        "Arrival was 3 h later than planned."
    )
    assert line(INDICATOR, _indicator()) == (
        "indicator LT_transit CNYTN-NLRTM-SEA 2024-05-01 n 3 mean 1 d 1 h median 1 d 0 h "
        "p90 1 d 3 h late 33%"
    )


def _drawn(board: Board, *, width: int = 200) -> str:
    console = Console(width=width)
    with console.capture() as capture:
        console.print(board.render(40))
    return capture.get()


def test_what_leaves_nothing_to_show_is_told_before_anything_is_read() -> None:
    result = CliRunner().invoke(main, ["watch", "--once", "--flags-only", "--indicators-only"])
    assert result.exit_code == ExitCode.USAGE
    assert "leave nothing to show" in result.stderr

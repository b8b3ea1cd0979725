"""The imported table of bilateral trade: what is read, and what is refused with line and column."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from sstl.cli.trade_table import COLUMNS, Trade, TradeTableError, read_trade

pytestmark = pytest.mark.unit

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "bilateral-trade.csv"
HEADING = ",".join(COLUMNS)
ROW = "2026-01,CN-NL,SEA,1000,2000.5,3,an office,2026-03-15"


def table(directory: Path, *lines: str) -> Path:
    path = directory / "trade.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def problems(directory: Path, *lines: str) -> list[str]:
    path = table(directory, *lines)
    with pytest.raises(TradeTableError) as refused:
        read_trade(path)
    return [one.removeprefix(f"{path}, ") for one in refused.value.problems]


def test_the_example_is_read_and_says_that_it_is_made_up() -> None:
    rows = read_trade(EXAMPLE)
    assert len(rows) == 4
    assert all("made up" in one.source for one in rows)
    assert rows[2].mass_kg is None


def test_a_row_is_read_as_it_stands(tmp_path: Path) -> None:
    assert read_trade(table(tmp_path, "\ufeff" + HEADING, ROW)) == [
        Trade(
            "2026-01",
            "CN-NL",
            "SEA",
            Decimal(1000),
            Decimal("2000.5"),
            Decimal(3),
            "an office",
            date(2026, 3, 15),
        )
    ]


def test_a_table_may_name_the_currency_of_its_value(tmp_path: Path) -> None:
    heading = f"{HEADING},currency"
    (named,) = read_trade(table(tmp_path, heading, f"{ROW},EUR"))
    (unnamed,) = read_trade(table(tmp_path, heading, f"{ROW},"))
    assert (named.currency, unnamed.currency) == ("EUR", None)
    assert problems(tmp_path, heading, f"{ROW},euro")[0].startswith("line 2, column currency")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        pytest.param(ROW.replace("2026-01", "2026-13"), "column month: '2026-13'", id="no-month"),
        pytest.param(ROW.replace("CN-NL", "China-NL"), "column direction: 'China", id="no-pair"),
        pytest.param(ROW.replace("SEA", "Sea"), "column mode: 'Sea'", id="no-mode"),
        pytest.param(ROW.replace("1000", "-1"), "column value: '-1' is no number", id="negative"),
        pytest.param(ROW.replace("2000.5", "2.000,5"), "as many fields", id="a-comma-too-many"),
        pytest.param(ROW.replace("2000.5", "NaN"), "column mass_kg: 'NaN'", id="not-a-number"),
        pytest.param(ROW.replace("an office", " "), "column source:", id="nobody-says-so"),
        pytest.param(ROW.replace("2026-03-15", "15.3.26"), "column released:", id="no-date"),
        pytest.param(ROW + ",more", "as many fields", id="a-field-too-many"),
    ],
)
def test_what_is_wrong_is_named_with_its_line_and_column(
    tmp_path: Path, row: str, problem: str
) -> None:
    (found,) = problems(tmp_path, HEADING, ROW.replace("CN-NL", "NL-CN"), row)
    at = "line 3: " if "fields" in problem else "line 3, "
    assert found.startswith(at + problem)


def test_every_problem_is_named(tmp_path: Path) -> None:
    assert len(problems(tmp_path, HEADING, ROW, "x,y,z,a,b,c,,d", ROW)) == 9


@pytest.mark.parametrize(
    ("heading", "problem"),
    [
        pytest.param(HEADING.replace(",teu", ""), "line 1: no column teu", id="missing"),
        pytest.param(HEADING + ",tonnes", "line 1: unknown column 'tonnes'", id="unknown"),
        pytest.param(HEADING + ",teu", "line 1: a column stands there twice", id="twice"),
    ],
)
def test_the_heading_has_to_be_the_one(tmp_path: Path, heading: str, problem: str) -> None:
    assert problem in problems(tmp_path, heading, ROW)


def test_a_month_stands_there_once(tmp_path: Path) -> None:
    assert problems(tmp_path, HEADING, ROW, ROW) == [
        "line 3: 2026-01 CN-NL SEA stands in line 2 already"
    ]


def test_a_file_that_is_not_there_or_no_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(TradeTableError, match="No such file"):
        read_trade(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(TradeTableError, match="not UTF-8"):
        read_trade(path)


@pytest.mark.parametrize(
    ("direction", "places", "covered"),
    [
        ("CN-NL", ("CN", "NL"), True),
        ("CN-NL", ("NL", "CN"), False),
        ("CN-EU", ("CN", "PL"), True),
        ("EU-CN", ("DE", "CN"), True),
        ("CN-EU", ("CN", "GB"), False),
    ],
)
def test_the_union_is_its_member_states(
    direction: str, places: tuple[str, str], covered: bool
) -> None:
    row = Trade("2026-01", direction, "SEA", None, None, None, "an office", date(2026, 3, 15))
    assert row.covers(*places) is covered

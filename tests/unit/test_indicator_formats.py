"""What indicators look like as table, CSV, JSON and Parquet, and that the files say the same as the topic."""

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pyarrow import parquet
from pydantic import BaseModel, Field, FiniteFloat

from sstl.cli.indicator_formats import (
    Column,
    Holds,
    as_csv,
    as_json,
    as_table,
    columns,
    quantity,
    write_parquet,
)
from sstl.models.follow_up import FollowUp, Incidence, Reached
from sstl.models.indicator import Indicator
from sstl.models.public import PublicModel, UtcInstant
from tests.indicator_files import from_csv, from_parquet
from tests.published_indicators import gone, published, share

CHOSEN = [
    published(day="2024-05-01", strata={"side": "IMPORT", "goods": 'a;b="c",d'}),
    gone(published(day="2024-05-02")),
    share(published(day="2024-05-03", provisional=True)),
    published(mean=0.1 + 0.2, standard_deviation=1e-300, geometric_mean=123456789.12345679),
]


def names(model: type[BaseModel], prefix: str = "") -> list[str]:
    """Return the names of the plain fields of a model, as its JSON schema has them."""
    schema = model.model_json_schema(by_alias=True, mode="serialization")
    return _names(schema, schema.get("$defs", {}), prefix)


def _names(schema: dict[str, Any], parts: dict[str, Any], prefix: str) -> list[str]:
    found = []
    for name, field in schema["properties"].items():
        kinds = [one for one in field.get("anyOf", [field]) if one.get("type") != "null"]
        part = parts.get(kinds[0].get("$ref", "").rpartition("/")[2], {}) if len(kinds) == 1 else {}
        if "properties" in part:
            found += _names(part, parts, f"{prefix}{name}.")
        else:
            found.append(prefix + name)
    return found


def test_every_field_of_the_model_is_a_column_in_its_order() -> None:
    assert [column.name for column in columns()] == names(Indicator)
    assert {"key", "strata", "window.kind", "n", "median", "completeUpTo"} <= set(names(Indicator))


class Bound(PublicModel):
    lower: FiniteFloat
    upper: FiniteFloat | None = None


class Gained(PublicModel):
    """Fields as a model may come to have them."""

    state: Literal["A", "B"]
    version: Literal[1] = 1
    is_final: bool = False
    at_hand: int | None = None
    share: Annotated[float, "between 0 and 1"] | None = None
    either: int | float | None = None
    began: date | None = None
    up_to: UtcInstant | None = None
    strata: dict[str, str] = Field(default_factory=dict)
    interval: Bound | None = None
    curve: tuple[Bound, ...] = ()


def test_a_field_that_the_model_gains_is_a_column_more() -> None:
    assert columns(Gained) == [
        Column(("state",), Holds.TEXT),
        Column(("version",), Holds.INTEGER),
        Column(("isFinal",), Holds.TRUTH),
        Column(("atHand",), Holds.INTEGER),
        Column(("share",), Holds.NUMBER),
        Column(("either",), Holds.NUMBER),
        Column(("began",), Holds.DAY),
        Column(("upTo",), Holds.INSTANT),
        Column(("strata",), Holds.MAPPING),
        Column(("interval", "lower"), Holds.NUMBER),
        Column(("interval", "upper"), Holds.NUMBER),
        Column(("curve",), Holds.JSON),
    ]


def test_a_part_that_is_absent_has_absent_columns() -> None:
    column = Column(("interval", "lower"), Holds.NUMBER)
    assert column.of({"interval": None}) is None
    assert column.of({"interval": {"lower": 0.5}}) == 0.5


def test_csv_reads_back_as_it_was_published() -> None:
    assert from_csv(as_csv(CHOSEN)) == CHOSEN


def test_json_reads_back_as_it_was_published() -> None:
    assert [Indicator.model_validate(one) for one in json.loads(as_json(CHOSEN))] == CHOSEN


def test_parquet_reads_back_as_it_was_published(tmp_path: Path) -> None:
    write_parquet(CHOSEN, tmp_path / "slice.parquet")
    assert from_parquet(tmp_path / "slice.parquet") == CHOSEN


def test_json_has_a_record_a_line_and_every_field_in_each() -> None:
    lines = as_json(CHOSEN).splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("[", "]", 2 + len(CHOSEN))
    records = [json.loads(line.rstrip(",")) for line in lines[1:-1]]
    assert len({tuple(record) for record in records}) == 1


def test_columns_of_parquet_have_types_even_where_all_is_absent(tmp_path: Path) -> None:
    write_parquet([gone(published())], tmp_path / "slice.parquet")
    schema = parquet.read_schema(tmp_path / "slice.parquet")
    assert schema.names == [column.name for column in columns()]
    types = {name: str(schema.field(name).type) for name in schema.names}
    assert types["n"] == "int64"
    assert types["mean"] == "double"
    assert types["completeUpTo"] == "timestamp[us, tz=UTC]"
    assert types["strata"].startswith("map<string, string")
    assert "null" not in types.values()


def test_an_instant_is_the_same_instant_in_every_format(tmp_path: Path) -> None:
    (one, *_) = CHOSEN
    instant = datetime(2024, 5, 9, 8, 30, 0, 123_000, tzinfo=UTC)
    write_parquet([one], tmp_path / "slice.parquet")
    (row,) = parquet.read_table(tmp_path / "slice.parquet").to_pylist()
    assert row["completeUpTo"] == instant
    (line,) = csv.DictReader(io.StringIO(as_csv([one])))
    assert datetime.fromisoformat(line["completeUpTo"]) == instant


@pytest.mark.parametrize("lane", ["A\rB", "A\nB", "A\r\nB", 'A"B', "A,B", "=A+B"])
def test_csv_quotes_what_would_end_a_value(lane: str) -> None:
    text = as_csv([published(lane=lane), published()])
    assert [one.lane_id for one in from_csv(text)] == [lane, "CNSHG-NLRTM-SEA"]


def test_csv_leaves_absent_values_empty_and_never_zero() -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv([gone(published())])))
    assert (row["n"], row["mean"], row["shareLate"], row["completeUpTo"]) == ("0", "", "", "")


def test_the_table_shows_the_essential_columns_for_people() -> None:
    heading, first, second, third, _fourth = as_table(CHOSEN).splitlines()
    assert heading.split()[:8] == [
        "indicator", "of", "lane", "mode", "strata", "window", "zone", "n",
    ]  # fmt: skip
    for shown in (
        "CNSHG-NLRTM-SEA",
        "side=IMPORT",
        "P1D/2024-05-01",
        "2 d 4 h",
        "2 d 7 h",
        "33.3%",
    ):
        assert shown in first
    assert "INSUFFICIENT_DATA" in second
    assert "0 min" not in second
    assert " ".join(third.split()).endswith("66.7% 9.4% to - (95%) AVAILABLE, provisional")


def test_the_table_shows_what_has_not_ended_beside_what_has() -> None:
    follow_up = FollowUp(
        n=10,
        n_open=3,
        n_silent=1,
        competing={"SEIZED": 1},
        exposure_s=900_000,
        median=Reached(reached=True, value_s=36_000, low_s=14_400),
        p90=Reached(reached=False, longer_than_s=259_200),
        incidence={"ENDED": Incidence(share=0.5), "SEIZED": Incidence(share=0.125)},
        level=0.95,
        method="kaplan-meier-log-log",
        method_version=1,
    )
    _heading, row = as_table([published(follow_up=follow_up)]).splitlines()
    assert "3 1 SEIZED 1 (12.5%) 10 h 00 min (4 h 00 min to -) > 3 d 0 h" in " ".join(row.split())


def test_the_columns_of_the_table_stand_under_their_headings() -> None:
    lines = as_table(CHOSEN).splitlines()
    for heading in ("lane", "window", "state"):
        place = lines[0].index(heading)
        assert all(line[place - 1] == " " and line[place] != " " for line in lines)


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        pytest.param(None, "s", "", id="absent"),
        pytest.param(0, "s", "0 s", id="nothing"),
        pytest.param(59, "s", "59 s", id="less-than-a-minute"),
        pytest.param(60, "s", "1 min", id="a-minute"),
        pytest.param(-0.25, "s", "-0.25 s", id="negative-part-of-a-second"),
        pytest.param(187_200, "s", "2 d 4 h", id="days"),
        pytest.param(0.125, "1", "12.5%", id="a-share"),
        pytest.param(1.5, "EUR", "1.5 EUR", id="another-unit"),
    ],
)
def test_a_value_is_shown_with_its_unit(value: float | None, unit: str, shown: str) -> None:
    assert quantity(value, unit) == shown
